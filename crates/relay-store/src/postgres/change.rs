//! The beginning of every change: a transaction that has the lock of all writers.

use deadpool_postgres::{Object, Transaction};
use relay_core::{event::EventId, ports::repository::Error, record::RecordId};

use super::{error::translate, names::Stamp};

const TAKE_LOCK: &str = include_str!("sql/store/take_lock.sql");

/// A transaction that nobody else changes anything beside. Dropping it takes everything back.
pub(super) struct Change<'a> {
    /// The transaction.
    pub(super) transaction: Transaction<'a>,
    /// The first of the record numbers it was given.
    pub(super) first_record: RecordId,
    /// The number of the next event.
    pub(super) next_event: EventId,
    /// Which monitors there are.
    pub(super) stamp: Stamp,
}

impl<'a> Change<'a> {
    /// Begins one, with so many record numbers for it. Waits for others as long as the lock timeout says.
    pub(super) async fn begin(client: &'a mut Object, records: usize) -> Result<Self, Error> {
        let trouble = translate("cannot begin to write");
        let transaction = client.transaction().await.map_err(&trouble)?;
        let statement = transaction.prepare_cached(TAKE_LOCK).await.map_err(&trouble)?;
        let count = i64::try_from(records).unwrap_or(i64::MAX);
        let row = transaction.query_one(&statement, &[&count]).await.map_err(&trouble)?;
        Ok(Self {
            first_record: row.get(0),
            next_event: row.get(1),
            stamp: Stamp { next: row.get(2), names: row.get(3) },
            transaction,
        })
    }

    /// Makes it happen.
    pub(super) async fn commit(self) -> Result<(), Error> {
        self.transaction.commit().await.map_err(translate("cannot commit"))
    }
}
