//! The HTTP side of Relay Pulse: routes, JSON, the response cache, limits and the server itself.
//!
//! It answers from the ports of relay-core and knows nothing of databases, configuration files or how a probe is
//! made. What is public of a monitor is decided here and nowhere else: disabled ones never appear, hidden ones only
//! where the caller asks for them on `/api/status`.
//!
//! - [`Api`] turns requests into responses; [`Deps`] is what it answers from.
//! - [`Server`] owns the listener, the connections and their limits.
//!
//! Live streams (`sse`, `live`) are made while they are read: each tails the store by ids, woken by one task that looks
//! for all of them, so that a slow reader costs a connection and nothing else.
//!
//! To add an endpoint: its JSON in `dto/`, its handler in `handlers/`, a variant of `Endpoint` and a line in the table
//! of `router` (a test compares the table with the index at its top), its golden test in `tests/integration/`, its
//! section in `docs/api.md`, and in `openapi/operations` what it takes and answers. An answer that many readers share
//! goes through the cache: a variant of `CacheKey` that holds the normalised question, so that two spellings of it are
//! one answer.

mod answer;
mod api;
mod cache;
mod dto;
mod encode;
mod error;
mod handlers;
mod index;
mod live;
mod metrics;
mod middleware;
mod openapi;
mod options;
mod query;
mod response;
mod router;
mod server;
mod sse;
mod state;
mod svg;
mod wanted;

pub use api::Api;
pub use openapi::openapi_json;
pub use options::{Access, EventsAccess, Limits, MetricsAccess, Options, TlsFiles};
pub use server::{BindError, Server, TlsError, check_tls};
pub use state::{BuildInfo, Deps};
