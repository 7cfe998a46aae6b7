use async_trait::async_trait;

use crate::{MonitorKey, Psc, UnixSeconds, ports::repository::Error, timeline::Tally};

/// Keeping the store in order.
#[async_trait]
pub trait Maintenance: Send + Sync {
    /// Answers when the store can read and write.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with what is wrong.
    async fn ping(&self) -> Result<(), Error>;

    /// Brings counts of whole UTC days into the store, for history whose raw records are not kept. Replaces the
    /// rollup of each (monitor, day) given, unless it counts as many records already. Raises the raw horizon, since such
    /// days cannot be counted again. Makes no records, states or events; registers monitors not seen before.
    ///
    /// # Errors
    /// [`Error::Unavailable`]; [`Error::Conflict`] when a day is the current one or later, which live records own.
    async fn import_days(&self, days: Vec<DayRollup>) -> Result<(), Error>;

    /// Gives each group the history that is kept under its provider and service with an empty channel: the channel got
    /// a name in the configuration. Models stay what they are. Where both have history of a model, records and rollups
    /// add up and the newer latest record stays; of the event states the group's own stay ([`GroupStates::adopt`]);
    /// events follow, and so does what is open with those who are told of them. All of it in one transaction. Returns how many monitors moved; 0 when there is nothing to do,
    /// which costs next to nothing. A group without channel is left alone.
    ///
    /// [`GroupStates::adopt`]: crate::event::GroupStates::adopt
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`]; nothing moved then, and trying again is safe.
    async fn name_channels(&self, groups: &[Psc]) -> Result<u64, Error>;

    /// Counts the raw records again and puts the counts of slots and days, the records in short and the newest records
    /// right where they differ. Where raw records were deleted ([`Retention::raw_horizon`], or by hand) counts stay
    /// what they are; so they do in slots before the oldest raw record, and in days that were brought in as counts.
    /// Works in small steps, each a transaction, beside whatever else uses the store; the memory it takes does not
    /// grow with history.
    ///
    /// [`Retention::raw_horizon`]: crate::ports::repository::Retention::raw_horizon
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Conflict`], [`Error::Corrupt`] when the records themselves cannot be read. What
    /// was put right before stays so, and starting again is safe.
    ///
    /// # Cancel safety
    /// Dropping the future ends the work between two steps.
    async fn rebuild_rollups(&self) -> Result<Rebuilt, Error>;

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

/// What became of a recount.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rebuilt {
    /// Raw records that were read.
    pub records: u64,
    /// Half-hour slots that were counted again.
    pub slots: u64,
    /// UTC days that were counted again.
    pub days: u64,
    /// Rows that were wrong or missing and are right now.
    pub corrected: u64,
    /// The first second that was counted again; `None` when there is no raw record.
    pub from: Option<UnixSeconds>,
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
