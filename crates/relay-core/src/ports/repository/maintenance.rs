use async_trait::async_trait;

use crate::{MonitorKey, UnixSeconds, ports::repository::Error, timeline::Tally};

/// Keeping the store in order.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Answers when the store can read and write.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with what is wrong.
    async fn ping(&self) -> Result<(), Error>;

    /// Brings counts of whole UTC days into the store, for history whose raw records are not kept. Replaces the
    /// rollup of each (monitor, day) given. Makes no records, states or events; registers monitors not seen before.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; [`Error::Conflict`] when a day is the current one or later, which live records own.
    async fn import_days(&self, days: Vec<DayRollup>) -> Result<(), Error>;

    /// Writes what is held in memory and closes the store. Later calls of any port fail with [`Error::Unavailable`].
    ///
    /// # Errors
    /// [`Error::Unavailable`] when something could not be written; nothing acknowledged is lost by that.
    async fn close(&self) -> Result<(), Error>;
}

/// The counts of one monitor on one UTC day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayRollup {
    /// The monitor.
    pub key: MonitorKey,
    /// The first second of the day.
    pub day: UnixSeconds,
    /// What was counted.
    pub tally: Tally,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn maintenance_is_dyn_compatible() {
        fn takes(_: Option<&dyn Maintenance>) {}
        takes(None);
    }
}
