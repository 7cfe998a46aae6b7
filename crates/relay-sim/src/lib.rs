//! Simulated LLM relays on loopback.
//!
//! One [`Sim`] is one listening socket with any number of [`Relay`]s behind it; the first path segment
//! says which (`/northwind-cc-vip/v1/messages`). A relay speaks one [`Dialect`] with the shapes of the
//! public API (ids, usage, event names, error objects, `[DONE]`), checks its key, knows its models, and
//! then misbehaves as its [`Behaviour`] says: slow, flaky, rate-limited, empty, wrong, down, hostile.
//! Healthy answers contain the relay's configured text, and small sums asked in digits or words are
//! answered with the result alone, so that arithmetic challenges can be put to it.
//!
//! The demo, the tests and the benches all use it. [`Fleet::demo`] is the demo's cast: two dozen
//! invented relays with everything a configuration file wants to know about them ([`Template`]), and
//! [`Relay::plausible`] says, as a pure function of seed and time, how a relay behaved at some moment,
//! so that seeded history and live answers tell the same story.
//!
//! What it deliberately does not know: the rest of the workspace (no monitor, no status, no clock: the
//! time is a function in [`Options`]), and anything beyond one short answer per request.
//!
//! # Example
//!
//! ```
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! use relay_sim::{Behaviour, Dialect, Options, Relay, Sim};
//!
//! let relay = Relay::new("test", Dialect::Chat);
//! let sim = Sim::start(Options { relays: vec![relay], ..Options::default() }).await.unwrap();
//! println!("probe {}", sim.url("test").unwrap());
//! sim.handle().set_behaviour("test", Behaviour::RateLimited);
//! sim.stop().await;
//! # });
//! ```
//!
//! # How to add a dialect
//!
//! 1. A variant in [`Dialect`] and a file in `dialect/` with `plain`, `frames` and `prompt` (and `error`,
//!    when no existing error object fits).
//! 2. An arm in each `match` of `dialect.rs`; the compiler lists them.
//! 3. A row in `tests/integration/dialects.rs`.
//!
//! # How to add a behaviour
//!
//! 1. A variant in [`Behaviour`] and its line in `Behaviour::outcome`, which is what history shows.
//! 2. What it sends, in `serve/reply.rs` (ordinary answers) or `serve/hostile.rs` (bodies that misuse
//!    the protocol).
//! 3. A test in `tests/integration/behaviours.rs`.
//!
//! What goes wrong below HTTP (handshakes, headers, framing) is an [`Abuse`] of the whole simulation instead: a
//! variant, its line in `serve/abuse.rs`, a row in `tests/integration/abuses.rs`.

mod abuse;
mod answer;
mod behaviour;
mod dialect;
mod encode;
mod fleet;
mod outcome;
mod pace;
mod relay;
mod rng;
mod serve;
mod sim;

pub use abuse::{Abuse, Chunks, Http2};
pub use answer::arithmetic;
pub use behaviour::{Behaviour, Flakiness, Latency, Outage};
pub use dialect::{Dialect, Mode};
pub use encode::Encoding;
pub use fleet::{Fleet, Listing};
pub use outcome::{Kind, Outcome};
pub use pace::Pace;
pub use relay::{Incidents, Model, Relay, Template};
pub use sim::{Counts, Error, Handle, Options, Protocol, Sim, TimeSource};
