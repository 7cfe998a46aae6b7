//! What an embedder decides about a prober.

use std::{fmt, sync::Arc, time::Duration};

use crate::{counters::Counters, proxy::ProxySettings, resolve::Resolver};

/// How a [`HttpProber`](crate::HttpProber) behaves. `Default` suits a server that watches public endpoints.
#[derive(Clone)]
pub struct Options {
    /// Sent as `User-Agent` unless the request sets one.
    pub user_agent: String,
    /// The proxies used when a request names none; empty by default.
    pub proxies: ProxySettings,
    /// Certificates in PEM that are trusted besides the roots of [`Options::roots`]; empty by default.
    pub extra_roots_pem: Vec<u8>,
    /// Where the trusted certificates come from.
    pub roots: Roots,
    /// Bounds of the connection pool.
    pub pool: PoolOptions,
    /// Name look-ups at the same time. A look-up occupies a thread of the runtime's blocking pool until the system
    /// gives up on it, even when the probe that wanted it has timed out.
    pub max_dns_lookups: usize,
    /// Resolves names; `None` asks the system.
    pub resolver: Option<Arc<dyn Resolver>>,
    /// Seeds the sums of the arithmetic challenge. Give a random one where answers could be canned.
    pub seed: u64,
    /// What the prober counts into; new ones by default. Keep a clone to read them, and hand it to the next prober.
    pub counters: Counters,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            user_agent: concat!("relay-pulse/", env!("CARGO_PKG_VERSION")).to_owned(),
            proxies: ProxySettings::default(),
            extra_roots_pem: Vec::new(),
            roots: Roots::Platform,
            pool: PoolOptions::default(),
            max_dns_lookups: 32,
            resolver: None,
            seed: 0,
            counters: Counters::default(),
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("user_agent", &self.user_agent)
            .field("proxies", &self.proxies)
            .field("roots", &self.roots)
            .field("pool", &self.pool)
            .field("max_dns_lookups", &self.max_dns_lookups)
            .finish_non_exhaustive()
    }
}

/// Which certificate authorities are trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Roots {
    /// The machine's; Mozilla's list, compiled in, when the machine has none.
    #[default]
    Platform,
    /// Only those of [`Options::extra_roots_pem`].
    OnlyExtra,
}

/// Bounds of the connection pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PoolOptions {
    /// Idle HTTP/1.1 connections kept per origin. An HTTP/2 origin needs one.
    pub max_idle_per_origin: usize,
    /// Idle connections kept in all.
    pub max_idle: usize,
    /// How long a connection may be idle.
    pub idle_timeout: Duration,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self { max_idle_per_origin: 64, max_idle: 1024, idle_timeout: Duration::from_secs(90) }
    }
}
