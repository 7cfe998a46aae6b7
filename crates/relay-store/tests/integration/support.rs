//! A database of its own for each test.

pub(crate) mod postgres;

use std::{path::PathBuf, sync::Arc};

use async_trait::async_trait;
use relay_core::ports::{Clock, Repository, repository::Maintenance as _};
use relay_store::{SqliteOptions, SqliteRepository};
use relay_testkit::{ManualClock, suite::Backend};
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
}
