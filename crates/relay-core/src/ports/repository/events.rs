use async_trait::async_trait;

use crate::{
    event::{Event, EventId, EventType},
    ports::repository::Error,
};

/// The log of events.
#[async_trait]
pub trait EventLog: Send + Sync {
    /// Returns events with an id above `since`, oldest first, at most `limit`. Ids become visible in order: a reader
    /// that continues from the last id it got never misses an event.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    async fn events(&self, since: EventId, filter: &EventFilter, limit: u32) -> Result<Vec<Event>, Error>;

    /// Returns the highest event id, 0 when there is none.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn latest_event_id(&self) -> Result<EventId, Error>;
}

/// Which events are wanted; `None` leaves a part open. Parts compare exactly, case included.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventFilter {
    /// Only this provider.
    pub provider: Option<String>,
    /// Only this service.
    pub service: Option<String>,
    /// Only this channel.
    pub channel: Option<String>,
    /// Only this direction.
    pub kind: Option<EventType>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn event_log_is_dyn_compatible() {
        fn takes(_: Option<&dyn EventLog>) {}
        takes(None);
    }
}
