//! Files of the Go version and of archives.

use std::{path::Path, time::Duration};

use relay_core::{MonitorKey, ProbeRecord, Status, record::Source};
use relay_store::{Import, ImportError, ImportFrom, ImportOptions, LeftOut};
use relay_testkit::{key, relay_pulse::Age, suite::Backend};
use tokio_util::sync::CancellationToken;

use super::site::{DAY, NOW, Place, Site, history, options, write};
use crate::support::{Sqlite, postgres::Postgres};

/// Whoever writes the source goes on, and the source is not changed.
#[tokio::test]
async fn the_source_is_only_read() {
    let site = Site::<Sqlite>::new(Place::File, Age::Models, 3, 300).await;
    let path = site.file();
    let before = std::fs::read(&path).expect("readable");
    site.import(&options()).await;
    assert_eq!(std::fs::read(&path).expect("readable"), before);
    assert!(!path.with_file_name("old.db-wal").exists());

    let writer = rusqlite::Connection::open(&path).expect("a file");
    let insert = "INSERT INTO probe_history (provider, service, status, latency, timestamp) VALUES ('one', 'gm', 1, 9, ?1)";
    writer.execute(insert, [NOW - 1]).expect("inserted");
    writer.execute_batch("BEGIN IMMEDIATE").expect("begun");
    writer.execute(insert, [NOW - 2]).expect("inserted");
    let summary = site.import(&ImportOptions { name: "again".to_owned(), ..options() }).await;
    assert_eq!(summary.records, 1, "what is committed in the log is seen, the rest is not");
    writer.execute_batch("COMMIT").expect("nobody is in the way");
}

async fn odd_rows_are_left_out_or_mended<B: Backend>() {
    let site = Site::<B>::new(Place::File, Age::Models, 2, 10).await;
    insert_odd_rows(&site.file());
    let options = ImportOptions { counts_from: NOW - 400 * DAY, ..options() };
    let summary = site.import(&options).await;
    assert_eq!(summary.records, 12);
    let left_out =
        LeftOut { nameless: 1, misnamed: 2, timeless: 1, future: 2, too_old: 1, ..LeftOut::default() };
    assert_eq!(summary.left_out, left_out);
    assert_eq!(summary.events_skipped, 1);
    let odd = history(site.store.repository().as_ref(), &key("odd/s")).await;
    let results: Vec<_> =
        odd.iter().map(|one| (one.record.result.status.code(), one.record.result.latency_ms)).collect();
    assert_eq!(results, [(1, u32::MAX), (-1, 0)]);
}

fn insert_odd_rows(path: &Path) {
    let connection = rusqlite::Connection::open(path).expect("a file");
    let mut insert = connection
        .prepare("INSERT INTO probe_history (provider, service, status, latency, http_code, timestamp) VALUES (?, ?, ?, ?, ?, ?)")
        .expect("good SQL");
    let at = NOW - 60;
    for (provider, status, latency, code, timestamp) in [
        ("", 1, 1, 200, at),
        ("n\0ul", 1, 1, 200, at),
        ("two\nlines", 1, 1, 200, at),
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
}

#[tokio::test]
async fn odd_rows_are_left_out_or_mended_for_sqlite() {
    odd_rows_are_left_out_or_mended::<Sqlite>().await;
}

#[tokio::test]
async fn odd_rows_are_left_out_or_mended_for_postgres() {
    odd_rows_are_left_out_or_mended::<Postgres>().await;
}

#[tokio::test]
async fn what_is_no_source_is_refused() {
    let site = Site::<Sqlite>::new(Place::File, Age::First, 1, 10).await;
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
async fn an_archive_can_be_read_back<B: Backend>() {
    let site = Site::<B>::new(Place::File, Age::First, 1, 10).await;
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path();
    let day = NOW - NOW % DAY - 3 * DAY;
    let file = folder.join("probe_history_2026-03-07.csv");
    let header = "id,provider,service,channel,model,status,sub_status,http_code,latency,timestamp,detail,total_ms,source";
    let rows = [
        format!("7,a,s,c,m,0,rate_limit,429,12,{},\"too, many\",99,manual", day + 5),
        format!("3,b,s,,,1,,200,20,{},,,", day + 4),
        "what,is,this".to_owned(),
        format!("9,a,,c,m,1,,200,30,{},,,", day + 6),
        format!("10,a,s,c,m,1,,200,30,{},,,", NOW + 1),
        format!("11,a,s,c,m,fine,,200,40,{},,,", day + 7),
        format!("12,a,s,c,m,,,200,50,{},,,", day + 8),
        format!("8,a,s,c,m,1,,200,30,{},,,", day + 6),
    ];
    std::fs::write(&file, format!("{header}\n{}\n", rows.join("\n"))).expect("written");
    let from = |try_number: u32| ImportFrom::Archive {
        file: file.clone(),
        scratch: folder.join(format!("scratch-{try_number}.db")),
    };
    let repository = site.store.repository();
    let key = MonitorKey::from_parts("a", "s", "c", "m");
    for (try_number, added) in [(1, 5), (2, 0)] {
        let import = Import::begin(&from(try_number), options(), site.deps(&[])).await.expect("begun");
        let summary = import.history(&CancellationToken::new(), |_| {}).await.expect("imported");
        assert_eq!((summary.rows, summary.records), (5, added));
        let left_out = LeftOut { nameless: 1, future: 1, unreadable: 1, ..LeftOut::default() };
        assert_eq!(summary.left_out, left_out);
        let all = history(repository.as_ref(), &key).await;
        assert_eq!(all.iter().map(|one| one.id).collect::<Vec<_>>(), [12, 11, 8, 7]);
        assert_eq!([&all[0], &all[1]].map(|one| one.record.result.status), [Status::Missing; 2]);
        let ProbeRecord { source, result, .. } = &all[3].record;
        assert_eq!((*source, result.timings.total_ms), (Source::Manual, Some(99)));
        assert_eq!(result.detail.as_deref(), Some("too, many"));
    }
    std::fs::write(&file, "name,age\n").expect("written");
    let refused = Import::begin(&from(3), options(), site.deps(&[])).await.expect_err("no archive");
    assert!(refused.to_string().contains("probe_history_2026-03-07.csv: not an archive"), "{refused}");
}

#[tokio::test]
async fn an_archive_can_be_read_back_into_sqlite() {
    an_archive_can_be_read_back::<Sqlite>().await;
}

#[tokio::test]
async fn an_archive_can_be_read_back_into_postgres() {
    an_archive_can_be_read_back::<Postgres>().await;
}
