//! The writer's numbers.

use std::{
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use relay_core::ports::{
    MetricSource,
    metrics::{HistogramValues, MetricSink},
};

use super::Writer;

const BOUNDS: [f64; 8] = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0];

/// How long appends took.
#[derive(Debug, Default)]
pub(super) struct AppendTimes {
    counts: [AtomicU64; BOUNDS.len() + 1],
    sum_micros: AtomicU64,
}

impl AppendTimes {
    pub(super) fn observe(&self, took: Duration) {
        let bucket = BOUNDS.partition_point(|bound| *bound < took.as_secs_f64());
        self.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.sum_micros.fetch_add(u64::try_from(took.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}

impl MetricSource for Writer {
    fn collect(&self, out: &mut dyn MetricSink) {
        out.gauge(
            "relay_store_waiting_records",
            "Records that wait to be stored.",
            &[],
            self.waiting() as f64,
        );
        let stored = self.stored.load(Ordering::Relaxed);
        out.counter("relay_store_records_total", "Records stored.", &[], stored);
        out.counter(
            "relay_store_dropped_records_total",
            "Records dropped because too many waited while the store was away, or because they can never be stored.",
            &[],
            self.dropped(),
        );
        let failures = self.failures.load(Ordering::Relaxed);
        out.counter("relay_store_append_errors_total", "Tries to store records that failed.", &[], failures);
        let counts: Vec<u64> = self.times.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        let sum = self.times.sum_micros.load(Ordering::Relaxed) as f64 / 1e6;
        out.histogram(
            "relay_store_append_seconds",
            "Time to store a group of records.",
            &[],
            HistogramValues { bounds: &BOUNDS, counts: &counts, sum },
        );
    }
}
