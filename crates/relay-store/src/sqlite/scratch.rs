//! A file that puts the records of an archive in order, so that any archive can be imported day by day in little memory.

use std::path::Path;

use relay_core::{ProbeRecord, StoredRecord, SubStatus, record::Timings};
use rusqlite::{Connection, Transaction, params};

use super::error::translate;
use crate::{
    archive::{ReadError, read},
    import::{ImportError, LeftOut},
};

const MAKE: &str = include_str!("sql/scratch/make.sql");
const INSERT: &str = include_str!("sql/scratch/insert.sql");

/// Copies the archive `file` into a new database at `scratch` that has the columns of the Go version and the newer ones.
/// Returns which rows cannot be understood. Blocks the thread.
///
/// # Errors
/// When the archive is none or is damaged, or the database cannot be written.
pub(crate) fn fill(file: &Path, scratch: &Path) -> Result<LeftOut, ImportError> {
    let damaged = |error: &ReadError| ImportError::Source {
        reason: format!("{}: {error}", file.display()),
        temporary: false,
    };
    let trouble = |error| translate("cannot put the archive in order", error);
    let records = read(file).map_err(|error| damaged(&error))?;
    let mut connection = Connection::open(scratch).map_err(trouble)?;
    connection.execute_batch(MAKE).map_err(trouble)?;
    let transaction = connection.transaction().map_err(trouble)?;
    let mut left_out = LeftOut::default();
    for record in records {
        match record {
            Ok(stored) => insert(&transaction, &stored).map_err(trouble)?,
            Err(ReadError::Row { .. }) => left_out.unreadable += 1,
            Err(error) => return Err(damaged(&error)),
        }
    }
    transaction.execute("CREATE INDEX by_timestamp ON probe_history (timestamp)", []).map_err(trouble)?;
    transaction.commit().map_err(trouble)?;
    Ok(left_out)
}

fn insert(transaction: &Transaction<'_>, stored: &StoredRecord) -> rusqlite::Result<()> {
    let ProbeRecord { key, timestamp, source, result } = &stored.record;
    let Timings { dns_ms, connect_ms, tls_ms, first_token_ms, total_ms } = result.timings;
    transaction
        .prepare_cached(INSERT)?
        .execute(params![
            stored.id,
            key.provider(),
            key.service(),
            key.channel(),
            key.model(),
            result.status.code(),
            result.sub_status.map_or("", SubStatus::as_str),
            result.http_code,
            result.latency_ms,
            timestamp,
            result.detail.as_deref().unwrap_or_default(),
            dns_ms,
            connect_ms,
            tls_ms,
            first_token_ms,
            total_ms,
            source.code(),
        ])
        .map(drop)
}
