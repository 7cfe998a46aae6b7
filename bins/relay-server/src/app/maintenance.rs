//! Deleting what is too old, and archiving it before that.
//!
//! Both run on every server, also on one that does not probe: a database that nobody probes into grows old as well, and
//! where several servers share one, its locks let one of them work at a time.

use std::sync::Arc;

use anyhow::Context as _;
use relay_config::ArchiveFormat;
use relay_core::ports::{Clock, MetricSource, repository::Retention};
use relay_store::{ArchiveOptions, Archiver, ArchiverDeps, Cleaner, CleanerDeps, RetentionOptions};
use tokio_util::sync::CancellationToken;

use crate::lifecycle::Lifecycle;

/// The tasks that look after old data, as far as the configuration wants them.
pub(crate) struct Maintenance {
    cleaner: Option<Arc<Cleaner>>,
    archiver: Option<Arc<Archiver>>,
}

impl Maintenance {
    /// Makes the tasks of a configuration.
    ///
    /// # Errors
    /// When the system gives no random numbers.
    pub(crate) fn new(
        config: &relay_config::Storage,
        store: &Arc<dyn Retention>,
        clock: &Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let archive = config.archive.as_ref().map(archive_options);
        let cleaner = config.retention.enabled.then(|| -> anyhow::Result<_> {
            let mut seed = [0; 8];
            getrandom::fill(&mut seed).context("the system gives no random numbers")?;
            let deps = CleanerDeps {
                store: store.clone(),
                clock: clock.clone(),
                seed: u64::from_ne_bytes(seed),
                archive: archive.clone(),
            };
            Ok(Cleaner::new(retention_options(&config.retention), deps))
        });
        let archiver = archive.map(|options| {
            Archiver::new(options, ArchiverDeps { store: store.clone(), clock: clock.clone() })
        });
        Ok(Self { cleaner: cleaner.transpose()?, archiver })
    }

    /// Returns what has counters.
    pub(crate) fn metrics(&self) -> Vec<Arc<dyn MetricSource>> {
        let cleaner = self.cleaner.clone().map(|cleaner| cleaner as Arc<dyn MetricSource>);
        let archiver = self.archiver.clone().map(|archiver| archiver as Arc<dyn MetricSource>);
        cleaner.into_iter().chain(archiver).collect()
    }

    /// Starts the tasks; they end with the soft token. Days are archived only when `imported` is cancelled: a file that
    /// is written is not written again when more of its day comes in.
    pub(crate) fn start(self, lifecycle: &Lifecycle, imported: CancellationToken) {
        let Self { cleaner, archiver } = self;
        if let Some(cleaner) = cleaner {
            let stop = lifecycle.soft.clone();
            lifecycle.spawn_essential("cleaner", async move { cleaner.run(stop).await });
        }
        if let Some(archiver) = archiver {
            let stop = lifecycle.soft.clone();
            lifecycle.spawn_essential("archiver", async move {
                tokio::select! {
                    () = imported.cancelled() => archiver.run(stop).await,
                    () = stop.cancelled() => {}
                }
            });
        }
    }
}

fn retention_options(config: &relay_config::Retention) -> RetentionOptions {
    RetentionOptions {
        days: config.days,
        rollup_days: config.rollup_days,
        interval: config.cleanup_interval,
        jitter: config.jitter,
        startup_delay: config.startup_delay,
        batch: config.batch_size,
        max_batches: config.max_batches_per_run,
    }
}

fn archive_options(config: &relay_config::Archive) -> ArchiveOptions {
    ArchiveOptions {
        folder: config.output_dir.clone(),
        compressed: config.format == ArchiveFormat::CsvGz,
        days: config.archive_days,
        backfill_days: config.backfill_days,
        keep_days: config.keep_days,
    }
}
