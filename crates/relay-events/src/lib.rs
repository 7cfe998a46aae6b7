//! Decides from records when something went down and when it came back.
//!
//! The crate is the rules and nothing else. It knows no database, no clock and no network: the store calls
//! [`EventRules`] through the [`Transition`](relay_core::ports::Transition) port inside the transaction that stores a
//! record, so that a record, the states it changed and the event it caused are kept together or not at all. That is
//! what makes events exact across restarts and crashes; nothing here has to remember anything.
//!
//! - [`machine`] is the machine of one monitor: how many records in a row it takes to believe a change.
//! - [`channel`] is the machine of a channel: how many of its models must be down.
//! - [`EventRules`] puts the two together as the configuration says, and can be given a new configuration at any time.
//!
//! To add a rule: change the pure function, its plain reading in the property test beside it, and say in the doc of
//! [`machine`] or [`channel`] what holds now.

pub mod channel;
pub mod machine;
mod rules;

pub use rules::{EventRules, Mode, Options};
