//! Archive files: what is in them, when they are written and removed, and reading them back.

use std::{
    collections::BTreeSet,
    fs,
    io::{Cursor, Read, Write as _},
    path::Path,
    sync::Arc,
    time::Duration,
};

use proptest::prelude::*;
use relay_core::{
    MonitorKey, ProbeRecord, ProbeResult, Status, StoredRecord, SubStatus, UnixSeconds,
    ports::{
        Clock as _,
        repository::{ExportQuery, Job, Records as _, Retention},
        transition::NoTransition,
    },
    record::{Source, Timings},
};
use relay_store::{ArchiveOptions, ArchivedRecords, Archiver, ArchiverDeps, ReadError, read_archive};
use relay_testkit::{Logs, ManualClock, MemoryRepository, key, record, suite::Backend as _};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::support::Sqlite;

const DAY: i64 = 86_400;
/// 2026-03-10 12:00:00 UTC.
const NOW: UnixSeconds = 1_773_144_000;
const TODAY: UnixSeconds = NOW - NOW % DAY;

fn options(folder: &Path) -> ArchiveOptions {
    ArchiveOptions { days: 3, backfill_days: 4, keep_days: Some(5), ..ArchiveOptions::new(folder) }
}

fn archiver(options: ArchiveOptions, store: Arc<dyn Retention>, clock: &Arc<ManualClock>) -> Arc<Archiver> {
    Archiver::new(options, ArchiverDeps { store, clock: clock.clone() })
}

fn names(folder: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("text")).collect()
}

fn set<const N: usize>(names: [&str; N]) -> BTreeSet<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// Ten records of each of two monitors on each of the given days ago.
async fn filled(clock: &Arc<ManualClock>, days_ago: &[i64]) -> Arc<MemoryRepository> {
    let store = Arc::new(MemoryRepository::new(clock.clone()));
    let keys = [key("a/cc/vip/m"), key("b/cc")];
    for ago in days_ago {
        let day = TODAY - ago * DAY;
        let batch = (0..20).map(|index| record(&keys[index % 2], day + index as i64 * 4_500).build());
        store.append(batch.collect(), Arc::new(NoTransition)).await.expect("stored");
    }
    store
}

fn read_all(path: &Path) -> Vec<StoredRecord> {
    read_archive(path).expect("an archive").collect::<Result<_, _>>().expect("records")
}

#[tokio::test]
async fn the_days_that_are_due_are_written_and_nothing_else() {
    let (clock, folder) = (Arc::new(ManualClock::at_secs(NOW)), tempfile::tempdir().expect("a folder"));
    let store = filled(&clock, &[8, 7, 6, 4, 3, 2, 0]).await;
    // Made by the archiver.
    let inside = folder.path().join("archive");
    let archiver = archiver(options(&inside), store.clone(), &clock);
    assert!(archiver.archive(&CancellationToken::new()).await);
    assert_eq!(
        names(&inside),
        set([
            "probe_history_2026-03-04.csv.gz",
            "probe_history_2026-03-06.csv.gz",
            "probe_history_2026-03-07.csv.gz"
        ])
    );
    let day = TODAY - 6 * DAY;
    let mut expected: Vec<_> = store.records();
    expected.retain(|stored| (day..day + DAY).contains(&stored.record.timestamp));
    assert_eq!(read_all(&inside.join("probe_history_2026-03-04.csv.gz")), expected);
}

#[tokio::test]
async fn the_first_columns_are_those_of_the_go_version() {
    let (clock, folder) = (Arc::new(ManualClock::at_secs(NOW)), tempfile::tempdir().expect("a folder"));
    let store = Arc::new(MemoryRepository::new(clock.clone()));
    let timings = Timings { first_token_ms: Some(130), total_ms: Some(300), ..Timings::default() };
    let batch = vec![
        record(&key("a, b/cc/vip/m"), TODAY - 3 * DAY).latency(123).timings(timings).build(),
        record(&key("b/cc"), TODAY - 3 * DAY + 1)
            .red(SubStatus::RateLimit, 429)
            .latency(7)
            .detail("slow \"down\"")
            .source(Source::Manual)
            .build(),
    ];
    store.append(batch, Arc::new(NoTransition)).await.expect("stored");
    let plain = ArchiveOptions { compressed: false, ..options(folder.path()) };
    assert!(archiver(plain, store, &clock).archive(&CancellationToken::new()).await);
    let text = fs::read_to_string(folder.path().join("probe_history_2026-03-07.csv")).expect("text");
    assert_eq!(
        text,
        "id,provider,service,channel,model,status,sub_status,http_code,latency,timestamp,detail,dns_ms,connect_ms,\
         tls_ms,first_token_ms,total_ms,source\n\
         1,\"a, b\",cc,vip,m,1,,200,123,1772841600,,,,,130,300,schedule\n\
         2,b,cc,,,0,rate_limit,429,7,1772841601,\"slow \"\"down\"\"\",,,,,,manual\n"
    );
}

#[tokio::test]
async fn a_day_with_a_file_in_either_form_is_not_written_again() {
    let (clock, folder) = (Arc::new(ManualClock::at_secs(NOW)), tempfile::tempdir().expect("a folder"));
    let store = filled(&clock, &[3, 4]).await;
    fs::write(folder.path().join("probe_history_2026-03-07.csv"), "mine").expect("written");
    let archiver = archiver(options(folder.path()), store, &clock);
    for _ in 0..2 {
        assert!(archiver.archive(&CancellationToken::new()).await);
        assert_eq!(
            names(folder.path()),
            set(["probe_history_2026-03-06.csv.gz", "probe_history_2026-03-07.csv"])
        );
    }
    let mine = fs::read_to_string(folder.path().join("probe_history_2026-03-07.csv")).expect("text");
    assert_eq!(mine, "mine");
}

#[tokio::test]
async fn old_files_and_leftovers_go_and_foreign_files_stay() {
    let (clock, folder) = (Arc::new(ManualClock::at_secs(NOW)), tempfile::tempdir().expect("a folder"));
    let store = filled(&clock, &[]).await;
    let write = |name: &str| fs::write(folder.path().join(name), "x").expect("written");
    // Eight days old is the last to stay: 3 to be archived, 5 more to be kept.
    for name in [
        "probe_history_2026-03-02.csv.gz",
        "probe_history_2026-03-01.csv.gz",
        "probe_history_2020-01-01.csv",
        ".probe_history_2026-03-05.csv.gz.part",
        ".probe_history_2020-01-01.csv.part",
        "notes.txt",
        "probe_history_2020-01-01.csv.bak",
        "probe_history_2020-1-1.csv",
        "probe_history_.csv.gz",
    ] {
        write(name);
    }
    fs::create_dir(folder.path().join("probe_history_2020-01-02.csv")).expect("made");
    // Somebody is at this day just now.
    write(".probe_history_2026-03-06.csv.gz.part");
    let busy = store.lock_job(Job::Archive(TODAY - 4 * DAY)).await.expect("an answer");
    assert!(archiver(options(folder.path()), store.clone(), &clock).archive(&CancellationToken::new()).await);
    assert_eq!(
        names(folder.path()),
        set([
            ".probe_history_2026-03-06.csv.gz.part",
            "notes.txt",
            "probe_history_.csv.gz",
            "probe_history_2020-01-01.csv.bak",
            "probe_history_2020-01-02.csv",
            "probe_history_2020-1-1.csv",
            "probe_history_2026-03-02.csv.gz",
        ])
    );
    drop(busy);
    let forever = ArchiveOptions { keep_days: None, ..options(folder.path()) };
    write("probe_history_2020-01-01.csv");
    assert!(archiver(forever, store, &clock).archive(&CancellationToken::new()).await);
    assert!(names(folder.path()).contains("probe_history_2020-01-01.csv"));
    assert!(!names(folder.path()).contains(".probe_history_2026-03-06.csv.gz.part"));
}

#[tokio::test]
async fn a_day_that_another_instance_writes_is_left_to_it() {
    let (clock, folder) = (Arc::new(ManualClock::at_secs(NOW)), tempfile::tempdir().expect("a folder"));
    let store = filled(&clock, &[3, 4]).await;
    let lock = store.lock_job(Job::Archive(TODAY - 3 * DAY)).await.expect("an answer").expect("free");
    let (one, other) = (
        archiver(options(folder.path()), store.clone(), &clock),
        archiver(options(folder.path()), store.clone(), &clock),
    );
    let stop = CancellationToken::new();
    let worked = tokio::join!(one.archive(&stop), other.archive(&stop));
    assert_eq!(worked, (true, true));
    assert_eq!(names(folder.path()), set(["probe_history_2026-03-06.csv.gz"]));
    assert_eq!(read_all(&folder.path().join("probe_history_2026-03-06.csv.gz")).len(), 20);
    drop(lock);
    assert_eq!(tokio::join!(one.archive(&stop), other.archive(&stop)), (true, true));
    assert_eq!(read_all(&folder.path().join("probe_history_2026-03-07.csv.gz")).len(), 20);
    assert_eq!(names(folder.path()).len(), 2);
}

#[tokio::test]
async fn what_cannot_be_written_is_said_once_and_written_later() {
    let (clock, folder) = (Arc::new(ManualClock::at_secs(NOW)), tempfile::tempdir().expect("a folder"));
    let store = filled(&clock, &[3]).await;
    let (log, _guard) = Logs::capture(tracing::Level::INFO);
    // The disk is full for this file.
    let part = folder.path().join(".probe_history_2026-03-07.csv.gz.part");
    let archiver = archiver(options(folder.path()), store, &clock);
    let stop = CancellationToken::new();
    for _ in 0..2 {
        std::os::unix::fs::symlink("/dev/full", &part).expect("a link");
        assert!(!archiver.archive(&stop).await);
        assert_eq!(names(folder.path()), BTreeSet::new());
    }
    let lines = log.lines_with("cannot archive");
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(lines[0].contains("No space left") && lines[0].contains(&*folder.path().to_string_lossy()));
    assert!(archiver.archive(&stop).await);
    assert_eq!(read_all(&folder.path().join("probe_history_2026-03-07.csv.gz")).len(), 20);
    assert_eq!(log.lines_with("archiving works again").len(), 1);
}

/// Waits for a file that a task is about to write; the clock of the runtime goes on by itself meanwhile.
async fn wait_for(path: &Path) {
    while !path.exists() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn it_runs_at_start_and_daily_at_three() {
    let (clock, folder) = (Arc::new(ManualClock::at_secs(NOW)), tempfile::tempdir().expect("a folder"));
    let store = filled(&clock, &[3, 2, 1]).await;
    let archiver = archiver(options(folder.path()), store, &clock);
    let stop = CancellationToken::new();
    let mut running = JoinSet::new();
    let (own, token) = (archiver.clone(), stop.clone());
    running.spawn(async move { own.run(token).await });
    wait_for(&folder.path().join("probe_history_2026-03-07.csv.gz")).await;
    clock.set_secs(TODAY + DAY + 3 * 3600 - 1);
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(names(folder.path()).len(), 1, "it is not three yet");
    clock.advance(Duration::from_secs(1));
    wait_for(&folder.path().join("probe_history_2026-03-08.csv.gz")).await;
    assert_eq!(names(folder.path()).len(), 2);
    // The next one is not waited for when the server stops.
    stop.cancel();
    running.join_all().await;
    assert_eq!(clock.now().as_secs(), TODAY + DAY + 3 * 3600);
}

#[tokio::test]
async fn on_sqlite_files_hold_all_records_of_their_days_late_ones_too() {
    let (clock, folder) = (Arc::new(ManualClock::at_secs(NOW)), tempfile::tempdir().expect("a folder"));
    let sqlite = Sqlite::at(clock.clone());
    let keys: Vec<MonitorKey> = (0..5).map(|index| key(&format!("p{index}/s"))).collect();
    // More than one page of a day.
    let mut batch: Vec<ProbeRecord> = (0..8 * 480)
        .flat_map(|index| keys.iter().map(move |key| (NOW - 8 * DAY + index * 180, key)))
        .map(|(at, key)| record(key, at).build())
        .collect();
    batch.push(record(&keys[0], TODAY - 5 * DAY).detail("first second, late").build());
    batch.push(record(&keys[0], TODAY - 4 * DAY - 1).detail("last second, late").build());
    sqlite.repository().append(batch, Arc::new(NoTransition)).await.expect("stored");
    let store: Arc<dyn Retention> = relay_testkit::suite::Backend::repository(&sqlite);
    assert!(archiver(options(folder.path()), store.clone(), &clock).archive(&CancellationToken::new()).await);
    assert_eq!(names(folder.path()).len(), 4);
    for (ago, name) in [(3, "07"), (4, "06"), (5, "05"), (6, "04")] {
        let path = folder.path().join(format!("probe_history_2026-03-{name}.csv.gz"));
        let (from, until) = (TODAY - ago * DAY, TODAY - (ago - 1) * DAY);
        let page = ExportQuery { from, until, after: None, limit: u32::MAX };
        let expected = store.export(&page).await.expect("a page").records;
        assert_eq!(expected.len(), 480 * 5 + if ago == 5 { 2 } else { 0 });
        assert_eq!(read_all(&path), expected);
    }
}

// === reading ===

fn records_of(text: &str) -> Vec<Result<StoredRecord, ReadError>> {
    ArchivedRecords::new(Cursor::new(text.to_owned())).expect("an archive").collect()
}

#[test]
fn files_of_the_go_version_are_read_also_old_ones_and_in_any_order() {
    let now = "id,provider,service,channel,model,status,sub_status,http_code,latency,timestamp\n\
               12,88code,cc,vip3,gpt-4,2,slow_latency,200,5321,1772841600\n\
               13,88code,cc,,,0,some_later_word,-5,99999999999,1772841660\n";
    let records: Vec<_> = records_of(now).into_iter().collect::<Result<_, _>>().expect("records");
    assert_eq!(
        records[0],
        StoredRecord {
            id: 12,
            record: record(&key("88code/cc/vip3/gpt-4"), 1_772_841_600)
                .yellow(SubStatus::SlowLatency)
                .latency(5321)
                .build()
        }
    );
    let odd = &records[1].record.result;
    assert_eq!((odd.sub_status, odd.http_code, odd.latency_ms), (None, 0, u32::MAX));

    let older =
        "\u{feff}timestamp,latency,status,service,provider,id,comment\r\n1772841600,7,1,cc,p,5,hello\r\n";
    let records: Vec<_> = records_of(older).into_iter().collect::<Result<_, _>>().expect("records");
    assert_eq!((records[0].id, &records[0].record.key), (5, &key("p/cc")));
    assert_eq!(records[0].record.result.latency_ms, 7);
}

#[test]
fn a_status_that_is_none_is_no_data() {
    let text = "id,provider,service,status,timestamp\n1,p,s,,100\n2,p,s,fine,100\n3,p,s,9,100\n";
    for row in records_of(text) {
        assert_eq!(row.expect("a record").record.result.status, Status::Missing);
    }
}

#[test]
fn a_bad_row_is_named_by_its_line_and_the_next_one_is_read() {
    let text = "id,provider,service,status,timestamp,detail\n\
                1,p,s,1,100,\"two\nlines\"\n\
                x,p,s,1,100,\n\
                3,p,s,1\n\
                4,p,s,1,,\n\
                6,p,s,1,100,\n";
    let found: Vec<String> = records_of(text)
        .into_iter()
        .map(|row| row.map_or_else(|error| error.to_string(), |stored| stored.id.to_string()))
        .collect();
    assert_eq!(
        found,
        [
            "1",
            "line 4: id is no whole number",
            "line 5: it has 4 fields, the header has 6",
            "line 6: timestamp is empty",
            "6",
        ]
    );
}

#[test]
fn what_is_no_archive_is_refused() {
    for text in ["", "hello\n", "id,provider,service,channel,status\n1,p,s,c,1\n", "\u{0}\u{1}\u{2}"] {
        let error = ArchivedRecords::new(Cursor::new(text)).expect_err("refused");
        assert!(matches!(error, ReadError::Header { .. }), "{text:?}: {error}");
    }
    let gone = read_archive(Path::new("/nowhere/probe_history_2026-03-07.csv")).expect_err("refused");
    assert!(matches!(gone, ReadError::Io { line: 0, .. }), "{gone}");
}

/// A source that never ends, counted.
struct Endless(Arc<std::sync::atomic::AtomicU64>, u8);

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        buffer.fill(self.1);
        self.0.fetch_add(buffer.len() as u64, std::sync::atomic::Ordering::Relaxed);
        Ok(buffer.len())
    }
}

#[test]
fn a_row_without_end_is_given_up_before_it_fills_the_memory() {
    for (start, fill) in [
        ("", b'x'),
        ("id,provider,service,status,timestamp\n\"", b'\n'),
        ("id,provider,service,status,timestamp\n", b','),
    ] {
        let read = Arc::new(std::sync::atomic::AtomicU64::new(0));
        let source = Cursor::new(start).chain(Endless(read.clone(), fill));
        let error = match ArchivedRecords::new(source) {
            Err(error) => error,
            Ok(mut records) => {
                let error = records.next().expect("a row").expect_err("refused");
                assert!(records.next().is_none(), "there is nothing after it");
                error
            }
        };
        assert!(matches!(error, ReadError::Io { .. }), "{error}");
        assert!(read.load(std::sync::atomic::Ordering::Relaxed) < 2 * 1024 * 1024);
    }
}

#[test]
fn a_file_that_was_cut_off_says_so() {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(b"id,provider,service,status,timestamp\n").expect("written");
    for id in 0..5_000 {
        writeln!(encoder, "{id},p,s,1,{}", id * 7919 % 100_000).expect("written");
    }
    let whole = encoder.finish().expect("compressed");
    let count = |bytes: Vec<u8>| {
        let mut rows = ArchivedRecords::new(Cursor::new(bytes)).expect("an archive");
        let read = rows.by_ref().take_while(Result::is_ok).count();
        (read, rows.next().is_none())
    };
    assert_eq!(count(whole.clone()), (5_000, true));
    let cut = whole[..whole.len() / 2].to_vec();
    let rows: Vec<_> = ArchivedRecords::new(Cursor::new(cut)).expect("an archive").collect();
    assert!(
        matches!(rows.last(), Some(Err(ReadError::Io { line, .. })) if *line > 1_000),
        "{:?}",
        rows.last()
    );
}

fn any_record() -> impl Strategy<Value = StoredRecord> {
    let text = || prop_oneof![4 => "[a-z0-9 ,\"'\r\n;é-]{1,12}", 1 => "\\PC{1,20}"];
    let phase = || prop::option::of(any::<u32>());
    let key = (text(), text(), prop::option::of(text()), prop::option::of(text()));
    let outcome = (-1i64..3, prop::option::of(0usize..8), any::<u16>(), any::<u32>());
    let phases = (phase(), phase(), phase(), phase(), phase());
    let rest = (any::<i64>(), any::<i64>(), 0i64..3, prop::option::of(text()));
    (key, outcome, phases, rest).prop_map(|(key, outcome, phases, (id, timestamp, source, detail))| {
        let (status, cause, http_code, latency_ms) = outcome;
        let (dns_ms, connect_ms, tls_ms, first_token_ms, total_ms) = phases;
        let key =
            MonitorKey::from_parts(&key.0, &key.1, &key.2.unwrap_or_default(), &key.3.unwrap_or_default());
        let result = ProbeResult {
            status: Status::from_code(status),
            sub_status: cause.and_then(SubStatus::from_index),
            http_code,
            latency_ms,
            timings: Timings { dns_ms, connect_ms, tls_ms, first_token_ms, total_ms },
            detail,
        };
        let source = Source::from_code(source).expect("a source");
        StoredRecord { id, record: ProbeRecord { key, timestamp, source, result } }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    /// Whatever is archived is read back as it was.
    #[test]
    fn files_read_back(records in prop::collection::vec(any_record(), 1..60), compressed: bool) {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = Arc::new(ManualClock::at_secs(NOW));
        let day = TODAY - 3 * DAY;
        let store = Arc::new(MemoryRepository::new(clock.clone()));
        let batch: Vec<_> = records
            .into_iter()
            .map(|stored| ProbeRecord { timestamp: day + stored.record.timestamp.rem_euclid(DAY), ..stored.record })
            .collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        runtime.block_on(async {
            store.append(batch, Arc::new(NoTransition)).await.expect("stored");
            let options = ArchiveOptions { compressed, ..options(folder.path()) };
            assert!(archiver(options, store.clone(), &clock).archive(&CancellationToken::new()).await);
        });
        let mut expected = store.records();
        expected.sort_by_key(|stored| (stored.record.timestamp, stored.id));
        let ending = if compressed { ".gz" } else { "" };
        let path = folder.path().join(format!("probe_history_2026-03-07.csv{ending}"));
        prop_assert_eq!(read_all(&path), expected);
    }

    #[test]
    fn strange_bytes_are_refused_or_read_but_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), headed: bool) {
        let mut file = if headed { b"id,provider,service,status,timestamp\n".to_vec() } else { Vec::new() };
        file.extend(bytes);
        if let Ok(records) = ArchivedRecords::new(Cursor::new(file)) {
            let _ = records.count();
        }
    }
}
