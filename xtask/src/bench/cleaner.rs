//! How long appends take while the cleaner deletes, and while it does not.

use std::{sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use relay_core::{
    ProbeRecord,
    ports::{Clock as _, Repository, Transition, clock::SystemClock},
    time::DAY_SECS,
};
use relay_store::{Cleaner, CleanerDeps, RetentionOptions};
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use super::{
    Scale,
    figure::{Figure, millis, quantile},
    fixture::{self, BATCH},
    generator::Generator,
};

/// From one append to the next.
const EVERY: Duration = Duration::from_millis(5);
/// Records of one of these appends: what comes in together at some thousands of records a second.
const TOGETHER: u32 = 10;
/// How long history is, and how much of it is kept.
const DAYS: u32 = 4;
const KEEP_DAYS: u32 = 1;

/// Fills an empty store, appends to it without and then with a cleaner that has days to delete, and returns both p99.
///
/// # Errors
/// When the store fails, or the cleaner had nothing to do.
pub(crate) async fn figure(name: &str, store: Arc<dyn Repository>, scale: Scale) -> Result<Figure> {
    let records = scale.pick(DAYS * 24 * 60, DAYS * 24 * 6);
    let interval = i64::from(DAYS) * DAY_SECS / i64::from(records);
    let generator = Generator { records, interval, ..fixture::generator(scale, fixture::now()) };
    let rules = fixture::event_rules();
    for batch in generator.batches(BATCH) {
        store.append(batch, Arc::clone(&rules) as Arc<dyn Transition>).await?;
    }
    let appends = scale.pick(1_000, 200);
    let alone = latencies(&store, &generator, appends).await?;

    let before = store.oldest_record().await?;
    let options = RetentionOptions { days: KEEP_DAYS, ..RetentionOptions::default() };
    let clock = Arc::new(SystemClock);
    let deps = CleanerDeps { store: store.clone(), clock, seed: 1, archive: None };
    let (cleaner, stop) = (Cleaner::new(options, deps), CancellationToken::new());
    let mut cleaning = JoinSet::new();
    let stopped = stop.clone();
    cleaning.spawn(async move { cleaner.clean(&stopped).await });
    let beside = latencies(&store, &generator, appends).await?;
    stop.cancel();
    ensure!(cleaning.join_all().await.into_iter().all(|worked| worked), "the cleaner failed");
    ensure!(store.oldest_record().await? > before, "the cleaner deleted nothing");

    let [alone, beside] = [alone, beside].map(|sorted| [0.5, 0.99].map(|q| millis(quantile(&sorted, q))));
    Ok(Figure::new(
        format!(
            "{name}: p99 of appends of {TOGETHER} records while the cleaner deletes, {}",
            generator.words()
        ),
        format!("{:.1} ms (median {:.1} ms)", beside[1], beside[0]),
    )
    .beside(format!("without the cleaner: {:.1} ms (median {:.1} ms)", alone[1], alone[0])))
}

/// Appends at a steady rate, and returns how long each append took from when it was due, sorted.
async fn latencies(store: &Arc<dyn Repository>, generator: &Generator, count: u32) -> Result<Vec<Duration>> {
    let rules = fixture::event_rules();
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut took = Vec::new();
    for index in 0..count {
        let due = ticks.tick().await;
        let batch = (0..TOGETHER).map(|one| ProbeRecord {
            timestamp: SystemClock.now().as_secs(),
            ..generator.record((index * TOGETHER + one) % generator.monitors, generator.records - 1)
        });
        store.append(batch.collect(), Arc::clone(&rules) as Arc<dyn Transition>).await?;
        took.push(Instant::now().saturating_duration_since(due));
    }
    took.sort_unstable();
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "multi_thread")]
    async fn both_are_measured() {
        let folder = tempfile::tempdir().expect("a folder");
        let store = fixture::open(&folder.path().join("clean.db")).await.expect("opened");
        let figure = figure("SQLite", store.clone(), Scale::Quick).await.expect("a figure");
        assert!(figure.what.contains("SQLite"), "{figure:?}");
        assert!(figure.measured.contains(" ms") && figure.beside.contains(" ms"), "{figure:?}");
        store.close().await.expect("closed");
    }
}
