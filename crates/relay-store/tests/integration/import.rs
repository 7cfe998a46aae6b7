//! Imports of databases of the Go version: of every age, twice, interrupted, beside live records.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use relay_core::{
    MonitorKey, ProbeRecord, Psc, StoredRecord, SubStatus, Timestamp, UnixSeconds,
    event::{GroupStates, NewEvent},
    ports::{
        Repository, Transition,
        repository::{EventFilter, HistoryQuery, Records as _},
        transition::NoTransition,
    },
    record::Source,
    timeline::{Align, Period, Plan, Timeline},
};
use relay_store::{Import, ImportDeps, ImportError, ImportFrom, ImportOptions, ImportSummary};
use relay_testkit::{
    ManualClock, MemoryRepository, key, record,
    relay_pulse::{Age, Dialect, RelayPulse},
    suite::Backend as _,
};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::Sqlite;

/// 2026-03-10 15:20:00 UTC.
const NOW: UnixSeconds = 1_773_156_000;
const DAY: i64 = 86_400;

/// A store, a source beside it, and what should come out.
struct Site {
    store: Sqlite,
    source: RelayPulse,
}

impl Site {
    fn new(age: Age, days: i64, count: i64) -> Self {
        let store = Sqlite::at(Arc::new(ManualClock::at_secs(NOW)));
        let source = RelayPulse::made(age, NOW, days, count);
        write(&store.folder.path().join("old.db"), &source.sql(Dialect::Sqlite));
        Self { store, source }
    }

    fn from(&self) -> ImportFrom {
        ImportFrom::RelayPulseFile(self.store.folder.path().join("old.db"))
    }

    fn deps(&self, heirs: &[Psc]) -> ImportDeps {
        let (_, heirs) = watch::channel(heirs.to_vec());
        ImportDeps { repository: self.store.repository(), clock: self.store.clock.clone(), heirs }
    }

    async fn import(&self, options: &ImportOptions) -> ImportSummary {
        let import = Import::begin(&self.from(), options.clone(), self.deps(&[])).await.expect("begun");
        import.history(&CancellationToken::new(), |_| {}).await.expect("imported")
    }

    fn keys(&self) -> Vec<MonitorKey> {
        let mut keys: Vec<_> = self.source.records.iter().map(|stored| stored.record.key.clone()).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// Returns a plain store with the same records as if they had been made in it.
    async fn expected(&self, live: &[StoredRecord]) -> MemoryRepository {
        let memory = MemoryRepository::new(self.store.clock.clone());
        let records = self.source.records.iter().chain(live).map(|stored| stored.record.clone()).collect();
        memory.append(records, Arc::new(NoTransition)).await.expect("stored");
        memory
    }
}

fn write(path: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(path).expect("a file");
    connection.pragma_update(None, "journal_mode", "WAL").expect("WAL");
    connection.execute_batch(&format!("BEGIN;{sql}COMMIT;")).expect("good SQL");
}

fn options() -> ImportOptions {
    let days_kept = 36;
    ImportOptions { records_from: NOW - days_kept * DAY, chunk: 200, ..ImportOptions::new("test") }
}

async fn timelines(
    repository: &dyn Repository,
    keys: &[MonitorKey],
    periods: &[Period],
) -> Vec<Vec<Timeline>> {
    let mut all = Vec::new();
    for period in periods {
        let plan = Plan::new(*period, Align::Now, None, Timestamp::from_secs(NOW)).with_bucket_sketches();
        all.push(repository.timelines(keys, &plan).await.expect("timelines"));
    }
    all
}

const PERIODS: [Period; 6] =
    [Period::Minutes90, Period::Hours24, Period::Days7, Period::Days30, Period::Days90, Period::Year1];

async fn history(repository: &dyn Repository, key: &MonitorKey) -> Vec<StoredRecord> {
    let query = HistoryQuery { key: key.clone(), from: 0, to: NOW + DAY, before: None, limit: 100_000 };
    repository.history(&query).await.expect("history")
}

#[tokio::test]
async fn every_age_comes_out_as_if_it_had_been_recorded_here() {
    for age in Age::ALL {
        let mut site = Site::new(age, 60, 3_000);
        let summary = site.import(&options()).await;
        let old = NOW - NOW % DAY - 36 * DAY;
        let kept = site.source.records.iter().filter(|stored| stored.record.timestamp >= old).count() as u64;
        assert_eq!((summary.rows, summary.records, summary.skipped), (3_000, kept, 0), "{age:?}");
        assert!(summary.counts > 0);
        let (expected, keys) = (site.expected(&[]).await, site.keys());
        for reopened in [false, true] {
            if reopened {
                site.store.reopen_now().await;
            }
            let repository = site.store.repository();
            assert_eq!(
                timelines(repository.as_ref(), &keys, &PERIODS).await,
                timelines(&expected, &keys, &PERIODS).await,
                "{age:?}"
            );
            let events = repository.events(0, &EventFilter::default(), 100).await.expect("events");
            assert_eq!(events, site.source.events, "{age:?}");
            for key in &keys {
                let all = history(&expected, key).await;
                let kept: Vec<_> = all.into_iter().filter(|stored| stored.record.timestamp >= old).collect();
                assert_eq!(history(repository.as_ref(), key).await, kept, "{age:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_second_import_adds_nothing() {
    let site = Site::new(Age::Models, 60, 2_000);
    site.import(&options()).await;
    let before = timelines(site.store.repository().as_ref(), &site.keys(), &PERIODS).await;
    for name in ["test", "another"] {
        let again = site.import(&ImportOptions { name: name.to_owned(), ..options() }).await;
        assert_eq!((again.rows, again.records, again.events, again.groups), (2_000, 0, 0, 0), "{name}");
        assert_eq!(
            timelines(site.store.repository().as_ref(), &site.keys(), &PERIODS).await,
            before,
            "{name}"
        );
    }
}

/// Breaks the import off again and again, and goes on in a store that was closed in between.
#[tokio::test]
async fn an_interrupted_import_goes_on_where_it_was() {
    for age in [Age::First, Age::Models] {
        let mut site = Site::new(age, 60, 2_000);
        let (mut tries, mut rows) = (0, 0);
        let last = loop {
            tries += 1;
            assert!(tries < 200, "it does not come to an end");
            let import = Import::begin(&site.from(), options(), site.deps(&[])).await.expect("begun");
            let stop = CancellationToken::new();
            let (mut days, mut last_day) = (0, 0);
            let outcome = import.history(&stop, |progress| {
                days += i64::from(progress.day != last_day);
                last_day = progress.day;
                rows += 1;
                if days == 7 {
                    stop.cancel();
                }
            });
            match outcome.await {
                Err(ImportError::Stopped) => site.store.reopen_now().await,
                Ok(summary) => break summary,
                Err(error) => panic!("{error}"),
            }
        };
        assert!(tries > 5, "it was interrupted {tries} times");
        assert!(last.rows < 500, "what was done is passed over: {last:?}");
        let (expected, keys) = (site.expected(&[]).await, site.keys());
        assert_eq!(
            timelines(site.store.repository().as_ref(), &keys, &PERIODS).await,
            timelines(&expected, &keys, &PERIODS).await
        );
    }
}

/// What the source got after an import of it was broken off is found when it goes on.
#[tokio::test]
async fn what_was_written_meanwhile_comes_along() {
    let site = Site::new(Age::Models, 10, 1_000);
    let stop = CancellationToken::new();
    let import = Import::begin(&site.from(), options(), site.deps(&[])).await.expect("begun");
    let broken_off = import.history(&stop, |progress| {
        if progress.day < NOW - 5 * DAY {
            stop.cancel();
        }
    });
    assert!(matches!(broken_off.await, Err(ImportError::Stopped)));
    let connection = rusqlite::Connection::open(site.store.folder.path().join("old.db")).expect("a file");
    let insert = "INSERT INTO probe_history (provider, service, channel, model, status, latency, timestamp) VALUES \
                  ('one', 'cc', 'vip', 'm1', 1, 77, ?1)";
    connection.execute(insert, [NOW - 3]).expect("inserted");
    site.import(&options()).await;
    let new = record(&MonitorKey::from_parts("one", "cc", "vip", "m1"), NOW - 3).latency(77).build();
    let expected = site.expected(&[StoredRecord { id: 1_001, record: new.clone() }]).await;
    let keys = site.keys();
    let (got, wanted) = (
        timelines(site.store.repository().as_ref(), &keys, &[Period::Days30]).await,
        timelines(&expected, &keys, &[Period::Days30]).await,
    );
    let totals = |all: &[Vec<Timeline>]| all[0].iter().map(|one| one.whole.total()).collect::<Vec<_>>();
    assert_eq!(totals(&got), totals(&wanted));
    let newest = &history(site.store.repository().as_ref(), &new.key).await[0];
    assert_eq!((newest.record.timestamp, newest.record.result.latency_ms), (NOW - 3, 77));
}

#[tokio::test]
async fn live_records_and_imported_ones_add_up() {
    let site = Site::new(Age::Models, 3, 900);
    let repository = site.store.repository();
    let a = site.keys()[0].clone();
    let live: Vec<_> = (0..50)
        .map(|index| record(&a, NOW - index * 600).latency(5_000).red(SubStatus::ServerError, 500).build())
        .collect();
    let appended = repository.append(live, Arc::new(NoTransition)).await.expect("stored");
    // The same record in both is one.
    let shared = site.source.records[500].record.clone();
    repository.append(vec![shared], Arc::new(NoTransition)).await.expect("stored");
    let summary = site.import(&options()).await;
    assert_eq!(summary.records, 899);
    let expected = site.expected(&appended.records).await;
    let keys = site.keys();
    let totals = |all: Vec<Vec<Timeline>>| -> Vec<_> {
        all.iter()
            .flatten()
            .map(|one| (one.whole.total(), one.whole.red, one.whole.available_latency_sum))
            .collect()
    };
    assert_eq!(
        totals(timelines(repository.as_ref(), &keys, &PERIODS[1..]).await),
        totals(timelines(&expected, &keys, &PERIODS[1..]).await)
    );
}

/// Remembers the states it was shown.
#[derive(Default)]
struct Seen(Mutex<GroupStates>);

impl Transition for Seen {
    fn apply(&self, _: &StoredRecord, states: &mut GroupStates) -> Option<NewEvent> {
        self.0.lock().expect("not poisoned").clone_from(states);
        None
    }
}

/// Numbers go on above those of the source, and machines where they were.
#[tokio::test]
async fn numbers_and_states_go_on() {
    let site = Site::new(Age::Models, 3, 300);
    site.import(&options()).await;
    let repository = site.store.repository();
    let appended = repository.append(vec![record(&key("new/s"), NOW).build()], Arc::new(NoTransition)).await;
    assert_eq!(appended.expect("stored").records[0].id, 301);
    assert_eq!(repository.latest_event_id().await.expect("an id"), 15);
    let (of, model) = &site.source.models[0];
    let expected = GroupStates {
        models: [(of.model().to_owned(), *model)].into(),
        channel: Some(site.source.channels[0].1),
    };
    let seen = Arc::new(Seen::default());
    repository.append(vec![record(of, NOW).build()], seen.clone()).await.expect("stored");
    assert_eq!(*seen.0.lock().expect("not poisoned"), expected);
}

/// History without channel goes to the channel that got a name, also when it is imported again after that.
#[tokio::test]
async fn history_without_channel_goes_to_its_heir() {
    let site = Site::new(Age::Models, 60, 2_000);
    let heir = Psc::new("one", "cc", "vip");
    for records in [true, false] {
        let import = Import::begin(&site.from(), options(), site.deps(std::slice::from_ref(&heir))).await;
        let summary =
            import.expect("begun").history(&CancellationToken::new(), |_| {}).await.expect("imported");
        assert_eq!(summary.records > 0, records);
    }
    let unnamed = MonitorKey::from_parts("one", "cc", "", "m1");
    let named = MonitorKey::new(heir, "m1");
    let repository = site.store.repository();
    let keys = [named.clone(), unnamed.clone()];
    let got = timelines(repository.as_ref(), &keys, &[Period::Days90]).await;
    let both = site.source.records.iter().filter(|one| [&named, &unnamed].contains(&&one.record.key)).count();
    assert_eq!(got[0][0].whole.total() as usize, both);
    assert_eq!(got[0][1].whole.total(), 0);
    assert_eq!(repository.latest(&[unnamed]).await.expect("latest"), [None]);
    let events = repository.events(0, &EventFilter::default(), 100).await.expect("events");
    assert!(
        events.iter().all(|event| !event.event.key.channel().is_empty() || event.event.key.service() == "gm")
    );
}

/// Whoever writes the source goes on, and the source is not changed.
#[tokio::test]
async fn the_source_is_only_read() {
    let site = Site::new(Age::Models, 3, 300);
    let path = site.store.folder.path().join("old.db");
    let before = std::fs::read(&path).expect("readable");
    site.import(&options()).await;
    assert_eq!(std::fs::read(&path).expect("readable"), before);
    assert!(!site.store.folder.path().join("old.db-wal").exists());

    let writer = rusqlite::Connection::open(&path).expect("a file");
    let insert = "INSERT INTO probe_history (provider, service, status, latency, timestamp) VALUES ('one', 'gm', 1, 9, ?1)";
    writer.execute(insert, [NOW - 1]).expect("inserted");
    writer.execute_batch("BEGIN IMMEDIATE").expect("begun");
    writer.execute(insert, [NOW - 2]).expect("inserted");
    let summary = site.import(&ImportOptions { name: "again".to_owned(), ..options() }).await;
    assert_eq!(summary.records, 1, "what is committed in the log is seen, the rest is not");
    writer.execute_batch("COMMIT").expect("nobody is in the way");
}

#[tokio::test]
async fn odd_rows_are_left_out_or_mended() {
    let site = Site::new(Age::Models, 2, 10);
    let connection = rusqlite::Connection::open(site.store.folder.path().join("old.db")).expect("a file");
    let mut insert = connection
        .prepare("INSERT INTO probe_history (provider, service, status, latency, http_code, timestamp) VALUES (?, ?, ?, ?, ?, ?)")
        .expect("good SQL");
    let at = NOW - 60;
    for (provider, status, latency, code, timestamp) in [
        ("", 1, 1, 200, at),
        ("odd", 1, 1, 200, at * 1000),
        ("odd", 1, 1, 200, -5),
        ("odd", 1, 1, 200, NOW + 30 * DAY),
        ("odd", 7, -4, 99_999, at),
        ("odd", 1, i64::MAX, 200, at),
        ("odd", 1, 1, 200, 100),
    ] {
        insert.execute((provider, "s", status, latency, code, timestamp)).expect("inserted");
    }
    connection
        .execute(
            "INSERT INTO status_events VALUES (99, 'odd', 's', '', '', 'SIDEWAYS', 1, 0, 1, 1, 1, '{')",
            [],
        )
        .expect("inserted");
    let options = ImportOptions { counts_from: NOW - 400 * DAY, ..options() };
    let summary = site.import(&options).await;
    assert_eq!((summary.records, summary.skipped, summary.too_old), (12, 4, 1));
    assert_eq!(summary.events_skipped, 1);
    let odd = history(site.store.repository().as_ref(), &key("odd/s")).await;
    let results: Vec<_> =
        odd.iter().map(|one| (one.record.result.status.code(), one.record.result.latency_ms)).collect();
    assert_eq!(results, [(1, u32::MAX), (-1, 0)]);
}

#[tokio::test]
async fn what_is_no_source_is_refused() {
    let site = Site::new(Age::First, 1, 10);
    let folder = site.store.folder.path();
    std::fs::write(folder.join("text.db"), "no database at all, however long it may be").expect("written");
    write(&folder.join("other.db"), "CREATE TABLE probe_history (id INTEGER, name TEXT);");
    for name in ["missing.db", "text.db", "other.db", "relay.db"] {
        let from = ImportFrom::RelayPulseFile(folder.join(name));
        let options = ImportOptions { patience: Duration::ZERO, ..options() };
        let error = Import::begin(&from, options, site.deps(&[])).await.expect_err(name);
        assert!(matches!(error, ImportError::Source { temporary: false, .. }), "{name}: {error:?}");
        assert!(error.to_string().contains(name), "{error}");
    }
    assert!(!folder.join("missing.db").exists());
}

/// A file of the archive brings back what was deleted, the newer columns among it, and nothing twice.
#[tokio::test]
async fn an_archive_can_be_read_back() {
    let site = Site::new(Age::First, 1, 10);
    let folder = site.store.folder.path();
    let day = NOW - NOW % DAY - 3 * DAY;
    let file = folder.join("probe_history_2026-03-07.csv");
    let header = "id,provider,service,channel,model,status,sub_status,http_code,latency,timestamp,detail,total_ms,source";
    let rows = [
        format!("7,a,s,c,m,0,rate_limit,429,12,{},\"too, many\",99,manual", day + 5),
        format!("3,b,s,,,1,,200,20,{},,,", day + 4),
        "what,is,this".to_owned(),
        format!("8,a,s,c,m,1,,200,30,{},,,", day + 6),
    ];
    std::fs::write(&file, format!("{header}\n{}\n", rows.join("\n"))).expect("written");
    let from = |try_number: u32| ImportFrom::Archive {
        file: file.clone(),
        scratch: folder.join(format!("scratch-{try_number}.db")),
    };
    let repository = site.store.repository();
    let key = MonitorKey::from_parts("a", "s", "c", "m");
    for (try_number, added) in [(1, 3), (2, 0)] {
        let import = Import::begin(&from(try_number), options(), site.deps(&[])).await.expect("begun");
        let summary = import.history(&CancellationToken::new(), |_| {}).await.expect("imported");
        assert_eq!((summary.rows, summary.records, summary.skipped), (3, added, 1));
        let all = history(repository.as_ref(), &key).await;
        assert_eq!(all.iter().map(|one| one.id).collect::<Vec<_>>(), [8, 7]);
        let ProbeRecord { source, result, .. } = &all[1].record;
        assert_eq!((*source, result.timings.total_ms), (Source::Manual, Some(99)));
        assert_eq!(result.detail.as_deref(), Some("too, many"));
    }
    std::fs::write(&file, "name,age\n").expect("written");
    let refused = Import::begin(&from(3), options(), site.deps(&[])).await.expect_err("no archive");
    assert!(refused.to_string().contains("probe_history_2026-03-07.csv: not an archive"), "{refused}");
}
