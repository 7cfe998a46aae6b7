use async_trait::async_trait;

use crate::{
    Psc, Timestamp, UnixSeconds,
    delivery::{Conversation, Delivery},
    event::EventId,
    ports::repository::Error,
};

/// What is still to be told, and how far the event log was read for it. Several processes may work on one store: every
/// change says what it was decided from, and nothing is changed when that is no longer so.
#[async_trait]
pub trait Outbox: Send + Sync {
    /// Returns how far the log was read for each notification that was ever seen and not forgotten: all events up to
    /// that number have been considered. In no particular order.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn cursors(&self) -> Result<Vec<(String, EventId)>, Error>;

    /// Returns the open conversations of a notification with these channels, in no particular order.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    async fn conversations(&self, notification: &str, about: &[Psc]) -> Result<Vec<Conversation>, Error>;

    /// Returns the open conversations of a notification, those that are due first in front, those that are not due at
    /// all at the end, at most `limit`.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    async fn upcoming(&self, notification: &str, limit: u32) -> Result<Vec<Conversation>, Error>;

    /// Makes a step, as a whole or not at all; returns whether it was made. It is not when the cursor or one of the
    /// conversations is not what it was decided from: read again and decide again.
    ///
    /// # Errors
    /// [`Error::Unavailable`]: then nothing has changed, or everything has.
    async fn step(&self, step: Step) -> Result<bool, Error>;

    /// Forgets a notification: its cursor and its conversations. The log of deliveries stays. Returns whether there
    /// was anything to forget.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn forget(&self, notification: &str) -> Result<bool, Error>;

    /// Returns the last settled messages, newest first, at most `limit`. A store keeps the last
    /// [`KEPT_DELIVERIES`] at least.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    async fn deliveries(&self, limit: u32) -> Result<Vec<Delivery>, Error>;

    /// Counts what waits, by notification, in the order of names; notifications for which nothing does are left out.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn backlog(&self) -> Result<Vec<Backlog>, Error>;
}

/// How many settled messages a store keeps at least.
pub const KEPT_DELIVERIES: u32 = 1_000;

/// One change of the outbox. Parts that are empty change nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Step {
    /// How far the log was read.
    pub cursor: Option<CursorMove>,
    /// The conversations after it; those that are over are removed.
    pub conversations: Vec<Changed>,
    /// Messages that were settled by it.
    pub settled: Vec<Delivery>,
}

/// How far the event log was read for a notification, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CursorMove {
    /// The notification's name.
    pub notification: String,
    /// Where the cursor was, `None` when the notification had not been seen before.
    pub from: Option<EventId>,
    /// Where it is then.
    pub to: EventId,
}

/// A conversation that changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changed {
    /// The version it was decided from, `None` when there was no open conversation.
    pub from: Option<i64>,
    /// What it is then; its version differs from the one before.
    pub to: Conversation,
}

/// What waits for one notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backlog {
    /// The notification's name.
    pub notification: String,
    /// In how many conversations something waits to be delivered.
    pub waiting: u64,
    /// When the oldest event that waits was stored.
    pub since: UnixSeconds,
}

/// Returns a version for a change made at `now`: above the one before, and never one that was given earlier, also when
/// the conversation was over in between.
#[must_use]
pub fn next_version(before: i64, now: Timestamp) -> i64 {
    now.as_millis().max(before.saturating_add(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outbox_is_dyn_compatible() {
        fn takes(_: Option<&dyn Outbox>) {}
        takes(None);
    }

    #[test]
    fn versions_grow_when_the_clock_does_not() {
        assert_eq!(next_version(0, Timestamp::from_millis(5)), 5);
        assert_eq!(next_version(5, Timestamp::from_millis(5)), 6);
        assert_eq!(next_version(9, Timestamp::from_millis(5)), 10);
    }
}
