//! What SQLite's result codes mean to a caller of the repository. The only place that knows them.

use std::{
    error::Error as StdError,
    io::{self, ErrorKind},
    path::Path,
};

use relay_core::ports::repository::Error;
use rusqlite::ErrorCode;
use rustix::{
    fs::{Access, access},
    io::Errno,
};

use crate::rollup::Malformed;

const NOT_WRITABLE: &str = "it cannot be opened for writing: check that the folder and the file are writable";

/// Translates a driver error; `what` says what was being done.
pub(super) fn translate(what: &str, error: rusqlite::Error) -> Error {
    let code = error.sqlite_error_code();
    match code {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Error::Corrupt { reason: format!("{what}: {error}") }
        }
        Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch) => {
            Error::Corrupt { reason: format!("{what}: {error}") }
        }
        Some(_) => Error::Unavailable { reason: format!("{what}: {error}"), source: Some(Box::new(error)) },
        // Not from the database but from reading a row: a column that does not hold what it should.
        None => Error::Corrupt { reason: format!("{what}: {error}") },
    }
}

/// Translates a driver error that came up while the file at `path` was opened.
pub(super) fn opening(path: &Path, error: rusqlite::Error) -> Error {
    let shown = path.display();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => {
            Error::Corrupt { reason: format!("{shown} is not an SQLite database") }
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Error::Conflict {
            reason: format!("{shown} is in use by another process: stop it, or choose another file"),
        },
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => unusable(path, NOT_WRITABLE),
        Some(ErrorCode::CannotOpen) if !is_writable(path) => unusable(path, NOT_WRITABLE),
        Some(ErrorCode::CannotOpen | ErrorCode::DiskFull | ErrorCode::SystemIoFailure) => {
            no_disk(path, &error.to_string(), Box::new(error))
        }
        _ => translate(&format!("cannot open {shown}"), error),
    }
}

/// Says that the file at `path` cannot be used, and why: another path, or other rights, would help. That there is no
/// source tells it from what is wrong with the disk.
pub(super) fn unusable(path: &Path, why: &str) -> Error {
    Error::Unavailable {
        reason: format!("cannot use {} as the database: {why}", path.display()),
        source: None,
    }
}

/// Says that the file at `path` cannot be used because the system does not let it; `what` was being done.
pub(super) fn refused(path: &Path, what: &str, error: io::Error) -> Error {
    let why = format!("{what}{error}");
    let is_disk = matches!(error.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded)
        || error.raw_os_error() == Some(Errno::IO.raw_os_error());
    if is_disk { no_disk(path, &why, Box::new(error)) } else { unusable(path, &why) }
}

fn no_disk(path: &Path, why: &str, source: Box<dyn StdError + Send + Sync>) -> Error {
    let reason =
        format!("cannot use {} as the database: {why}: the disk may be full or broken", path.display());
    Error::Unavailable { reason, source: Some(source) }
}

/// Tells whether this user may write the file at `path` and, beside it, what belongs to it.
fn is_writable(path: &Path) -> bool {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    let file = access(path, Access::WRITE_OK);
    access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok() && matches!(file, Ok(()) | Err(Errno::NOENT))
}

/// Says that packed bytes of a row cannot be read.
pub(super) fn malformed(what: &str) -> impl Fn(Malformed) -> Error + '_ {
    move |error| Error::Corrupt { reason: format!("{what}: {error}") }
}

/// Says that the store was closed.
pub(super) fn closed() -> Error {
    Error::Unavailable { reason: "it is closed".to_owned(), source: None }
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    /// Returns what is said, and whether it is the path or the rights that are wrong.
    fn told(error: Error) -> (String, bool) {
        match error {
            Error::Unavailable { reason, source } => (reason, source.is_none()),
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_disk_in_trouble_is_told_from_a_path_that_may_not_be_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("relay.db");
        let failed = |code| opening(&path, rusqlite::Error::SqliteFailure(ffi::Error::new(code), None));
        for code in [ffi::SQLITE_IOERR_SHMSIZE, ffi::SQLITE_IOERR, ffi::SQLITE_FULL, ffi::SQLITE_CANTOPEN] {
            let (reason, is_path) = told(failed(code));
            assert!(!is_path && reason.ends_with(": the disk may be full or broken"), "{reason}");
            assert!(reason.contains("relay.db") && !reason.contains("writable"), "{reason}");
        }
        let full = refused(&path, "it cannot be made: ", io::Error::from(Errno::NOSPC));
        assert!(told(full).0.ends_with("(os error 28): the disk may be full or broken"));

        let (reason, is_path) = told(failed(ffi::SQLITE_READONLY_DIRECTORY));
        assert!(is_path && reason.contains("check that the folder and the file are writable"), "{reason}");
        let elsewhere = folder.path().join("none/relay.db");
        let error = rusqlite::Error::SqliteFailure(ffi::Error::new(ffi::SQLITE_CANTOPEN), None);
        assert!(told(opening(&elsewhere, error)).1, "there is no such folder");
        assert!(told(refused(&path, "", io::Error::from(Errno::ACCESS))).1);
    }
}
