//! The cleaner: deletes what is too old, a little at a time.
//!
//! Raw records go first, by slots; the counts of their slots a day later; the counts of days long after that. Between
//! two batches it waits several times as long as the batch took, so that appends and readers keep their latency. Only
//! one instance cleans at a time. What a run does not get done, the next one does.

mod cutoffs;
mod metrics;

use std::{
    future::Future,
    sync::{Arc, Mutex, PoisonError},
};

use relay_core::{
    UnixSeconds,
    ports::{
        Clock,
        repository::{Error, Job, Retention},
    },
};
use tokio::time::{Duration, Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info};

use self::{
    cutoffs::{Cutoffs, pause},
    metrics::Counts,
};
use crate::{
    archive::hold,
    options::{ArchiveOptions, RetentionOptions},
};

/// A batch that took longer makes the next one half as large, down to [`LEAST_BATCH`], so that an append that waits for
/// it hardly notices; one that took less than half as long makes it twice as large, up to what the options say.
const LONG: Duration = Duration::from_millis(8);
const LEAST_BATCH: u32 = 200;
const FIRST_BATCH: u32 = 1_000;
/// How many times as long as a batch took the cleaner waits before the next one.
const REST: u32 = 3;
/// The longest wait between two batches.
const LONGEST_REST: Duration = Duration::from_secs(1);
/// Bytes that are given back in one step.
const RECLAIM_STEP: u64 = 512 * 1024;
/// Steps of giving back in one run: 2 GiB.
const RECLAIM_STEPS: u32 = 4096;
/// How often a step is tried, with pauses that double from the first one on.
const TRIES: u32 = 6;
const FIRST_PAUSE: Duration = Duration::from_millis(250);

/// What a cleaner works with.
pub struct CleanerDeps {
    /// What is cleaned.
    pub store: Arc<dyn Retention>,
    /// Says what is old.
    pub clock: Arc<dyn Clock>,
    /// Where random numbers start.
    pub seed: u64,
    /// The archive that must have a day before its records are deleted.
    pub archive: Option<ArchiveOptions>,
}

/// Deletes what is too old; see the module. Start it with [`Cleaner::run`].
pub struct Cleaner {
    options: RetentionOptions,
    deps: CleanerDeps,
    counts: Counts,
    /// What is wrong, as long as something is.
    trouble: Mutex<Option<String>>,
}

impl std::fmt::Debug for Cleaner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cleaner").field("options", &self.options).finish_non_exhaustive()
    }
}

/// What a run did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Cleaned {
    records: u64,
    slots: u64,
    days: u64,
    bytes: u64,
}

/// A kind of rows.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Records,
    Slots,
    Days,
}

impl Cleaner {
    /// Makes a cleaner.
    #[must_use]
    pub fn new(options: RetentionOptions, deps: CleanerDeps) -> Arc<Self> {
        Arc::new(Self { options, deps, counts: Counts::default(), trouble: Mutex::default() })
    }

    /// Cleans after the startup delay and then at intervals, until `stop` is cancelled. A batch that has begun is
    /// waited for.
    pub async fn run(&self, stop: CancellationToken) {
        let mut random = fastrand::Rng::with_seed(self.deps.seed);
        let mut wait = self.options.startup_delay;
        while !stop.is_cancelled() {
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(wait) => {}
            }
            self.clean(&stop).await;
            wait = pause(&self.options, random.f64());
        }
    }

    /// Cleans once, unless another instance is at it. Returns whether everything worked; what did not is in the log.
    pub async fn clean(&self, stop: &CancellationToken) -> bool {
        let (begun, mut cleaned) = (Instant::now(), Cleaned::default());
        let outcome = self.try_clean(stop, &mut cleaned).await;
        self.counts.ran(&cleaned, outcome.is_ok(), self.deps.clock.now(), begun.elapsed());
        if cleaned != Cleaned::default() {
            info!(
                records = cleaned.records,
                slots = cleaned.slots,
                days = cleaned.days,
                freed_bytes = cleaned.bytes,
                duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
                "deleted what was too old"
            );
        }
        let trouble = outcome.as_ref().err().map(ToString::to_string);
        let mut known = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match &trouble {
            Some(text) if known.as_ref() != Some(text) => {
                error!(error = %text, "cannot delete what is too old; the next clean-up tries again");
            }
            None if known.is_some() => info!("deleting what is too old works again"),
            _ => {}
        }
        *known = trouble;
        outcome.is_ok()
    }

    async fn try_clean(&self, stop: &CancellationToken, cleaned: &mut Cleaned) -> Result<(), Error> {
        let CleanerDeps { store, clock, archive, .. } = &self.deps;
        let Some(_lock) = patiently(stop, || store.lock_job(Job::Clean)).await? else {
            debug!("another instance is cleaning");
            return Ok(());
        };
        let now = clock.now().as_secs();
        let mut keep_from = UnixSeconds::MAX;
        if let Some(archive) = archive {
            let before = Cutoffs::at(now, &self.options, keep_from).records;
            keep_from = patiently(stop, || hold(archive, store.as_ref(), now, before)).await?;
        }
        let cutoffs = Cutoffs::at(now, &self.options, keep_from);
        let kinds = [
            (Kind::Records, cutoffs.records, &mut cleaned.records),
            (Kind::Slots, cutoffs.slots, &mut cleaned.slots),
            (Kind::Days, cutoffs.days, &mut cleaned.days),
        ];
        for (kind, before, count) in kinds {
            // Counts must not go before what they count.
            if !self.delete(stop, kind, before, count).await? {
                break;
            }
        }
        self.reclaim(stop, &mut cleaned.bytes).await
    }

    /// Deletes all of a kind, in batches that take a few milliseconds each, and no more rows than the options allow.
    /// Returns whether nothing is left.
    async fn delete(
        &self,
        stop: &CancellationToken,
        kind: Kind,
        before: UnixSeconds,
        count: &mut u64,
    ) -> Result<bool, Error> {
        let (store, most) = (self.deps.store.as_ref(), self.options.batch.max(1));
        let allowed = u64::from(most) * u64::from(self.options.max_batches.max(1));
        let mut batch = most.min(FIRST_BATCH);
        let mut rows = 0;
        while rows < allowed {
            let begun = Instant::now();
            let deleted = patiently(stop, || match kind {
                Kind::Records => store.delete_records(before, batch),
                Kind::Slots => store.delete_slots(before, batch),
                Kind::Days => store.delete_days(before, batch),
            })
            .await?;
            *count += deleted;
            rows += deleted;
            if deleted == 0 {
                return Ok(true);
            }
            batch = match begun.elapsed() {
                took if took > LONG => (batch / 2).max(LEAST_BATCH).min(most),
                took if took < LONG / 2 => batch.saturating_mul(2).min(most),
                _ => batch,
            };
            if !rested(stop, begun).await {
                return Ok(false);
            }
        }
        Ok(false)
    }

    async fn reclaim(&self, stop: &CancellationToken, bytes: &mut u64) -> Result<(), Error> {
        for _ in 0..RECLAIM_STEPS {
            let begun = Instant::now();
            let freed = patiently(stop, || self.deps.store.reclaim(RECLAIM_STEP)).await?;
            *bytes += freed;
            if freed == 0 || !rested(stop, begun).await {
                break;
            }
        }
        Ok(())
    }
}

/// Leaves the store to others for a while after a step that began at `begun`. Returns whether to go on.
async fn rested(stop: &CancellationToken, begun: Instant) -> bool {
    let rest = begun.elapsed().saturating_mul(REST).min(LONGEST_REST);
    tokio::select! {
        () = stop.cancelled() => false,
        () = sleep(rest) => true,
    }
}

/// Takes a step, again and again when others are in the way or the store is away for a moment.
async fn patiently<T, F: Future<Output = Result<T, Error>>>(
    stop: &CancellationToken,
    step: impl Fn() -> F,
) -> Result<T, Error> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..TRIES {
        match step().await {
            Err(Error::Unavailable { .. } | Error::Conflict { .. }) if !stop.is_cancelled() => {}
            outcome => return outcome,
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(pause) => {}
        }
        pause *= 2;
    }
    step().await
}
