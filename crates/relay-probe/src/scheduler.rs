//! Runs the probes of a [`MonitorSet`] on their schedule.
//!
//! Each active monitor is probed at its own interval with a fixed cadence: a late probe does not shift the next one,
//! missed times are skipped, and two probes of one monitor never run at once. A bound on the probes in flight makes
//! due monitors wait, oldest first. A new set, given through a watch channel, moves no monitor whose probing is
//! unchanged; what is new or changed is probed soon; what is gone stops at once, and its probe in flight is not
//! stored.
//!
//! `phase` says where in the interval a monitor lies, `plan` when it is due, `queue` who may start: all pure, with
//! time passed in. `run` is the one task around them. [`Scheduler`] is the handle.
//!
//! It does not know what a probe is (the [`Prober`] does), where records go (the [`RecordSink`] does) or where
//! monitors come from.

mod metrics;
mod phase;
mod plan;
mod queue;
mod requests;
mod run;

use std::{fmt, num::NonZeroUsize, sync::Arc, time::Duration};

use relay_core::{
    MonitorKey,
    ports::{
        Clock, MetricSource, ProbeRequests, Prober, RecordSink, metrics::MetricSink, probe_requests::Refused,
    },
    schedule::MonitorSet,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use metrics::Metrics;
use requests::Requests;

#[cfg(test)]
mod testing;

/// How the scheduler runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// How long probes in flight may go on after the stop.
    pub drain: Duration,
    /// At most this many probes of one group in flight at once; `None` for no limit of its own.
    pub group_limit: Option<NonZeroUsize>,
    /// At most this many requested probes that have not started.
    pub max_requests: usize,
}

/// 10 s of draining, no limit per group, 1,000 requests.
impl Default for Options {
    fn default() -> Self {
        Self { drain: Duration::from_secs(10), group_limit: None, max_requests: 1000 }
    }
}

/// Whom the scheduler works with.
#[derive(Clone)]
pub struct Deps {
    /// Executes the probes.
    pub prober: Arc<dyn Prober>,
    /// Takes the records.
    pub sink: Arc<dyn RecordSink>,
    /// Stamps the records with the time their probe started.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Deps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deps").finish_non_exhaustive()
    }
}

/// The handle of the scheduler: cheap to clone, takes requests and tells numbers while [`Scheduler::run`] runs.
#[derive(Debug, Clone)]
pub struct Scheduler {
    options: Options,
    deps: Deps,
    metrics: Arc<Metrics>,
    requests: Arc<Requests>,
}

impl Scheduler {
    /// Makes a scheduler that does nothing until it is run.
    #[must_use]
    pub fn new(options: Options, deps: Deps) -> Self {
        let requests = Arc::new(Requests::new(options.max_requests));
        Self { options, deps, metrics: Arc::default(), requests }
    }

    /// Probes the monitors of the newest set in `sets` until `stop` is cancelled; then starts nothing more, gives
    /// probes in flight [`Options::drain`] to finish, and returns. Records are handed to the sink in the order the
    /// probes end. A probe that panics is counted and logged, makes no record, and its monitor goes on.
    ///
    /// Each handle's family is run once at a time. When the sender of `sets` is gone, the last set stays.
    ///
    /// # Cancel safety
    /// Dropping the future drops the probes in flight without records.
    pub async fn run(&self, sets: watch::Receiver<Arc<MonitorSet>>, stop: CancellationToken) {
        run::Run::new(self).run(sets, stop).await;
    }
}

/// A request for a monitor that is being probed is served when that probe has ended; several requests for one monitor
/// that have not been served are one.
impl ProbeRequests for Scheduler {
    fn request(&self, key: &MonitorKey) -> Result<(), Refused> {
        self.requests.request(key)
    }
}

impl MetricSource for Scheduler {
    fn collect(&self, out: &mut dyn MetricSink) {
        self.metrics.collect(out);
    }
}
