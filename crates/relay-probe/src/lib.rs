//! Probes LLM endpoints: sends a real request, times its phases, judges the answer.

mod answer;
mod body;
mod challenge;
mod client;
mod connect;
mod content;
pub mod decode;
pub mod detail;
mod error;
mod expect;
mod failure;
mod judge;
mod options;
mod origin;
mod pool;
mod prober;
mod proxy;
mod redirect;
mod request;
mod resolve;
pub mod scheduler;
pub mod stream;
mod text;
mod tls;
mod trace;

pub use error::Error;
pub use options::{Options, PoolOptions, Roots};
pub use prober::HttpProber;
pub use proxy::ProxySettings;
pub use resolve::Resolver;
