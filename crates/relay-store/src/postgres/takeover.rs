//! Tables of the Go version in the database that ours are in: they stay where they are, in the schema `public`, and are
//! imported from there. That all of it was imported is noted with the import itself, so nothing is done twice, whoever
//! starts whenever.

use relay_core::ports::repository::Error;
use tokio_postgres::error::SqlState;

use super::{
    error::translate,
    relay_pulse::{are_there, begin, one, source_pool},
};
use crate::{import::ImportFrom, options::PostgresOptions};

/// Whoever imports holds this advisory lock: the letters of "relay" and a number.
const LOCK: i64 = 0x72_656c_6179_0002;

const IMPORTS: &str = "SELECT to_regclass('relay.imports') IS NOT NULL";
const FINISHED: &str = "SELECT finished FROM relay.imports WHERE name = $1";

/// Tables of the Go version beside ours that are still to be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OldTables {
    options: PostgresOptions,
}

/// The right to import old tables, which one process has at a time. It is lost with the connection: then another one may
/// do the same work, which changes nothing but the time it takes.
pub struct Turn {
    _client: deadpool_postgres::ClientWrapper,
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn").finish_non_exhaustive()
    }
}

impl OldTables {
    /// What their import is called, by whomever it is made.
    pub const IMPORT: &str = "taken over: public";

    /// Looks for tables of the Go version in the database that `options` name; `None` when there are none, or they were
    /// imported. Changes nothing.
    ///
    /// # Errors
    /// [`Error::Unavailable`] with what to do when the database cannot be reached.
    pub async fn find(options: &PostgresOptions) -> Result<Option<Self>, Error> {
        let mut client = source_pool(options)?.first(options).await?;
        let transaction = begin(&mut client).await?;
        if !are_there(&transaction).await? {
            return Ok(None);
        }
        let has_imports = one(&transaction, IMPORTS, &[]).await?.unwrap_or(false);
        let is_finished =
            has_imports && one(&transaction, FINISHED, &[&Self::IMPORT]).await?.unwrap_or(false);
        Ok((!is_finished).then(|| Self { options: options.clone() }))
    }

    /// Returns what to import.
    #[must_use]
    pub fn source(&self) -> ImportFrom {
        ImportFrom::RelayPulseTables(Box::new(self.options.clone()))
    }

    /// Returns where they are, without the password.
    #[must_use]
    pub fn url(&self) -> String {
        self.options.to_url()
    }

    /// Waits for a minute at most for the right to import; `None` when another process still has it.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when the database cannot be reached.
    pub async fn turn(&self) -> Result<Option<Turn>, Error> {
        let client = source_pool(&self.options)?.first(&self.options).await?;
        // A connection that has the lock goes back to no pool.
        let client = deadpool_postgres::Object::take(client);
        let trouble = translate("cannot wait for the right to import");
        client.batch_execute("SET lock_timeout = '1min'").await.map_err(&trouble)?;
        match client.query_one("SELECT pg_advisory_lock($1)", &[&LOCK]).await {
            Ok(_) => Ok(Some(Turn { _client: client })),
            Err(error) if error.code() == Some(&SqlState::LOCK_NOT_AVAILABLE) => Ok(None),
            Err(error) => Err(trouble(error)),
        }
    }
}
