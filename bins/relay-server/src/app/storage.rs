//! The database and its writer.

use std::{fs, future::Future, io, path::absolute, sync::Arc};

use anyhow::Context as _;
use relay_config::{Backend, Postgres};
use relay_core::ports::{
    Clock, Health, MetricSource, RecordSink, Repository, Transition,
    repository::{Appended, Error, Retention},
};
use relay_store::{
    DeliveryLog, Options, PostgresOptions, PostgresTimeouts, SqliteOptions, SslMode, Writer, WriterOptions,
};
use tokio::{
    sync::broadcast,
    time::{Duration, timeout},
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::error;

use crate::{count::count_of, lifecycle::Lifecycle};

/// What helps when it is the path of the database that is wrong.
const WRITABLE: &str =
    "; set storage.sqlite.path to a file that this user may write, in a directory that exists";

/// How long the writer may take to give up.
const LAST_WORDS: Duration = Duration::from_secs(3);

/// The open database, and the writer in front of it.
pub(crate) struct Storage {
    repository: Arc<dyn Repository>,
    writer: Arc<Writer>,
    /// The writer's task.
    writing: TaskTracker,
    exclusive: bool,
}

impl Storage {
    /// Opens the configured database; records will be written with the events that `transition` decides.
    ///
    /// # Errors
    /// What to do about a database that cannot be used.
    pub(crate) async fn open(
        config: &relay_config::Storage,
        transition: Arc<dyn Transition>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Self> {
        let repository = open(config, clock).await?;
        let writer =
            Writer::new(WriterOptions::default(), repository.clone(), repository.clone(), transition);
        let exclusive = matches!(config.backend, Backend::Sqlite(_));
        Ok(Self { repository, writer, writing: TaskTracker::new(), exclusive })
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
    pub(crate) fn is_exclusive(&self) -> bool {
        self.exclusive
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
        let written = self.writing.track_future(async move { writer.run(no_more, give_up).await });
        lifecycle.spawn_essential("writer", written);
    }

    /// Closes the database when everything that used it has ended, or was dropped.
    ///
    /// # Errors
    /// When something could not be written: how many records are lost, or what was not closed.
    pub(crate) async fn close(&self) -> anyhow::Result<()> {
        self.writing.close();
        // It may just have been told to give up.
        let ended = timeout(LAST_WORDS, self.writing.wait()).await;
        let lost = self.writer.waiting();
        let closed = self.repository.close().await.context("cannot close the database");
        if lost == 0 {
            return closed;
        }
        if ended.is_err() {
            error!(records = lost, "stopping with records that could not be stored: they are lost");
        }
        let are = if lost == 1 { "is" } else { "are" };
        let told = format!("{} could not be stored and {are} lost", count_of(lost, "record"));
        Err(closed.err().map_or_else(|| anyhow::anyhow!(told.clone()), |error| error.context(told.clone())))
    }
}

/// Opens the configured database.
///
/// # Errors
/// What to do about a database that cannot be used.
pub(crate) async fn open(
    config: &relay_config::Storage,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<dyn Repository>> {
    let opened = relay_store::open(options(config), clock).await;
    opened.map_err(|error| refused(&config.backend, &error))
}

/// Reads what notifications have delivered and have still to deliver, at most `limit` of each, beside whoever works on
/// the database.
///
/// # Errors
/// What keeps it from being read.
pub(crate) async fn delivery_log(
    config: &relay_config::Storage,
    limit: u32,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<DeliveryLog> {
    Ok(relay_store::delivery_log(options(config), limit, clock).await?)
}

/// Opens the configured database although its rollups may be damaged, to rebuild them.
///
/// # Errors
/// As [`open`].
pub(crate) async fn open_to_rebuild(
    config: &relay_config::Storage,
    clock: Arc<dyn Clock>,
) -> anyhow::Result<Arc<dyn Repository>> {
    let opened = relay_store::open_to_rebuild(options(config), clock).await;
    opened.map_err(|error| refused(&config.backend, &error))
}

fn options(config: &relay_config::Storage) -> Options {
    match &config.backend {
        Backend::Sqlite(path) => Options::Sqlite(SqliteOptions::new(path)),
        Backend::Postgres(postgres) => Options::Postgres(postgres_options(postgres)),
    }
}

/// Returns where the configured database is, for people: its path from the root on, or its URL without the password.
pub(crate) fn place(backend: &Backend) -> String {
    match backend {
        Backend::Sqlite(path) => absolute(path).unwrap_or_else(|_| path.clone()).display().to_string(),
        Backend::Postgres(postgres) => postgres_options(postgres).to_url(),
    }
}

/// Returns the version of the schema that the configured database has once it was opened.
pub(crate) fn schema_version(config: &relay_config::Storage) -> i64 {
    relay_store::schema_version(&options(config))
}

/// Tells whether opening the configured database would make a new file.
pub(crate) fn is_new(backend: &Backend) -> bool {
    let is_missing = |error: io::Error| error.kind() == io::ErrorKind::NotFound;
    matches!(backend, Backend::Sqlite(path) if fs::metadata(path).err().is_some_and(is_missing))
}

/// Says what to do about a database that cannot be used.
pub(crate) fn refused(backend: &Backend, error: &Error) -> anyhow::Error {
    anyhow::anyhow!("{}", refusal(backend, error))
}

/// Returns how the configured server is reached.
pub(crate) fn postgres_options(config: &Postgres) -> PostgresOptions {
    PostgresOptions {
        host: config.host.clone(),
        port: config.port,
        user: config.user.clone(),
        password: config.password.clone(),
        database: config.database.clone(),
        ssl_mode: match config.sslmode {
            relay_config::SslMode::Disable => SslMode::Disable,
            relay_config::SslMode::Prefer => SslMode::Prefer,
            relay_config::SslMode::Require => SslMode::Require,
            relay_config::SslMode::VerifyCa => SslMode::VerifyCa,
            relay_config::SslMode::VerifyFull => SslMode::VerifyFull,
        },
        ssl_root_cert: config.sslrootcert.clone(),
        max_open: config.max_open_conns,
        max_idle: config.max_idle_conns,
        max_lifetime: config.conn_max_lifetime,
        timeouts: PostgresTimeouts::default(),
    }
}

/// Says what is wrong with a database and what to do, in a line; the store's reasons hold the system's words already.
fn refusal(backend: &Backend, error: &Error) -> String {
    let path = match backend {
        Backend::Sqlite(path) => path.display(),
        Backend::Postgres(_) => {
            return match error {
                Error::Unavailable { reason, .. } | Error::Conflict { reason } => {
                    format!("cannot use the database of storage.postgres: {reason}")
                }
                other => format!("cannot use the database of storage.postgres: {other}"),
            };
        }
    };
    match error {
        Error::Unavailable { reason, source } => {
            let named = reason.contains(&path.to_string());
            let what = if named { String::new() } else { format!("cannot use the database {path}: ") };
            // With a source it is the system that fails, and another path or other rights would not help.
            let help = if source.is_some() { "" } else { WRITABLE };
            format!("{what}{reason}{help}")
        }
        Error::Conflict { reason } => format!("cannot use the database {path}: {reason}"),
        other => format!("cannot use the database {path}: {other}; set storage.sqlite.path to another file"),
    }
}
