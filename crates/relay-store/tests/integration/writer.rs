//! The group-commit writer over the in-memory repository, whose outages are at hand. Time is paused: waiting costs none.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use relay_core::{
    MonitorKey, ProbeRecord, UnixSeconds,
    ports::{
        Health, MetricSource, RecordSink, Transition,
        metrics::{HistogramValues, MetricSink},
        repository::{Appended, Error, HistoryQuery, Records},
    },
    record::LatestRecord,
};
use relay_store::{Writer, WriterOptions};
use relay_testkit::{Logs, ManualClock, MemoryRepository, key, record, suite::Blinker};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::Level;

struct Running {
    memory: Arc<MemoryRepository>,
    writer: Arc<Writer>,
    stop: CancellationToken,
    give_up: CancellationToken,
    task: tokio::task::JoinSet<()>,
}

fn start(options: WriterOptions) -> Running {
    let memory = Arc::new(MemoryRepository::new(Arc::new(ManualClock::at_secs(0))));
    start_over(options, memory.clone(), memory)
}

fn start_over(options: WriterOptions, memory: Arc<MemoryRepository>, store: Arc<dyn Records>) -> Running {
    let writer = Writer::new(options, store, memory.clone(), Arc::new(Blinker { patience: 1 }));
    let (stop, give_up) = (CancellationToken::new(), CancellationToken::new());
    let mut task = tokio::task::JoinSet::new();
    let (own, soft, hard) = (writer.clone(), stop.clone(), give_up.clone());
    task.spawn(async move { own.run(soft, hard).await });
    Running { memory, writer, stop, give_up, task }
}

impl Running {
    fn submit(&self, range: std::ops::Range<UnixSeconds>) {
        range.for_each(|at| self.writer.submit(record(&key("a/s"), at).build()));
    }

    fn stored(&self) -> Vec<UnixSeconds> {
        self.memory.records().iter().map(|stored| stored.record.timestamp).collect()
    }

    fn metric(&self, name: &str) -> u64 {
        struct Find<'a>(&'a str, Option<u64>);
        impl MetricSink for Find<'_> {
            fn counter(
                &mut self,
                name: &'static str,
                _: &'static str,
                _: &[(&'static str, &str)],
                value: u64,
            ) {
                if name == self.0 {
                    self.1 = Some(value);
                }
            }
            fn gauge(&mut self, name: &'static str, _: &'static str, _: &[(&'static str, &str)], value: f64) {
                if name == self.0 {
                    self.1 = Some(value as u64);
                }
            }
            fn histogram(
                &mut self,
                name: &'static str,
                _: &'static str,
                _: &[(&'static str, &str)],
                values: HistogramValues<'_>,
            ) {
                if name == self.0 {
                    self.1 = Some(values.counts.iter().sum());
                }
            }
        }
        let mut find = Find(name, None);
        self.writer.collect(&mut find);
        find.1.expect("the metric is there")
    }

    async fn end(&mut self) {
        self.task.join_next().await.expect("it runs").expect("no panic");
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_waits_for_its_window_and_no_longer() {
    let running = start(WriterOptions::default());
    let mut committed = running.writer.subscribe();
    let began = Instant::now();
    running.submit(0..3);
    sleep(Duration::from_millis(60)).await;
    running.submit(3..5);
    let group = committed.recv().await.expect("a group");
    assert_eq!(group.records.len(), 5);
    let waited = began.elapsed();
    assert!((95..=105).contains(&waited.as_millis()), "{waited:?}");
}

#[tokio::test(start_paused = true)]
async fn a_full_group_does_not_wait() {
    let running = start(WriterOptions { batch: 10, ..WriterOptions::default() });
    let mut committed = running.writer.subscribe();
    let began = Instant::now();
    running.submit(0..25);
    for expected in [10, 10] {
        assert_eq!(committed.recv().await.expect("a group").records.len(), expected);
    }
    assert!(began.elapsed() < Duration::from_millis(5));
    assert_eq!(committed.recv().await.expect("a group").records.len(), 5);
    assert_eq!(running.stored(), (0..25).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn flush_waits_for_what_was_submitted_and_not_for_the_window() {
    let running = start(WriterOptions { window: Duration::from_secs(60), ..WriterOptions::default() });
    running.writer.flush().await;
    running.submit(0..5);
    let began = Instant::now();
    running.writer.flush().await;
    assert_eq!(running.stored().len(), 5);
    assert!(began.elapsed() < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn an_outage_loses_nothing_within_the_bound_and_keeps_the_order() {
    let (logs, _guard) = Logs::capture(Level::INFO);
    let running = start(WriterOptions { batch: 10, ..WriterOptions::default() });
    let mut committed = running.writer.subscribe();
    running.submit(0..5);
    running.writer.flush().await;
    running.memory.fail("disk full");
    running.submit(5..205);
    sleep(Duration::from_secs(60)).await;
    let report = running.writer.check().await;
    assert_eq!(report.component, "store");
    assert!(report.trouble.is_some_and(|trouble| trouble.contains("disk full")));
    assert!(running.metric("relay_store_append_errors_total") > 5);
    assert_eq!(running.stored().len(), 5);
    running.memory.recover();
    running.writer.flush().await;
    assert_eq!(running.stored(), (0..205).collect::<Vec<_>>());
    assert_eq!(running.writer.check().await.trouble, None);
    assert_eq!(running.metric("relay_store_records_total"), 205);
    assert_eq!(running.metric("relay_store_dropped_records_total"), 0);
    assert_eq!(running.metric("relay_store_waiting_records"), 0);
    let mut told = 0;
    while let Ok(group) = committed.try_recv() {
        told += group.records.len();
    }
    assert_eq!(told, 205);
    assert_eq!(logs.lines_with("disk full").len(), 1, "{}", logs.text());
    assert_eq!(logs.lines_with("is back").len(), 1, "{}", logs.text());
}

#[tokio::test(start_paused = true)]
async fn beyond_the_bound_the_oldest_are_dropped_and_counted() {
    let running = start(WriterOptions { queue: 50, batch: 10, ..WriterOptions::default() });
    running.memory.fail("away");
    running.submit(0..10);
    // The first group is taken out of the queue and tried again and again.
    sleep(Duration::from_secs(1)).await;
    running.submit(10..200);
    assert_eq!(running.metric("relay_store_dropped_records_total"), 140);
    running.memory.recover();
    running.writer.flush().await;
    assert_eq!(running.stored(), (0..10).chain(150..200).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn stopping_writes_what_waits() {
    let mut running = start(WriterOptions { window: Duration::from_secs(60), ..WriterOptions::default() });
    running.submit(0..2500);
    running.stop.cancel();
    running.end().await;
    assert_eq!(running.stored().len(), 2500);
}

#[tokio::test(start_paused = true)]
async fn giving_up_ends_although_the_store_is_away() {
    let (logs, _guard) = Logs::capture(Level::INFO);
    let mut running = start(WriterOptions::default());
    running.memory.fail("away");
    running.submit(0..10);
    running.stop.cancel();
    sleep(Duration::from_secs(5)).await;
    running.give_up.cancel();
    let asked = Instant::now();
    running.end().await;
    assert_eq!(asked.elapsed(), Duration::ZERO, "no more tries are made");
    assert_eq!(logs.lines_with("records=10").len(), 1, "{}", logs.text());
    assert!(logs.lines_with("records=10")[0].contains("ERROR"), "{}", logs.text());
    assert_eq!(running.writer.waiting(), 10);
}

#[tokio::test(start_paused = true)]
async fn giving_up_stores_what_waits_while_the_store_works() {
    let (logs, _guard) = Logs::capture(Level::INFO);
    let mut running = start(WriterOptions { window: Duration::from_secs(60), ..WriterOptions::default() });
    running.submit(0..10);
    sleep(Duration::from_secs(5)).await;
    let asked = Instant::now();
    running.give_up.cancel();
    running.end().await;
    assert_eq!(asked.elapsed(), Duration::ZERO);
    assert_eq!(running.stored().len(), 10);
    assert_eq!(running.writer.waiting(), 0);
    assert_eq!(logs.lines_with("ERROR"), [] as [String; 0]);
}

#[tokio::test(start_paused = true)]
async fn events_are_told_with_their_records() {
    let running = start(WriterOptions::default());
    let mut committed = running.writer.subscribe();
    running.writer.submit(record(&key("a/s"), 0).build());
    running.writer.submit(record(&key("a/s"), 1).red(relay_core::SubStatus::ServerError, 500).build());
    let group = committed.recv().await.expect("a group");
    assert_eq!((group.records.len(), group.events.len()), (2, 1));
}

/// A store that refuses batches with a certain record for good, as when a row cannot be what it is.
struct Picky {
    inner: Arc<MemoryRepository>,
    hated: UnixSeconds,
}

#[async_trait]
impl Records for Picky {
    async fn append(
        &self,
        batch: Vec<ProbeRecord>,
        transition: Arc<dyn Transition>,
    ) -> Result<Appended, Error> {
        if batch.iter().any(|record| record.timestamp == self.hated) {
            return Err(Error::Corrupt { reason: "probe_history.status of a record".to_owned() });
        }
        self.inner.append(batch, transition).await
    }
    async fn latest(&self, keys: &[MonitorKey]) -> Result<Vec<Option<LatestRecord>>, Error> {
        self.inner.latest(keys).await
    }
    async fn history(&self, query: &HistoryQuery) -> Result<Vec<relay_core::StoredRecord>, Error> {
        self.inner.history(query).await
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_can_never_be_stored_does_not_hold_up_the_others() {
    let (logs, _guard) = Logs::capture(Level::INFO);
    let memory = Arc::new(MemoryRepository::new(Arc::new(ManualClock::at_secs(0))));
    let store = Arc::new(Picky { inner: memory.clone(), hated: 13 });
    let running = start_over(WriterOptions { batch: 10, ..WriterOptions::default() }, memory, store);
    running.submit(0..40);
    running.writer.flush().await;
    assert_eq!(running.stored(), (0..40).filter(|at| *at != 13).collect::<Vec<_>>());
    assert_eq!(running.metric("relay_store_dropped_records_total"), 1);
    assert_eq!(logs.lines_with("ERROR").len(), 1, "{}", logs.text());
    assert_eq!(running.writer.check().await.trouble, None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn submitting_from_many_threads_keeps_each_ones_order() {
    let mut running = start(WriterOptions::default());
    std::thread::scope(|scope| {
        for name in ["a/s", "b/s", "c/s"] {
            let writer = &running.writer;
            scope.spawn(move || (0..3000).for_each(|at| writer.submit(record(&key(name), at).build())));
        }
    });
    running.stop.cancel();
    running.end().await;
    for name in ["a/s", "b/s", "c/s"] {
        let own: Vec<_> = running
            .memory
            .records()
            .iter()
            .filter(|stored| stored.record.key == key(name))
            .map(|stored| stored.record.timestamp)
            .collect();
        assert_eq!(own, (0..3000).collect::<Vec<_>>());
    }
}
