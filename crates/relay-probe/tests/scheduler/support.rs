//! A prober that follows a script, a sink that remembers, and a scheduler on paused time.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use relay_core::{
    Monitor, MonitorKey, ProbeRecord, ProbeResult, ProbeSpec, Status, Timestamp,
    ports::{Clock, Prober, RecordSink},
    record::Timings,
    schedule::{Concurrency, MonitorSet},
};
use relay_probe::scheduler::{Deps, Options, Scheduler};
use tokio::{sync::watch, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

/// Seconds of the clock at the start of each test.
pub(crate) const EPOCH: i64 = 1_700_000_000;

/// What the prober does with a monitor, by the host of its address.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Script {
    /// Takes this long and is green.
    Takes(Duration),
    Panics,
}

#[derive(Debug, Default)]
pub(crate) struct Stage {
    scripts: Mutex<HashMap<String, Script>>,
    pub(crate) records: Mutex<Vec<ProbeRecord>>,
    /// Host and time of each probe that began.
    pub(crate) begun: Mutex<Vec<(String, Duration)>>,
    running: Mutex<HashMap<String, usize>>,
    in_flight: AtomicUsize,
    most_in_flight: AtomicUsize,
    began: Mutex<Option<Instant>>,
}

impl Stage {
    pub(crate) fn most_in_flight(&self) -> usize {
        self.most_in_flight.load(Ordering::SeqCst)
    }

    fn elapsed(&self) -> Duration {
        self.began.lock().expect("not poisoned").get_or_insert_with(Instant::now).elapsed()
    }

    pub(crate) fn direct(&self, host: &str, script: Script) {
        self.scripts.lock().expect("not poisoned").insert(host.to_owned(), script);
    }

    /// When the probes of a monitor began.
    pub(crate) fn times(&self, host: &str) -> Vec<Duration> {
        let begun = self.begun.lock().expect("not poisoned");
        begun.iter().filter(|(name, _)| name == host).map(|(_, at)| *at).collect()
    }

    pub(crate) fn recorded(&self, provider: &str) -> usize {
        let records = self.records.lock().expect("not poisoned");
        records.iter().filter(|record| record.key.provider() == provider).count()
    }
}

/// Ends a probe however it ends, also when it is dropped.
struct Visit<'a>(&'a Stage, String);

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::SeqCst);
        if let Some(count) = self.0.running.lock().expect("not poisoned").get_mut(&self.1) {
            *count -= 1;
        }
    }
}

#[async_trait]
impl Prober for Stage {
    async fn probe(&self, spec: &ProbeSpec) -> ProbeResult {
        let host = spec.url.host_str().expect("a host").to_owned();
        self.begun.lock().expect("not poisoned").push((host.clone(), self.elapsed()));
        let now = self.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
        self.most_in_flight.fetch_max(now, Ordering::SeqCst);
        let visits = {
            let mut running = self.running.lock().expect("not poisoned");
            let count = running.entry(host.clone()).or_default();
            *count += 1;
            *count
        };
        let _visit = Visit(self, host.clone());
        assert_eq!(visits, 1, "two probes of {host} at once");
        let script = self.scripts.lock().expect("not poisoned").get(&host).copied();
        match script.unwrap_or(Script::Takes(Duration::from_millis(100))) {
            Script::Takes(time) => tokio::time::sleep(time).await,
            Script::Panics => panic!("scripted"),
        }
        ProbeResult {
            status: Status::Green,
            sub_status: None,
            http_code: 200,
            latency_ms: 100,
            timings: Timings::default(),
            detail: None,
        }
    }
}

impl RecordSink for Stage {
    fn submit(&self, record: ProbeRecord) {
        self.records.lock().expect("not poisoned").push(record);
    }
}

impl Clock for Stage {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(EPOCH).plus(self.elapsed())
    }
}

/// A scheduler that runs, and the strings to pull.
pub(crate) struct Running {
    pub(crate) stage: Arc<Stage>,
    pub(crate) scheduler: Scheduler,
    pub(crate) sets: watch::Sender<Arc<MonitorSet>>,
    pub(crate) stop: CancellationToken,
    pub(crate) task: JoinHandle<()>,
}

#[expect(clippy::disallowed_methods, reason = "the test itself is what waits for the task")]
pub(crate) fn run(stage: Arc<Stage>, set: MonitorSet) -> Running {
    stage.elapsed();
    let deps = Deps { prober: stage.clone(), sink: stage.clone(), clock: stage.clone() };
    let scheduler = Scheduler::new(Options::default(), deps);
    let (sets, receiver) = watch::channel(Arc::new(set));
    let stop = CancellationToken::new();
    let task = {
        let (scheduler, stop) = (scheduler.clone(), stop.clone());
        tokio::spawn(async move { scheduler.run(receiver, stop).await })
    };
    Running { stage, scheduler, sets, stop, task }
}

pub(crate) fn key(name: &str) -> MonitorKey {
    MonitorKey::from_parts(name, "cc", "", "")
}

/// A monitor whose provider is the host it probes.
pub(crate) fn monitor(name: &str, interval: Duration) -> Monitor {
    relay_testkit::monitor(&key(name), &format!("http://{name}/v1"))
        .interval(interval)
        .probe(|probe| probe.timeout = Duration::from_secs(60))
        .build()
}

pub(crate) fn set(monitors: Vec<Monitor>, limit: usize) -> MonitorSet {
    MonitorSet {
        monitors: monitors.into_iter().map(Arc::new).collect(),
        concurrency: Concurrency::Limit(limit),
        stagger: false,
    }
}
