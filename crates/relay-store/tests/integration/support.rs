//! A database of its own for each test.

pub(crate) mod postgres;

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use relay_core::{
    UnixSeconds,
    ports::{Clock, Repository, repository::Maintenance as _},
};
use relay_store::{SqliteOptions, SqliteRepository};
use relay_testkit::{ManualClock, suite::Backend};
use rusqlite::Connection;
use tempfile::TempDir;

/// An SQLite file in a folder that goes away with it.
pub(crate) struct Sqlite {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) folder: TempDir,
    repository: Arc<SqliteRepository>,
}

impl Sqlite {
    pub(crate) fn at(clock: Arc<ManualClock>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let repository = open(folder.path().join("relay.db"), clock.clone());
        Self { clock, folder, repository }
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("relay.db")
    }

    pub(crate) async fn reopen_now(&mut self) {
        self.repository.close().await.expect("closed");
        self.repository = open(self.path(), self.clock.clone());
    }
}

pub(crate) fn open(path: PathBuf, clock: Arc<dyn Clock>) -> Arc<SqliteRepository> {
    Arc::new(SqliteRepository::open(&SqliteOptions::new(path), clock).expect("the database opens"))
}

/// What goes wrong with rollups, differently for every fourth monitor and slot: they are unreadable, missing, too many,
/// or those of another monitor.
pub(crate) fn damage(from_slot: UnixSeconds, from_day: UnixSeconds, nonsense: &str) -> String {
    let slots = format!("slot >= {from_slot} AND (slot / 1800 + monitor_id) % 4");
    let days = format!("day >= {from_day} AND (day / 86400 + monitor_id) % 4");
    let other = |table: &str, start: &str, column: &str| {
        format!(
            "(SELECT other.{column} FROM {table} AS other WHERE other.{start} = {table}.{start} \
             AND other.monitor_id <> {table}.monitor_id ORDER BY other.monitor_id LIMIT 1)"
        )
    };
    let (slot, day) = (other("slot_rollups", "slot", "tally"), other("day_rollups", "day", "tally"));
    format!(
        "UPDATE slot_rollups SET tally = {nonsense} WHERE {slots} = 0;
         DELETE FROM slot_rollups WHERE {slots} = 1;
         UPDATE slot_rollups SET tally = coalesce({slot}, tally) WHERE {slots} = 2;
         UPDATE slot_samples SET samples = {nonsense} WHERE {slots} = 1;
         DELETE FROM slot_samples WHERE {slots} = 2;
         UPDATE day_rollups SET tally = {nonsense} WHERE {days} = 0;
         DELETE FROM day_rollups WHERE {days} = 1;
         UPDATE day_rollups SET tally = coalesce({day}, tally) WHERE {days} = 2;
         DELETE FROM latest WHERE monitor_id % 2 = 0;
         UPDATE latest SET timestamp = timestamp + 999, record_id = record_id + 999 WHERE monitor_id % 2 = 1;"
    )
}

#[async_trait]
impl Backend for Sqlite {
    async fn create(clock: Arc<ManualClock>) -> Self {
        Self::at(clock)
    }

    fn repository(&self) -> Arc<dyn Repository> {
        self.repository.clone()
    }

    async fn reopen(&mut self) {
        self.reopen_now().await;
    }

    async fn damage(&mut self, from_slot: UnixSeconds, from_day: UnixSeconds) {
        self.repository.close().await.expect("closed");
        let shell = Connection::open(self.path()).expect("opened");
        shell.execute_batch(&damage(from_slot, from_day, "x'01ff'")).expect("damaged");
        drop(shell);
        let repository =
            SqliteRepository::open_to_rebuild(&SqliteOptions::new(self.path()), self.clock.clone());
        self.repository = Arc::new(repository.expect("it opens"));
    }
}
