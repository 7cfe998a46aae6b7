//! Telling people of events.
//!
//! [`talk`] decides what to tell and when, without doing anything; [`Target`] puts a message for its receiver and sends
//! it through the [`Transport`]; the [`Dispatcher`](crate::Dispatcher) lets the two work on the outbox.

pub mod backoff;
mod email;
mod filter;
mod message;
mod presets;
mod quiet_hours;
mod rules;
pub mod talk;
mod target;
mod template;
mod transport;

pub use email::{Email, MailSecurity};
pub use filter::{Filter, Glob};
pub use message::Message;
pub use presets::{ServiceKind, ServiceSettings};
pub use quiet_hours::{QuietHours, UnknownZone};
pub use rules::{Rules, Watched};
pub use target::{Answer, Destination, InvalidTarget, Target, Webhook};
pub use template::TemplateError;
pub use transport::{MAX_ANSWER, TOTAL, TlsError, Transport};
