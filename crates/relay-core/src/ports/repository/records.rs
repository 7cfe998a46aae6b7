use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    MonitorKey, ProbeRecord, StoredRecord, UnixSeconds,
    event::Event,
    ports::{Transition, repository::Error},
    record::{LatestRecord, RecordId},
};

/// Records: writing them and reading them back one by one.
#[async_trait]
pub trait Records: Send + Sync {
    /// Stores a batch in one transaction: the records, each monitor's latest record, the states and events that
    /// `transition` decides, and whatever rollups the backend keeps in step. All of it is committed when this
    /// returns, or nothing is.
    ///
    /// Ids are given in the order of the batch, each higher than every id before. Monitors not seen before are
    /// registered. Records may be late or out of order in time; an empty batch does nothing.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it may work later: the same batch can be given again without doubling anything.
    ///
    /// # Cancel safety
    /// Dropping the future may leave the batch committed or not, but never in part.
    async fn append(
        &self,
        batch: Vec<ProbeRecord>,
        transition: Arc<dyn Transition>,
    ) -> Result<Appended, Error>;

    /// Returns the newest record of each key by (timestamp, id), in the order of `keys`; `None` where there never was
    /// one. It survives the retention of raw records.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    async fn latest(&self, keys: &[MonitorKey]) -> Result<Vec<Option<LatestRecord>>, Error>;

    /// Returns raw records of one monitor, newest first by (timestamp, id).
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    async fn history(&self, query: &HistoryQuery) -> Result<Vec<StoredRecord>, Error>;
}

/// What an append committed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Appended {
    /// The records with their ids, in the order of the batch.
    pub records: Vec<StoredRecord>,
    /// The events they caused, ids rising.
    pub events: Vec<Event>,
}

/// Which raw records of a monitor are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HistoryQuery {
    /// The monitor.
    pub key: MonitorKey,
    /// The first second that counts.
    pub from: UnixSeconds,
    /// The last second that counts, inclusive.
    pub to: UnixSeconds,
    /// Only records older than this one by (timestamp, id): where the page before ended.
    pub before: Option<(UnixSeconds, RecordId)>,
    /// At most this many.
    pub limit: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_is_dyn_compatible() {
        fn takes(_: Option<&dyn Records>) {}
        takes(None);
    }
}
