//! The state machines that turn records into DOWN and UP events: their states, and the events themselves.
//!
//! The rules live in relay-events; the store keeps what is declared here.

use std::collections::BTreeMap;

use crate::{MonitorKey, Status, SubStatus, UnixSeconds, record::RecordId};

/// The unique, growing number of an event.
pub type EventId = i64;

/// Whether something was available or not, as far as a machine knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Stable {
    /// Nothing is known yet: code -1.
    #[default]
    Unknown,
    /// Unavailable: code 0.
    Down,
    /// Available: code 1.
    Up,
}

impl Stable {
    /// Returns the number that clients and databases know the state by.
    #[must_use]
    pub const fn code(self) -> i8 {
        match self {
            Self::Unknown => -1,
            Self::Down => 0,
            Self::Up => 1,
        }
    }

    /// Returns the state of a number; anything but 0 and 1 is [`Stable::Unknown`].
    #[must_use]
    pub const fn from_code(code: i64) -> Self {
        match code {
            0 => Self::Down,
            1 => Self::Up,
            _ => Self::Unknown,
        }
    }

    /// Returns the state that one record of this status speaks for.
    #[must_use]
    pub const fn of(status: Status) -> Self {
        if status.is_available() { Self::Up } else { Self::Down }
    }
}

/// The state of one monitor's machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ModelState {
    /// What the machine holds to be true.
    pub stable: Stable,
    /// How many records in a row spoke for `streak`; 0 right after an event.
    pub streak_count: u32,
    /// What the last records spoke for.
    pub streak: Stable,
    /// The newest record the machine has seen.
    pub last_record_id: RecordId,
    /// That record's time.
    pub last_timestamp: UnixSeconds,
    /// That record's status, `None` before the first.
    pub last_status: Option<Status>,
}

/// The state of one channel's machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ChannelState {
    /// What the machine holds to be true.
    pub stable: Stable,
    /// How many active models are down.
    pub down_count: u32,
    /// How many active models are known.
    pub known_count: u32,
    /// The newest record the machine has seen.
    pub last_record_id: RecordId,
    /// That record's time.
    pub last_timestamp: UnixSeconds,
}

/// All states of one group: what one record can change.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GroupStates {
    /// By model; a monitor without model is the empty string.
    pub models: BTreeMap<String, ModelState>,
    /// The channel's own, `None` before the first record in channel mode.
    pub channel: Option<ChannelState>,
}

impl GroupStates {
    /// Takes over the states of another group whose history becomes this one's. What this group knows already stays as
    /// it is: its own records are the later ones.
    pub fn adopt(&mut self, other: Self) {
        for (model, state) in other.models {
            self.models.entry(model).or_insert(state);
        }
        self.channel = self.channel.or(other.channel);
    }
}

/// The direction of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventType {
    /// Was available, is not.
    Down,
    /// Is available again.
    Up,
}

impl EventType {
    /// Returns the stable spelling.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Down => "DOWN",
            Self::Up => "UP",
        }
    }

    /// Reads the stable spelling; anything else is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "DOWN" => Some(Self::Down),
            "UP" => Some(Self::Up),
            _ => None,
        }
    }
}

/// An event that was decided but has no number yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Who it is about; the model is empty for a channel event.
    pub key: MonitorKey,
    /// Its direction.
    pub kind: EventType,
    /// Stable state before: 1 for DOWN, 0 for UP.
    pub from_status: Stable,
    /// Status of the record that triggered it.
    pub to_status: Status,
    /// That record.
    pub trigger_record_id: RecordId,
    /// That record's time.
    pub observed_at: UnixSeconds,
    /// What else is told.
    pub meta: EventMeta,
}

/// A stored event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Unique and growing in the order in which events become visible.
    pub id: EventId,
    /// When it was stored.
    pub created_at: UnixSeconds,
    /// What happened.
    pub event: NewEvent,
}

/// Facts of the record behind an event and, for a channel event, of its models.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EventMeta {
    /// HTTP code of the record, 0 when there was no answer.
    pub http_code: u16,
    /// Latency of the record in milliseconds.
    pub latency_ms: u32,
    /// Cause of the record.
    pub sub_status: Option<SubStatus>,
    /// Detail of the record, secrets masked.
    pub detail: Option<String>,
    /// The channel's counts, for a channel event.
    pub channel: Option<ChannelMeta>,
}

/// The counts behind a channel event. Models stand in configuration order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelMeta {
    /// The model whose record triggered it.
    pub trigger_model: String,
    /// How many active models are down.
    pub down_count: u32,
    /// How many active models are known.
    pub known_count: u32,
    /// How many active models there are.
    pub total_models: u32,
    /// The threshold that was reached, for DOWN.
    pub down_threshold: Option<u32>,
    /// The active models that are down.
    pub down_models: Vec<String>,
    /// The active models that are up.
    pub up_models: Vec<String>,
    /// State and last status of each active model.
    pub model_states: Vec<(String, Stable, Option<Status>)>,
}
