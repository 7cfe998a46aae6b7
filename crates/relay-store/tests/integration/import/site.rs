//! A store, a database of the Go version beside it, and what should come out.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use relay_core::{
    MonitorKey, Psc, StoredRecord, Timestamp, UnixSeconds,
    ports::{
        Repository,
        repository::{HistoryQuery, Records as _},
        transition::NoTransition,
    },
    timeline::{Align, Period, Plan, Timeline},
};
use relay_store::{Import, ImportDeps, ImportFrom, ImportOptions, ImportSummary};
use relay_testkit::{
    ManualClock, MemoryRepository,
    relay_pulse::{Age, Dialect, RelayPulse},
    suite::Backend,
};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::postgres::Database;

/// 2026-03-10 15:20:00 UTC.
pub(super) const NOW: UnixSeconds = 1_773_156_000;
pub(super) const DAY: i64 = 86_400;

pub(super) const PERIODS: [Period; 6] =
    [Period::Minutes90, Period::Hours24, Period::Days7, Period::Days30, Period::Days90, Period::Year1];

/// Where a database of the Go version is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    File,
    Tables,
}

enum Old {
    File(TempDir),
    Tables(Database),
}

pub(super) struct Site<B> {
    pub(super) store: B,
    pub(super) clock: Arc<ManualClock>,
    pub(super) source: RelayPulse,
    old: Old,
}

impl<B: Backend> Site<B> {
    pub(super) async fn new(place: Place, age: Age, days: i64, count: i64) -> Self {
        Self::of(place, RelayPulse::made(age, NOW, days, count)).await
    }

    pub(super) async fn of(place: Place, source: RelayPulse) -> Self {
        let clock = Arc::new(ManualClock::at_secs(NOW));
        let old = match place {
            Place::File => {
                let folder = tempfile::tempdir().expect("a folder");
                write(&folder.path().join("old.db"), &source.sql(Dialect::Sqlite));
                Old::File(folder)
            }
            Place::Tables => {
                let database = Database::create().await;
                let sql = source.sql(Dialect::Postgres);
                database.shell().await.batch_execute(&sql).await.expect("good SQL");
                Old::Tables(database)
            }
        };
        Self { store: B::create(clock.clone()).await, clock, source, old }
    }

    pub(super) fn from(&self) -> ImportFrom {
        match &self.old {
            Old::File(folder) => ImportFrom::RelayPulseFile(folder.path().join("old.db")),
            Old::Tables(database) => ImportFrom::RelayPulseTables(Box::new(database.options())),
        }
    }

    /// Returns the file of the Go version.
    pub(super) fn file(&self) -> PathBuf {
        match self.from() {
            ImportFrom::RelayPulseFile(path) => path,
            other => panic!("no file: {other:?}"),
        }
    }

    /// Returns the database of the Go version.
    pub(super) fn tables(&self) -> &Database {
        match &self.old {
            Old::Tables(database) => database,
            Old::File(_) => panic!("no tables"),
        }
    }

    /// Changes the database of the Go version, as that does.
    pub(super) async fn execute(&self, sql: &str) {
        match &self.old {
            Old::File(_) => {
                rusqlite::Connection::open(self.file())
                    .expect("a file")
                    .execute_batch(sql)
                    .expect("good SQL");
            }
            Old::Tables(database) => database.shell().await.batch_execute(sql).await.expect("good SQL"),
        }
    }

    pub(super) fn deps(&self, heirs: &[Psc]) -> ImportDeps {
        let (_, heirs) = watch::channel(heirs.to_vec());
        ImportDeps { repository: self.store.repository(), clock: self.clock.clone(), heirs }
    }

    pub(super) async fn import(&self, options: &ImportOptions) -> ImportSummary {
        let import = Import::begin(&self.from(), options.clone(), self.deps(&[])).await.expect("begun");
        import.history(&CancellationToken::new(), |_| {}).await.expect("imported")
    }

    pub(super) fn keys(&self) -> Vec<MonitorKey> {
        let mut keys: Vec<_> = self.source.records.iter().map(|stored| stored.record.key.clone()).collect();
        keys.sort();
        keys.dedup();
        keys
    }

    /// Returns a plain store with the same records as if they had been made in it.
    pub(super) async fn expected(&self, live: &[StoredRecord]) -> MemoryRepository {
        let memory = MemoryRepository::new(self.clock.clone());
        let records = self.source.records.iter().chain(live).map(|stored| stored.record.clone()).collect();
        memory.append(records, Arc::new(NoTransition)).await.expect("stored");
        memory
    }
}

pub(super) fn write(path: &Path, sql: &str) {
    let connection = rusqlite::Connection::open(path).expect("a file");
    connection.pragma_update(None, "journal_mode", "WAL").expect("WAL");
    connection.execute_batch(&format!("BEGIN;{sql}COMMIT;")).expect("good SQL");
}

pub(super) fn options() -> ImportOptions {
    let days_kept = 36;
    ImportOptions { records_from: NOW - days_kept * DAY, chunk: 200, ..ImportOptions::new("test") }
}

pub(super) async fn timelines(
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

pub(super) async fn history(repository: &dyn Repository, key: &MonitorKey) -> Vec<StoredRecord> {
    let query = HistoryQuery { key: key.clone(), from: 0, to: NOW + DAY, before: None, limit: 100_000 };
    repository.history(&query).await.expect("history")
}
