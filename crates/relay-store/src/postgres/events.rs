//! The event log.

use std::collections::HashSet;

use async_trait::async_trait;
use deadpool_postgres::Transaction;
use relay_core::{
    MonitorKey, Status, UnixSeconds,
    event::{Event, EventId, EventType, NewEvent, Stable},
    ports::repository::{Error, EventFilter, EventLog},
    record::RecordId,
};
use tokio_postgres::{Row, types::ToSql};

use super::{PgRepository, change::Change, error::translate};
use crate::{event_meta, import::missing_events};

const KNOWN: &str = include_str!("sql/events/known.sql");
const NUMBERED: &str = include_str!("sql/events/numbered.sql");
const INSERT: &str = include_str!("sql/events/insert.sql");
const SINCE: &str = include_str!("sql/events/since.sql");

#[async_trait]
impl EventLog for PgRepository {
    async fn events(&self, since: EventId, filter: &EventFilter, limit: u32) -> Result<Vec<Event>, Error> {
        let (kind, limit) = (filter.kind.map(EventType::as_str), i64::from(limit));
        self.read(|client| async move {
            let trouble = translate("cannot read events");
            let statement = client.prepare_cached(SINCE).await.map_err(&trouble)?;
            let EventFilter { provider, service, channel, .. } = filter;
            let wanted: [&(dyn ToSql + Sync); 6] = [&since, provider, service, channel, &kind, &limit];
            let rows = client.query(&statement, &wanted).await.map_err(&trouble)?;
            rows.iter().map(read).collect()
        })
        .await
    }

    async fn latest_event_id(&self) -> Result<EventId, Error> {
        self.read(|client| async move {
            let trouble = translate("cannot read events");
            let statement = client.prepare_cached("SELECT max(id) FROM events").await.map_err(&trouble)?;
            let row = client.query_one(&statement, &[]).await.map_err(&trouble)?;
            Ok(row.get::<_, Option<EventId>>(0).unwrap_or_default())
        })
        .await
    }
}

/// What an event is known by, column by column.
struct Keys<'a> {
    records: Vec<RecordId>,
    kinds: Vec<&'static str>,
    providers: Vec<&'a str>,
    services: Vec<&'a str>,
    channels: Vec<&'a str>,
    models: Vec<&'a str>,
}

impl<'a> Keys<'a> {
    fn of(events: impl Iterator<Item = &'a NewEvent> + Clone) -> Self {
        let part = |part: fn(&MonitorKey) -> &str| events.clone().map(|event| part(&event.key)).collect();
        Self {
            records: events.clone().map(|event| event.trigger_record_id).collect(),
            kinds: events.clone().map(|event| event.kind.as_str()).collect(),
            providers: part(MonitorKey::provider),
            services: part(MonitorKey::service),
            channels: part(MonitorKey::channel),
            models: part(MonitorKey::model),
        }
    }

    fn columns(&self) -> [&(dyn ToSql + Sync); 6] {
        [&self.records, &self.kinds, &self.providers, &self.services, &self.channels, &self.models]
    }
}

/// Writes new events with the next numbers; one that is there already is left out.
pub(super) async fn insert(
    change: &Change<'_>,
    events: Vec<NewEvent>,
    created_at: UnixSeconds,
) -> Result<Vec<Event>, Error> {
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let known = known(&change.transaction, &events).await?;
    let mut seen = HashSet::new();
    let mut fresh = Vec::with_capacity(events.len());
    for (place, event) in events.into_iter().enumerate() {
        let same = (event.trigger_record_id, event.kind, event.key.clone());
        if !known.contains(&place) && seen.insert(same) {
            fresh.push(event);
        }
    }
    let events: Vec<Event> =
        (change.next_event..).zip(fresh).map(|(id, event)| Event { id, created_at, event }).collect();
    write(change, &events).await?;
    Ok(events)
}

/// Writes events under the numbers they have. Returns how many that were, and how many were left out because another
/// event has their number; one that is there already is neither.
pub(super) async fn import(change: &Change<'_>, events: Vec<Event>) -> Result<(u64, u64), Error> {
    let new: Vec<NewEvent> = events.iter().map(|event| event.event.clone()).collect();
    let caused = known(&change.transaction, &new).await?;
    let numbered = numbered(&change.transaction, &events).await?;
    let (missing, left_out) = missing_events(events, &caused, &numbered);
    write(change, &missing).await?;
    Ok((missing.len() as u64, left_out))
}

/// Returns the stored events that have a number of one of these.
async fn numbered(transaction: &Transaction<'_>, events: &[Event]) -> Result<Vec<Event>, Error> {
    let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
    let rows = transaction.query(NUMBERED, &[&ids]).await.map_err(translate("cannot look for events"))?;
    rows.iter().map(read).collect()
}

/// Returns which of the events are there already.
async fn known(transaction: &Transaction<'_>, events: &[NewEvent]) -> Result<HashSet<usize>, Error> {
    let trouble = translate("cannot look for events");
    let statement = transaction.prepare_cached(KNOWN).await.map_err(&trouble)?;
    let keys = Keys::of(events.iter());
    let rows = transaction.query(&statement, &keys.columns()).await.map_err(&trouble)?;
    // The server counts from 1.
    Ok(rows.iter().filter_map(|row| usize::try_from(row.get::<_, i64>(0) - 1).ok()).collect())
}

async fn write(change: &Change<'_>, events: &[Event]) -> Result<(), Error> {
    let Some(last) = events.iter().map(|event| event.id).max() else { return Ok(()) };
    let trouble = translate("cannot write events");
    let ids: Vec<EventId> = events.iter().map(|event| event.id).collect();
    let new = || events.iter().map(|event| &event.event);
    let keys = Keys::of(new());
    let [records, kinds, providers, services, channels, models] = keys.columns();
    let from: Vec<i16> = new().map(|event| event.from_status.code().into()).collect();
    let to: Vec<i16> = new().map(|event| event.to_status.code().into()).collect();
    let observed: Vec<UnixSeconds> = new().map(|event| event.observed_at).collect();
    let metas: Vec<String> =
        new().map(|event| event_meta::to_json(&event.meta)).collect::<Result<_, _>>().map_err(|error| {
            Error::Corrupt { reason: format!("facts of an event cannot be written: {error}") }
        })?;
    let created: Vec<UnixSeconds> = events.iter().map(|event| event.created_at).collect();
    let next = change.next_event.max(last.saturating_add(1));
    let statement = change.transaction.prepare_cached(INSERT).await.map_err(&trouble)?;
    let columns: [&(dyn ToSql + Sync); 13] = [
        &ids, records, kinds, providers, services, channels, models, &from, &to, &observed, &metas, &created,
        &next,
    ];
    change.transaction.execute(&statement, &columns).await.map(drop).map_err(&trouble)
}

/// Reads the columns of `sql/events/since.sql`.
fn read(row: &Row) -> Result<Event, Error> {
    let id: EventId = row.get(0);
    let corrupt = |column: &str| Error::Corrupt { reason: format!("events.{column} of event {id}") };
    let event = NewEvent {
        key: MonitorKey::from_parts(row.get(1), row.get(2), row.get(3), row.get(4)),
        kind: EventType::parse(row.get(5)).ok_or_else(|| corrupt("type"))?,
        from_status: Stable::from_code(row.get::<_, i16>(6).into()),
        to_status: Status::from_code(row.get::<_, i16>(7).into()),
        trigger_record_id: row.get(8),
        observed_at: row.get(9),
        meta: event_meta::from_json(row.get(11)).map_err(|_| corrupt("meta"))?,
    };
    Ok(Event { id, created_at: row.get(10), event })
}
