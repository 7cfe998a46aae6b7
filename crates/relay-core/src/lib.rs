//! The words and the ports of Relay Pulse.
//!
//! This crate says *what* the product talks about (monitors, records, timelines, events) and declares the traits
//! through which the other crates meet. It does no IO, reads no clock and no environment, and serialises nothing:
//! a type is serialisable only in the crate that owns the boundary it crosses.
//!
//! Where to look:
//!
//! - [`key`] and [`monitor`]: what is watched. [`target`]: the request that is sent and what its answer must hold.
//! - [`status`] and [`record`]: what one probe found.
//! - [`timeline`]: periods, windows, buckets and the counting in them, all pure.
//! - [`event`]: the states and events of the DOWN/UP machines. [`delivery`]: who was told of them, and who is yet to be.
//! - [`ports`]: the traits. A trait lives here only when its caller and its implementer are in different crates.
//!
//! To add a port: one file in `ports/`, the contract (order, bounds, idempotence, errors) written at the trait, and a
//! test that it can be used as `dyn`. To add a query: a method on the narrowest repository port, a case in the
//! conformance suite of `relay-testkit`, then each backend.

pub mod delivery;
pub mod egress;
pub mod event;
pub mod key;
pub mod monitor;
pub mod ports;
pub mod record;
pub mod schedule;
pub mod secret;
pub mod status;
pub mod target;
pub mod time;
pub mod timeline;

/// Libraries whose types stand in this crate's, so that others need not guess the versions.
pub use {bytes, http, url};

pub use key::{MonitorKey, Psc};
pub use monitor::Monitor;
pub use record::{ProbeRecord, ProbeResult, StoredRecord};
pub use secret::Secret;
pub use status::{Status, SubStatus};
pub use target::ProbeSpec;
pub use time::{Timestamp, UnixSeconds};
