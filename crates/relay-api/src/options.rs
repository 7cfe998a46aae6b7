//! Settings of the server and of the API.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ipnet::IpNet;
use relay_core::Secret;

/// Settings that are fixed when the server starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Where to listen. An unspecified IPv6 address listens on IPv4 too, and falls back to IPv4 alone on a machine
    /// without IPv6.
    pub listen: SocketAddr,
    /// Bounds on clients.
    pub limits: Limits,
    /// How long requests in flight may take after a stop was asked for.
    pub grace: Duration,
    /// The server's own certificate; `None` for plain HTTP.
    pub tls: Option<TlsFiles>,
}

/// The files of a certificate, PEM. They are read again when they change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate and those between it and the root, in this order.
    pub cert: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

/// `[::]:8080`, the default limits, ten seconds of grace.
impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([0u16; 8], 8080)),
            limits: Limits::default(),
            grace: Duration::from_secs(10),
            tls: None,
        }
    }
}

/// Bounds on what clients may use up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Connections in all; at the cap the one longest without a request is closed.
    pub connections: usize,
    /// Connections of one address (of one /64 for IPv6), trusted proxies exempt.
    pub connections_per_address: usize,
    /// Bytes of the request line and the headers together.
    pub header_bytes: usize,
    /// Bytes of path and query.
    pub uri_bytes: usize,
    /// Bytes of a request body.
    pub body_bytes: usize,
    /// From the first byte of a request to the end of its headers, and again to the end of its body.
    pub header_timeout: Duration,
    /// Between two requests on one connection.
    pub idle_timeout: Duration,
    /// How long a client may take none of the bytes that wait for it.
    pub write_timeout: Duration,
    /// Live streams in all.
    pub streams: usize,
    /// Live streams of one address (of one /64 for IPv6).
    pub streams_per_address: usize,
    /// Answers that had to be made, per second and address. Answers from the cache are free.
    pub requests_per_second: u32,
    /// How many such answers an address may ask for at once.
    pub burst: u32,
    /// Bytes that cached answers may take; `None` for 16 MiB per 100 monitors, 16 to 128 MiB in all.
    pub cache_bytes: Option<usize>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 20_000,
            connections_per_address: 1_000,
            header_bytes: 32 * 1024,
            uri_bytes: 8 * 1024,
            body_bytes: 64 * 1024,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_secs(60),
            write_timeout: Duration::from_secs(60),
            streams: 1_000,
            streams_per_address: 16,
            requests_per_second: 60,
            burst: 300,
            cache_bytes: None,
        }
    }
}

/// Settings that may change while the server runs; see [`crate::Api::set_access`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// Who may read `/metrics`.
    pub metrics: MetricsAccess,
    /// Proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Whether everybody may read what upstreams said when a probe failed.
    pub public_details: bool,
    /// Who may read events.
    pub events: EventsAccess,
}

/// Who may read events.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum EventsAccess {
    /// Nobody: there are none.
    #[default]
    Off,
    /// Everybody, without those of hidden monitors and without what upstreams said.
    Open,
    /// Whoever has the token, and then all of it.
    Token(Secret),
}

/// Who may read `/metrics` at the main address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum MetricsAccess {
    /// Nobody.
    Off,
    /// Clients on this machine, not those behind a proxy on it.
    #[default]
    Loopback,
    /// Everybody.
    Public,
}
