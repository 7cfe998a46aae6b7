//! The rules of events, from the configuration.

use relay_api::EventsAccess;
use relay_config::{CountMode, EventMode, Events};
use relay_events::{Mode, Options, channel::CountMode as Counting, machine::Thresholds};
use tracing::warn;

/// Returns the rules to put in force, `None` when events are off.
pub(crate) fn options(events: &Events) -> Option<Options> {
    events.enabled.then_some(Options {
        mode: match events.mode {
            EventMode::Model => Mode::Model,
            EventMode::Channel => Mode::Channel,
        },
        thresholds: Thresholds { down: events.down_threshold, up: events.up_threshold },
        channel_down_threshold: events.channel_down_threshold,
        count_mode: match events.channel_count_mode {
            CountMode::Recompute => Counting::Recompute,
            CountMode::Incremental => Counting::Incremental,
        },
    })
}

/// Returns who may read events.
pub(crate) fn access(events: &Events) -> EventsAccess {
    match events {
        Events { enabled: false, .. } => EventsAccess::Off,
        Events { api_token, .. } if api_token.is_empty() => EventsAccess::Open,
        Events { api_token, .. } => EventsAccess::Token(api_token.clone()),
    }
}

/// Warns when whoever can reach the server may read events.
pub(crate) fn tell_who_reads(events: &Events) {
    if access(events) == EventsAccess::Open {
        warn!(
            "events.api_token is empty: everybody may read events, without those of hidden monitors and without details"
        );
    }
}
