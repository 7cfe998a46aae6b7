//! A database of the Go version at the place of ours: moved aside, whatever is in the way, whenever it is killed.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use relay_core::{
    MonitorKey, Timestamp, UnixSeconds,
    ports::{
        Repository,
        repository::{Error, EventFilter, Maintenance as _},
    },
    timeline::{Align, Period, Plan},
};
use relay_store::{Import, ImportDeps, ImportError, ImportOptions, TakenOver, is_relay_pulse, take_over};
use relay_testkit::{
    ManualClock,
    relay_pulse::{Age, Dialect, RelayPulse},
};
use rusqlite::Connection;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support;

/// 2026-03-10 15:20:00 UTC.
const NOW: UnixSeconds = 1_773_156_000;
const DATE: &str = "2026-03-10";
const DAY: i64 = 86_400;

struct Site {
    folder: TempDir,
    source: RelayPulse,
}

impl Site {
    fn new(age: Age) -> Self {
        let site = Self {
            folder: tempfile::tempdir().expect("a folder"),
            source: RelayPulse::made(age, NOW, 50, 1_000),
        };
        let connection = Connection::open(site.path()).expect("a file");
        connection.pragma_update(None, "journal_mode", "WAL").expect("WAL");
        connection
            .execute_batch(&format!("BEGIN;{}COMMIT;", site.source.sql(Dialect::Sqlite)))
            .expect("good SQL");
        site
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("monitor.db")
    }

    fn moved(&self) -> PathBuf {
        self.folder.path().join(format!("monitor.db.relay-pulse-{DATE}"))
    }

    fn note(&self) -> PathBuf {
        self.folder.path().join("monitor.db.relay-pulse-import")
    }

    fn take_over(&self) -> Option<TakenOver> {
        take_over(&self.path(), DATE).expect("nothing is in the way")
    }

    fn repository(&self) -> Arc<dyn Repository> {
        support::open(self.path(), Arc::new(ManualClock::at_secs(NOW)))
    }

    /// Starts as the server does, and is killed after so many days of history.
    async fn start(&self, days: usize) -> Result<(), ImportError> {
        let Some(taken) = self.take_over() else { return Ok(()) };
        let repository = self.repository();
        let (_, heirs) = watch::channel(Vec::new());
        let deps =
            ImportDeps { repository: repository.clone(), clock: Arc::new(ManualClock::at_secs(NOW)), heirs };
        let options = ImportOptions { records_from: NOW - 36 * DAY, ..ImportOptions::new("taken over") };
        let import = Import::begin(&taken.source(), options, deps).await?;
        let stop = CancellationToken::new();
        let mut seen = std::collections::BTreeSet::new();
        let outcome = import.history(&stop, |progress| {
            seen.insert(progress.day);
            if seen.len() > days {
                stop.cancel();
            }
        });
        let outcome = outcome.await.map(drop);
        repository.close().await?;
        outcome?;
        taken.finished()?;
        Ok(())
    }

    /// Checks that everything is there, once.
    async fn is_whole(&self) {
        let repository = self.repository();
        let mut keys: Vec<MonitorKey> =
            self.source.records.iter().map(|stored| stored.record.key.clone()).collect();
        keys.sort();
        keys.dedup();
        let plan = Plan::new(Period::Days90, Align::Now, None, Timestamp::from_secs(NOW));
        let timelines = repository.timelines(&keys, &plan).await.expect("timelines");
        let total: u32 = timelines.iter().map(|one| one.whole.total()).sum();
        assert_eq!(total as usize, self.source.records.len());
        let events = repository.events(0, &EventFilter::default(), 100).await.expect("events");
        assert_eq!(events, self.source.events);
        repository.close().await.expect("closed");
        assert!(!self.note().exists());
        assert!(is_relay_pulse(&self.moved()).expect("readable"), "the old one stays");
        assert!(!self.moved().with_file_name(format!("monitor.db.relay-pulse-{DATE}-2")).exists());
        assert_eq!(self.take_over(), None, "nothing is left to be done");
    }
}

#[tokio::test]
async fn every_age_is_taken_over() {
    for age in Age::ALL {
        let site = Site::new(age);
        assert!(is_relay_pulse(&site.path()).expect("readable"));
        site.start(usize::MAX).await.expect("done");
        assert!(!is_relay_pulse(&site.path()).expect("readable"));
        site.is_whole().await;
    }
}

/// Each way in which a killed process can leave the folder behind leads to the same end.
#[tokio::test]
async fn a_kill_at_any_step_changes_nothing() {
    let note = |site: &Site| {
        let name = site.moved().file_name().expect("a name").to_owned();
        fs::write(site.note(), name.as_encoded_bytes()).expect("written");
    };
    let rename = |site: &Site| fs::rename(site.path(), site.moved()).expect("moved");
    for step in 0..8 {
        let site = Site::new(Age::Models);
        match step {
            0 => {}
            1 => fs::write(site.folder.path().join("monitor.db.relay-pulse-import.new"), "mon")
                .expect("written"),
            2 => note(&site),
            3 => {
                note(&site);
                rename(&site);
            }
            4 => {
                note(&site);
                rename(&site);
                fs::write(site.path(), "").expect("written");
            }
            5 => {
                assert!(site.take_over().is_some());
                site.repository().close().await.expect("closed");
            }
            6 => assert!(matches!(site.start(3).await, Err(ImportError::Stopped))),
            _ => {
                site.start(usize::MAX).await.expect("done");
                note(&site);
            }
        }
        for days in [0, 5, 20] {
            // It may be done already.
            match site.start(days).await {
                Ok(()) | Err(ImportError::Stopped) => {}
                Err(error) => panic!("step {step}: {error}"),
            }
        }
        site.start(usize::MAX).await.expect("done");
        site.is_whole().await;
    }
}

#[tokio::test]
async fn another_file_is_never_replaced() {
    let site = Site::new(Age::First);
    fs::write(site.moved(), "precious").expect("written");
    let second = site.folder.path().join(format!("monitor.db.relay-pulse-{DATE}-2"));
    std::os::unix::fs::symlink("nowhere", &second).expect("linked");
    let taken = site.take_over().expect("taken over");
    assert_eq!(taken.path(), site.folder.path().join(format!("monitor.db.relay-pulse-{DATE}-3")));
    assert_eq!(fs::read_to_string(site.moved()).expect("there"), "precious");
}

/// The link goes on leading to the database, and the old one stays on its disk.
#[tokio::test]
async fn a_link_is_followed() {
    let site = Site::new(Age::First);
    let elsewhere = tempfile::tempdir().expect("a folder");
    let link = elsewhere.path().join("link.db");
    std::os::unix::fs::symlink(site.path(), &link).expect("linked");
    for _ in 0..2 {
        let taken = take_over(&link, DATE).expect("nothing is in the way").expect("taken over");
        assert_eq!(taken.path(), site.moved());
    }
    let repository = support::open(link.clone(), Arc::new(ManualClock::at_secs(NOW)));
    repository.close().await.expect("closed");
    assert!(link.is_symlink() && site.path().is_file());
}

/// What is in the log of the old database comes along; a log that is in use says that it is.
#[tokio::test]
async fn a_database_in_use_is_refused() {
    let site = Site::new(Age::Models);
    let writer = Connection::open(site.path()).expect("a file");
    let insert = "INSERT INTO probe_history (provider, service, status, latency, timestamp) VALUES ('a', 's', 1, 2, 3)";
    writer.execute(insert, []).expect("inserted");
    match take_over(&site.path(), DATE) {
        Err(Error::Conflict { reason }) => assert!(reason.contains("monitor.db"), "{reason}"),
        other => panic!("{other:?}"),
    }
    assert!(is_relay_pulse(&site.path()).expect("readable") && !site.note().exists());
    writer.execute(insert, []).expect("nobody is in the way");
    copy_with_log(&site.path(), &site.folder.path().join("killed.db"));
    drop(writer);

    // As after a kill: a log that nobody has open.
    let killed = site.folder.path().join("killed.db");
    let taken = take_over(&killed, DATE).expect("nothing is in the way").expect("taken over");
    let old = Connection::open(taken.path()).expect("a file");
    let count: i64 =
        old.query_row("SELECT count(*) FROM probe_history", [], |row| row.get(0)).expect("counted");
    assert_eq!(count, 1_002);
}

fn copy_with_log(from: &Path, to: &Path) {
    for ending in ["", "-wal"] {
        let name = |path: &Path| format!("{}{ending}", path.display());
        fs::copy(name(from), name(to)).expect("copied");
    }
}

#[tokio::test]
async fn what_is_not_theirs_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("relay.db");
    assert_eq!(take_over(&path, DATE).expect("nothing there"), None);
    support::open(path.clone(), Arc::new(ManualClock::at_secs(NOW))).close().await.expect("closed");
    assert_eq!(take_over(&path, DATE).expect("ours"), None);
    // An import whose source somebody took away is given up.
    fs::write(folder.path().join("relay.db.relay-pulse-import"), "relay.db.gone").expect("written");
    assert_eq!(take_over(&path, DATE).expect("ours"), None);
    assert!(!folder.path().join("relay.db.relay-pulse-import").exists());
}
