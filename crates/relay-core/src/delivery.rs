//! What a notification has told about a channel, and what it has still to tell.
//!
//! Everything open between one notification and one channel (provider, service, channel) is one [`Conversation`]. How
//! it changes is decided by relay-events; the store keeps it as it is declared here.

use std::time::Duration;

use crate::{Psc, Timestamp, UnixSeconds, event::Event};

/// How long further events of a channel are collected after one was told; reminders are not closer together either.
pub const COLLECT: Duration = Duration::from_secs(30);

/// What is open between one notification and one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    /// The notification's name.
    pub notification: String,
    /// The channel.
    pub psc: Psc,
    /// Grows with every change; who changes it must have seen the version before.
    pub version: i64,
    /// When there is something to do next, `None` when only an event can change anything.
    pub due: Option<Timestamp>,
    /// What the receiver has heard, or may have heard, to be down.
    pub outages: Vec<Outage>,
    /// What is to be told next, oldest first.
    pub waiting: Vec<Item>,
    /// Until when further events are collected; `None` when the next one is told at once.
    pub collect_until: Option<Timestamp>,
    /// Whether what waits was held back (by quiet hours, or because the receiver could not be reached) for longer than
    /// collecting takes, so that only what is still relevant is told.
    pub held: bool,
    /// The message that was begun and is not settled.
    pub sending: Option<Sending>,
}

impl Conversation {
    /// Starts a conversation about `psc`.
    #[must_use]
    pub fn new(notification: &str, psc: &Psc) -> Self {
        Self {
            notification: notification.to_owned(),
            psc: psc.clone(),
            version: 0,
            due: None,
            outages: Vec::new(),
            waiting: Vec::new(),
            collect_until: None,
            held: false,
            sending: None,
        }
    }

    /// Tells whether nothing is open, so that nothing has to be kept.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.outages.is_empty()
            && self.waiting.is_empty()
            && self.collect_until.is_none()
            && self.sending.is_none()
    }

    /// Returns since when something waits to be delivered, `None` when nothing does.
    #[must_use]
    pub fn waits_since(&self) -> Option<UnixSeconds> {
        let sending = self.sending.iter().flat_map(|sending| &sending.items);
        sending.chain(&self.waiting).map(|item| item.event.created_at).min()
    }
}

/// Something the receiver has heard to be down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outage {
    /// The DOWN event; its model is what is down.
    pub event: Event,
    /// Whether the receiver has answered that it heard so; otherwise it may have.
    pub certain: bool,
    /// When it was said last.
    pub told_at: Timestamp,
    /// How often it was said again.
    pub reminders: u32,
}

/// One thing to tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// What about.
    pub kind: ItemKind,
    /// The event it comes from; for a reminder the DOWN event.
    pub event: Event,
    /// When the outage began, for what ends one; 0 when that is not known.
    pub down_since: UnixSeconds,
    /// Which reminder of the outage it is, from 1 on; 0 for an event.
    pub reminder: u32,
}

/// What an item says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ItemKind {
    /// It went down.
    Down,
    /// It is available again.
    Up,
    /// It is still down.
    StillDown,
}

impl ItemKind {
    /// Returns the stable spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Down => "DOWN",
            Self::Up => "UP",
            Self::StillDown => "STILL_DOWN",
        }
    }

    /// Reads the stable spelling; anything else is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Down, Self::Up, Self::StillDown].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// A message on its way: the same content under the same key until it is settled or no longer true.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// The idempotency key: the same for every attempt, different for every content.
    pub key: String,
    /// What is told.
    pub items: Vec<Item>,
    /// What is down after it, model by model.
    pub still_down: Vec<String>,
    /// Attempts that were begun.
    pub attempts: u32,
    /// When the first attempt was begun.
    pub since: Timestamp,
    /// While an attempt is under way: when whoever makes it has lost it.
    pub leased_until: Option<Timestamp>,
    /// When the next attempt may be made.
    pub retry_at: Timestamp,
    /// Why the last attempt failed, without secrets.
    pub last_error: Option<String>,
}

/// A message that was settled, as the delivery log tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The notification's name.
    pub notification: String,
    /// The channel it was about.
    pub psc: Psc,
    /// Its idempotency key.
    pub key: String,
    /// Whether it arrived; otherwise it was given up.
    pub delivered: bool,
    /// Attempts that were made.
    pub attempts: u32,
    /// How many things it told.
    pub items: u32,
    /// The newest event it told of.
    pub event_id: crate::event::EventId,
    /// When the first attempt was begun.
    pub since: Timestamp,
    /// When it was settled.
    pub settled_at: Timestamp,
    /// Why the last failed attempt failed, without secrets.
    pub last_error: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_read_back() {
        for kind in [ItemKind::Down, ItemKind::Up, ItemKind::StillDown] {
            assert_eq!(ItemKind::parse(kind.as_str()), Some(kind));
        }
        assert_eq!(ItemKind::parse("down"), None);
    }

    #[test]
    fn a_fresh_conversation_is_over() {
        let fresh = Conversation::new("ops", &Psc::new("p", "s", "c"));
        assert!(fresh.is_over());
        assert_eq!(fresh.waits_since(), None);
        let collecting = Conversation { collect_until: Some(Timestamp::from_secs(1)), ..fresh };
        assert!(!collecting.is_over(), "what comes within the time is collected");
    }
}
