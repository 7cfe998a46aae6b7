//! The outbox of notifications.

use std::path::Path;

use async_trait::async_trait;
use relay_core::{
    Psc, Timestamp,
    delivery::{Conversation, Delivery},
    event::EventId,
    ports::repository::{Backlog, Changed, CursorMove, Error, KEPT_DELIVERIES, Outbox, Step},
};
use rusqlite::{Connection, Row};

use super::{
    SqliteRepository,
    error::{opening, translate},
    file::{Maker, look_at, maker},
};
use crate::conversation::{self, Columns};

const CURSORS: &str = include_str!("sql/outbox/cursors.sql");
const ADD_CURSOR: &str = include_str!("sql/outbox/add_cursor.sql");
const MOVE_CURSOR: &str = include_str!("sql/outbox/move_cursor.sql");
const CONVERSATION: &str = include_str!("sql/outbox/conversation.sql");
const UPCOMING: &str = include_str!("sql/outbox/upcoming.sql");
const ADD_CONVERSATION: &str = include_str!("sql/outbox/add_conversation.sql");
const PUT_CONVERSATION: &str = include_str!("sql/outbox/put_conversation.sql");
const END_CONVERSATION: &str = include_str!("sql/outbox/end_conversation.sql");
const ADD_DELIVERY: &str = include_str!("sql/outbox/add_delivery.sql");
const TRIM_DELIVERIES: &str = include_str!("sql/outbox/trim_deliveries.sql");
const DELIVERIES: &str = include_str!("sql/outbox/deliveries.sql");
const OPEN: &str = include_str!("sql/outbox/open.sql");
const BACKLOG: &str = include_str!("sql/outbox/backlog.sql");

#[async_trait]
impl Outbox for SqliteRepository {
    async fn cursors(&self) -> Result<Vec<(String, EventId)>, Error> {
        self.read(|connection, _| rows(connection, CURSORS, [], |row| Ok((row.get(0)?, row.get(1)?)))).await
    }

    async fn conversations(&self, notification: &str, about: &[Psc]) -> Result<Vec<Conversation>, Error> {
        let (notification, about) = (notification.to_owned(), about.to_vec());
        self.read(move |connection, _| {
            let mut found = Vec::new();
            for psc in &about {
                let key = (&notification, psc.provider(), psc.service(), psc.channel());
                found.extend(rows(connection, CONVERSATION, key, read_columns)?);
            }
            found.into_iter().map(Conversation::try_from).collect()
        })
        .await
    }

    async fn upcoming(&self, notification: &str, limit: u32) -> Result<Vec<Conversation>, Error> {
        let notification = notification.to_owned();
        self.read(move |connection, _| {
            let found = rows(connection, UPCOMING, (notification, limit), read_columns)?;
            found.into_iter().map(Conversation::try_from).collect()
        })
        .await
    }

    async fn step(&self, step: Step) -> Result<bool, Error> {
        self.check_open()?;
        self.worker.run(move |engine| engine.step(&step)).await
    }

    async fn forget(&self, notification: &str) -> Result<bool, Error> {
        self.check_open()?;
        let notification = notification.to_owned();
        self.worker.run(move |engine| engine.forget(&notification)).await
    }

    async fn deliveries(&self, limit: u32) -> Result<Vec<Delivery>, Error> {
        self.read(move |connection, _| rows(connection, DELIVERIES, [limit], read_delivery)).await
    }

    async fn backlog(&self) -> Result<Vec<Backlog>, Error> {
        self.read(|connection, _| {
            rows(connection, BACKLOG, [], |row| {
                let waiting = row.get::<_, i64>(1)?;
                let waiting = u64::try_from(waiting).unwrap_or_default();
                Ok(Backlog { notification: row.get(0)?, waiting, since: row.get(2)? })
            })
        })
        .await
    }
}

/// Reads what is to be delivered, and what was, at most `limit` of each; nobody else is disturbed, also not a process that
/// has the database open.
pub(crate) fn look(path: &Path, limit: u32) -> Result<(Vec<Conversation>, Vec<Delivery>), Error> {
    if !path.exists() || maker(path)? != Maker::Us {
        let reason = format!("{} is no database of this program", path.display());
        return Err(Error::Unavailable { reason, source: None });
    }
    let connection = look_at(path).map_err(|error| opening(path, error))?;
    let open = rows(&connection, OPEN, [limit], read_columns)?;
    let open = open.into_iter().map(Conversation::try_from).collect::<Result<_, _>>()?;
    Ok((open, rows(&connection, DELIVERIES, [limit], read_delivery)?))
}

/// Makes a step inside a transaction; returns whether everything was as the step says. If not, the caller must not
/// commit.
pub(super) fn step(connection: &Connection, step: &Step) -> Result<bool, Error> {
    if let Some(cursor) = &step.cursor
        && !move_cursor(connection, cursor)?
    {
        return Ok(false);
    }
    for changed in &step.conversations {
        if !put(connection, changed)? {
            return Ok(false);
        }
    }
    for delivery in &step.settled {
        add_delivery(connection, delivery)?;
    }
    if !step.settled.is_empty() {
        execute(connection, TRIM_DELIVERIES, [2 * KEPT_DELIVERIES])?;
    }
    Ok(true)
}

/// Removes everything that is open for a notification; returns whether it was known.
pub(super) fn forget(connection: &Connection, notification: &str) -> Result<bool, Error> {
    let known = execute(connection, "DELETE FROM outbox_cursors WHERE notification = ?1", [notification])?;
    let open =
        execute(connection, "DELETE FROM outbox_conversations WHERE notification = ?1", [notification])?;
    Ok(known + open > 0)
}

fn move_cursor(connection: &Connection, cursor: &CursorMove) -> Result<bool, Error> {
    let CursorMove { notification, from, to } = cursor;
    let moved = match from {
        None => execute(connection, ADD_CURSOR, (notification, to))?,
        Some(from) => execute(connection, MOVE_CURSOR, (notification, from, to))?,
    };
    Ok(moved == 1)
}

fn put(connection: &Connection, changed: &Changed) -> Result<bool, Error> {
    let Changed { from, to } = changed;
    let (provider, service, channel) = (to.psc.provider(), to.psc.service(), to.psc.channel());
    let changed = match (from, to.is_over()) {
        (None, true) => return Ok(true),
        (Some(from), true) => {
            execute(connection, END_CONVERSATION, (&to.notification, provider, service, channel, from))?
        }
        (from, false) => {
            let content = conversation::to_json(to)?;
            let (version, due) = (to.version, to.due.map(Timestamp::as_millis));
            let name = &to.notification;
            let since = to.waits_since();
            match from {
                None => {
                    let row = (name, provider, service, channel, version, due, since, content);
                    execute(connection, ADD_CONVERSATION, row)?
                }
                Some(from) => {
                    let row = (name, provider, service, channel, version, due, since, content, from);
                    execute(connection, PUT_CONVERSATION, row)?
                }
            }
        }
    };
    Ok(changed == 1)
}

fn add_delivery(connection: &Connection, delivery: &Delivery) -> Result<(), Error> {
    let psc = &delivery.psc;
    let row = (
        &delivery.notification,
        psc.provider(),
        psc.service(),
        psc.channel(),
        &delivery.key,
        delivery.delivered,
        delivery.attempts,
        delivery.items,
        delivery.event_id,
        delivery.since.as_millis(),
        delivery.settled_at.as_millis(),
        &delivery.last_error,
    );
    execute(connection, ADD_DELIVERY, row).map(drop)
}

fn execute(connection: &Connection, sql: &str, row: impl rusqlite::Params) -> Result<usize, Error> {
    let execute = || connection.prepare_cached(sql)?.execute(row);
    execute().map_err(|error| translate("cannot write the outbox", error))
}

fn rows<T>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
    read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Vec<T>, Error> {
    let query = || -> rusqlite::Result<Vec<T>> {
        connection.prepare_cached(sql)?.query_map(parameters, read)?.collect()
    };
    query().map_err(|error| translate("cannot read the outbox", error))
}

fn read_columns(row: &Row<'_>) -> rusqlite::Result<Columns> {
    Ok(Columns {
        notification: row.get(0)?,
        psc: read_psc(row)?,
        version: row.get(4)?,
        due: row.get(5)?,
        content: row.get(6)?,
    })
}

fn read_delivery(row: &Row<'_>) -> rusqlite::Result<Delivery> {
    Ok(Delivery {
        notification: row.get(0)?,
        psc: read_psc(row)?,
        key: row.get(4)?,
        delivered: row.get(5)?,
        attempts: row.get(6)?,
        items: row.get(7)?,
        event_id: row.get(8)?,
        since: Timestamp::from_millis(row.get(9)?),
        settled_at: Timestamp::from_millis(row.get(10)?),
        last_error: row.get(11)?,
    })
}

fn read_psc(row: &Row<'_>) -> rusqlite::Result<Psc> {
    Ok(Psc::new(row.get::<_, String>(1)?, row.get::<_, String>(2)?, row.get::<_, String>(3)?))
}
