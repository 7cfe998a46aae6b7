//! Probes LLM endpoints: sends a real request, times its phases, judges the answer.
//!
//! The crate is two things. [`HttpProber`] makes one probe; it needs nothing but a tokio runtime and fits any tool.
//! [`scheduler`] runs the probes of many monitors, each on its own cadence.
//!
//! ```
//! use relay_core::{ProbeSpec, Status, ports::Prober};
//! use relay_probe::{HttpProber, Options};
//! # use tokio::{io::{AsyncReadExt, AsyncWriteExt}, net::TcpListener};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let listener = TcpListener::bind("127.0.0.1:0").await?;
//! # let url = format!("http://{}/health", listener.local_addr()?);
//! # let serve = async {
//! #     let (mut stream, _) = listener.accept().await?;
//! #     stream.read(&mut [0; 1024]).await?;
//! #     stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npong").await
//! # };
//! let prober = HttpProber::new(Options::default())?;
//! let mut spec = ProbeSpec::get(url.parse()?);
//! spec.success_contains = Some("pong".to_owned());
//! # let probing = async {
//! let result = prober.probe(&spec).await;
//! assert_eq!(result.status, Status::Green);
//! println!("{} ms, {:?}", result.latency_ms, result.timings);
//! # std::io::Result::Ok(())
//! # };
//! # let (probed, served) = tokio::join!(probing, serve);
//! # (probed?, served?);
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<_, Box<dyn std::error::Error>>(())
//! ```
//!
//! # What a probe does
//!
//! The request of a [`ProbeSpec`](relay_core::ProbeSpec) goes out over HTTP/1.1 or HTTP/2, with TLS by rustls, on a
//! pooled or a new connection, directly or through a proxy. Redirects are followed without handing credentials to
//! strangers. The body is decoded, read up to a cap, and judged: first its code and latency by a fixed table, then
//! its *text*, which for event streams is what the model said, not the frames it came in. The result says which
//! phases took how long, and in one masked line why. A probe never errs and always ends by its deadline, whatever the
//! upstream does; its memory is bounded by the cap.
//!
//! # What it deliberately does not know
//!
//! Configuration files, databases, the API, the environment (proxy variables are handed in as values) and the wall
//! clock (phases are measured with the monotonic one). Name resolution can be replaced by a [`Resolver`].
//!
//! # Where things are
//!
//! - `connect` opens connections and checks every address just before it is dialled; `pool` keeps them; `client`
//!   sends one request on one of them; `redirect` and `request` say what; `proxy` along which way.
//! - [`decode`] undoes content encodings, [`stream`] reads the text of streams: both pure, piece by piece, fuzzed.
//! - `judge` is the table of verdicts, `content` and `expect` judge bodies, [`detail`] makes the masked line: pure.
//! - `prober` puts them in order.
//!
//! To add a stream dialect, see [`stream`]. To add a condition: a field of
//! [`Expect`](relay_core::target::Expect), a check in `expect` with its reason in words, a row in its tests. To add a
//! content encoding: a state in `decode/codec`, its name in `request`, a row in the tests of `decode`.

mod answer;
mod body;
mod challenge;
mod client;
mod connect;
mod content;
mod counters;
pub mod decode;
pub mod detail;
mod error;
mod expect;
mod failure;
mod judge;
mod options;
mod origin;
mod paced;
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

pub use counters::Counters;
pub use error::Error;
pub use options::{Options, PoolOptions, Roots};
pub use prober::HttpProber;
pub use proxy::ProxySettings;
pub use resolve::Resolver;

/// Compiles the examples of the crate's first page.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
