//! Several processes on one database.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use relay_core::{
    Timestamp,
    ports::{
        repository::{
            Commits as _, Error, EventFilter, EventLog as _, HistoryQuery, Maintenance as _, Records as _,
            Timelines as _,
        },
        transition::NoTransition,
    },
    timeline::{Align, Period, Plan},
};
use relay_store::{PgRepository, PostgresOptions};
use relay_testkit::{ManualClock, MemoryRepository, key, record, suite::Blinker};
use tokio::task::JoinSet;

use crate::{
    crash::{START, all_records, batch_after, keys},
    support::postgres::Database,
};

const BATCHES: i64 = 60;

/// Two processes that write the same monitors at once: what a poller sees never goes back, and everything is as if one
/// process had written it in the order of the numbers.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_writers_are_as_good_as_one() {
    let database = Database::create().await;
    let clock = Arc::new(ManualClock::at_secs(START + BATCHES * 40));
    let stores = [Arc::new(database.open(clock.clone()).await), Arc::new(database.open(clock.clone()).await)];
    let over = Arc::new(AtomicBool::new(false));

    let mut pollers = JoinSet::new();
    for sql in [
        "SELECT id FROM relay.probe_history WHERE id > $1 ORDER BY id",
        "SELECT id FROM relay.events WHERE id > $1 ORDER BY id",
    ] {
        let (shell, over) = (database.shell().await, over.clone());
        pollers.spawn(async move {
            let mut seen = 0i64;
            loop {
                let last = over.load(Ordering::SeqCst);
                for row in shell.query(sql, &[&seen]).await.expect("numbers") {
                    // A number that became visible late would be missing here.
                    assert_eq!(row.get::<_, i64>(0), seen + 1);
                    seen += 1;
                }
                if last {
                    return seen;
                }
            }
        });
    }
    let mut writers = JoinSet::new();
    for (which, store) in (0i64..).zip(stores.clone()) {
        writers.spawn(async move {
            for index in 0..BATCHES {
                let batch = batch_after(index * 5 + which);
                store.append(batch, Arc::new(Blinker { patience: 2 })).await.expect("stored");
            }
        });
    }
    writers.join_all().await;
    over.store(true, Ordering::SeqCst);
    let mut seen = pollers.join_all().await;
    seen.sort_unstable();
    assert_eq!(seen[1], 2 * BATCHES * 5);
    assert!(seen[0] > 0, "there were events");

    let stored = all_records(stores[0].as_ref()).await;
    let reference = MemoryRepository::new(clock);
    for stored in &stored {
        let batch = vec![stored.record.clone()];
        reference.append(batch, Arc::new(Blinker { patience: 2 })).await.expect("stored");
    }
    assert_eq!(reference.records(), stored);
    let (keys, all) = (keys(), EventFilter::default());
    for store in &stores {
        assert_eq!(
            store.events(0, &all, 10_000).await.expect("events"),
            reference.events(0, &all, 10_000).await.expect("events")
        );
        assert_eq!(
            store.latest(&keys).await.expect("latest"),
            reference.latest(&keys).await.expect("latest")
        );
        for period in Period::ALL {
            let end = Timestamp::from_secs(START + BATCHES * 40);
            let plan = Plan::new(period, Align::Now, None, end);
            assert_eq!(
                store.timelines(&keys, &plan).await.expect("timelines"),
                reference.timelines(&keys, &plan).await.expect("timelines"),
                "{plan:?}"
            );
        }
    }
}

async fn total(store: &PgRepository, name: &str) -> u32 {
    let plan = Plan::new(Period::Days7, Align::Now, None, Timestamp::from_secs(START));
    store.timelines(&[key(name)], &plan).await.expect("timelines")[0].whole.total()
}

/// A process that remembers a monitor's number notices that it came to stand for another key.
#[tokio::test]
async fn a_channel_that_one_process_names_is_named_for_all() {
    let database = Database::create().await;
    let clock = Arc::new(ManualClock::at_secs(START));
    let (one, other) = (database.open(clock.clone()).await, database.open(clock).await);
    let (old, new) = (key("a/s"), key("a/s/c"));
    let put = async |store: &PgRepository, name| {
        let batch = vec![record(name, START - 60).build()];
        store.append(batch, Arc::new(NoTransition)).await.expect("stored");
    };
    put(&one, &old).await;
    put(&other, &old).await;
    assert_eq!(total(&other, "a/s").await, 2);
    assert_eq!(one.name_channels(&[new.psc().clone()]).await.expect("named"), 1);
    assert_eq!((total(&other, "a/s").await, total(&other, "a/s/c").await), (0, 2));
    put(&other, &old).await;
    put(&other, &new).await;
    for store in [&one, &other] {
        assert_eq!((total(store, "a/s").await, total(store, "a/s/c").await), (1, 3));
        let latest = store.latest(&[old.clone(), new.clone()]).await.expect("latest");
        let latest: Vec<_> = latest.iter().map(|latest| latest.map(|latest| latest.id)).collect();
        assert_eq!(latest, [Some(3), Some(4)]);
        let query = HistoryQuery { key: new.clone(), from: 0, to: START, before: None, limit: 9 };
        let page = store.history(&query).await.expect("history");
        assert_eq!(page.iter().map(|stored| stored.id).collect::<Vec<_>>(), [4, 2, 1]);
    }
    assert_eq!(other.name_channels(&[new.psc().clone()]).await.expect("named"), 1);
    assert_eq!((total(&one, "a/s").await, total(&one, "a/s/c").await), (0, 4));
}

/// A process does not read what its own last append wrote, unless anybody changed anything since. Rows that cannot be
/// read tell: they are written over, or found.
#[tokio::test]
async fn own_rows_are_read_again_after_a_change_of_another_process() {
    let database = Database::create().await;
    let clock = Arc::new(ManualClock::at_secs(START));
    let (one, other) = (database.open(clock.clone()).await, database.open(clock).await);
    let shell = database.shell().await;
    let name = key("a/s");
    let put = async |store: &PgRepository| {
        store.append(vec![record(&name, START - 60).build()], Arc::new(NoTransition)).await
    };
    let spoil = async || {
        shell.batch_execute("UPDATE relay.day_rollups SET tally = ''").await.expect("changed");
    };
    put(&one).await.expect("stored");
    spoil().await;
    put(&one).await.expect("nothing is read");
    assert_eq!(total(&one, "a/s").await, 2);
    put(&other).await.expect("stored");
    put(&one).await.expect("stored");
    assert_eq!(total(&one, "a/s").await, 4);

    // A batch of another process, then one that is about nothing of this.
    put(&other).await.expect("stored");
    spoil().await;
    let error = put(&one).await.expect_err("it is read");
    assert!(matches!(error, Error::Corrupt { .. }), "{error}");
    put(&other).await.expect("a change that was taken back does not count");
    assert_eq!(total(&one, "a/s").await, 6);
    put(&one).await.expect("stored");
    other.import_days(Vec::new()).await.expect("nothing to do");
    spoil().await;
    put(&one).await.expect("nothing was changed");
    other.rebuild_rollups().await.expect("counted again");
    spoil().await;
    assert!(matches!(put(&one).await.expect_err("it is read"), Error::Corrupt { .. }));
}

/// A lock that is held for too long is an outage, and the same batch works afterwards.
#[tokio::test]
async fn a_lock_is_not_waited_for_without_end() {
    let database = Database::create().await;
    let mut options = database.options();
    options.timeouts.lock = Duration::from_millis(50);
    let store = PgRepository::open(&options, Arc::new(ManualClock::at_secs(START))).await.expect("opened");
    let shell = database.shell().await;
    shell.batch_execute("BEGIN; SELECT * FROM relay.store_state FOR UPDATE").await.expect("locked");
    let error = store.append(batch_after(0), Arc::new(NoTransition)).await.expect_err("locked");
    assert!(matches!(error, Error::Unavailable { .. }) && error.to_string().contains("lock"), "{error}");
    assert_eq!(store.history(&whole(0)).await.expect("readers do not wait"), []);
    shell.batch_execute("ROLLBACK").await.expect("let go");
    let appended = store.append(batch_after(0), Arc::new(NoTransition)).await.expect("stored");
    assert_eq!(appended.records[0].id, 1);
}

fn whole(index: usize) -> HistoryQuery {
    HistoryQuery { key: keys()[index].clone(), from: i64::MIN, to: i64::MAX, before: None, limit: 1000 }
}

/// Whoever listens hears of a commit: the highest numbers, in one notification each.
#[tokio::test]
async fn commits_are_notified() {
    let database = Database::create().await;
    let store = database.open(Arc::new(ManualClock::at_secs(START))).await;
    let mut ear = database.listen(&["relay_records", "relay_events"]).await;
    let batch = (0..20).flat_map(|index| batch_after(index * 5)).collect();
    let appended = store.append(batch, Arc::new(Blinker { patience: 2 })).await.expect("stored");
    let event = appended.events.last().expect("events").id;
    assert_eq!(ear.recv().await, Some(("relay_records".to_owned(), "100".to_owned())));
    assert_eq!(ear.recv().await, Some(("relay_events".to_owned(), event.to_string())));
}

/// One process hears of what another one stores, from the beginning on, and again after its connection was cut.
#[tokio::test(flavor = "multi_thread")]
async fn others_are_heard() {
    let database = Database::create().await;
    let clock = Arc::new(ManualClock::at_secs(START));
    let (one, other) = (database.open(clock.clone()).await, database.open(clock).await);
    let (woken, mut wakes) = tokio::sync::watch::channel(0u32);
    let mut listening = JoinSet::new();
    listening.spawn(async move { other.listen(&|| woken.send_modify(|count| *count += 1)).await });
    // It says once that something may have been missed before.
    wakes.changed().await.expect("it listens");
    let shell = database.shell().await;
    for round in 0..3 {
        wakes.mark_unchanged();
        one.append(batch_after(round * 5), Arc::new(NoTransition)).await.expect("stored");
        wakes.changed().await.expect("it listens");

        let listener = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%' \
                        AND datname = current_database()";
        assert_eq!(shell.query(listener, &[]).await.expect("cut").len(), 1);
        wakes.mark_unchanged();
        wakes.changed().await.expect("it listens again");
    }
}

/// A pool of one connection is enough for everything at once.
#[tokio::test]
async fn one_connection_serves_many() {
    let database = Database::create().await;
    let options = PostgresOptions { max_open: 1, max_idle: 1, ..database.options() };
    let clock = Arc::new(ManualClock::at_secs(START));
    let store = Arc::new(PgRepository::open(&options, clock).await.expect("opened"));
    let mut callers = JoinSet::new();
    for index in 0..20 {
        let store = store.clone();
        callers.spawn(async move {
            store.append(batch_after(index * 5), Arc::new(NoTransition)).await.expect("stored");
            store.ping().await.expect("it works");
            total(&store, "p/cc/c0/m0").await
        });
    }
    assert!(callers.join_all().await.iter().all(|total| *total > 0));
    assert_eq!(store.history(&whole(0)).await.expect("history").len(), 20);
}
