//! Connections: the one that writes, and the readers.

use std::{cell::Cell, path::Path, sync::Arc, time::Duration};

use r2d2::{CustomizeConnection, Pool};
use r2d2_sqlite::SqliteConnectionManager;
use relay_core::ports::repository::Error;
use rusqlite::{Connection, OpenFlags, TransactionBehavior, hooks::Wal};
use tokio::sync::Semaphore;

use super::error::{closed, opening, translate};
use crate::{
    migrate::{self, Applied},
    options::SqliteOptions,
};

/// After how many pages in the log its content is copied into the database: 4 MB.
const CHECKPOINT_PAGES: i32 = 1000;
/// After how many pages readers are made to wait so that the log can start again: 64 MB.
const RESTART_PAGES: i32 = 16_000;

/// How long all readers together may take to open: a slow disk is no reason not to start.
const OPENING: Duration = Duration::from_secs(30);

thread_local! {
    /// How many pages were in the log after this thread's last commit; SQLite tells it to a plain function only.
    static LOG_PAGES: Cell<i32> = const { Cell::new(0) };
}

/// Opens the connection that writes, and brings the schema up to date.
pub(super) fn open_writer(options: &SqliteOptions) -> Result<Connection, Error> {
    let path = &options.path;
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(|error| opening(path, error))?;
    configure_writer(&connection, options.busy_timeout).map_err(|error| opening(path, error))?;
    migrate_to_newest(&mut connection).map_err(|error| match error {
        MigrateError::Sqlite(error) => opening(path, error),
        MigrateError::Refused(error) => error,
    })?;
    Ok(connection)
}

fn configure_writer(connection: &Connection, busy_timeout: Duration) -> rusqlite::Result<()> {
    connection.busy_timeout(busy_timeout)?;
    // Lets the cleaner give pages back to the system a few at a time. It must come before the first table.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
    // Readers see the last commit and never wait for the writer, nor it for them.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // A commit is in the log, and so safe from the death of the process; only the copy into the database waits for
    // the disk. A power cut may take the last commits with it, but never parts of one.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    // The writer copies the log into the database itself, after the commit, when nobody waits for it.
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", 16 * 1024 * 1024)?;
    connection.pragma_update(None, "cache_size", -8 * 1024)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.wal_hook(Some(note_log_pages));
    Ok(())
}

fn note_log_pages(_log: &Wal, pages: i32) -> rusqlite::Result<()> {
    LOG_PAGES.set(pages);
    Ok(())
}

enum MigrateError {
    Sqlite(rusqlite::Error),
    Refused(Error),
}

impl From<rusqlite::Error> for MigrateError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Sqlite(error)
    }
}

/// Applies what is missing, all in one transaction: a program that is killed meanwhile, or another one that starts at
/// the same time, leaves or finds either everything or nothing.
fn migrate_to_newest(connection: &mut Connection) -> Result<(), MigrateError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(include_str!("sql/store/schema_migrations.sql"))?;
    let applied: Vec<Applied> = transaction
        .prepare("SELECT version, sha256 FROM schema_migrations ORDER BY version")?
        .query_map([], |row| Ok(Applied { version: row.get(0)?, checksum: row.get(1)? }))?
        .collect::<Result<_, _>>()?;
    for migration in migrate::pending(migrate::SQLITE, &applied).map_err(MigrateError::Refused)? {
        transaction.execute_batch(migration.sql)?;
        transaction.execute(
            "INSERT INTO schema_migrations (version, name, sha256, applied_at) VALUES (?1, ?2, ?3, unixepoch())",
            (migration.version, migration.name, migration.checksum()),
        )?;
    }
    transaction.commit()?;
    Ok(())
}

/// Returns how many pages this thread's last commit left in the log.
#[cfg(test)]
pub(super) fn log_pages() -> i32 {
    LOG_PAGES.get()
}

/// Copies the log into the database when it has grown, so that it stays small. The writer calls it after a commit; a
/// failure is no harm, the next commit tries again.
pub(super) fn shorten_log(connection: &Connection) -> rusqlite::Result<()> {
    let mode = match LOG_PAGES.get() {
        RESTART_PAGES.. => "RESTART",
        CHECKPOINT_PAGES.. => "PASSIVE",
        _ => return Ok(()),
    };
    connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()))
}

/// The connections that read, each used by one blocking task at a time.
#[derive(Debug)]
pub(super) struct Readers {
    pool: Pool<SqliteConnectionManager>,
    /// One permit per connection, so that a blocking task never waits for one.
    permits: Arc<Semaphore>,
}

impl Readers {
    /// Opens all connections. None is opened later or closed for its age: were another file in the place of the
    /// database by then, SQLite would open that one beside the log and the index of this one, find no lock of another
    /// process on the index, and cut it to nothing under the connections that have it mapped.
    pub(super) fn new(options: &SqliteOptions) -> Result<Self, Error> {
        let readers = options.readers.max(1);
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let manager = SqliteConnectionManager::file(&options.path).with_flags(flags);
        let pool = Pool::builder()
            .max_size(readers)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_on_check_out(false)
            .connection_timeout(OPENING)
            .connection_customizer(Box::new(Customizer { busy_timeout: options.busy_timeout }))
            .build(manager)
            .map_err(|error| pool_trouble(&options.path, &error))?;
        Ok(Self { pool, permits: Arc::new(Semaphore::new(readers as usize)) })
    }

    /// Runs `read` with a connection on a thread that may block.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| closed())?;
        let pool = self.pool.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut connection = pool.get().map_err(|error| Error::Unavailable {
                reason: format!("no connection to read with: {error}"),
                source: Some(Box::new(error)),
            })?;
            read(&mut connection)
        });
        task.await.unwrap_or_else(|error| {
            Err(Error::Unavailable {
                reason: "a read was broken off".to_owned(),
                source: Some(Box::new(error)),
            })
        })
    }

    /// Lets nobody read any more, and waits for those who do.
    pub(super) async fn close(&self, readers: u32) {
        let all = self.permits.acquire_many(readers.max(1)).await;
        self.permits.close();
        drop(all);
    }
}

fn pool_trouble(path: &Path, error: &r2d2::Error) -> Error {
    Error::Unavailable {
        reason: format!("cannot open {} for reading: {error}", path.display()),
        source: None,
    }
}

#[derive(Debug)]
struct Customizer {
    busy_timeout: Duration,
}

impl CustomizeConnection<Connection, rusqlite::Error> for Customizer {
    fn on_acquire(&self, connection: &mut Connection) -> rusqlite::Result<()> {
        connection.busy_timeout(self.busy_timeout)?;
        connection.pragma_update(None, "query_only", true)?;
        connection.pragma_update(None, "cache_size", -4 * 1024)?;
        connection.set_prepared_statement_cache_capacity(32);
        Ok(())
    }
}

/// Begins a transaction that reads, and fixes what it sees to the last commit.
pub(super) fn begin_reading(connection: &mut Connection) -> Result<rusqlite::Transaction<'_>, Error> {
    let begin = |connection| -> rusqlite::Result<_> {
        let transaction: rusqlite::Transaction<'_> = Connection::transaction(connection)?;
        // BEGIN alone takes no snapshot; the first look does.
        transaction.prepare_cached("SELECT id FROM store_state")?.query_row([], |_| Ok(()))?;
        Ok(transaction)
    };
    begin(connection).map_err(|error| translate("cannot begin to read", error))
}
