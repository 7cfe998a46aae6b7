//! What an import reads from.

use std::{collections::HashMap, ops::Range};

use async_trait::async_trait;
use relay_core::{
    MonitorKey, Psc, StoredRecord, UnixSeconds,
    event::{Event, EventId, GroupStates},
    record::RecordId,
};
use tokio::sync::mpsc;

use super::{ImportError, LeftOut};

/// How many records a source hands over at a time.
pub(crate) const HANDFUL: usize = 1_000;

/// Record and event numbers above this are no numbers of a source, or else nothing could be numbered after them. It is
/// also what every client can read of a number in JSON.
pub(crate) const HIGHEST_ID: i64 = 1 << 52;

/// A database of the Go version. It is only read.
#[async_trait]
pub(crate) trait Source: Send + Sync {
    /// Looks at the numbers that were given.
    async fn facts(&self) -> Result<Facts, ImportError>;

    /// Returns events with a number above `after`, rising, at most `limit` rows. Rows that are no events are left out.
    async fn events(&self, after: EventId, limit: u32) -> Result<Events, ImportError>;

    /// Returns the states of all groups.
    async fn states(&self) -> Result<Vec<(Psc, GroupStates)>, ImportError>;

    /// Returns the day of the newest record before a second; `None` when there is none since 1970.
    async fn day_below(&self, before: UnixSeconds) -> Result<Option<UnixSeconds>, ImportError>;

    /// Hands over the records of some seconds of one day. They come in runs, each in the order of time, and no provider
    /// and service is in two of them. Returns which rows were no records. Ends early when nobody takes them any more.
    async fn read(
        &self,
        seconds: Range<UnixSeconds>,
        records: mpsc::Sender<Vec<StoredRecord>>,
    ) -> Result<LeftOut, ImportError>;

    /// Counts the rows whose time is none of these: too old, from the future, or no time.
    async fn count_outside(&self, seconds: Range<UnixSeconds>) -> Result<LeftOut, ImportError>;
}

/// What is known of a source before it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Facts {
    /// The highest record number that was ever given.
    pub(crate) last_record_id: RecordId,
    /// The highest event number that was ever given.
    pub(crate) last_event_id: EventId,
    /// About how many records there are.
    pub(crate) rows: u64,
}

/// Some events.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// Those that could be understood.
    pub(crate) events: Vec<Event>,
    /// Rows that could not.
    pub(crate) skipped: u64,
    /// The number to go on after; `None` at the end.
    pub(crate) next: Option<EventId>,
}

/// Keys that were seen, so that the records of a monitor share one.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    known: HashMap<String, MonitorKey>,
    name: String,
}

impl Keys {
    /// How many keys are remembered; a source with more costs memory for each record instead.
    const MOST: usize = 20_000;

    /// Returns the key with these parts; when they are none, counts their row as left out.
    pub(crate) fn of_record(&mut self, parts: [&str; 4], left_out: &mut LeftOut) -> Option<MonitorKey> {
        let key = self.get(parts);
        if key.is_none() {
            let is_nameless = parts[0].is_empty() || parts[1].is_empty();
            let count = if is_nameless { &mut left_out.nameless } else { &mut left_out.misnamed };
            *count += 1;
        }
        key
    }

    /// Returns the key with these parts; `None` when they are none.
    pub(crate) fn get(&mut self, parts: [&str; 4]) -> Option<MonitorKey> {
        self.name.clear();
        for part in parts {
            self.name.push_str(part);
            self.name.push('\0');
        }
        if let Some(key) = self.known.get(&self.name) {
            return Some(key.clone());
        }
        let [provider, service, channel, model] = parts;
        let is_key =
            !provider.is_empty() && !service.is_empty() && parts.into_iter().all(MonitorKey::is_part);
        let key = is_key.then(|| MonitorKey::from_parts(provider, service, channel, model))?;
        if self.known.len() >= Self::MOST {
            self.known.clear();
        }
        self.known.insert(self.name.clone(), key.clone());
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_that_no_monitor_can_have_are_no_key() {
        let mut keys = Keys::default();
        assert_eq!(keys.get(["a", "s", "", "m"]), Some(MonitorKey::from_parts("a", "s", "", "m")));
        assert_eq!(keys.get(["a", "s", "m", ""]), Some(MonitorKey::from_parts("a", "s", "m", "")));
        let long = "x".repeat(MonitorKey::PART_BYTES + 1);
        let mut left_out = LeftOut::default();
        for parts in [["", "s", "", ""], ["a", "", &long, ""], ["a", "s", &long, ""], ["a\0b", "s", "", ""]] {
            assert_eq!(keys.of_record(parts, &mut left_out), None, "{parts:?}");
        }
        assert_eq!(left_out, LeftOut { nameless: 2, misnamed: 2, ..LeftOut::default() });
    }
}
