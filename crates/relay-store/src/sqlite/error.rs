//! What SQLite's result codes mean to a caller of the repository. The only place that knows them.

use std::path::Path;

use relay_core::ports::repository::Error;
use rusqlite::ErrorCode;

use crate::rollup::Malformed;

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
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            unusable(path, "it cannot be opened for writing: check that the folder and the file are writable")
        }
        _ => translate(&format!("cannot open {shown}"), error),
    }
}

/// Says that the file at `path` cannot be used, and why.
pub(super) fn unusable(path: &Path, why: &str) -> Error {
    Error::Unavailable {
        reason: format!("cannot use {} as the database: {why}", path.display()),
        source: None,
    }
}

/// Says that packed bytes of a row cannot be read.
pub(super) fn malformed(what: &str) -> impl Fn(Malformed) -> Error + '_ {
    move |error| Error::Corrupt { reason: format!("{what}: {error}") }
}

/// Says that the store was closed.
pub(super) fn closed() -> Error {
    Error::Unavailable { reason: "it is closed".to_owned(), source: None }
}
