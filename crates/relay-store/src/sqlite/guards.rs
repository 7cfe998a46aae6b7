//! Guards on what the layout is for, by counting and not by the clock: pages written per probe, rows and pages read per
//! timeline, and that no statement searches without an index.

use std::{
    collections::HashMap,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use relay_core::{
    MonitorKey, ProbeRecord, Timestamp, UnixSeconds,
    ports::{repository::DayRollup, transition::NoTransition},
    timeline::{Align, Period, Plan, Sample, Tally},
};
use relay_testkit::{ManualClock, key, record};
use rusqlite::{Connection, StatementStatus};

use super::{engine::Engine, load, pool, retention::Step};
use crate::{options::SqliteOptions, timeline::Pieces};

/// 2026-03-10 12:00:00 UTC.
const NOW: UnixSeconds = 1_773_144_000;
/// A page with its header in the log.
const LOGGED_PAGE: f64 = 4096.0 + 24.0;

fn engine(folder: &Path) -> Engine {
    let options = SqliteOptions::new(folder.join("relay.db"));
    let connection = pool::open_writer(&options).expect("opened");
    load::load(connection, Arc::new(ManualClock::at_secs(NOW)), load::Damage::Refuse).expect("loaded")
}

fn keys(count: usize) -> Vec<MonitorKey> {
    (0..count).map(|index| key(&format!("provider-{index}/cc/vip"))).collect()
}

fn probe(key: &MonitorKey, index: usize, at: UnixSeconds) -> ProbeRecord {
    record(key, at).latency(300 + u32::try_from(index * 7919 % 900).expect("small")).build()
}

/// Appends minutely records of all monitors in groups, and returns how many bytes each costs: what is written to the
/// log, and once more for what of it is copied into the database.
fn bytes_per_probe(monitors: usize, minutes: i64, group: usize) -> f64 {
    let folder = tempfile::tempdir().expect("a folder");
    let mut engine = engine(folder.path());
    let keys = keys(monitors);
    let mut append = |from: i64, to: i64| {
        let records: Vec<_> = (from..to)
            .flat_map(|minute| keys.iter().enumerate().map(move |(index, key)| (minute, index, key)))
            .map(|(minute, index, key)| {
                probe(key, index, NOW + minute * 60 + index as i64 * 60 / monitors as i64)
            })
            .collect();
        for batch in records.chunks(group) {
            engine.append(batch.to_vec(), &NoTransition).expect("stored");
        }
        (pool::log_pages(), records.len())
    };
    // Only full slots are representative: monitors are registered and the first slots fill up before.
    let (before, _) = append(-120, -60);
    let (after, records) = append(-60, minutes - 60);
    f64::from(after - before) * LOGGED_PAGE * 2.0 / records as f64
}

#[test]
fn a_probe_writes_few_bytes() {
    let alone = bytes_per_probe(60, 31, 1);
    assert!(alone <= 10_000.0, "{alone} bytes for a record that is committed alone");
    let grouped = bytes_per_probe(1000, 31, 100);
    assert!(grouped <= 1_000.0, "{grouped} bytes for a record in a group of 100");
}

/// Days of a hundred monitors, as full as days are.
fn with_days(folder: &Path, days: i64) -> Engine {
    let mut engine = engine(folder);
    let today = NOW - NOW % 86_400;
    let full = |key: &MonitorKey| {
        let mut tally = Tally::default();
        for minute in 0..1440usize {
            let record = probe(key, minute, today - 86_400 + minute as i64 * 60);
            tally.add(&Sample::of(&relay_core::StoredRecord { id: 4_000_000 + minute as i64, record }));
        }
        tally
    };
    let monitors: Vec<_> = keys(100).into_iter().map(|key| (full(&key), key)).collect();
    let rollups = (1..=days).flat_map(|ago| {
        let day = today - ago * 86_400;
        monitors.iter().map(move |(tally, key)| DayRollup { key: key.clone(), day, tally: tally.clone() })
    });
    engine.import_days(rollups.collect()).expect("imported");
    engine
}

/// Runs the query of a month's days, and returns how many rows it gave and how many steps it took.
fn month_of_days(connection: &Connection) -> (usize, i32) {
    let plan = Plan::new(Period::Days30, Align::Now, None, Timestamp::from_secs(NOW));
    let days: Vec<_> = Pieces::of(&plan).days.iter().map(|(day, _)| day.to_string()).collect();
    let mut statement = connection.prepare(include_str!("sql/rollups/days_of_all.sql")).expect("a statement");
    let mut rows = statement.query([format!("[{}]", days.join(","))]).expect("rows");
    let mut count = 0;
    while rows.next().expect("a row").is_some() {
        count += 1;
    }
    drop(rows);
    (count, statement.get_status(StatementStatus::VmStep))
}

#[test]
fn a_month_reads_few_rows_and_pages_and_no_more_when_history_is_longer() {
    let folder = tempfile::tempdir().expect("a folder");
    let month = with_days(folder.path(), 30);
    let (rows, steps) = month_of_days(&month.connection);
    assert_eq!(rows, 29 * 100, "today is not over and has no row");
    let pages: i64 = month
        .connection
        .query_row("SELECT count(*) FROM dbstat WHERE name = 'day_rollups'", [], |row| row.get(0))
        .expect("pages");
    assert!(pages <= 150, "{pages} pages for 30 days of 100 monitors");

    let folder = tempfile::tempdir().expect("a folder");
    let (more_rows, more_steps) = month_of_days(&with_days(folder.path(), 300).connection);
    assert_eq!(more_rows, rows);
    assert!(more_steps * 10 <= steps * 12, "{more_steps} steps instead of {steps}");
}

#[test]
fn every_statement_that_reads_or_deletes_is_served_by_a_key() {
    let folder = tempfile::tempdir().expect("a folder");
    let engine = engine(folder.path());
    let mut plans = HashMap::new();
    for (name, sql) in [
        ("by_id", include_str!("sql/records/by_id.sql")),
        ("tail", include_str!("sql/records/tail.sql")),
        ("days_of_all", include_str!("sql/rollups/days_of_all.sql")),
        ("days_of_some", include_str!("sql/rollups/days_of_some.sql")),
        ("slots_of_all", include_str!("sql/rollups/slots_of_all.sql")),
        ("slots_of_some", include_str!("sql/rollups/slots_of_some.sql")),
        ("samples_of_all", include_str!("sql/rollups/samples_of_all.sql")),
        ("samples_of_some", include_str!("sql/rollups/samples_of_some.sql")),
        ("slots_between", include_str!("sql/rollups/slots_between.sql")),
        ("since", include_str!("sql/events/since.sql")),
        ("oldest_samples", include_str!("sql/retention/oldest_samples.sql")),
        ("samples_of_slot", include_str!("sql/retention/samples_of_slot.sql")),
        ("run", include_str!("sql/records/run.sql")),
        ("delete_run", include_str!("sql/retention/delete_run.sql")),
        ("delete_samples", include_str!("sql/retention/delete_samples.sql")),
        ("last_of_slots", include_str!("sql/retention/last_of_slots.sql")),
        ("delete_slots", include_str!("sql/retention/delete_slots.sql")),
        ("last_of_days", include_str!("sql/retention/last_of_days.sql")),
        ("delete_days", include_str!("sql/retention/delete_days.sql")),
    ] {
        let mut statement = engine.connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).expect("a plan");
        let blanks = vec![rusqlite::types::Null; statement.parameter_count()];
        let lines: Vec<String> = statement
            .query_map(rusqlite::params_from_iter(blanks), |row| row.get(3))
            .expect("rows")
            .collect::<Result<_, _>>()
            .expect("a plan");
        plans.insert(name, lines);
    }
    for (name, lines) in plans {
        let tables: Vec<_> = lines.iter().filter(|line| !line.contains("VIRTUAL TABLE")).collect();
        assert!(!tables.is_empty(), "{name}: {lines:?}");
        assert!(
            tables.iter().all(|line| line.starts_with("SEARCH") && line.contains("PRIMARY KEY")),
            "{name}: {lines:?}"
        );
    }
}

/// Minutely records of twenty monitors over so many days, and a late one for the first of them.
fn with_records(folder: &Path, days: i64) -> Engine {
    let mut engine = engine(folder);
    let keys = keys(20);
    let records: Vec<_> = (-days * 1440..0)
        .flat_map(|minute| keys.iter().enumerate().map(move |(index, key)| (minute, index, key)))
        .map(|(minute, index, key)| probe(key, index, NOW + minute * 60))
        .collect();
    for batch in records.chunks(200) {
        engine.append(batch.to_vec(), &NoTransition).expect("stored");
    }
    engine.append(vec![probe(&keys[3], 3, NOW - days * 86_400 + 5)], &NoTransition).expect("stored");
    engine
}

/// Deletes the first six hours, and returns how many records went, the steps that took, and the pages in the log.
fn clean_six_hours(engine: &mut Engine, days: i64) -> (u64, u64, i32) {
    let steps = Arc::new(AtomicU64::new(0));
    let seen = Arc::clone(&steps);
    let count = move || {
        seen.fetch_add(1, Ordering::Relaxed);
        false
    };
    engine.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).expect("emptied");
    engine.connection.progress_handler(10, Some(count)).expect("counted");
    let before = NOW - days * 86_400 + 6 * 3600;
    let mut deleted = 0;
    loop {
        match engine.retain(Step::Records { before, limit: 2_000 }).expect("deleted") {
            0 => break,
            count => deleted += count,
        }
    }
    while engine.retain(Step::Slots { before, limit: 100 }).expect("deleted") > 0 {}
    engine.connection.progress_handler(10, None::<fn() -> bool>).expect("counted no more");
    (deleted, steps.load(Ordering::Relaxed) * 10, pool::log_pages())
}

#[test]
fn cleaning_touches_what_it_deletes_and_no_more_when_history_is_longer() {
    let folder = tempfile::tempdir().expect("a folder");
    let (deleted, steps, pages) = clean_six_hours(&mut with_records(folder.path(), 1), 1);
    assert_eq!(deleted, 6 * 60 * 20 + 1);
    // A statement that deletes one record alone takes about as many steps.
    assert!(steps <= deleted * 20, "{steps} steps for {deleted} records");
    // Pages that become free are hardly written: the records filled some eighty of them.
    assert!(pages <= 120, "{pages} pages written for {deleted} records");

    let folder = tempfile::tempdir().expect("a folder");
    let (same, more_steps, more_pages) = clean_six_hours(&mut with_records(folder.path(), 8), 8);
    assert_eq!(same, deleted);
    assert!(more_steps * 10 <= steps * 12, "{more_steps} steps instead of {steps}");
    assert!(more_pages * 10 <= pages * 13, "{more_pages} pages instead of {pages}");
}
