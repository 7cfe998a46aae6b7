//! What PostgreSQL's codes mean to a caller of the repository. The only place that knows them.

use std::{error::Error as _, io};

use deadpool_postgres::PoolError;
use relay_core::ports::repository::Error;
use tokio_postgres::{
    error::SqlState,
    types::{WasNull, WrongType},
};

use crate::{options::PostgresOptions, rollup::Malformed};

/// Translates a driver error; `what` says what was being done.
pub(super) fn translate(what: &str) -> impl Fn(tokio_postgres::Error) -> Error + '_ {
    move |error| {
        if is_corrupt(&error) {
            Error::Corrupt { reason: format!("{what}: {}", words(&error)) }
        } else {
            unavailable(format!("{what}: {}", words(&error)), error)
        }
    }
}

/// Tells whether trying again is of no use: values that do not fit, rules that are broken, tables that are not there.
/// Everything else may pass: connections, locks, time, room, restarts, standbys.
fn is_corrupt(error: &tokio_postgres::Error) -> bool {
    match error.code() {
        Some(code) => {
            let class = &code.code()[..2];
            // 42501: privileges can be given back. XX000 is also what fails for want of memory or disk.
            let permanent = matches!(class, "0A" | "21" | "22" | "23" | "42")
                && *code != SqlState::INSUFFICIENT_PRIVILEGE;
            permanent || matches!(code.code(), "XX001" | "XX002")
        }
        None => error.source().is_some_and(|source| source.is::<WasNull>() || source.is::<WrongType>()),
    }
}

/// Says what happened. Only the server's main message is shown: details may hold data.
fn words(error: &tokio_postgres::Error) -> String {
    match (error.as_db_error(), error.source()) {
        (Some(error), _) => error.message().to_owned(),
        (None, Some(cause)) if !error.to_string().contains(&cause.to_string()) => format!("{error}: {cause}"),
        (None, _) => error.to_string(),
    }
}

/// Tells whether the connection is gone, so that the same may work with another one at once.
pub(super) fn is_cut(error: &Error) -> bool {
    let Error::Unavailable { source: Some(source), .. } = error else { return false };
    source.downcast_ref::<tokio_postgres::Error>().is_some_and(|error| match error.code() {
        Some(code) => ["08", "57P", "25P03"].iter().any(|class| code.code().starts_with(class)),
        None => error.is_closed() || is_io(error),
    })
}

fn unavailable(reason: String, error: tokio_postgres::Error) -> Error {
    Error::Unavailable { reason, source: Some(Box::new(error)) }
}

/// Translates what kept the pool from giving a connection.
pub(super) fn no_connection(error: PoolError) -> Error {
    match error {
        PoolError::Backend(error) => unavailable(format!("cannot connect: {}", words(&error)), error),
        PoolError::Closed => closed(),
        PoolError::Timeout(kind) => {
            let reason = match kind {
                deadpool_postgres::TimeoutType::Wait => "all connections are in use",
                _ => "the server does not answer",
            };
            Error::Unavailable { reason: reason.to_owned(), source: None }
        }
        PoolError::NoRuntimeSpecified | PoolError::PostCreateHook(_) => {
            Error::Unavailable { reason: format!("cannot connect: {error}"), source: None }
        }
    }
}

/// Translates what went wrong with the very first connection, and says what to do about it.
pub(super) fn refused(options: &PostgresOptions, error: PoolError) -> Error {
    let at = place(options);
    let PoolError::Backend(error) = error else {
        return match no_connection(error) {
            Error::Unavailable { reason, source } => {
                Error::Unavailable { reason: format!("cannot connect to {at}: {reason}"), source }
            }
            other => other,
        };
    };
    let said = words(&error);
    let advice = match error.code() {
        Some(code) if *code == SqlState::INVALID_PASSWORD => "check the user and the password",
        Some(code) if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => {
            "check the user, and the server's pg_hba.conf"
        }
        Some(code) if *code == SqlState::INVALID_CATALOG_NAME => "check its name, or create it",
        Some(code) if *code == SqlState::TOO_MANY_CONNECTIONS => "the server has no connection left",
        Some(_) => "the server refused",
        None if said.contains("TLS") => "check sslmode, sslrootcert and the server's certificate",
        None if said.contains("password missing") => "the server wants a password",
        None if is_io(&error) => "check the host and the port, and that the server runs",
        None => "check how to reach it",
    };
    unavailable(format!("cannot connect to {at}: {said}: {advice}"), error)
}

fn is_io(error: &tokio_postgres::Error) -> bool {
    error.source().is_some_and(|source| source.is::<io::Error>())
}

/// Names the database for people.
pub(super) fn place(options: &PostgresOptions) -> String {
    let PostgresOptions { host, port, user, database, .. } = options;
    format!("the PostgreSQL database {database} at {host}:{port} as {user}")
}

/// Says that packed bytes of a row cannot be read.
pub(super) fn malformed(what: &str) -> impl Fn(Malformed) -> Error + '_ {
    move |error| Error::Corrupt { reason: format!("{what}: {error}") }
}

/// Says that the store was closed.
pub(super) fn closed() -> Error {
    Error::Unavailable { reason: "it is closed".to_owned(), source: None }
}
