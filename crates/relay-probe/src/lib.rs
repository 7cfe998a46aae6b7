//! Probes LLM endpoints: sends a real request, times its phases, judges the answer.

mod body;
mod client;
mod connect;
pub mod decode;
pub mod detail;
mod error;
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
