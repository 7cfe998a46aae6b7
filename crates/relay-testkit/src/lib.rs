//! What tests of several crates share. A dev-dependency only; nothing here is part of the product.
//!
//! - [`ManualClock`] shows the time a test set. Spans of time are paused with tokio instead.
//! - [`MemoryRepository`] is the repository port read as plainly as possible: the fake for those who need a
//!   repository, and the reference for real backends.
//! - [`build`] makes records and monitors in a line.
//! - [`suite`] holds every backend to the contract of the repository port.
//! - [`Receiver`] takes notifications over HTTP.
//! - [`Logs`] holds what a test logged.
//! - [`postgres`] starts a real PostgreSQL server.
//! - [`relay_pulse`] makes databases as the Go version left them.
//!
//! It deliberately knows no database driver, no HTTP library and no crate but `relay-core`.

pub mod build;
pub mod postgres;
pub mod relay_pulse;
pub mod suite;

mod clock;
mod logs;
mod memory;
mod receiver;

pub use build::{key, monitor, record};
pub use clock::ManualClock;
pub use logs::{LogLine, Logs};
pub use memory::MemoryRepository;
pub use receiver::{Received, Receiver, Reply};
