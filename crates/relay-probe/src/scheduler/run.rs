//! The loop that works the plan off: everything here is one task, so that a reload and a result never race.

use std::{any::Any, collections::HashMap, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt;
use relay_core::{
    Monitor, ProbeRecord, ProbeResult, Psc, Timestamp,
    record::Source,
    schedule::{Concurrency, MonitorSet},
};
use tokio::{
    sync::watch,
    task::{AbortHandle, Id, JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{
    Scheduler,
    plan::{Plan, PlanId, Start},
};

/// The state of one run.
pub(super) struct Run<'a> {
    scheduler: &'a Scheduler,
    plan: Plan,
    /// Time 0 of the plan.
    began: Instant,
    tasks: JoinSet<Finished>,
    flights: HashMap<Id, Flight>,
}

/// A probe in flight.
struct Flight {
    id: PlanId,
    monitor: Arc<Monitor>,
    source: Source,
    abort: AbortHandle,
}

/// What a probe task brings back.
struct Finished {
    at: Timestamp,
    /// The result, or what the panic said.
    outcome: Result<ProbeResult, String>,
}

impl<'a> Run<'a> {
    pub(super) fn new(scheduler: &'a Scheduler) -> Self {
        Self {
            scheduler,
            plan: Plan::new(scheduler.options.group_limit),
            began: Instant::now(),
            tasks: JoinSet::new(),
            flights: HashMap::new(),
        }
    }

    /// Probes until `stop` is cancelled, then lets what is in flight finish.
    pub(super) async fn run(mut self, mut sets: watch::Receiver<Arc<MonitorSet>>, stop: CancellationToken) {
        let first = sets.borrow_and_update().clone();
        self.reload(&first).await;
        let mut reloads = true;
        while !stop.is_cancelled() {
            self.start_due();
            let next = self.plan.next_due().map(|due| self.began + due);
            // Biased: a result that comes back together with a reload must be judged by the new set.
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                changed = sets.changed(), if reloads => match changed {
                    Ok(()) => {
                        let set = sets.borrow_and_update().clone();
                        self.reload(&set).await;
                    }
                    Err(_) => reloads = false,
                },
                Some(joined) = self.tasks.join_next_with_id() => self.finish(joined),
                () = self.scheduler.requests.arrived() => {}
                () = sleep_until(next) => {}
            }
        }
        self.drain().await;
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Starts everything that may start now.
    fn start_due(&mut self) {
        let now = self.now();
        for key in self.scheduler.requests.take() {
            self.plan.request(&key, now);
        }
        self.plan.advance(now);
        while let Some(start) = self.plan.start() {
            self.spawn(start);
        }
        self.scheduler.metrics.observe(&self.plan);
    }

    fn spawn(&mut self, Start { id, monitor, source, due }: Start) {
        if source == Source::Manual {
            self.scheduler.requests.started(&monitor.key);
        }
        let (prober, clock) = (self.scheduler.deps.prober.clone(), self.scheduler.deps.clock.clone());
        let metrics = self.scheduler.metrics.clone();
        let (due, spec) = (self.began + due, monitor.probe.clone());
        let abort = self.tasks.spawn(async move {
            metrics.started(due.elapsed());
            let at = clock.now();
            let outcome = AssertUnwindSafe(prober.probe(&spec)).catch_unwind().await;
            Finished { at, outcome: outcome.map_err(|panic| message(panic.as_ref())) }
        });
        self.flights.insert(abort.id(), Flight { id, monitor, source, abort });
    }

    fn finish(&mut self, joined: Result<(Id, Finished), JoinError>) {
        let (task, finished) = match joined {
            Ok((task, finished)) => (task, Some(finished)),
            // Aborted: the only way left for a task to fail, since panics are caught inside.
            Err(error) => (error.id(), None),
        };
        let Some(Flight { id, monitor, source, .. }) = self.flights.remove(&task) else { return };
        let psc: &Psc = monitor.key.psc();
        let counts = self.plan.finish(id, psc, self.began.elapsed());
        let Scheduler { metrics, deps, .. } = self.scheduler;
        match finished {
            Some(Finished { outcome: Err(panic), .. }) => {
                metrics.panicked();
                error!(monitor.key = %monitor.key, panic, "a probe panicked; the monitor goes on at its next slot");
            }
            Some(Finished { at, outcome: Ok(result) }) if counts => {
                metrics.finished(&result);
                debug!(
                    monitor.key = %monitor.key,
                    status = %result.status,
                    http_code = result.http_code,
                    latency_ms = result.latency_ms,
                    "probed"
                );
                let key = monitor.key.clone();
                deps.sink.submit(ProbeRecord { key, timestamp: at.as_secs(), source, result });
            }
            _ => metrics.discarded(),
        }
    }

    /// Takes over a new set. Probes of monitors that left or changed are dropped, and awaited, which takes no longer
    /// than their next await: so a changed monitor is never probed twice at once.
    async fn reload(&mut self, set: &MonitorSet) {
        let reloaded = self.plan.reload(set, self.now());
        self.scheduler.requests.set_active(self.plan.keys());
        let mut dropped = Vec::new();
        for (task, flight) in self.flights.iter().filter(|(_, flight)| reloaded.left.contains(&flight.id)) {
            flight.abort.abort();
            dropped.push(*task);
        }
        while dropped.iter().any(|task| self.flights.contains_key(task)) {
            match self.tasks.join_next_with_id().await {
                Some(joined) => self.finish(joined),
                None => break,
            }
        }
        info!(
            monitors = self.plan.len(),
            entered = reloaded.entered,
            left = reloaded.left.len(),
            "probing as configured"
        );
    }

    /// Lets probes in flight finish within the drain time, and drops the rest.
    async fn drain(&mut self) {
        self.scheduler.requests.close();
        let end = Instant::now() + self.scheduler.options.drain;
        while let Ok(Some(joined)) = tokio::time::timeout_at(end, self.tasks.join_next_with_id()).await {
            self.finish(joined);
        }
        if !self.tasks.is_empty() {
            warn!(dropped = self.tasks.len(), "probes were still running at the end of the grace period");
            self.tasks.abort_all();
            while let Some(joined) = self.tasks.join_next_with_id().await {
                self.finish(joined);
            }
        }
        let nothing =
            MonitorSet { monitors: Vec::new(), concurrency: Concurrency::PerMonitor, stagger: false };
        self.plan.reload(&nothing, self.now());
        self.scheduler.metrics.observe(&self.plan);
    }
}

async fn sleep_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}

fn message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default()
}
