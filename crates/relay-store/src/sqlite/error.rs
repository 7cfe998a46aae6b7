//! What SQLite's result codes mean to the caller. No other file looks at them.

use relay_core::ports::repository::Error;
use rusqlite::ErrorCode;

use crate::packing::Malformed;

/// Translates an error of the driver.
pub(super) fn translate(error: rusqlite::Error) -> Error {
    let reason = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt) => Error::Corrupt { reason },
        Some(ErrorCode::NotADatabase) => {
            Error::Unsupported { reason: "the file is not a SQLite database".to_owned() }
        }
        Some(ErrorCode::TypeMismatch) => Error::Corrupt { reason },
        Some(_) => Error::Unavailable { reason, source: Some(Box::new(error)) },
        None => match error {
            rusqlite::Error::InvalidColumnType(..)
            | rusqlite::Error::FromSqlConversionFailure(..)
            | rusqlite::Error::IntegralValueOutOfRange(..) => Error::Corrupt { reason },
            other => Error::Unavailable { reason, source: Some(Box::new(other)) },
        },
    }
}

/// Says which row of which table holds a blob that cannot be read.
pub(super) fn malformed(table: &'static str, row: impl std::fmt::Display) -> impl FnOnce(Malformed) -> Error {
    move |error| Error::Corrupt { reason: format!("{table}, row {row}: {error}") }
}

/// The store is closed or closing.
pub(super) fn closed() -> Error {
    Error::Unavailable { reason: "the store is closed".to_owned(), source: None }
}
