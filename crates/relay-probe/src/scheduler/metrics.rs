//! What the scheduler counts.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use relay_core::{
    ProbeResult, Status, SubStatus,
    ports::metrics::{HistogramValues, MetricSink},
};

use super::plan::Plan;

/// Upper bounds of the latency buckets, seconds.
const LATENCY: [f64; 12] = [0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0];

/// Upper bounds of the lateness buckets, seconds.
const LATENESS: [f64; 10] = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 1.0, 10.0, 60.0];

const STATUSES: [Status; 4] = [Status::Green, Status::Yellow, Status::Red, Status::Missing];

/// The numbers behind one lock, which is held for a few additions and never across an await.
#[derive(Debug, Default)]
pub(super) struct Metrics(Mutex<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    /// By status, then by sub-status; the last column is none.
    results: [[u64; SubStatus::ALL.len() + 1]; STATUSES.len()],
    latency: Histogram<13>,
    lateness: Histogram<11>,
    panics: u64,
    discarded: u64,
    plan: PlanNumbers,
}

/// A copy of the plan's numbers, made when they may have changed.
#[derive(Debug, Clone, Copy, Default)]
struct PlanNumbers {
    monitors: usize,
    waiting: usize,
    in_flight: usize,
    busy: u64,
    missed: u64,
}

/// Counts per bucket, one more than bounds.
#[derive(Debug)]
struct Histogram<const N: usize> {
    counts: [u64; N],
    sum: f64,
}

impl<const N: usize> Default for Histogram<N> {
    fn default() -> Self {
        Self { counts: [0; N], sum: 0.0 }
    }
}

impl<const N: usize> Histogram<N> {
    fn observe(&mut self, bounds: &[f64], value: f64) {
        let bucket = bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.sum += value;
    }

    fn values<'a>(&'a self, bounds: &'a [f64]) -> HistogramValues<'a> {
        HistogramValues { bounds, counts: &self.counts, sum: self.sum }
    }
}

// === impl Metrics ===

impl Metrics {
    fn numbers(&self) -> MutexGuard<'_, Numbers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a finished probe.
    pub(super) fn finished(&self, result: &ProbeResult) {
        let mut numbers = self.numbers();
        let row = STATUSES.iter().position(|status| *status == result.status).unwrap_or_default();
        let column = result.sub_status.map_or(SubStatus::ALL.len(), SubStatus::index);
        numbers.results[row][column] += 1;
        numbers.latency.observe(&LATENCY, f64::from(result.latency_ms) / 1000.0);
    }

    /// Notes how long after its due time a probe started.
    pub(super) fn started(&self, late: Duration) {
        self.numbers().lateness.observe(&LATENESS, late.as_secs_f64());
    }

    /// Counts a probe that panicked.
    pub(super) fn panicked(&self) {
        self.numbers().panics += 1;
    }

    /// Counts a probe whose result was not wanted any more.
    pub(super) fn discarded(&self) {
        self.numbers().discarded += 1;
    }

    /// Takes over the plan's numbers.
    pub(super) fn observe(&self, plan: &Plan) {
        let skipped = plan.skipped();
        self.numbers().plan = PlanNumbers {
            monitors: plan.len(),
            waiting: plan.waiting(),
            in_flight: plan.in_flight(),
            busy: skipped.busy,
            missed: skipped.missed,
        };
    }

    /// Writes everything out.
    pub(super) fn collect(&self, out: &mut dyn MetricSink) {
        let numbers = self.numbers();
        numbers.results(out);
        out.histogram(
            "relay_probe_latency_seconds",
            "Time to the response headers, or to the failure.",
            &[],
            numbers.latency.values(&LATENCY),
        );
        out.histogram(
            "relay_probe_start_lateness_seconds",
            "How long after its due time a probe started.",
            &[],
            numbers.lateness.values(&LATENESS),
        );
        numbers.rest(out);
    }
}

impl Numbers {
    fn results(&self, out: &mut dyn MetricSink) {
        for (status, row) in STATUSES.iter().zip(&self.results) {
            for (column, count) in row.iter().enumerate().filter(|(_, count)| **count > 0) {
                let cause = SubStatus::from_index(column).map_or("", SubStatus::as_str);
                let labels = [("status", status.to_string()), ("sub_status", cause.to_owned())];
                let labels = [(labels[0].0, labels[0].1.as_str()), (labels[1].0, labels[1].1.as_str())];
                out.counter("relay_probes_total", "Finished probes.", &labels, *count);
            }
        }
    }

    fn rest(&self, out: &mut dyn MetricSink) {
        let PlanNumbers { monitors, waiting, in_flight, busy, missed } = self.plan;
        for (reason, count) in [("busy", busy), ("missed", missed)] {
            let help =
                "Due times that were skipped: the probe before was not done, or the process was held up.";
            out.counter("relay_probe_slots_skipped_total", help, &[("reason", reason)], count);
        }
        out.counter("relay_probe_panics_total", "Probes that panicked.", &[], self.panics);
        let help = "Probes that a reload or the end of the process made void.";
        out.counter("relay_probes_discarded_total", help, &[], self.discarded);
        out.gauge("relay_probes_in_flight", "Probes that run now.", &[], in_flight as f64);
        out.gauge("relay_probes_waiting", "Probes that are due but have not started.", &[], waiting as f64);
        out.gauge("relay_monitors_active", "Monitors in the schedule.", &[], monitors as f64);
    }
}
