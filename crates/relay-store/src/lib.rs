//! Keeps records, rollups, states and events behind the repository port of `relay-core`.
//!
//! [`open`] gives the backend that [`Options`] name; nobody outside of this crate knows which one it is, or any SQL.
//! [`Writer`] is the sink that the scheduler hands its records to: it groups what waits, appends it, survives outages of
//! the backend, and publishes what was committed.
//!
//! [`Cleaner`] deletes what is too old, and [`Archiver`] writes it to files before that; both are long tasks.
//!
//! It deliberately knows no configuration file, no HTTP, and no rule of the event machines: these come in as options,
//! as ports, and as a `Transition` that is called inside the transaction.
//!
//! Where to look: `timeline`, `rollup` and `states` hold the logic, written once and pure; the drivers
//! `sqlite` and `postgres` hold SQL and rows only. `docs/adr/0002-store-layout.md` and `docs/adr/0005-postgresql.md` say
//! why the tables are what they are.
//!
//! To add a query: a method on the narrowest repository port, a case in the conformance suite of `relay-testkit`, one
//! `.sql` file and one function in each driver. To change the schema: `migrations/README.md`. To add a backend: a
//! folder beside `sqlite` that implements the ports and passes the suite, and a variant of [`Options`].

mod archive;
mod columns;
mod conversation;
mod delivery_log;
mod event_meta;
mod import;
mod migrate;
mod options;
mod postgres;
mod rebuild;
mod retention;
mod rollup;
mod sqlite;
mod states;
mod timeline;
mod writer;

use std::sync::Arc;

use relay_core::ports::{Clock, Repository, repository::Error};

pub use archive::{Archiver, ArchiverDeps, ReadError, Records as ArchivedRecords, read as read_archive};
pub use delivery_log::{DeliveryLog, delivery_log};
pub use import::{
    Import, ImportDeps, ImportError, ImportFrom, ImportOptions, LeftOut, Progress as ImportProgress,
    Summary as ImportSummary,
};
pub use options::{
    ArchiveOptions, Options, PostgresOptions, PostgresTimeouts, RetentionOptions, SqliteOptions, SslMode,
    UrlError, WriterOptions,
};
pub use postgres::{OldTables, PgRepository, Turn};
pub use retention::{Cleaner, CleanerDeps};
pub use sqlite::{SqliteRepository, TakenOver, is_relay_pulse, take_over};
pub use writer::Writer;

/// Returns the version of the schema that the store named by `options` has once it was opened; each backend counts its
/// own.
#[must_use]
pub fn schema_version(options: &Options) -> i64 {
    let migrations = match options {
        Options::Sqlite(_) => migrate::SQLITE,
        Options::Postgres(_) => migrate::POSTGRES,
    };
    migrations.last().map_or(0, |migration| migration.version)
}

/// Opens the backend that `options` name; may take a while, and does not block the caller's thread. `clock` stamps
/// events and tells which day it is.
///
/// # Errors
/// See [`SqliteRepository::open`] and [`PgRepository::open`].
pub async fn open(options: Options, clock: Arc<dyn Clock>) -> Result<Arc<dyn Repository>, Error> {
    open_with(options, clock, SqliteRepository::open).await
}

/// Opens the backend as [`open`] does, also when its rollups are damaged; only to rebuild them
/// ([`Maintenance::rebuild_rollups`](relay_core::ports::repository::Maintenance::rebuild_rollups)).
///
/// # Errors
/// As [`open`].
pub async fn open_to_rebuild(options: Options, clock: Arc<dyn Clock>) -> Result<Arc<dyn Repository>, Error> {
    open_with(options, clock, SqliteRepository::open_to_rebuild).await
}

async fn open_with(
    options: Options,
    clock: Arc<dyn Clock>,
    open_file: fn(&SqliteOptions, Arc<dyn Clock>) -> Result<SqliteRepository, Error>,
) -> Result<Arc<dyn Repository>, Error> {
    let options = match options {
        Options::Postgres(options) => return Ok(Arc::new(PgRepository::open(&options, clock).await?)),
        Options::Sqlite(options) => options,
    };
    let task = tokio::task::spawn_blocking(move || open_file(&options, clock));
    let broken = |error| Error::Unavailable {
        reason: "opening was broken off".to_owned(),
        source: Some(Box::new(error)),
    };
    Ok(Arc::new(task.await.map_err(broken)??))
}
