//! Appending a batch: everything of it in one transaction, in a number of statements that does not depend on it.

use std::sync::Arc;

use deadpool_postgres::{Object, Transaction};
use futures_util::future;
use relay_core::{
    MonitorKey, ProbeRecord, StoredRecord,
    ports::{
        Transition,
        repository::{Appended, Error},
    },
    timeline::Sample,
};
use tokio::time::timeout;

use super::{
    PgRepository, answered, change::Change, doubt::Batches, error::translate, events, kept::Kept, records,
    rollups::Grown, states::Machines,
};
use crate::rollup::slot_of;

/// What is notified of, by the names in the two statements below.
pub(super) const CHANNELS: [&str; 2] = ["relay_records", "relay_events"];
/// Wakes those who listen: `relay_records` and `relay_events`, each with the highest number as its payload.
const NOTIFY_RECORDS: &str = "SELECT pg_notify('relay_records', $1::bigint::text)";
const NOTIFY_EVENTS: &str = "SELECT pg_notify('relay_events', $1::bigint::text)";

impl PgRepository {
    /// Appends a batch as the port says.
    pub(super) async fn store(
        &self,
        batch: Vec<ProbeRecord>,
        transition: Arc<dyn Transition>,
    ) -> Result<Appended, Error> {
        self.check_open()?;
        if batch.is_empty() {
            return Ok(Appended::default());
        }
        let mut appending = self.appending.lock().await;
        let mut client = self.client().await?;
        let stored = self.store_with(&mut client, &mut appending, batch, transition.as_ref());
        let answer = timeout(self.patience, stored).await;
        answered(client, answer)
    }

    async fn store_with(
        &self,
        client: &mut Object,
        Appending { batches, kept: remembered }: &mut Appending,
        batch: Vec<ProbeRecord>,
        transition: &dyn Transition,
    ) -> Result<Appended, Error> {
        let change = Change::begin(client, batch.len()).await?;
        let mut kept = remembered.take(&change.found);
        if let Some(answer) = batches.settle(&change.transaction, &batch).await? {
            return Ok(answer);
        }
        let (answer, ()) = future::try_join(
            self.write(&change, batch, transition, &mut kept),
            batches.put_next(&change.transaction),
        )
        .await?;
        let answer = batches.commit(change.transaction, answer).await?;
        *remembered = kept.sealed(change.left);
        Ok(answer)
    }

    async fn write(
        &self,
        change: &Change<'_>,
        batch: Vec<ProbeRecord>,
        transition: &dyn Transition,
        kept: &mut Kept,
    ) -> Result<Appended, Error> {
        let transaction = &change.transaction;
        let records: Vec<StoredRecord> =
            (change.first_record..).zip(batch).map(|(id, record)| StoredRecord { id, record }).collect();
        let keys: Vec<MonitorKey> = records.iter().map(|stored| stored.record.key.clone()).collect();
        let monitors = self.names.number(transaction, change.stamp, &keys).await?;
        let added: Vec<_> = monitors.iter().copied().zip(records.iter().map(Sample::of)).collect();
        let groups = keys.iter().map(|key| key.psc().clone()).collect();
        let (rollups, states) = (kept.rollups(&added), kept.states(&groups));
        let (grown, mut machines) = future::try_join(
            Grown::read(transaction, &added, rollups),
            Machines::read_beside(transaction, groups, states),
        )
        .await?;
        let new_events = machines.apply(&records, transition);
        let newest = records::newest_of(&records, &monitors);
        let (now, last) = (self.clock.now().as_secs(), records.last().map(|one| one.id));
        // Sent together, in this order; boxed because it holds all of them.
        let writes = future::try_join4(
            records::insert(transaction, &records, &monitors),
            records::put_latest(transaction, &newest),
            grown.write(transaction),
            machines.write(transaction),
        );
        let news = future::try_join(
            notify(transaction, NOTIFY_RECORDS, last),
            events::insert(change, new_events, now),
        );
        let (_, (_, events)) = Box::pin(future::try_join(writes, news)).await?;
        notify(transaction, NOTIFY_EVENTS, events.last().map(|one| one.id)).await?;
        kept.put(slot_of(now), grown, machines.into_states());
        Ok(Appended { records, events })
    }
}

/// What one append leaves to the next.
#[derive(Debug)]
pub(super) struct Appending {
    /// The batches of this process.
    pub(super) batches: Batches,
    /// What they left in the database.
    pub(super) kept: Kept,
}

async fn notify(transaction: &Transaction<'_>, sql: &str, highest: Option<i64>) -> Result<(), Error> {
    let Some(highest) = highest else { return Ok(()) };
    let trouble = translate("cannot notify");
    let statement = transaction.prepare_cached(sql).await.map_err(&trouble)?;
    transaction.execute(&statement, &[&highest]).await.map(drop).map_err(&trouble)
}
