//! The archiver's numbers.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use relay_core::{
    Timestamp,
    ports::{MetricSource, metrics::MetricSink},
};

use super::{Archiver, Done};

#[derive(Debug, Default)]
pub(super) struct Counts {
    files: AtomicU64,
    records: AtomicU64,
    removed: AtomicU64,
    errors: AtomicU64,
    last_success: AtomicI64,
}

impl Counts {
    /// Takes a run in.
    pub(super) fn ran(&self, done: &Done, worked: bool, now: Timestamp) {
        self.files.fetch_add(done.files, Ordering::Relaxed);
        self.records.fetch_add(done.records, Ordering::Relaxed);
        self.removed.fetch_add(done.removed, Ordering::Relaxed);
        if worked {
            self.last_success.store(now.as_secs(), Ordering::Relaxed);
        } else {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl MetricSource for Archiver {
    fn collect(&self, out: &mut dyn MetricSink) {
        let mut count =
            |name, help, value: &AtomicU64| out.counter(name, help, &[], value.load(Ordering::Relaxed));
        let Counts { files, records, removed, errors, last_success } = &self.counts;
        count("relay_archive_files_total", "Archive files written.", files);
        count("relay_archive_records_total", "Records written to archive files.", records);
        count("relay_archive_removed_files_total", "Archive files removed because of their age.", removed);
        count("relay_archive_errors_total", "Archive runs that failed.", errors);
        out.gauge(
            "relay_archive_last_success_timestamp_seconds",
            "When the last archive run that worked ended; 0 before the first.",
            &[],
            last_success.load(Ordering::Relaxed) as f64,
        );
    }
}
