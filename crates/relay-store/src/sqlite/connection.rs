//! Opening connections. Every pragma has its reason.

use std::path::Path;

use relay_core::ports::repository::Error;
use rusqlite::{Connection, OpenFlags};

use super::error::translate;
use crate::options::SqliteOptions;

/// The WAL is copied back into the database when it has grown to this many pages (16 MiB).
pub(super) const CHECKPOINT_PAGES: i64 = 4_096;

/// Opens the writing connection, making the file when there is none.
pub(super) fn open_writer(options: &SqliteOptions) -> Result<Connection, Error> {
    let path = &options.path;
    if path.is_dir() {
        return Err(unavailable(path, "it is a directory, not a database file"));
    }
    let connection = Connection::open(path).map_err(|error| unavailable(path, &error.to_string()))?;
    connection.busy_timeout(options.busy_timeout).map_err(translate)?;
    // Freed pages can be given back bit by bit later on; only a new file can be told so.
    connection.pragma_update(None, "auto_vacuum", "INCREMENTAL").map_err(|error| at(path, error))?;
    // Readers never wait for the writer, and a commit is one append to the WAL.
    connection.pragma_update(None, "journal_mode", "WAL").map_err(|error| at(path, error))?;
    // A commit survives the death of the process as soon as the WAL is written; syncing it each time would only guard
    // the last moments before a power cut, which leave the file whole in any case.
    connection.pragma_update(None, "synchronous", "NORMAL").map_err(translate)?;
    connection.pragma_update(None, "foreign_keys", true).map_err(translate)?;
    // The writer checkpoints itself, outside the lock that readers share with commits.
    connection.pragma_update(None, "wal_autocheckpoint", 0).map_err(translate)?;
    connection.pragma_update(None, "journal_size_limit", CHECKPOINT_PAGES * 4096).map_err(translate)?;
    connection.pragma_update(None, "cache_size", -4096).map_err(translate)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// What a reading connection is opened with.
pub(super) fn reader_flags() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

/// Prepares a reading connection.
pub(super) fn prepare_reader(connection: &Connection, options: &SqliteOptions) -> rusqlite::Result<()> {
    connection.busy_timeout(options.busy_timeout)?;
    connection.pragma_update(None, "query_only", true)?;
    connection.pragma_update(None, "cache_size", -2048)?;
    // A status request walks megabytes of rollup rows: mapped pages save copying them out of the page cache.
    connection.pragma_update(None, "mmap_size", 256 * 1024 * 1024)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

fn at(path: &Path, error: rusqlite::Error) -> Error {
    match translate(error) {
        Error::Unavailable { reason, .. } => unavailable(path, &reason),
        Error::Unsupported { reason } => {
            Error::Unsupported { reason: format!("{}: {reason}", path.display()) }
        }
        Error::Corrupt { reason } => Error::Corrupt { reason: format!("{}: {reason}", path.display()) },
        other => other,
    }
}

fn unavailable(path: &Path, reason: &str) -> Error {
    Error::Unavailable {
        reason: format!("cannot open the database {}: {reason}", path.display()),
        source: None,
    }
}
