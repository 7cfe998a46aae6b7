//! The database and its writer.

use std::{future::Future, path::Path, sync::Arc};

use anyhow::{Context as _, bail};
use relay_config::Backend;
use relay_core::ports::{
    Clock, Health, MetricSource, RecordSink, Repository, Transition,
    repository::{Appended, Error, Maintenance as _, Retention},
};
use relay_store::{SqliteOptions, SqliteRepository, Writer, WriterOptions};
use tokio::sync::broadcast;
use tokio_util::sync::CancellationToken;

use crate::lifecycle::Lifecycle;

/// The open database, and the writer in front of it.
pub(crate) struct Storage {
    repository: Arc<SqliteRepository>,
    writer: Arc<Writer>,
}

impl Storage {
    /// Opens the configured database; records will be written with the events that `transition` decides.
    ///
    /// # Errors
    /// What to do about a database that cannot be used.
    pub(crate) fn open(
        config: &relay_config::Storage,
        transition: Arc<dyn Transition>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let path = match &config.backend {
            Backend::Sqlite(path) => path,
            Backend::Postgres(_) => bail!(
                "storage.type is postgres, but this version stores in SQLite only: set storage.type to sqlite"
            ),
        };
        let repository = SqliteRepository::open(&SqliteOptions::new(path), clock)
            .map_err(|error| anyhow::anyhow!("{}", refusal(path, &error)))?;
        let repository = Arc::new(repository);
        let writer = Writer::new(WriterOptions::default(), repository.clone(), transition);
        Ok(Self { repository, writer })
    }

    /// Returns the database.
    pub(crate) fn repository(&self) -> Arc<dyn Repository> {
        self.repository.clone()
    }

    /// Returns the database as what deletes and exports old data.
    pub(crate) fn retention(&self) -> Arc<dyn Retention> {
        self.repository.clone()
    }

    /// Tells whether no other process can use the database.
    #[expect(clippy::unused_self, reason = "it depends on the backend, of which this version has one")]
    pub(crate) fn is_exclusive(&self) -> bool {
        true
    }

    /// Returns where records go.
    pub(crate) fn sink(&self) -> Arc<dyn RecordSink> {
        self.writer.clone()
    }

    /// Listens to what is committed from now on.
    pub(crate) fn commits(&self) -> broadcast::Receiver<Arc<Appended>> {
        self.writer.subscribe()
    }

    /// Returns what has counters.
    pub(crate) fn metrics(&self) -> Vec<Arc<dyn MetricSource>> {
        vec![self.writer.clone()]
    }

    /// Returns what must work for the server to be ready.
    pub(crate) fn health(&self) -> Vec<Arc<dyn Health>> {
        vec![self.writer.clone()]
    }

    /// Starts the writer and `source`, whose records it stores. The writer goes on until the source has ended, so that
    /// nothing that was probed is left behind.
    pub(crate) fn start(&self, lifecycle: &Lifecycle, source: impl Future<Output = ()> + Send + 'static) {
        let (writer, no_more) = (self.writer.clone(), CancellationToken::new());
        let ended = no_more.clone().drop_guard();
        lifecycle.spawn_essential("scheduler", async move {
            let _ended = ended;
            source.await;
        });
        let give_up = lifecycle.hard.clone();
        lifecycle.spawn_essential("writer", async move { writer.run(no_more, give_up).await });
    }

    /// Closes the database when everything that used it has ended.
    ///
    /// # Errors
    /// When something could not be written.
    pub(crate) async fn close(&self) -> anyhow::Result<()> {
        self.repository.close().await.context("cannot close the database")
    }
}

/// Says what is wrong with a database and what to do, in a line; the store's reasons hold the system's words already.
fn refusal(path: &Path, error: &Error) -> String {
    let path = path.display();
    match error {
        Error::Unavailable { reason, .. } => format!(
            "cannot use the database {path}: {reason}; set storage.sqlite.path to a file that this user may write, in \
             a directory that exists"
        ),
        Error::Conflict { reason } => format!("cannot use the database {path}: {reason}"),
        other => format!("cannot use the database {path}: {other}; set storage.sqlite.path to another file"),
    }
}
