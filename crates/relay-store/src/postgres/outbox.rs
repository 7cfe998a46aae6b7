//! The outbox of notifications.

use async_trait::async_trait;
use deadpool_postgres::{Object, Transaction};
use relay_core::{
    Psc, Timestamp,
    delivery::{Conversation, Delivery},
    event::EventId,
    ports::repository::{Backlog, Changed, CursorMove, Error, KEPT_DELIVERIES, Outbox, Step},
};
use tokio::time::timeout;
use tokio_postgres::{Row, types::ToSql};

use super::{PgRepository, answered, error::translate};
use crate::conversation::{self, Columns};

const CURSORS: &str = "SELECT notification, event_id FROM outbox_cursors";
const ADD_CURSOR: &str =
    "INSERT INTO outbox_cursors (notification, event_id) VALUES ($1, $2) ON CONFLICT DO NOTHING";
const MOVE_CURSOR: &str = "UPDATE outbox_cursors SET event_id = $3 WHERE notification = $1 AND event_id = $2";
const CONVERSATIONS: &str = include_str!("sql/outbox/conversations.sql");
const UPCOMING: &str = include_str!("sql/outbox/upcoming.sql");
const ADD_CONVERSATION: &str = include_str!("sql/outbox/add_conversation.sql");
const PUT_CONVERSATION: &str = include_str!("sql/outbox/put_conversation.sql");
const END_CONVERSATION: &str = include_str!("sql/outbox/end_conversation.sql");
const ADD_DELIVERY: &str = include_str!("sql/outbox/add_delivery.sql");
const TRIM_DELIVERIES: &str = include_str!("sql/outbox/trim_deliveries.sql");
const DELIVERIES: &str = include_str!("sql/outbox/deliveries.sql");
const BACKLOG: &str = include_str!("sql/outbox/backlog.sql");
const FORGET_CURSOR: &str = "DELETE FROM outbox_cursors WHERE notification = $1";
const FORGET_CONVERSATIONS: &str = "DELETE FROM outbox_conversations WHERE notification = $1";

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

#[async_trait]
impl Outbox for PgRepository {
    async fn cursors(&self) -> Result<Vec<(String, EventId)>, Error> {
        let rows = self.rows(CURSORS, &[]).await?;
        Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    async fn conversations(&self, notification: &str, about: &[Psc]) -> Result<Vec<Conversation>, Error> {
        let providers: Vec<&str> = about.iter().map(Psc::provider).collect();
        let services: Vec<&str> = about.iter().map(Psc::service).collect();
        let channels: Vec<&str> = about.iter().map(Psc::channel).collect();
        let rows = self.rows(CONVERSATIONS, &[&notification, &providers, &services, &channels]).await?;
        rows.iter().map(read_conversation).collect()
    }

    async fn upcoming(&self, notification: &str, limit: u32) -> Result<Vec<Conversation>, Error> {
        let rows = self.rows(UPCOMING, &[&notification, &i64::from(limit)]).await?;
        rows.iter().map(read_conversation).collect()
    }

    async fn step(&self, step: Step) -> Result<bool, Error> {
        let mut client = self.client().await?;
        let answer = timeout(self.patience, make(&mut client, &step)).await;
        answered(client, answer)
    }

    async fn forget(&self, notification: &str) -> Result<bool, Error> {
        let mut client = self.client().await?;
        let forget = async {
            let transaction = client.transaction().await.map_err(translate("cannot write the outbox"))?;
            let known = execute(&transaction, FORGET_CURSOR, &[&notification]).await?;
            let open = execute(&transaction, FORGET_CONVERSATIONS, &[&notification]).await?;
            transaction.commit().await.map_err(translate("cannot commit"))?;
            Ok(known + open > 0)
        };
        let answer = timeout(self.patience, forget).await;
        answered(client, answer)
    }

    async fn deliveries(&self, limit: u32) -> Result<Vec<Delivery>, Error> {
        let rows = self.rows(DELIVERIES, &[&i64::from(limit)]).await?;
        Ok(rows.iter().map(read_delivery).collect())
    }

    async fn backlog(&self) -> Result<Vec<Backlog>, Error> {
        let rows = self.rows(BACKLOG, &[]).await?;
        let read = |row: &Row| Backlog {
            notification: row.get(0),
            waiting: u64::try_from(row.get::<_, i64>(1)).unwrap_or_default(),
            since: row.get(2),
        };
        Ok(rows.iter().map(read).collect())
    }
}

impl PgRepository {
    async fn rows(&self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, Error> {
        self.read(|client| async move {
            let trouble = translate("cannot read the outbox");
            let statement = client.prepare_cached(sql).await.map_err(&trouble)?;
            client.query(&statement, parameters).await.map_err(&trouble)
        })
        .await
    }
}

/// Makes a step; what was begun is taken back when something is not as the step says. Rows say what they were decided
/// from, so that no other lock is needed.
async fn make(client: &mut Object, step: &Step) -> Result<bool, Error> {
    let transaction = client.transaction().await.map_err(translate("cannot write the outbox"))?;
    if let Some(cursor) = &step.cursor
        && !move_cursor(&transaction, cursor).await?
    {
        return Ok(false);
    }
    for changed in &step.conversations {
        if !put(&transaction, changed).await? {
            return Ok(false);
        }
    }
    for delivery in &step.settled {
        add_delivery(&transaction, delivery).await?;
    }
    if !step.settled.is_empty() {
        execute(&transaction, TRIM_DELIVERIES, &[&i64::from(2 * KEPT_DELIVERIES)]).await?;
    }
    transaction.commit().await.map_err(translate("cannot commit"))?;
    Ok(true)
}

async fn move_cursor(transaction: &Transaction<'_>, cursor: &CursorMove) -> Result<bool, Error> {
    let CursorMove { notification, from, to } = cursor;
    let moved = match from {
        None => execute(transaction, ADD_CURSOR, &[notification, to]).await?,
        Some(from) => execute(transaction, MOVE_CURSOR, &[notification, from, to]).await?,
    };
    Ok(moved == 1)
}

async fn put(transaction: &Transaction<'_>, changed: &Changed) -> Result<bool, Error> {
    let Changed { from, to } = changed;
    let (provider, service, channel) = (to.psc.provider(), to.psc.service(), to.psc.channel());
    let name = &to.notification;
    let changed = match (from, to.is_over()) {
        (None, true) => return Ok(true),
        (Some(from), true) => {
            execute(transaction, END_CONVERSATION, &[name, &provider, &service, &channel, from]).await?
        }
        (from, false) => {
            let content = conversation::to_json(to)?;
            let (due, since) = (to.due.map(Timestamp::as_millis), to.waits_since());
            let mut row: Vec<&(dyn ToSql + Sync)> =
                vec![name, &provider, &service, &channel, &to.version, &due, &since, &content];
            match from {
                None => execute(transaction, ADD_CONVERSATION, &row).await?,
                Some(from) => {
                    row.push(from);
                    execute(transaction, PUT_CONVERSATION, &row).await?
                }
            }
        }
    };
    Ok(changed == 1)
}

async fn add_delivery(transaction: &Transaction<'_>, delivery: &Delivery) -> Result<(), Error> {
    let psc = &delivery.psc;
    let row: Parameters<'_> = &[
        &delivery.notification,
        &psc.provider(),
        &psc.service(),
        &psc.channel(),
        &delivery.key,
        &delivery.delivered,
        &i64::from(delivery.attempts),
        &i64::from(delivery.items),
        &delivery.event_id,
        &delivery.since.as_millis(),
        &delivery.settled_at.as_millis(),
        &delivery.last_error,
    ];
    execute(transaction, ADD_DELIVERY, row).await.map(drop)
}

async fn execute(transaction: &Transaction<'_>, sql: &str, row: Parameters<'_>) -> Result<u64, Error> {
    let trouble = translate("cannot write the outbox");
    let statement = transaction.prepare_cached(sql).await.map_err(&trouble)?;
    transaction.execute(&statement, row).await.map_err(&trouble)
}

fn read_conversation(row: &Row) -> Result<Conversation, Error> {
    Conversation::try_from(Columns {
        notification: row.get(0),
        psc: read_psc(row),
        version: row.get(4),
        due: row.get(5),
        content: row.get(6),
    })
}

fn read_delivery(row: &Row) -> Delivery {
    let count = |column: usize| u32::try_from(row.get::<_, i64>(column)).unwrap_or(u32::MAX);
    Delivery {
        notification: row.get(0),
        psc: read_psc(row),
        key: row.get(4),
        delivered: row.get(5),
        attempts: count(6),
        items: count(7),
        event_id: row.get(8),
        since: Timestamp::from_millis(row.get(9)),
        settled_at: Timestamp::from_millis(row.get(10)),
        last_error: row.get(11),
    }
}

fn read_psc(row: &Row) -> Psc {
    Psc::new(row.get::<_, &str>(1), row.get::<_, &str>(2), row.get::<_, &str>(3))
}
