//! The writer: collects finished records and stores them in groups.
//!
//! A record waits at most [`WriterOptions::window`] for others, so that one commit serves many. While the store is away
//! records wait in a bounded queue and are written in order when it is back; beyond the bound the oldest are dropped and
//! counted. Everything that was committed is then told to whoever listens.

mod metrics;
mod queue;

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use async_trait::async_trait;
use relay_core::{
    ProbeRecord,
    ports::{
        Health, RecordSink, Transition,
        health::{Fact, HealthReport},
        repository::{Appended, Error, Maintenance, Records},
    },
};
use tokio::{
    sync::{Notify, broadcast, watch},
    time::{Duration, Instant, sleep, sleep_until, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use self::{metrics::AppendTimes, queue::Queue};
use crate::options::WriterOptions;

/// Groups that a slow listener may be behind before it misses some.
const LISTENER_LAG: usize = 256;

/// The first pause between two tries while the store is away.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// How long a writer that is told to give up still tries while the store works.
const LAST_TRY: Duration = Duration::from_secs(1);

/// How long a health check waits for the store.
const PING_TIMEOUT: Duration = Duration::from_secs(2);

/// Takes records and stores them in groups; see the module. Start it with [`Writer::run`].
pub struct Writer {
    options: WriterOptions,
    records: Arc<dyn Records>,
    maintenance: Arc<dyn Maintenance>,
    transition: Arc<dyn Transition>,
    queue: Queue,
    /// Something was submitted, or somebody wants the queue written now.
    wake: Notify,
    /// Somebody waits in [`Writer::flush`]: no group waits for others.
    hurry: AtomicU64,
    /// All records with a lower sequence number are committed or dropped.
    settled: watch::Sender<u64>,
    committed: broadcast::Sender<Arc<Appended>>,
    /// What keeps the store from working, as long as something does.
    trouble: std::sync::Mutex<Option<String>>,
    stored: AtomicU64,
    failures: AtomicU64,
    /// How many records the group has that is being stored.
    writing: AtomicU64,
    /// Records that were dropped because they can never be stored.
    refused: AtomicU64,
    running: AtomicBool,
    times: AppendTimes,
}

impl std::fmt::Debug for Writer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writer").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Writer {
    /// Makes a writer into `records` that decides events by `transition`; `maintenance` tells whether the store works
    /// while there is nothing to write.
    #[must_use]
    pub fn new(
        options: WriterOptions,
        records: Arc<dyn Records>,
        maintenance: Arc<dyn Maintenance>,
        transition: Arc<dyn Transition>,
    ) -> Arc<Self> {
        Arc::new(Self {
            queue: Queue::new(options.queue.max(1)),
            options,
            records,
            maintenance,
            transition,
            wake: Notify::new(),
            hurry: AtomicU64::new(0),
            settled: watch::Sender::new(0),
            committed: broadcast::Sender::new(LISTENER_LAG),
            trouble: std::sync::Mutex::default(),
            stored: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            writing: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            running: AtomicBool::new(false),
            times: AppendTimes::default(),
        })
    }

    /// Listens to what is committed from now on, in order. A listener that falls behind by 256 groups misses the oldest
    /// and is told so.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Appended>> {
        self.committed.subscribe()
    }

    /// Waits until every record submitted before this call is committed or dropped. Waits as long as the store is away.
    pub async fn flush(&self) {
        let target = self.queue.submitted();
        self.hurry.fetch_add(1, Ordering::Relaxed);
        let _hurry = Hurry(&self.hurry);
        self.wake.notify_one();
        // The sender lives as long as `self`.
        let _ = self.settled.subscribe().wait_for(|settled| *settled >= target).await;
    }

    /// Returns how many records are not stored yet; once [`Writer::run`] has ended, how many are lost.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.queue.len() as u64 + self.writing.load(Ordering::Relaxed)
    }

    /// Returns how many records were dropped, for want of room or because they can never be stored.
    fn dropped(&self) -> u64 {
        self.queue.dropped() + self.refused.load(Ordering::Relaxed)
    }

    /// Writes until `stop` is cancelled and the queue is empty, or `give_up` is cancelled; then what waits is stored
    /// only if the store works and takes it within a second, and the log tells of the rest. Submit nothing after
    /// `stop`. Must run once only.
    ///
    /// # Panics
    /// When it runs already: two loops would mix up the order of records.
    pub async fn run(&self, stop: CancellationToken, give_up: CancellationToken) {
        assert!(!self.running.swap(true, Ordering::Relaxed), "the writer runs already");
        let mut write = std::pin::pin!(self.write(&stop));
        tokio::select! {
            () = &mut write => return,
            () = give_up.cancelled() => {}
        }
        if self.trouble().is_none() {
            tokio::select! {
                () = write => {}
                _ = timeout(LAST_TRY, self.flush()) => {}
            }
        }
        let lost = self.waiting();
        if lost > 0 {
            error!(records = lost, "stopping with records that could not be stored: they are lost");
        }
    }

    async fn write(&self, stop: &CancellationToken) {
        loop {
            if self.queue.len() == 0 {
                if stop.is_cancelled() {
                    return;
                }
                tokio::select! {
                    () = self.wake.notified() => {}
                    () = stop.cancelled() => {}
                }
                continue;
            }
            self.collect(stop).await;
            let batch = self.queue.take(self.options.batch.max(1));
            self.store(batch).await;
        }
    }

    /// Gives the first record's group its time to grow.
    async fn collect(&self, stop: &CancellationToken) {
        let end = Instant::now() + self.options.window;
        while self.queue.len() < self.options.batch && self.hurry.load(Ordering::Relaxed) == 0 {
            tokio::select! {
                () = self.wake.notified() => {}
                () = sleep_until(end) => return,
                () = stop.cancelled() => return,
            }
        }
    }

    /// Stores one group, trying until it works. What the store refuses for good is left out, once it is known that
    /// it is the records and not the store.
    async fn store(&self, mut batch: Vec<ProbeRecord>) {
        let mut pause = FIRST_PAUSE;
        loop {
            self.writing.store(batch.len() as u64, Ordering::Relaxed);
            let error = match self.append(&batch).await {
                Ok(()) => break,
                Err(error) => error,
            };
            if !may_pass(&error) && self.sift(&batch).await {
                break;
            }
            self.failed(&error);
            sleep(pause).await;
            pause = (pause * 2).min(self.options.retry_pause);
            if !may_pass(&error) {
                // With others beside it, a record that can never be stored is told from a store that is broken.
                batch.extend(self.queue.take(self.options.batch.saturating_sub(batch.len())));
            }
        }
        self.writing.store(0, Ordering::Relaxed);
        self.recovered();
        self.settled.send_replace(self.queue.front());
    }

    /// Tries once to store a group, and tells those who listen.
    async fn append(&self, batch: &[ProbeRecord]) -> Result<(), Error> {
        let started = Instant::now();
        match self.records.append(batch.to_vec(), Arc::clone(&self.transition)).await {
            Ok(appended) => {
                self.times.observe(started.elapsed());
                self.stored.fetch_add(appended.records.len() as u64, Ordering::Relaxed);
                // Nobody has to listen.
                let _ = self.committed.send(Arc::new(appended));
                Ok(())
            }
            Err(error) => {
                self.failures.fetch_add(1, Ordering::Relaxed);
                Err(error)
            }
        }
    }

    /// Stores a refused group record by record, in order, and drops those that are refused alone too. Returns whether
    /// that was any use: when every record is refused, it is the store, and nothing is dropped.
    async fn sift(&self, batch: &[ProbeRecord]) -> bool {
        let mut refused = None;
        let (mut stored, mut dropped) = (0u64, 0u64);
        for (index, record) in batch.iter().enumerate() {
            loop {
                match self.append(std::slice::from_ref(record)).await {
                    Ok(()) => stored += 1,
                    Err(error) if may_pass(&error) => {
                        self.failed(&error);
                        sleep(self.options.retry_pause).await;
                        continue;
                    }
                    Err(_) if stored == 0 && index + 1 == batch.len() => return false,
                    Err(error) => {
                        dropped += 1;
                        refused.get_or_insert_with(|| (record.key.clone(), error));
                    }
                }
                break;
            }
        }
        if let Some((key, error)) = refused {
            self.refused.fetch_add(dropped, Ordering::Relaxed);
            error!(records = dropped, monitor.key = %key, error = %error, "dropped records that can never be stored");
        }
        true
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    fn failed(&self, cause: &Error) {
        let mut trouble = self.trouble.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if trouble.is_none() {
            error!(error = %cause, "cannot store records; they wait in memory");
        }
        *trouble = Some(cause.to_string());
    }

    fn recovered(&self) {
        let mut trouble = self.trouble.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if trouble.take().is_some() {
            info!(waiting = self.queue.len(), "the store is back");
        }
    }
}

/// Somebody waits in [`Writer::flush`], also when it is given up.
struct Hurry<'a>(&'a AtomicU64);

impl Drop for Hurry<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Tells whether trying the same again may work.
fn may_pass(error: &Error) -> bool {
    matches!(error, Error::Unavailable { .. })
}

impl RecordSink for Writer {
    fn submit(&self, record: ProbeRecord) {
        if self.queue.push(record, self.options.batch) {
            self.wake.notify_one();
        }
    }
}

#[async_trait]
impl Health for Writer {
    async fn check(&self) -> HealthReport {
        let trouble = match self.trouble() {
            Some(trouble) => Some(trouble),
            None => match timeout(PING_TIMEOUT, self.maintenance.ping()).await {
                Ok(Ok(())) => None,
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some("the store does not answer".to_owned()),
            },
        };
        let number = |count: u64| Fact::Number(i64::try_from(count).unwrap_or(i64::MAX));
        HealthReport {
            component: "store",
            trouble,
            facts: vec![
                ("waiting_records", number(self.waiting())),
                ("dropped_records", number(self.dropped())),
            ],
        }
    }
}
