//! What all requests share.

use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use arc_swap::{ArcSwap, ArcSwapOption};
use relay_core::ports::{
    Catalog, Clock, Feed, Health, MetricSource, Pages,
    repository::{EventLog, Records, Timelines},
};
use tokio::sync::{Semaphore, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    cache::Cache,
    handlers::{badge::BadgeQuery, kuma, pages::PageShelf},
    index::Index,
    live::Live,
    metrics::HttpMetrics,
    middleware::{limit::RateLimiter, log::Failures, request_id::RequestIds},
    options::{Access, Limits},
    query::{Span, StatusQuery},
    sse::Seats,
};

/// Everything the API answers from.
pub struct Deps {
    /// What is monitored.
    pub catalog: Arc<dyn Catalog>,
    /// History in buckets.
    pub timelines: Arc<dyn Timelines>,
    /// History record by record.
    pub records: Arc<dyn Records>,
    /// What happened to monitors.
    pub events: Arc<dyn EventLog>,
    /// Tells when records or events were stored.
    pub feed: Arc<dyn Feed>,
    /// The page.
    pub pages: Arc<dyn Pages>,
    /// Components that must work for `/ready`.
    pub health: Vec<Arc<dyn Health>>,
    /// Components with counters for `/metrics`.
    pub metrics: Vec<Arc<dyn MetricSource>>,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// What was built.
    pub build: BuildInfo,
}

/// What was built, when and from what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuildInfo {
    /// The version of the release.
    pub version: String,
    /// The commit, empty when unknown.
    pub git_commit: String,
    /// When it was built, RFC 3339, empty when unknown.
    pub build_time: String,
    /// The compiler, as `rustc --version` tells of it.
    pub rust_version: String,
}

/// What an answer is kept under.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum CacheKey {
    Status(StatusQuery),
    /// Position of the monitor, and how its history is cut.
    Timeline(usize, Span),
    Badge(BadgeQuery),
    Feed,
    Kuma(kuma::Part),
}

/// How many bytes all bodies that are being read or answered may have. Everybody may send one, and slowly, on each of
/// very many connections and streams.
pub(crate) const MAX_BODIES_BYTES: usize = 16 * 1024 * 1024;

/// How many answers that are too large to be kept are made at once.
const MAX_STREAMS: usize = 4;
const MIB: usize = 1024 * 1024;

pub(crate) struct State {
    pub(crate) deps: Deps,
    pub(crate) limits: Limits,
    pub(crate) access: ArcSwap<Access>,
    pub(crate) cache: Arc<Cache<CacheKey>>,
    pub(crate) pages: PageShelf,
    pub(crate) metrics: HttpMetrics,
    pub(crate) limiter: RateLimiter,
    pub(crate) request_ids: RequestIds,
    pub(crate) failures: Failures,
    pub(crate) tasks: TaskTracker,
    /// Room for the bodies of requests, in bytes, until these are answered.
    pub(crate) bodies: Semaphore,
    /// Turns for answers that are too large to be kept.
    pub(crate) streams: Arc<Semaphore>,
    /// Places for live streams.
    pub(crate) seats: Arc<Seats>,
    pub(crate) live: Live,
    /// Cancelled when the server stops: live streams end by themselves only then.
    pub(crate) closing: CancellationToken,
    /// Tells live streams that `access` is another.
    pub(crate) access_changed: watch::Sender<()>,
    index: ArcSwapOption<Index>,
    /// Held while an index is made, so that a new generation is worked out once.
    indexing: Mutex<()>,
}

impl State {
    pub(crate) fn new(deps: Deps, limits: Limits, access: Access) -> Self {
        let tasks = TaskTracker::new();
        let seats = Seats::new(&limits);
        Self {
            deps,
            limiter: RateLimiter::new(&limits),
            limits,
            access: ArcSwap::from_pointee(access),
            cache: Arc::new(Cache::new(tasks.clone())),
            pages: PageShelf::default(),
            metrics: HttpMetrics::default(),
            request_ids: RequestIds::new(),
            failures: Failures::default(),
            tasks,
            bodies: Semaphore::new(MAX_BODIES_BYTES),
            streams: Arc::new(Semaphore::new(MAX_STREAMS)),
            seats,
            live: Live::default(),
            closing: CancellationToken::new(),
            access_changed: watch::Sender::new(()),
            index: ArcSwapOption::empty(),
            indexing: Mutex::new(()),
        }
    }

    /// Returns the index of the current catalog; the first to see a new generation makes it and empties the cache.
    pub(crate) fn index(&self) -> Arc<Index> {
        let snapshot = self.deps.catalog.current();
        let known = |index: &Arc<Index>| index.snapshot.generation == snapshot.generation;
        if let Some(index) = self.index.load_full().filter(known) {
            return index;
        }
        let _one = match self.indexing.try_lock() {
            Ok(one) => one,
            Err(busy) => {
                // Somebody makes it now: until it is there, answers go on from the one before.
                if let (Some(before), TryLockError::WouldBlock) = (self.index.load_full(), &busy) {
                    return before;
                }
                self.indexing.lock().unwrap_or_else(PoisonError::into_inner)
            }
        };
        if let Some(index) = self.index.load_full().filter(known) {
            return index;
        }
        let generation = snapshot.generation;
        let limit = self
            .limits
            .cache_bytes
            .unwrap_or_else(|| (snapshot.monitors.len().div_ceil(100) * 16 * MIB).clamp(16 * MIB, 128 * MIB));
        let index = Arc::new(Index::new(snapshot));
        self.cache.begin(generation, limit);
        self.pages.clear();
        self.index.store(Some(Arc::clone(&index)));
        index
    }
}
