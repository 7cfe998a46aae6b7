//! kill -9 at any moment: nothing acknowledged is lost, nothing is doubled, and what was held is as if counted again.

use std::{
    env,
    ffi::OsStr,
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Stdio},
    sync::Arc,
};

use relay_core::{
    MonitorKey, ProbeRecord, StoredRecord, SubStatus, Timestamp, UnixSeconds,
    event::Event,
    ports::{
        Clock as _, Repository, Transition,
        repository::{EventFilter, HistoryQuery, Maintenance as _, Records as _, Timelines as _},
    },
    timeline::{Align, Period, Plan},
};
use relay_testkit::{ManualClock, MemoryRepository, key, record, suite::Blinker};
use rusqlite::Connection;

use crate::support::{open, postgres::Database};

/// Tells a copy of a test that it is the process to be killed, and which file or database it writes.
const VICTIM: &str = "RELAY_STORE_TEST_VICTIM";
/// 2026-03-10 23:00:00 UTC: slots and a day end while it runs.
pub(crate) const START: UnixSeconds = 1_773_183_600;
/// How many processes are killed, when somebody asks for another number than [`KILLS`].
const KILLS_VARIABLE: &str = "RELAY_SOAK_KILLS";
const KILLS: u64 = 12;
/// A new database is begun after so many, because everything in it is compared after each.
pub(crate) const KILLS_OF_ONE: u64 = 12;

/// Returns how many processes are to be killed, `usual` unless somebody asks for another number.
pub(crate) fn kills(usual: u64) -> u64 {
    env::var(KILLS_VARIABLE).map_or(usual, |kills| kills.parse().expect("a number"))
}

pub(crate) fn keys() -> Vec<MonitorKey> {
    (0..5).map(|index| key(&format!("p/cc/c{}/m{index}", index % 2))).collect()
}

/// The batch after record `id`: time goes on by 40 s, one record comes late.
pub(crate) fn batch_after(id: i64) -> Vec<ProbeRecord> {
    let at = START + id * 8;
    let probe = |(index, key): (usize, &MonitorKey)| {
        let number = id + i64::try_from(index).expect("few");
        let base =
            record(key, at - if number % 7 == 0 { 9_000 } else { 0 }).latency(100 + number as u32 % 900);
        if number / 4 % 3 == 0 { base.red(SubStatus::ServerError, 503).build() } else { base.build() }
    };
    keys().iter().enumerate().map(probe).collect()
}

/// Appends until it is killed, and says after each commit what was committed.
async fn be_the_victim(clock: &ManualClock, store: &dyn Repository) {
    let mut last = newest_id(&store.latest(&keys()).await.expect("latest"));
    loop {
        clock.set_secs(START + last * 8);
        let appended =
            store.append(batch_after(last), Arc::new(Blinker { patience: 2 })).await.expect("stored");
        last = appended.records.last().expect("records").id;
        let event = appended.events.last().map_or(0, |event| event.id);
        Victim::acknowledge(last, event);
    }
}

fn newest_id(latest: &[Option<relay_core::record::LatestRecord>]) -> i64 {
    // Ids of late records are no latest ones: the batch has five records, so the next full batch begins after them.
    latest.iter().flatten().map(|latest| (latest.id + 4) / 5 * 5).max().unwrap_or(0)
}

/// A process that is to be killed.
pub(crate) struct Victim(Child);

/// Not even a failing test leaves a process behind.
impl Drop for Victim {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a victim, lets it acknowledge so many batches, and kills it. Returns the last record and event it spoke of.
fn kill_after(test: &str, place: &OsStr, batches: u64) -> (i64, i64) {
    Victim::kill_after(test, VICTIM, place, batches)
}

impl Victim {
    /// Starts a copy of the test `name` with `variable` set to `place`, lets it acknowledge so many batches, and kills
    /// it. Returns the last record and event it spoke of.
    pub(crate) fn kill_after(name: &str, variable: &str, place: &OsStr, batches: u64) -> (i64, i64) {
        let mut command = Command::new(env::current_exe().expect("this test"));
        command.args(["--exact", name, "--nocapture"]).env(variable, place);
        let mut victim =
            Self(command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("a process"));
        let output = victim.0.stdout.take().expect("its output");
        let mut last = (0, 0);
        let mut seen = 0;
        for line in BufReader::new(output).lines() {
            let line = line.expect("a line");
            let mut words = line.split_whitespace();
            if words.next() != Some("acknowledged") {
                continue;
            }
            let mut number = || words.next().and_then(|word| word.parse().ok()).expect("a number");
            last = (number(), last.1.max(number()));
            seen += 1;
            if seen == batches {
                // SIGKILL, while it is on its way to the next commit.
                victim.0.kill().expect("killed");
            }
        }
        assert!(seen >= batches, "the victim ended by itself after {seen} batches");
        last
    }

    /// Says, as a victim, what was committed.
    pub(crate) fn acknowledge(record: i64, event: i64) {
        // Past the test harness, which would hold it back; in a line of its own.
        let mut output = std::io::stdout().lock();
        writeln!(output, "\nacknowledged {record} {event}").and_then(|()| output.flush()).expect("written");
    }
}

#[tokio::test]
async fn kill_nine_loses_nothing() {
    let clock = Arc::new(ManualClock::at_secs(START));
    if let Some(path) = env::var_os(VICTIM) {
        return be_the_victim(&clock, open(path.into(), clock.clone()).as_ref()).await;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for round in 0..kills(KILLS) {
        let path = folder.path().join(format!("relay-{}.db", round / KILLS_OF_ONE));
        let (record_id, event_id) =
            kill_after("crash::kill_nine_loses_nothing", path.as_os_str(), 1 + round * 13 % 40);
        check_integrity(&path);
        let store = open(path.clone(), clock.clone());
        check(&clock, store.as_ref(), record_id, event_id).await;
        assert_eq!(store.rebuild_rollups().await.expect("counted again").corrected, 0);
        store.close().await.expect("closed");
    }
}

#[tokio::test]
async fn kill_nine_loses_nothing_on_postgres() {
    let clock = Arc::new(ManualClock::at_secs(START));
    if let Some(place) = env::var_os(VICTIM) {
        let database = Database::at(&place.to_string_lossy());
        return be_the_victim(&clock, &database.open(clock.clone()).await).await;
    }
    let mut database = Database::create().await;
    for round in 0..kills(KILLS) {
        if round > 0 && round % KILLS_OF_ONE == 0 {
            database = Database::create().await;
        }
        let place = database.place();
        let test = "crash::kill_nine_loses_nothing_on_postgres";
        let (record_id, event_id) = kill_after(test, OsStr::new(&place), 1 + round * 13 % 40);
        let store = database.open(clock.clone()).await;
        // What the victim was about to commit is over when the lock can be had.
        let shell = database.shell().await;
        shell.query_one("SELECT id FROM relay.store_state FOR UPDATE", &[]).await.expect("the lock");
        check(&clock, &store, record_id, event_id).await;
        assert_eq!(store.rebuild_rollups().await.expect("counted again").corrected, 0);
        store.close().await.expect("closed");
    }
}

fn check_integrity(path: &Path) {
    let integrity: String = Connection::open(path)
        .expect("opened")
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .expect("checked");
    assert_eq!(integrity, "ok");
}

/// Repeats on a plain reference what must have happened, and compares.
pub(crate) async fn check(clock: &Arc<ManualClock>, store: &dyn Repository, record_id: i64, event_id: i64) {
    let stored = all_records(store).await;
    let newest = stored.last().expect("records").id;
    assert!(newest >= record_id, "{record_id} was acknowledged, {newest} is the newest");
    assert_eq!(newest % 5, 0, "a batch is there as a whole or not at all");
    clock.set_secs(START + newest * 8);

    let reference = MemoryRepository::new(clock.clone());
    let transition: Arc<dyn Transition> = Arc::new(Blinker { patience: 2 });
    let mut events: Vec<Event> = Vec::new();
    for first in (0..newest).step_by(5) {
        events.extend(reference.append(batch_after(first), transition.clone()).await.expect("stored").events);
    }
    assert_eq!(stored, reference.records());
    // Events depend on the states before them: wrong states after one kill are wrong events after the next.
    let found = store.events(0, &EventFilter::default(), 100_000).await.expect("events");
    assert!(found.last().map_or(0, |event| event.id) >= event_id);
    let told =
        |events: &[Event]| events.iter().map(|event| (event.id, event.event.clone())).collect::<Vec<_>>();
    assert_eq!(told(&found), told(&events));

    let keys = keys();
    assert_eq!(store.latest(&keys).await.expect("latest"), reference.latest(&keys).await.expect("latest"));
    for period in Period::ALL {
        let plan = Plan::new(period, Align::Now, None, Timestamp::from_secs(clock.now().as_secs()));
        assert_eq!(
            store.timelines(&keys, &plan).await.expect("timelines"),
            reference.timelines(&keys, &plan).await.expect("timelines"),
            "{plan:?}"
        );
    }
}

pub(crate) async fn all_records(store: &dyn Repository) -> Vec<StoredRecord> {
    let mut all = Vec::new();
    for key in keys() {
        let query = HistoryQuery { key, from: i64::MIN, to: i64::MAX, before: None, limit: u32::MAX };
        all.extend(store.history(&query).await.expect("history"));
    }
    all.sort_by_key(|stored| stored.id);
    all
}
