//! The rules of events, from the configuration.

use relay_config::{CountMode, EventMode, Events};
use relay_events::{Mode, Options, channel::CountMode as Counting, machine::Thresholds};

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
