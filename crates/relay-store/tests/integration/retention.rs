//! The cleaner over weeks, beside others, beside the archive, and while the store is away.

use std::{collections::HashMap, fs, path::Path, sync::Arc, time::Duration};

use relay_core::{
    MonitorKey, ProbeRecord, SubStatus, Timestamp, UnixSeconds,
    ports::{
        Clock as _, MetricSource, Repository,
        metrics::{HistogramValues, MetricSink},
        repository::{Job, Records as _, Retention},
        transition::NoTransition,
    },
    timeline::{Align, DailyFilter, Period, Plan, Timeline},
};
use relay_store::{
    ArchiveOptions, Archiver, ArchiverDeps, Cleaner, CleanerDeps, RetentionOptions, read_archive,
};
use relay_testkit::{
    Logs, ManualClock, MemoryRepository, key, record,
    suite::{Backend as _, Blinker},
};
use rusqlite::Connection;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::Sqlite;

const DAY: i64 = 86_400;
/// 2026-03-10 12:10:00 UTC.
const NOW: UnixSeconds = 1_773_144_600;
const TODAY: UnixSeconds = NOW - NOW % DAY;

fn options() -> RetentionOptions {
    RetentionOptions { days: 36, rollup_days: 60, batch: 97, ..RetentionOptions::default() }
}

fn cleaner(
    options: RetentionOptions,
    store: Arc<dyn Retention>,
    clock: &Arc<ManualClock>,
    archive: Option<ArchiveOptions>,
) -> Arc<Cleaner> {
    Cleaner::new(options, CleanerDeps { store, clock: clock.clone(), seed: 1, archive })
}

/// The values of counters and gauges by name and labels.
#[derive(Default)]
struct Numbers(HashMap<String, f64>);

impl Numbers {
    fn of(source: &dyn MetricSource) -> Self {
        let mut numbers = Self::default();
        source.collect(&mut numbers);
        numbers
    }

    fn records(source: &dyn MetricSource) -> f64 {
        Self::of(source).0["relay_retention_deleted_rows_total records"]
    }
}

impl MetricSink for Numbers {
    fn counter(&mut self, name: &'static str, _: &'static str, labels: &[(&'static str, &str)], value: u64) {
        self.gauge(name, "", labels, value as f64);
    }

    fn gauge(&mut self, name: &'static str, _: &'static str, labels: &[(&'static str, &str)], value: f64) {
        let labels = labels.iter().map(|(_, value)| format!(" {value}")).collect::<String>();
        assert_eq!(self.0.insert(format!("{name}{labels}"), value), None);
    }

    fn histogram(
        &mut self,
        _: &'static str,
        _: &'static str,
        _: &[(&'static str, &str)],
        _: HistogramValues<'_>,
    ) {
    }
}

fn keys() -> Vec<MonitorKey> {
    ["a/cc/vip/m", "a/cc/vip/n", "b/cc", "late/cc"].map(key).to_vec()
}

/// A day of records, every twenty minutes of each monitor, and some that come two hours, two days or two months late.
fn day_of_records(day: UnixSeconds) -> Vec<ProbeRecord> {
    let keys = keys();
    (0..72)
        .flat_map(|index| keys.iter().enumerate().map(move |(which, key)| (index, which as i64, key)))
        .map(|(index, which, key)| {
            let late = match (which, index % 24) {
                (3, 7) => 7_200,
                (3, 13) => 2 * DAY,
                (3, 19) => 60 * DAY,
                _ => 0,
            };
            let base =
                record(key, day + index * 1200 + which - late).latency(100 + (index * 37 % 900) as u32);
            match (index + which) % 11 {
                0 => base.red(SubStatus::ServerError, 503).build(),
                1 => base.yellow(SubStatus::SlowLatency).build(),
                _ => base.build(),
            }
        })
        .collect()
}

async fn append(store: &dyn Repository, batch: Vec<ProbeRecord>) {
    store.append(batch, Arc::new(Blinker { patience: 2 })).await.expect("stored");
}

/// Every view of a store, as far as no raw record is needed that is gone.
async fn views(store: &dyn Repository, now: UnixSeconds) -> Vec<(String, Vec<Timeline>)> {
    let mut views = Vec::new();
    for period in Period::ALL {
        for filter in [None, DailyFilter::parse("09:00-17:30").ok()] {
            let plan = Plan::new(period, Align::Now, filter, Timestamp::from_secs(now));
            let timelines = store.timelines(&keys(), &plan).await.expect("timelines");
            views.push((format!("{plan:?}"), timelines));
        }
    }
    views
}

fn count(path: &Path, table: &str, column: &str) -> (i64, Option<i64>) {
    let connection = Connection::open(path).expect("opened");
    let sql = format!("SELECT count(*), min({column}) FROM {table}");
    connection.query_row(&sql, [], |row| Ok((row.get(0)?, row.get(1)?))).expect("counted")
}

/// Weeks go by, the cleaner runs every day, the store is opened again now and then: what is shown is what the reference
/// shows, and what it showed before.
#[tokio::test]
async fn weeks_of_records_age_as_they_should() {
    let clock = Arc::new(ManualClock::at_secs(NOW));
    let memory = Arc::new(MemoryRepository::new(clock.clone()));
    let mut sqlite = Sqlite::at(clock.clone());
    let stop = CancellationToken::new();
    let first = TODAY - 44 * DAY;
    for number in 0..70 {
        let day = first + number * DAY;
        clock.set_secs(day + DAY - 300);
        append(memory.as_ref(), day_of_records(day)).await;
        append(sqlite.repository().as_ref(), day_of_records(day)).await;
        if number < 30 || number % 3 != 0 {
            continue;
        }
        let now = clock.now().as_secs();
        let before = views(sqlite.repository().as_ref(), now).await;
        for store in [memory.clone() as Arc<dyn Retention>, sqlite.repository()] {
            assert!(cleaner(options(), store, &clock, None).clean(&stop).await);
        }
        if number % 9 == 0 {
            sqlite.reopen_now().await;
        }
        let after = views(sqlite.repository().as_ref(), now).await;
        let expected = views(memory.as_ref(), now).await;
        for (((plan, found), (_, wanted)), (_, before)) in after.iter().zip(&expected).zip(&before) {
            assert!(found == wanted, "day {number}: {plan}");
            // 60 days of days are kept, and 30 days of slots.
            if !plan.contains("count: 90") && !plan.contains("count: 52") {
                assert!(found == before, "day {number}: {plan} changed");
            }
        }
        let keys = keys();
        assert_eq!(
            sqlite.repository().latest(&keys).await.expect("latest"),
            memory.latest(&keys).await.expect("latest")
        );
        let cutoff = (now - 36 * DAY).div_euclid(1800) * 1800;
        let raw = count(&sqlite.path(), "probe_history", "timestamp");
        assert_eq!(raw.0, memory.records().len() as i64);
        assert!(raw.1 >= Some(cutoff.min(first)) || number < 40, "{raw:?}");
        assert!(count(&sqlite.path(), "slot_rollups", "slot").1 >= Some(cutoff - DAY) || number < 40);
        assert_eq!(
            sqlite.repository().raw_horizon().await.expect("an answer"),
            memory.raw_horizon().await.expect("an answer")
        );
    }
    let days = count(&sqlite.path(), "day_rollups", "day");
    assert!(days.1 >= Some((clock.now().as_secs() - 60 * DAY).div_euclid(DAY) * DAY), "{days:?}");
}

#[tokio::test]
async fn space_is_given_back_to_the_system() {
    let clock = Arc::new(ManualClock::at_secs(NOW));
    let mut sqlite = Sqlite::at(clock.clone());
    for number in (1..=12).rev() {
        append(sqlite.repository().as_ref(), day_of_records(TODAY - number * DAY)).await;
    }
    sqlite.reopen_now().await;
    let full = fs::metadata(sqlite.path()).expect("the file").len();
    let short = RetentionOptions { days: 2, batch: 10_000, ..options() };
    let cleaner = cleaner(short, sqlite.repository(), &clock, None);
    assert!(cleaner.clean(&CancellationToken::new()).await);
    let freed = Numbers::of(cleaner.as_ref()).0["relay_retention_freed_bytes_total"];
    sqlite.reopen_now().await;
    let left = fs::metadata(sqlite.path()).expect("the file").len();
    assert!(left * 2 < full, "{left} of {full} bytes are left");
    assert!(freed >= (full - left) as f64, "{freed} bytes were said to be freed of {}", full - left);
    // New records fill what is free first.
    append(sqlite.repository().as_ref(), day_of_records(TODAY)).await;
}

#[tokio::test]
async fn only_one_cleans_at_a_time() {
    let clock = Arc::new(ManualClock::at_secs(NOW));
    let sqlite = Sqlite::at(clock.clone());
    let memory = Arc::new(MemoryRepository::new(clock.clone()));
    let stop = CancellationToken::new();
    for store in [sqlite.repository(), memory.clone() as Arc<dyn Repository>] {
        append(store.as_ref(), day_of_records(TODAY - 40 * DAY)).await;
        let (one, other) = (
            cleaner(options(), store.clone(), &clock, None),
            cleaner(options(), store.clone(), &clock, None),
        );
        let lock = store.lock_job(Job::Clean).await.expect("an answer").expect("free");
        assert!(one.clean(&stop).await, "somebody else at work is no trouble");
        assert_eq!(Numbers::records(one.as_ref()), 0.0);
        drop(lock);
        assert_eq!(tokio::join!(one.clean(&stop), other.clean(&stop)), (true, true));
        let done = [Numbers::records(one.as_ref()), Numbers::records(other.as_ref())];
        assert_eq!(done.iter().sum::<f64>(), 4.0 * 72.0);
        assert!(done.contains(&0.0), "{done:?}: both cleaned");
    }
}

#[tokio::test(start_paused = true)]
async fn it_waits_at_start_and_between_runs_and_ends_when_asked() {
    let clock = Arc::new(ManualClock::at_secs(NOW));
    let store = Arc::new(MemoryRepository::new(clock.clone()));
    let hourly = RetentionOptions { jitter: 0.5, ..options() };
    let cleaner = cleaner(hourly, store, &clock, None);
    let stop = CancellationToken::new();
    let mut running = JoinSet::new();
    let (own, token) = (cleaner.clone(), stop.clone());
    running.spawn(async move { own.run(token).await });
    let runs = || Numbers::of(cleaner.as_ref()).0["relay_retention_runs_total"];
    tokio::time::sleep(Duration::from_secs(59)).await;
    assert_eq!(runs(), 0.0);
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(runs(), 1.0);
    tokio::time::sleep(Duration::from_secs(29 * 60)).await;
    assert_eq!(runs(), 1.0, "half an hour is the least");
    tokio::time::sleep(Duration::from_secs(24 * 3600)).await;
    assert!((17.0..=49.0).contains(&runs()), "{} runs in a day", runs());
    stop.cancel();
    running.join_all().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_tried_again_and_said_once() {
    let clock = Arc::new(ManualClock::at_secs(NOW));
    let store = Arc::new(MemoryRepository::new(clock.clone()));
    append(store.as_ref(), day_of_records(TODAY - 40 * DAY)).await;
    let (log, _guard) = Logs::capture(tracing::Level::INFO);
    let cleaner = cleaner(options(), store.clone(), &clock, None);
    let stop = CancellationToken::new();
    store.fail("it restarts");
    for _ in 0..2 {
        assert!(!cleaner.clean(&stop).await);
    }
    assert_eq!(log.lines_with("cannot delete what is too old").len(), 1);
    // Back within the tries of one step: nobody notices.
    let soon = async {
        tokio::time::sleep(Duration::from_secs(2)).await;
        store.recover();
    };
    assert!(tokio::join!(cleaner.clean(&stop), soon).0);
    assert_eq!(log.lines_with("works again").len(), 1);
    let lines = log.lines_with("deleted what was too old");
    assert!(lines.len() == 1 && lines[0].contains("288"), "{lines:?}");
    assert_eq!(Numbers::of(cleaner.as_ref()).0["relay_retention_errors_total"], 2.0);
}

#[tokio::test]
async fn a_run_takes_no_more_batches_than_it_may_and_counts_wait_for_their_records() {
    let clock = Arc::new(ManualClock::at_secs(NOW));
    let sqlite = Sqlite::at(clock.clone());
    append(sqlite.repository().as_ref(), day_of_records(TODAY - 40 * DAY)).await;
    append(sqlite.repository().as_ref(), day_of_records(TODAY)).await;
    let slots = count(&sqlite.path(), "slot_rollups", "slot").0;
    let few = RetentionOptions { batch: 12, max_batches: 10, ..options() };
    let cleaner = cleaner(few, sqlite.repository(), &clock, None);
    let stop = CancellationToken::new();
    assert!(cleaner.clean(&stop).await);
    let done = Numbers::records(cleaner.as_ref());
    assert!((120.0..=160.0).contains(&done), "{done}");
    assert_eq!(count(&sqlite.path(), "slot_rollups", "slot").0, slots);
    while Numbers::records(cleaner.as_ref()) < 288.0 {
        assert!(cleaner.clean(&stop).await);
    }
}

fn archive_options(folder: &Path) -> ArchiveOptions {
    ArchiveOptions { days: 35, backfill_days: 7, ..ArchiveOptions::new(folder) }
}

/// The days before today that have raw records.
fn days_left(store: &MemoryRepository) -> Vec<i64> {
    let mut days: Vec<_> =
        store.records().iter().map(|stored| (TODAY - stored.record.timestamp).div_euclid(DAY) + 1).collect();
    days.sort_unstable();
    days.dedup();
    days
}

async fn with_days(clock: &Arc<ManualClock>, days: impl Iterator<Item = i64>) -> Arc<MemoryRepository> {
    let store = Arc::new(MemoryRepository::new(clock.clone()));
    for ago in days {
        let batch = vec![record(&keys()[0], TODAY - ago * DAY + 5).build()];
        store.append(batch, Arc::new(NoTransition)).await.expect("stored");
    }
    store
}

#[tokio::test]
async fn no_day_is_deleted_that_is_still_to_be_archived() {
    let clock = Arc::new(ManualClock::at_secs(NOW));
    let folder = tempfile::tempdir().expect("a folder");
    let store = with_days(&clock, [0, 20, 35, 36, 38, 41, 42, 43].into_iter()).await;
    let (log, _guard) = Logs::capture(tracing::Level::INFO);
    let stop = CancellationToken::new();
    // The folder cannot be made: something else is there.
    let inside = folder.path().join("archive");
    fs::write(&inside, "not a folder").expect("written");
    let archive = archive_options(&inside);
    let deps = ArchiverDeps { store: store.clone(), clock: clock.clone() };
    let archiver = Archiver::new(archive.clone(), deps);
    let cleaner = cleaner(options(), store.clone(), &clock, Some(archive));
    assert!(!archiver.archive(&stop).await);
    let lines = log.lines_with("cannot archive");
    assert!(lines.len() == 1 && lines[0].contains(&*inside.to_string_lossy()), "{lines:?}");

    // What is beyond the days that are looked at goes, with a warning; the others stay.
    assert!(cleaner.clean(&stop).await);
    assert_eq!(days_left(&store), [0, 20, 35, 36, 38, 41]);
    let lines = log.lines_with("never archived");
    assert!(lines.len() == 1 && lines[0].contains("2026-01-26"), "{lines:?}");
    assert_eq!(log.lines_with("the archive cannot be read").len(), 1);

    // A day that somebody archives by hand may go; the one after it holds all later ones.
    fs::remove_file(&inside).expect("removed");
    fs::create_dir(&inside).expect("made");
    fs::write(inside.join("probe_history_2026-01-28.csv"), "by hand").expect("written");
    assert!(cleaner.clean(&stop).await);
    assert_eq!(days_left(&store), [0, 20, 35, 36, 38]);

    assert!(archiver.archive(&stop).await);
    for (ago, name) in [(35, "2026-02-03"), (36, "2026-02-02"), (38, "2026-01-31")] {
        let path = inside.join(format!("probe_history_{name}.csv.gz"));
        let records: Vec<_> =
            read_archive(&path).expect("an archive").collect::<Result<_, _>>().expect("records");
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].record.timestamp, TODAY - ago * DAY + 5);
    }
    assert!(cleaner.clean(&stop).await);
    assert_eq!(days_left(&store), [0, 20, 35]);
    assert_eq!(log.lines_with("never archived").len(), 1);
}

#[tokio::test]
async fn a_day_that_is_archived_later_than_it_would_be_deleted_waits_for_that() {
    let clock = Arc::new(ManualClock::at_secs(NOW));
    let folder = tempfile::tempdir().expect("a folder");
    let store = with_days(&clock, [0, 5, 10, 20, 35].into_iter()).await;
    let short = RetentionOptions { days: 7, ..options() };
    let archive = archive_options(folder.path());
    let archiver =
        Archiver::new(archive.clone(), ArchiverDeps { store: store.clone(), clock: clock.clone() });
    let cleaner = cleaner(short, store.clone(), &clock, Some(archive));
    let stop = CancellationToken::new();
    assert!(archiver.archive(&stop).await && cleaner.clean(&stop).await);
    assert_eq!(days_left(&store), [0, 5, 10, 20]);
}

/// While a day is being written, whatever happens, its records are there.
#[tokio::test]
async fn cleaning_and_archiving_at_the_same_time_loses_nothing() {
    let clock = Arc::new(ManualClock::at_secs(NOW));
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = Sqlite::at(clock.clone());
    for ago in [41, 40, 39, 38, 37, 36, 35, 34] {
        append(sqlite.repository().as_ref(), day_of_records(TODAY - ago * DAY)).await;
    }
    let archive = archive_options(folder.path());
    let archiver =
        Archiver::new(archive.clone(), ArchiverDeps { store: sqlite.repository(), clock: clock.clone() });
    let cleaner = cleaner(options(), sqlite.repository(), &clock, Some(archive));
    let stop = CancellationToken::new();
    for _ in 0..6 {
        assert_eq!(tokio::join!(archiver.archive(&stop), cleaner.clean(&stop)), (true, true));
    }
    let mut archived = 0;
    for entry in fs::read_dir(folder.path()).expect("a folder") {
        let records = read_archive(&entry.expect("an entry").path()).expect("an archive");
        archived += records.filter(|row| row.as_ref().expect("a record").record.key != keys()[3]).count();
    }
    assert_eq!(archived, 7 * 72 * 3);
    let before = (NOW - 36 * DAY).div_euclid(1800) * 1800;
    assert_eq!(count(&sqlite.path(), "probe_history", "timestamp").1, Some(before));
    sqlite.repository().close().await.expect("closed");
}
