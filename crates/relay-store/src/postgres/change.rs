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
    /// How it finds the store.
    pub(super) found: Seal,
    /// How it leaves the store, once it is committed.
    pub(super) left: Seal,
}

/// What the last change was: as long as the seal is the same, nobody changed anything.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seal {
    /// The random name of the change.
    pub(super) change: String,
    /// The number of the next record. Programs that know no names of changes move it.
    pub(super) next_record: RecordId,
}

impl<'a> Change<'a> {
    /// Begins one, with so many record numbers for it. Waits for others as long as the lock timeout says.
    pub(super) async fn begin(client: &'a mut Object, records: usize) -> Result<Self, Error> {
        let trouble = translate("cannot begin to write");
        let transaction = client.transaction().await.map_err(&trouble)?;
        let statement = transaction.prepare_cached(TAKE_LOCK).await.map_err(&trouble)?;
        let count = i64::try_from(records).unwrap_or(i64::MAX);
        let row = transaction.query_one(&statement, &[&count]).await.map_err(&trouble)?;
        let first_record: RecordId = row.get(0);
        Ok(Self {
            first_record,
            next_event: row.get(1),
            stamp: Stamp { next: row.get(2), names: row.get(3) },
            found: Seal { change: row.get(4), next_record: first_record },
            left: Seal { change: row.get(5), next_record: first_record.saturating_add(count) },
            transaction,
        })
    }

    /// Makes it happen.
    pub(super) async fn commit(self) -> Result<(), Error> {
        self.transaction.commit().await.map_err(translate("cannot commit"))
    }
}
