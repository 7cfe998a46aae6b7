//! The reading connections.

use std::{sync::Arc, time::Duration};

use r2d2::Pool;
use r2d2_sqlite::SqliteConnectionManager;
use relay_core::ports::repository::Error;
use rusqlite::Connection;
use tokio::sync::Semaphore;

use super::{
    connection::{prepare_reader, reader_flags},
    error::{closed, translate},
};
use crate::options::SqliteOptions;

/// A pool of read-only connections. Queries run on the runtime's blocking threads, never more at once than there are
/// connections, so that they cannot take all of those.
#[derive(Debug)]
pub(super) struct Readers {
    pool: Pool<SqliteConnectionManager>,
    permits: Arc<Semaphore>,
}

impl Readers {
    pub(super) fn open(options: &SqliteOptions) -> Result<Self, Error> {
        let readers = options.readers.max(1);
        let prepared = options.clone();
        let manager = SqliteConnectionManager::file(&options.path)
            .with_flags(reader_flags())
            .with_init(move |connection| prepare_reader(connection, &prepared));
        let pool = Pool::builder()
            .max_size(readers)
            .min_idle(Some(1))
            .connection_timeout(Duration::from_secs(5))
            .build(manager)
            .map_err(|error| Error::Unavailable {
                reason: error.to_string(),
                source: Some(Box::new(error)),
            })?;
        Ok(Self { pool, permits: Arc::new(Semaphore::new(readers as usize)) })
    }

    /// Runs `query` on a connection.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        query: impl FnOnce(&mut Connection) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(|_| closed())?;
        let pool = self.pool.clone();
        let task = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            let mut connection = pool.get().map_err(|error| Error::Unavailable {
                reason: error.to_string(),
                source: Some(Box::new(error)),
            })?;
            query(&mut connection)
        });
        task.await.unwrap_or_else(|error| {
            Err(Error::Unavailable { reason: "a query broke off".to_owned(), source: Some(Box::new(error)) })
        })
    }

    /// Refuses further queries.
    pub(super) fn close(&self) {
        self.permits.close();
    }
}

/// Starts a read transaction and pins its view of the database at this moment.
pub(super) fn pin(connection: &mut Connection) -> Result<rusqlite::Transaction<'_>, Error> {
    let transaction = connection.transaction().map_err(translate)?;
    // A deferred transaction begins with its first read.
    transaction
        .prepare_cached("SELECT closed_before FROM store_state")
        .and_then(|mut statement| statement.query_row([], |_| Ok(())))
        .map_err(translate)?;
    Ok(transaction)
}
