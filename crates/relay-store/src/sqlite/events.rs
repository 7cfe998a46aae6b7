use async_trait::async_trait;
use relay_core::{
    event::{Event, EventId, EventType},
    ports::repository::{Error, EventFilter, EventLog},
};
use rusqlite::params;

use super::{SqliteRepository, error::translate, row, write::prepare};

#[async_trait]
impl EventLog for SqliteRepository {
    async fn events(&self, since: EventId, filter: &EventFilter, limit: u32) -> Result<Vec<Event>, Error> {
        let filter = filter.clone();
        self.readers
            .run(move |connection| {
                let EventFilter { provider, service, channel, kind } = filter;
                let mut select = prepare(connection, include_str!("sql/events/since.sql"))?;
                let kind = kind.map(EventType::as_str);
                let mut rows = select
                    .query(params![since, provider, service, channel, kind, limit])
                    .map_err(translate)?;
                let mut events = Vec::new();
                while let Some(row) = rows.next().map_err(translate)? {
                    events.push(row::event(row)?);
                }
                Ok(events)
            })
            .await
    }

    async fn latest_event_id(&self) -> Result<EventId, Error> {
        self.readers
            .run(|connection| {
                connection
                    .query_row("SELECT coalesce(max(id), 0) FROM events", [], |row| row.get(0))
                    .map_err(translate)
            })
            .await
    }
}
