//! Decides from records when something went down and when it came back, and tells people.
//!
//! The first half is pure rules. They know no database, no clock and no network: the store calls
//! [`EventRules`] through the [`Transition`](relay_core::ports::Transition) port inside the transaction that stores a
//! record, so that a record, the states it changed and the event it caused are kept together or not at all. That is
//! what makes events exact across restarts and crashes; nothing here has to remember anything.
//!
//! - [`machine`] is the machine of one monitor: how many records in a row it takes to believe a change.
//! - [`channel`] is the machine of a channel: how many of its models must be down.
//! - [`EventRules`] puts the two together as the configuration says, and can be given a new configuration at any time.
//!
//! The second half tells of the events that were stored. What is to be told is kept in the store, behind the
//! [`Outbox`](relay_core::ports::repository::Outbox) port, so that nothing is forgotten in between.
//!
//! - [`notify::talk`] decides what to tell and when: pure functions over a
//!   [`Conversation`](relay_core::delivery::Conversation), the open matters between a notification and a channel.
//! - [`notify::Target`] puts a message for its receiver and sends it. A service is only an entry in `notify/presets.rs`.
//! - [`Dispatcher`] reads new events, begins what is due, and notes how it ended.
//!
//! To add a rule: change the pure function, its plain reading in the property test beside it, and say in the doc of
//! [`machine`] or [`channel`] what holds now.

pub mod channel;
mod dispatch;
pub mod machine;
pub mod notify;
mod rules;

pub use dispatch::{DispatchDeps, DispatchOptions, Dispatcher, Notification};
pub use rules::{EventRules, Mode, Options};
