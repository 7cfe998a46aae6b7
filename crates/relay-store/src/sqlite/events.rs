//! The event log.

use std::collections::HashSet;

use async_trait::async_trait;
use relay_core::{
    MonitorKey, Status, UnixSeconds,
    event::{Event, EventId, EventType, NewEvent, Stable},
    ports::repository::{Error, EventFilter, EventLog},
};
use rusqlite::{Connection, OptionalExtension, Row};

use super::{SqliteRepository, error::translate};
use crate::event_meta;

const INSERT: &str = include_str!("sql/events/insert.sql");
const CAUSED: &str = "SELECT 1 FROM events WHERE trigger_record_id = ?1 AND type = ?2 \
                      AND provider = ?3 AND service = ?4 AND channel = ?5 AND model = ?6";
const NUMBERED: &str = include_str!("sql/events/numbered.sql");
const SINCE: &str = include_str!("sql/events/since.sql");

#[async_trait]
impl EventLog for SqliteRepository {
    async fn events(&self, since: EventId, filter: &EventFilter, limit: u32) -> Result<Vec<Event>, Error> {
        let filter = filter.clone();
        let trouble = |error| translate("cannot read events", error);
        self.read(move |connection, _| {
            let EventFilter { provider, service, channel, kind } = filter;
            let kind = kind.map(EventType::as_str);
            let mut statement = connection.prepare_cached(SINCE).map_err(trouble)?;
            let mut rows =
                statement.query((since, provider, service, channel, kind, limit)).map_err(trouble)?;
            let mut events = Vec::new();
            while let Some(row) = rows.next().map_err(trouble)? {
                events.push(read(row)?);
            }
            Ok(events)
        })
        .await
    }

    async fn latest_event_id(&self) -> Result<EventId, Error> {
        self.read(|connection, _| {
            let query = || -> rusqlite::Result<Option<EventId>> {
                connection.prepare_cached("SELECT max(id) FROM events")?.query_row([], |row| row.get(0))
            };
            query().map(Option::unwrap_or_default).map_err(|error| translate("cannot read events", error))
        })
        .await
    }
}

/// Writes new events; one that is there already is left out.
pub(super) fn insert(
    connection: &Connection,
    events: Vec<NewEvent>,
    created_at: UnixSeconds,
) -> Result<Vec<Event>, Error> {
    let mut stored = Vec::with_capacity(events.len());
    for event in events {
        let id = put(connection, None, &event, created_at)?;
        stored.extend(id.map(|id| Event { id, created_at, event }));
    }
    Ok(stored)
}

/// Writes an event under a number, or the next one; `None` when the number is taken or the event is there already.
fn put(
    connection: &Connection,
    id: Option<EventId>,
    event: &NewEvent,
    created_at: UnixSeconds,
) -> Result<Option<EventId>, Error> {
    let meta = event_meta::to_json(&event.meta).map_err(|error| Error::Corrupt {
        reason: format!("facts of an event cannot be written: {error}"),
    })?;
    let row = (
        id,
        event.key.provider(),
        event.key.service(),
        event.key.channel(),
        event.key.model(),
        event.kind.as_str(),
        event.from_status.code(),
        event.to_status.code(),
        event.trigger_record_id,
        event.observed_at,
        created_at,
        &meta,
    );
    let put = || connection.prepare_cached(INSERT)?.query_row(row, |row| row.get(0)).optional();
    put().map_err(|error| translate("cannot write an event", error))
}

/// Returns the places of those events that the same record has caused already.
pub(super) fn caused(connection: &Connection, events: &[Event]) -> Result<HashSet<usize>, Error> {
    let look = || -> rusqlite::Result<HashSet<usize>> {
        let mut exists = connection.prepare_cached(CAUSED)?;
        let mut caused = HashSet::new();
        for (place, Event { event, .. }) in events.iter().enumerate() {
            let key = &event.key;
            let cause = (
                event.trigger_record_id,
                event.kind.as_str(),
                key.provider(),
                key.service(),
                key.channel(),
                key.model(),
            );
            if exists.exists(cause)? {
                caused.insert(place);
            }
        }
        Ok(caused)
    };
    look().map_err(|error| translate("cannot look for events", error))
}

/// Returns the stored events that have a number of one of these.
pub(super) fn numbered(connection: &Connection, events: &[Event]) -> Result<Vec<Event>, Error> {
    let trouble = |error| translate("cannot look for events", error);
    let mut statement = connection.prepare_cached(NUMBERED).map_err(trouble)?;
    let mut numbered = Vec::new();
    for event in events {
        let mut rows = statement.query([event.id]).map_err(trouble)?;
        while let Some(row) = rows.next().map_err(trouble)? {
            numbered.push(read(row)?);
        }
    }
    Ok(numbered)
}

/// Writes events under the numbers they have, which are free.
pub(super) fn insert_numbered(connection: &Connection, events: &[Event]) -> Result<(), Error> {
    for Event { id, created_at, event } in events {
        if put(connection, Some(*id), event, *created_at)?.is_none() {
            return Err(Error::Corrupt { reason: format!("event {id} is there, and was not found") });
        }
    }
    Ok(())
}

/// Makes the next event's number higher than `last`.
pub(super) fn reserve(connection: &Connection, last: EventId) -> rusqlite::Result<()> {
    let missing = connection
        .execute("UPDATE sqlite_sequence SET seq = max(seq, ?1) WHERE name = 'events'", [last])?
        == 0;
    if missing {
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('events', ?1)", [last])?;
    }
    Ok(())
}

fn read(row: &Row<'_>) -> Result<Event, Error> {
    let (kind, meta, event) = read_columns(row).map_err(|error| translate("cannot read events", error))?;
    let corrupt = |column: &str| Error::Corrupt { reason: format!("events.{column} of event {}", event.id) };
    let kind = EventType::parse(&kind).ok_or_else(|| corrupt("type"))?;
    let meta = event_meta::from_json(&meta).map_err(|_| corrupt("meta"))?;
    Ok(Event { event: NewEvent { kind, meta, ..event.event }, ..event })
}

/// Reads the columns of `sql/events/since.sql`; type and meta are only text so far.
fn read_columns(row: &Row<'_>) -> rusqlite::Result<(String, String, Event)> {
    let text = |column: usize| row.get::<_, String>(column);
    let event = NewEvent {
        key: MonitorKey::from_parts(&text(1)?, &text(2)?, &text(3)?, &text(4)?),
        kind: EventType::Down,
        from_status: Stable::from_code(row.get(6)?),
        to_status: Status::from_code(row.get(7)?),
        trigger_record_id: row.get(8)?,
        observed_at: row.get(9)?,
        meta: relay_core::event::EventMeta::default(),
    };
    Ok((text(5)?, text(11)?, Event { id: row.get(0)?, created_at: row.get(10)?, event }))
}
