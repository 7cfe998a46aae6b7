//! kill -9 while records are deleted and archived: every record is in the store or in a file that is whole, and the
//! counts never notice.

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    sync::Arc,
    time::Duration,
};

use relay_core::{
    MonitorKey, ProbeRecord, StoredRecord, SubStatus, Timestamp, UnixSeconds,
    ports::{
        Clock as _,
        repository::{ExportQuery, Maintenance as _, Records as _, Retention as _, Timelines as _},
    },
    timeline::{Align, Period, Plan},
};
use relay_store::{
    ArchiveOptions, Archiver, ArchiverDeps, Cleaner, CleanerDeps, RetentionOptions, SqliteRepository,
    read_archive,
};
use relay_testkit::{ManualClock, MemoryRepository, key, record, suite::Blinker};
use rusqlite::Connection;
use tokio_util::sync::CancellationToken;

use crate::{
    crash::{Victim, kills},
    support::open,
};

/// Tells a copy of this test that it is the process to be killed, and which folder it works in.
const VICTIM: &str = "RELAY_STORE_TEST_AGEING_VICTIM";
/// 2026-03-10 23:00:00 UTC.
const START: UnixSeconds = 1_773_183_600;
const DAY: i64 = 86_400;
const KILLS: u64 = 10;
/// Seconds that go by with each record.
const STEP: i64 = 2_000;

fn keys() -> Vec<MonitorKey> {
    (0..5).map(|index| key(&format!("p/cc/c{}/m{index}", index % 2))).collect()
}

fn now_after(id: i64) -> UnixSeconds {
    START + id * STEP
}

/// The batch after record `id`: time goes on by some hours, one record comes late, but before its day is archived.
fn batch_after(id: i64) -> Vec<ProbeRecord> {
    let probe = |(index, key): (usize, &MonitorKey)| {
        let number = id + i64::try_from(index).expect("few");
        let late = if number % 7 == 0 { 80_000 } else { 0 };
        let base = record(key, now_after(id) - late).latency(100 + number as u32 % 900).detail("as it was");
        if number / 4 % 3 == 0 { base.red(SubStatus::ServerError, 503).build() } else { base.build() }
    };
    keys().iter().enumerate().map(probe).collect()
}

/// The tasks, in steps as small as they come.
fn tasks(
    folder: &Path,
    store: &Arc<SqliteRepository>,
    clock: &Arc<ManualClock>,
) -> (Arc<Cleaner>, Arc<Archiver>) {
    let archive = ArchiveOptions {
        days: 2,
        backfill_days: 30,
        keep_days: None,
        ..ArchiveOptions::new(folder.join("archive"))
    };
    let options = RetentionOptions { days: 3, batch: 7, max_batches: 1_000, ..RetentionOptions::default() };
    let deps =
        CleanerDeps { store: store.clone(), clock: clock.clone(), seed: 1, archive: Some(archive.clone()) };
    let archiver = Archiver::new(archive, ArchiverDeps { store: store.clone(), clock: clock.clone() });
    (Cleaner::new(options, deps), archiver)
}

/// Appends, cleans and archives side by side until it is killed.
async fn be_the_victim(folder: &Path) {
    let clock = Arc::new(ManualClock::at_secs(START));
    let store = open(folder.join("relay.db"), clock.clone());
    let (cleaner, archiver) = tasks(folder, &store, &clock);
    let latest = store.latest(&keys()).await.expect("latest");
    let mut last = latest.iter().flatten().map(|latest| (latest.id + 4) / 5 * 5).max().unwrap_or(0);
    let stop = CancellationToken::new();
    loop {
        clock.set_secs(now_after(last));
        let append = async {
            // Somewhere in the middle of what the others do.
            tokio::time::sleep(Duration::from_micros(last.unsigned_abs() * 7919 % 3_000)).await;
            let appended =
                store.append(batch_after(last), Arc::new(Blinker { patience: 2 })).await.expect("stored");
            last = appended.records.last().expect("records").id;
            Victim::acknowledge(last, 0);
        };
        let ((), cleaned, archived) = tokio::join!(append, cleaner.clean(&stop), archiver.archive(&stop));
        assert!(cleaned && archived);
    }
}

#[tokio::test]
async fn kill_nine_while_records_age_loses_none() {
    if let Some(folder) = env::var_os(VICTIM) {
        return be_the_victim(Path::new(&folder)).await;
    }
    let mut folder = tempfile::tempdir().expect("a folder");
    let kills = kills(KILLS).next_multiple_of(KILLS);
    for round in 0..kills {
        if round > 0 && round % KILLS == 0 {
            folder = tempfile::tempdir().expect("a folder");
        }
        let name = "killed::kill_nine_while_records_age_loses_none";
        let (record_id, _) =
            Victim::kill_after(name, VICTIM, folder.path().as_os_str(), 14 + round * 13 % 20);
        let last = (round + 1) % KILLS == 0;
        check(folder.path(), record_id, last).await;
    }
}

/// The records of all finished files, which must be whole.
fn archived(folder: &Path) -> BTreeMap<UnixSeconds, Vec<StoredRecord>> {
    let mut days = BTreeMap::new();
    let Ok(entries) = fs::read_dir(folder.join("archive")) else { return days };
    for entry in entries {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|ending| ending == "part") {
            continue;
        }
        let records: Vec<_> =
            read_archive(&path).expect("an archive").collect::<Result<_, _>>().expect("a whole file");
        let day = records.first().expect("records").record.timestamp.div_euclid(DAY) * DAY;
        assert_eq!(days.insert(day, records), None, "two files of one day");
    }
    days
}

/// Repeats on a plain reference what must have happened, and compares.
async fn check(folder: &Path, record_id: i64, finish: bool) {
    let path = folder.join("relay.db");
    let integrity: String = Connection::open(&path)
        .expect("opened")
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("checked");
    assert_eq!(integrity, "ok");

    let clock = Arc::new(ManualClock::at_secs(START));
    let store = open(path, clock.clone());
    let latest = store.latest(&keys()).await.expect("latest");
    let newest = latest.iter().flatten().map(|latest| (latest.id + 4) / 5 * 5).max().expect("records");
    assert!(newest >= record_id, "{record_id} was acknowledged, {newest} is the newest");
    clock.set_secs(now_after(newest));
    let reference = MemoryRepository::new(clock.clone());
    for first in (0..newest).step_by(5) {
        reference.append(batch_after(first), Arc::new(Blinker { patience: 2 })).await.expect("stored");
    }
    assert_eq!(latest, reference.latest(&keys()).await.expect("latest"));
    if finish {
        finish_what_is_due(folder, &store, &clock).await;
    }

    let all = ExportQuery { from: i64::MIN, until: i64::MAX, after: None, limit: u32::MAX };
    let raw = store.export(&all).await.expect("a page").records;
    let files = archived(folder);
    let kept: BTreeSet<i64> = raw.iter().chain(files.values().flatten()).map(|stored| stored.id).collect();
    let everything = reference.records();
    assert_eq!(kept.len(), everything.len(), "some records are neither in the store nor in a file");
    for stored in raw.iter().chain(files.values().flatten()) {
        assert_eq!(Some(stored), everything.get(usize::try_from(stored.id).expect("positive") - 1));
    }
    for (day, records) in &files {
        let of_day = |stored: &&StoredRecord| (*day..day + DAY).contains(&stored.record.timestamp);
        assert_eq!(records.len(), everything.iter().filter(of_day).count());
    }
    for period in [Period::Days30, Period::Days90, Period::Year1] {
        let plan = Plan::new(period, Align::Now, None, Timestamp::from_secs(clock.now().as_secs()));
        assert_eq!(
            store.timelines(&keys(), &plan).await.expect("timelines"),
            reference.timelines(&keys(), &plan).await.expect("timelines"),
            "{plan:?}"
        );
    }
    store.close().await.expect("closed");
}

/// One undisturbed run brings everything to where it should be, however often it was disturbed before.
async fn finish_what_is_due(folder: &Path, store: &Arc<SqliteRepository>, clock: &Arc<ManualClock>) {
    let (cleaner, archiver) = tasks(folder, store, clock);
    let stop = CancellationToken::new();
    assert!(archiver.archive(&stop).await && cleaner.clean(&stop).await);
    let entries = fs::read_dir(folder.join("archive")).expect("a folder");
    let names: Vec<_> = entries.map(|entry| entry.expect("an entry").file_name()).collect();
    assert!(names.len() > 20, "{names:?}");
    assert!(!names.iter().any(|name| name.to_string_lossy().ends_with(".part")), "{names:?}");
    let oldest = store.oldest_record().await.expect("an answer").expect("records");
    assert!(oldest >= (clock.now().as_secs() - 3 * DAY).div_euclid(1800) * 1800, "{oldest}");
}
