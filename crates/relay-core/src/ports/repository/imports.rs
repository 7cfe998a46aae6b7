use async_trait::async_trait;

use crate::{
    MonitorKey, Psc, StoredRecord, UnixSeconds,
    event::{Event, EventId, GroupStates},
    ports::repository::Error,
    record::RecordId,
};

/// Bringing history in that was made elsewhere. No event machine runs and nothing is sent: what comes in has happened
/// before. Every call can be made again without counting anything twice, so that an import that was broken off goes on
/// by being started again.
#[async_trait]
pub trait Imports: Send + Sync {
    /// Begins an import, or continues one of the same name. The numbers of the source are reserved: no record or event
    /// that is made later gets one of them. In a store that never gave a number they stay what they were; in any other
    /// all record numbers are shifted by the offset that is returned.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn begin_import(&self, source: &ImportSource) -> Result<ImportProgress, Error>;

    /// Copies events with their numbers, and states of groups that have none. Events whose number is taken, and states
    /// of groups that have some, are left out. Record numbers in them are taken as they are: the caller shifts them, and
    /// another import of the same database may shift by something else, so that an event is also the same as one of the
    /// same number, key, kind and time.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn import_events(
        &self,
        events: Vec<Event>,
        states: Vec<(Psc, GroupStates)>,
    ) -> Result<ImportedEvents, Error>;

    /// Brings raw records in: of each (monitor, day) what the store does not have yet. Two records are the same when
    /// monitor, second, status and latency are; of several same ones as many are kept as the side that has more of them
    /// has. A record keeps its number unless it is taken. Rollups, latest records and history include them afterwards;
    /// where a day held more than its slots do (counts that came from elsewhere), or a slot more than its records (they
    /// were deleted), the larger count stays until as many records are there. All of a call is stored in one
    /// transaction. Returns how many records were added.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; nothing is stored then.
    async fn import_records(&self, days: Vec<ImportedDay>) -> Result<u64, Error>;

    /// Notes how far an import is.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn note_import(
        &self,
        name: &str,
        done_from: Option<UnixSeconds>,
        finished: bool,
    ) -> Result<(), Error>;
}

/// Where an import comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportSource {
    /// What the import is called: the same for every try of one import.
    pub name: String,
    /// The highest record number of the source.
    pub last_record_id: RecordId,
    /// The highest event number of the source.
    pub last_event_id: EventId,
}

/// How far an import is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportProgress {
    /// What is to be added to every record number of the source.
    pub id_offset: RecordId,
    /// Everything from this second on has been brought in, by the try that was broken off; `None` at the beginning.
    pub done_from: Option<UnixSeconds>,
    /// Whether an earlier try came to its end.
    pub finished: bool,
}

/// All records that a source has of one monitor on one UTC day.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedDay {
    /// The monitor, which is also the one of every record.
    pub key: MonitorKey,
    /// The first second of the day; every record lies in it.
    pub day: UnixSeconds,
    /// The records with their shifted numbers.
    pub records: Vec<StoredRecord>,
}

/// What became of events and states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ImportedEvents {
    /// Events that were copied.
    pub events: u64,
    /// Events left out because another event has their number, or because the record that caused them is unknown and
    /// another event of their kind and monitor is without one too; the same event there already does not count.
    pub events_left_out: u64,
    /// Groups whose states were copied.
    pub groups: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn imports_is_dyn_compatible() {
        fn takes(_: Option<&dyn Imports>) {}
        takes(None);
    }
}
