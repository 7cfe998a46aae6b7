//! `events`: DOWN and UP.

use super::{
    settings,
    values::{Count, SecretText},
    words::{CountMode, EventMode},
};

settings! {
    /// DOWN and UP events.
    pub(crate) struct Events {
        /// Whether events are made.
        enabled: bool = false,
        /// `model`: one state for each monitor. `channel`: one for each channel.
        mode: EventMode = EventMode::Model,
        /// Unavailable records in a row that make a monitor DOWN.
        down_threshold: Count = Count(2),
        /// Available records in a row that make a monitor UP.
        up_threshold: Count = Count(1),
        /// Models that must be down for their channel to be DOWN.
        channel_down_threshold: Count = Count(1),
        /// `recompute` counts the models of a channel each time, `incremental` keeps the count.
        channel_count_mode: CountMode = CountMode::Recompute,
        /// The token that reading events takes. Without one everybody may read them. Environment: `EVENTS_API_TOKEN`.
        api_token: SecretText,
    }
}
