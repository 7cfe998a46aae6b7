//! What is monitored and how it is shown, as of now.

use std::{sync::Arc, time::Duration};

use crate::{Monitor, monitor::SponsorLevel, timeline::Period};

/// Gives the current catalog. Implemented by the binary over the configuration, asked by relay-api on each request.
pub trait Catalog: Send + Sync {
    /// Returns the current snapshot. Cheap, never blocks.
    fn current(&self) -> Arc<Snapshot>;
}

/// One state of the catalog: immutable, replaced as a whole on reload.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Grows by one with every swap; caches key on it.
    pub generation: u64,
    /// All monitors in configuration order, disabled and hidden ones included.
    pub monitors: Vec<Arc<Monitor>>,
    /// How the site shows them.
    pub site: Site,
}

/// Settings of the site as a whole.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// The site's own address, http or https, without a slash at the end.
    pub public_base_url: String,
    /// Its title, `None` for the built-in one.
    pub title: Option<String>,
    /// A note for the footer.
    pub footer_note: Option<String>,
    /// Where visitors can subscribe.
    pub subscribe_url: Option<String>,
    /// Whether the data is simulated, which the page must say.
    pub demo: bool,
    /// Whether events can be read as a feed, which pages then name.
    pub feed: bool,
    /// Weight of yellow in availability, 0–1.
    pub degraded_weight: f64,
    /// The global slow latency.
    pub slow_latency: Duration,
    /// Whether badges, levels and risks are shown.
    pub badges: bool,
    /// Whether the hot and cold boards are in use.
    pub boards: bool,
    /// How sponsors are pinned.
    pub sponsor_pin: SponsorPin,
    /// How long answers may be cached.
    pub cache_ttl: CacheTtl,
    /// Origins that browsers may call the API from, besides the site's own.
    pub cors_origins: Vec<String>,
}

/// How sponsors are pinned on the page.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SponsorPin {
    /// Whether they are at all.
    pub enabled: bool,
    /// At most this many.
    pub max_pinned: u32,
    /// Channels of one provider at the highest level.
    pub service_count: u32,
    /// Least availability, percent.
    pub min_uptime: f64,
    /// Least level.
    pub min_level: SponsorLevel,
}

impl Default for SponsorPin {
    fn default() -> Self {
        Self {
            enabled: true,
            max_pinned: 3,
            service_count: 3,
            min_uptime: 95.0,
            min_level: SponsorLevel::Basic,
        }
    }
}

/// How long the answer for each period may be cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheTtl {
    ttl: [Duration; Period::ALL.len()],
}

impl CacheTtl {
    /// Returns the time for `period`.
    #[must_use]
    pub fn of(&self, period: Period) -> Duration {
        self.ttl[period as usize]
    }

    /// Sets the time for `period`.
    #[must_use]
    pub fn with(mut self, period: Period, ttl: Duration) -> Self {
        self.ttl[period as usize] = ttl;
        self
    }
}

/// 10 s for 90m and 24h, 60 s for the longer ones.
impl Default for CacheTtl {
    fn default() -> Self {
        let (short, long) = (Duration::from_secs(10), Duration::from_secs(60));
        Self { ttl: [short, short, long, long, long, long] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn catalog_is_dyn_compatible() {
        fn takes(_: Option<&dyn Catalog>) {}
        takes(None);
    }

    #[test]
    fn each_period_has_its_own_ttl() {
        let ttl = CacheTtl::default().with(Period::Days90, Duration::from_secs(7));
        assert_eq!(ttl.of(Period::Days90), Duration::from_secs(7));
        assert_eq!(ttl.of(Period::Minutes90), Duration::from_secs(10));
        assert_eq!(ttl.of(Period::Days30), Duration::from_secs(60));
    }
}
