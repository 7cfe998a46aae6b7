//! The cleaner's numbers.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use relay_core::{
    Timestamp,
    ports::{MetricSource, metrics::MetricSink},
};
use tokio::time::Duration;

use super::{Cleaned, Cleaner};

#[derive(Debug, Default)]
pub(super) struct Counts {
    records: AtomicU64,
    slots: AtomicU64,
    days: AtomicU64,
    bytes: AtomicU64,
    runs: AtomicU64,
    errors: AtomicU64,
    last_end: AtomicI64,
    last_micros: AtomicU64,
}

impl Counts {
    /// Takes a run in.
    pub(super) fn ran(&self, cleaned: &Cleaned, worked: bool, now: Timestamp, took: Duration) {
        self.records.fetch_add(cleaned.records, Ordering::Relaxed);
        self.slots.fetch_add(cleaned.slots, Ordering::Relaxed);
        self.days.fetch_add(cleaned.days, Ordering::Relaxed);
        self.bytes.fetch_add(cleaned.bytes, Ordering::Relaxed);
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.errors.fetch_add(u64::from(!worked), Ordering::Relaxed);
        self.last_end.store(now.as_secs(), Ordering::Relaxed);
        self.last_micros.store(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl MetricSource for Cleaner {
    fn collect(&self, out: &mut dyn MetricSink) {
        let Counts { records, slots, days, bytes, runs, errors, last_end, last_micros } = &self.counts;
        for (kind, count) in [("records", records), ("slots", slots), ("days", days)] {
            out.counter(
                "relay_retention_deleted_rows_total",
                "Rows deleted because of their age, by kind.",
                &[("kind", kind)],
                count.load(Ordering::Relaxed),
            );
        }
        let mut count =
            |name, help, value: &AtomicU64| out.counter(name, help, &[], value.load(Ordering::Relaxed));
        count("relay_retention_freed_bytes_total", "Bytes given back to the file system.", bytes);
        count("relay_retention_runs_total", "Clean-ups.", runs);
        count("relay_retention_errors_total", "Clean-ups that failed.", errors);
        out.gauge(
            "relay_retention_last_run_timestamp_seconds",
            "When the last clean-up ended; 0 before the first.",
            &[],
            last_end.load(Ordering::Relaxed) as f64,
        );
        out.gauge(
            "relay_retention_last_run_seconds",
            "How long the last clean-up took, its pauses included.",
            &[],
            last_micros.load(Ordering::Relaxed) as f64 / 1e6,
        );
    }
}
