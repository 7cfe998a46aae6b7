//! What operators do to the file by hand, and what disks do to it.

use std::{fs, os::unix::fs::MetadataExt as _, path::Path, sync::Arc, time::Duration};

use relay_core::{
    MonitorKey, Timestamp, UnixSeconds,
    ports::{
        repository::{Error, HistoryQuery, Maintenance as _, Records as _, Timelines as _},
        transition::NoTransition,
    },
    timeline::{Align, Period, Plan},
};
use relay_store::{SqliteOptions, SqliteRepository};
use relay_testkit::{ManualClock, key, record};
use rusqlite::Connection;

use crate::support::open;

/// 2026-03-10 12:00:00 UTC.
const NOW: UnixSeconds = 1_773_144_000;

async fn fill(store: &SqliteRepository, key: &MonitorKey) {
    let batch = (0..3000).map(|minute| record(key, NOW - (2999 - minute) * 60).build()).collect();
    store.append(batch, Arc::new(NoTransition)).await.expect("stored");
}

async fn total(store: &SqliteRepository, key: &MonitorKey, period: Period) -> u32 {
    let plan = Plan::new(period, Align::Now, None, Timestamp::from_secs(NOW));
    store.timelines(std::slice::from_ref(key), &plan).await.expect("timelines")[0].whole.total()
}

fn shell(path: &Path, sql: &str) {
    let shell = Connection::open(path).expect("opened");
    shell.busy_timeout(Duration::from_secs(5)).expect("patience");
    shell.execute_batch(sql).expect("done");
}

/// Tells whether this process has the file at `path` open, by whatever name.
fn is_open(path: &Path) -> bool {
    let file = |meta: fs::Metadata| (meta.dev(), meta.ino());
    let wanted = file(fs::metadata(path).expect("a file"));
    let open = fs::read_dir("/proc/self/fd").expect("what is open");
    open.filter_map(|entry| fs::metadata(entry.ok()?.path()).ok()).any(|meta| file(meta) == wanted)
}

#[tokio::test]
async fn deleting_old_raw_records_while_the_server_runs_harms_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("relay.db");
    let clock = Arc::new(ManualClock::at_secs(NOW));
    let store = open(path.clone(), clock.clone());
    let a = key("a/s");
    fill(&store, &a).await;
    shell(&path, &format!("DELETE FROM probe_history WHERE timestamp < {}", NOW - 6000));
    // Counts are kept longer than the records; the records themselves are gone.
    assert_eq!(total(&store, &a, Period::Days7).await, 3000);
    let query = HistoryQuery { key: a.clone(), from: i64::MIN, to: i64::MAX, before: None, limit: 5000 };
    assert_eq!(store.history(&query).await.expect("history").len(), 101);
    store.close().await.expect("closed");
    let store = open(path, clock);
    assert_eq!(total(&store, &a, Period::Days7).await, 3000);
    assert_eq!(total(&store, &a, Period::Minutes90).await, 91);
}

#[tokio::test]
async fn numbers_are_not_given_again_when_all_records_were_deleted() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("relay.db");
    let clock = Arc::new(ManualClock::at_secs(NOW));
    let store = open(path.clone(), clock.clone());
    let a = key("a/s");
    fill(&store, &a).await;
    let latest = store.latest(std::slice::from_ref(&a)).await.expect("latest");
    store.close().await.expect("closed");
    shell(&path, "DELETE FROM probe_history");
    let store = open(path.clone(), clock);
    assert_eq!(store.latest(std::slice::from_ref(&a)).await.expect("latest"), latest);
    let appended = store.append(vec![record(&a, NOW).build()], Arc::new(NoTransition)).await.expect("stored");
    assert!(appended.records[0].id > 3000, "{}", appended.records[0].id);
    assert_eq!(
        store.latest(&[a]).await.expect("latest")[0].map(|latest| latest.id),
        Some(appended.records[0].id)
    );
}

#[tokio::test]
async fn a_lock_that_an_operator_holds_is_an_outage_and_the_same_batch_works_afterwards() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("relay.db");
    let options = SqliteOptions { busy_timeout: Duration::from_millis(10), ..SqliteOptions::new(&path) };
    let store = SqliteRepository::open(&options, Arc::new(ManualClock::at_secs(NOW))).expect("opened");
    let a = key("a/s");
    fill(&store, &a).await;
    let operator = Connection::open(&path).expect("opened");
    operator.execute_batch("BEGIN IMMEDIATE").expect("locked");
    let batch = vec![record(&a, NOW + 1).build(), record(&key("new/s"), NOW + 4000).build()];
    for _ in 0..3 {
        let error = store.append(batch.clone(), Arc::new(NoTransition)).await.expect_err("it is locked");
        assert!(matches!(error, Error::Unavailable { .. }), "{error:?}");
        assert!(store.ping().await.is_err());
    }
    // Readers go on, and see nothing of it.
    assert_eq!(total(&store, &a, Period::Days7).await, 3000);
    operator.execute_batch("COMMIT").expect("let go");
    let appended = store.append(batch, Arc::new(NoTransition)).await.expect("stored");
    assert_eq!(appended.records.iter().map(|stored| stored.id).collect::<Vec<_>>(), [3001, 3002]);
    store.ping().await.expect("it works");
    assert_eq!(total(&store, &a, Period::Days7).await, 3001);
    assert_eq!(total(&store, &key("new/s"), Period::Days7).await, 1);
}

#[tokio::test]
async fn a_batch_that_fails_half_way_or_at_its_commit_leaves_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("relay.db");
    let clock = Arc::new(ManualClock::at_secs(NOW));
    let store = open(path.clone(), clock.clone());
    let a = key("a/s");
    fill(&store, &a).await;
    store.close().await.expect("closed");
    // One record fails as any statement may, another one only the commit, in a batch that moves the window and makes a
    // monitor.
    shell(
        &path,
        "CREATE TRIGGER statement_fails BEFORE INSERT ON probe_history WHEN new.latency = 666 \
         BEGIN SELECT RAISE(ABORT, 'no room'); END; \
         CREATE TABLE orphans (monitor_id REFERENCES monitors (id) DEFERRABLE INITIALLY DEFERRED); \
         CREATE TRIGGER commit_fails AFTER INSERT ON probe_history WHEN new.latency = 667 \
         BEGIN INSERT INTO orphans VALUES (-1); END",
    );
    let store = open(path, clock.clone());
    clock.set_secs(NOW + 90_000);
    let mut batch: Vec<_> =
        (0..50).map(|index| record(&key("new/s"), NOW + 89_000 + index).build()).collect();
    batch.push(record(&a, NOW + 90_000).build());
    for latency in [666, 667, 666, 667] {
        batch[50].result.latency_ms = latency;
        store.append(batch.clone(), Arc::new(NoTransition)).await.expect_err("it fails");
        assert_eq!(store.latest(&[key("new/s")]).await.expect("latest"), [None]);
        assert_eq!(total(&store, &a, Period::Days7).await, 3000);
    }
    batch.pop();
    let appended = store.append(batch, Arc::new(NoTransition)).await.expect("stored");
    assert_eq!(appended.records[0].id, 3001);
    let later = Plan::new(Period::Days7, Align::Now, None, Timestamp::from_secs(NOW + 90_000));
    let lines = store.timelines(&[a, key("new/s")], &later).await.expect("timelines");
    assert_eq!((lines[0].whole.total(), lines[1].whole.total()), (3000, 50));
}

#[tokio::test]
async fn damaged_rollups_are_named_and_end_nothing_else() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("relay.db");
    let store = open(path.clone(), Arc::new(ManualClock::at_secs(NOW)));
    let a = key("a/s");
    fill(&store, &a).await;
    shell(&path, "UPDATE day_rollups SET tally = x'01ff'; UPDATE slot_samples SET samples = x'77'");
    let plan = Plan::new(Period::Days7, Align::Now, None, Timestamp::from_secs(NOW));
    let error = store.timelines(std::slice::from_ref(&a), &plan).await.expect_err("it is damaged");
    assert!(matches!(&error, Error::Corrupt { reason } if reason.contains("day_rollups.tally")), "{error}");
    store.append(vec![record(&a, NOW).build()], Arc::new(NoTransition)).await.expect("stored");
    store.latest(&[a]).await.expect("latest");
}

#[tokio::test]
async fn a_deleted_database_is_an_outage_until_it_is_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("relay.db");
    let store = open(path.clone(), Arc::new(ManualClock::at_secs(NOW)));
    let a = key("a/s");
    fill(&store, &a).await;
    let kept = folder.path().join("kept.db");
    fs::hard_link(&path, &kept).expect("a second name");
    fs::remove_file(&path).expect("deleted");
    let batch = vec![record(&a, NOW + 1).build()];
    let refused = async |words: &str| {
        let error = store.append(batch.clone(), Arc::new(NoTransition)).await.expect_err("it is gone");
        assert!(matches!(&error, Error::Unavailable { reason, .. } if reason.contains(words)), "{error:?}");
        store.ping().await.expect_err("it is gone");
    };
    refused("was deleted or moved").await;
    fs::copy(&kept, &path).expect("a copy");
    refused("is another file").await;
    // What is open can still be read, by all readers at once, and the other file is left alone.
    let read = || total(&store, &a, Period::Days7);
    assert_eq!(tokio::join!(read(), read(), read(), read(), read()), (3000, 3000, 3000, 3000, 3000));
    assert!(is_open(&kept) && !is_open(&path));
    fs::rename(&kept, &path).expect("put back");
    store.ping().await.expect("it works");
    let appended = store.append(batch, Arc::new(NoTransition)).await.expect("stored");
    assert_eq!(appended.records[0].id, 3001);
    store.close().await.expect("closed");
    let store = open(path, Arc::new(ManualClock::at_secs(NOW)));
    assert_eq!(total(&store, &a, Period::Days7).await, 3001);
    assert_eq!(store.latest(&[a]).await.expect("latest")[0].map(|latest| latest.id), Some(3001));
}

#[tokio::test]
async fn closing_does_not_wait_for_somebody_who_reads_the_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("relay.db");
    let options = SqliteOptions { busy_timeout: Duration::from_secs(3600), ..SqliteOptions::new(&path) };
    let clock = Arc::new(ManualClock::at_secs(NOW));
    let store = SqliteRepository::open(&options, clock.clone()).expect("opened");
    let a = key("a/s");
    fill(&store, &a).await;
    let operator = Connection::open(&path).expect("opened");
    let mut statement = operator.prepare("SELECT id FROM probe_history").expect("a statement");
    let mut rows = statement.query([]).expect("rows");
    rows.next().expect("a row");
    store.append(vec![record(&a, NOW + 1).build()], Arc::new(NoTransition)).await.expect("stored");
    tokio::time::timeout(Duration::from_secs(60), store.close()).await.expect("at once").expect("closed");
    drop(rows);
    let store = open(path, clock);
    assert_eq!(total(&store, &a, Period::Days7).await, 3001);
}
