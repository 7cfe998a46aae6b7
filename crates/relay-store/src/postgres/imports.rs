//! Bringing history in from elsewhere.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    mem,
};

use async_trait::async_trait;
use deadpool_postgres::{Object, Transaction};
use futures_util::future;
use relay_core::{
    MonitorKey, Psc, StoredRecord, UnixSeconds,
    event::{Event, EventId, GroupStates},
    ports::repository::{Error, ImportProgress, ImportSource, ImportedDay, ImportedEvents, Imports},
    record::RecordId,
    time::DAY_SECS,
    timeline::{SLOT_SECS, Tally},
};
use tokio::time::timeout;

use super::{
    PgRepository, answered,
    change::Change,
    error::translate,
    events, records,
    rollups::{Grown, Place},
    states::Machines,
};
use crate::{
    import::{fill, fuller_day, missing_of_days, settle_numbers, touched},
    rollup::{MonitorId, day_of},
};

const PUT_PROGRESS: &str = include_str!("sql/imports/put_progress.sql");
const NOTE_PROGRESS: &str = "UPDATE imports SET done_from = $2, finished = $3 WHERE name = $1";
const PROGRESS: &str = "SELECT id_offset, done_from, finished FROM imports WHERE name = $1";
const RESERVE: &str = "UPDATE store_state SET next_record = greatest(next_record, $1), \
                       next_event = greatest(next_event, $2) WHERE id = 1";

#[async_trait]
impl Imports for PgRepository {
    async fn begin_import(&self, source: &ImportSource) -> Result<ImportProgress, Error> {
        let mut client = self.client().await?;
        let answer = timeout(self.patience, begin(&mut client, source)).await;
        answered(client, answer)
    }

    async fn import_events(
        &self,
        events: Vec<Event>,
        states: Vec<(Psc, GroupStates)>,
    ) -> Result<ImportedEvents, Error> {
        let mut client = self.client().await?;
        let answer = timeout(self.patience, put_events(&mut client, events, states)).await;
        answered(client, answer)
    }

    async fn import_records(&self, days: Vec<ImportedDay>) -> Result<u64, Error> {
        let mut client = self.client().await?;
        let answer = timeout(self.patience, Box::pin(self.put_records(&mut client, days))).await;
        answered(client, answer)
    }

    async fn note_import(
        &self,
        name: &str,
        done_from: Option<UnixSeconds>,
        finished: bool,
    ) -> Result<(), Error> {
        let client = self.client().await?;
        let note = async {
            let noted = client.execute(NOTE_PROGRESS, &[&name, &done_from, &finished]).await;
            noted.map(drop).map_err(translate("cannot note how far an import is"))
        };
        let answer = timeout(self.patience, note).await;
        answered(client, answer)
    }
}

async fn begin(client: &mut Object, source: &ImportSource) -> Result<ImportProgress, Error> {
    let trouble = translate("cannot begin an import");
    let change = Change::begin(client, 0).await?;
    let row = change.transaction.query_opt(PROGRESS, &[&source.name]).await.map_err(&trouble)?;
    let known =
        row.map(|row| ImportProgress { id_offset: row.get(0), done_from: row.get(1), finished: row.get(2) });
    let id_offset = change.first_record - 1;
    let progress = known.unwrap_or_else(|| ImportProgress { id_offset, ..ImportProgress::default() });
    change
        .transaction
        .execute(PUT_PROGRESS, &[&source.name, &progress.id_offset, &progress.done_from, &progress.finished])
        .await
        .map_err(&trouble)?;
    let next_record = progress.id_offset.saturating_add(source.last_record_id).saturating_add(1);
    reserve(&change.transaction, next_record, source.last_event_id.saturating_add(1)).await?;
    change.commit().await?;
    Ok(progress)
}

/// Makes the next numbers at least these.
async fn reserve(transaction: &Transaction<'_>, record: RecordId, event: EventId) -> Result<(), Error> {
    let reserved = transaction.execute(RESERVE, &[&record, &event]).await;
    reserved.map(drop).map_err(translate("cannot reserve numbers"))
}

async fn put_events(
    client: &mut Object,
    events: Vec<Event>,
    groups: Vec<(Psc, GroupStates)>,
) -> Result<ImportedEvents, Error> {
    let change = Change::begin(client, 0).await?;
    let (events, events_left_out) = events::import(&change, events).await?;
    let wanted: BTreeSet<Psc> = groups.iter().map(|(psc, _)| psc.clone()).collect();
    let mut machines = Machines::read(&change.transaction, wanted).await?;
    let groups =
        groups.into_iter().filter_map(|(psc, states)| machines.fill(&psc, states).then_some(())).count();
    machines.write(&change.transaction).await?;
    change.commit().await?;
    Ok(ImportedEvents { events, events_left_out, groups: groups as u64 })
}

impl PgRepository {
    async fn put_records(&self, client: &mut Object, days: Vec<ImportedDay>) -> Result<u64, Error> {
        let change = Change::begin(client, 0).await?;
        let transaction = &change.transaction;
        let keys: Vec<MonitorKey> = days.iter().map(|day| day.key.clone()).collect();
        let of_days = self.names.number(transaction, change.stamp, &keys).await?;
        let slots = touched(&of_days, &days);
        let places = of_days.iter().zip(&days).map(|(monitor, day)| (day_of(day.day), *monitor)).collect();
        let mut grown = read(transaction, &slots, &places).await?;

        let (mut added, monitors) = missing_of_days(&grown.slots, &of_days, days);
        let taken = taken(transaction, &added).await?;
        let next_record = settle_numbers(&mut added, taken, change.first_record);
        grow(&mut grown, &added, &monitors);
        let newest = records::newest_of(&added, &monitors);
        future::try_join4(
            records::insert(transaction, &added, &monitors),
            records::put_latest(transaction, &newest),
            grown.write(transaction),
            reserve(transaction, next_record, 0),
        )
        .await?;
        change.commit().await?;
        Ok(added.len() as u64)
    }
}

/// Reads the days, all of their slots, and the records of the slots that are touched.
async fn read(
    transaction: &Transaction<'_>,
    touched: &BTreeSet<Place>,
    days: &BTreeSet<Place>,
) -> Result<Grown, Error> {
    let slots_of =
        |day: UnixSeconds| (0..DAY_SECS / SLOT_SECS).map(move |slot| day.saturating_add(slot * SLOT_SECS));
    let slots = days.iter().flat_map(|(day, monitor)| slots_of(*day).map(|slot| (slot, *monitor))).collect();
    Grown::at(transaction, &slots, touched, days).await
}

/// Adds records to what was read and leaves what they change.
fn grow(grown: &mut Grown, added: &[StoredRecord], monitors: &[MonitorId]) {
    let filled = fill(&mut grown.slots, added, monitors);
    let mut of_days: BTreeMap<Place, Vec<&Tally>> = BTreeMap::new();
    for ((slot, monitor), open) in &grown.slots {
        of_days.entry((day_of(*slot), *monitor)).or_default().push(&open.tally);
    }
    for (place, slots) in of_days {
        let tally = grown.days.entry(place).or_default();
        *tally = fuller_day(mem::take(tally), slots.into_iter());
    }
    grown.slots.retain(|place, _| filled.contains(place));
    grown.days.retain(|_, tally| tally.total() > 0);
}

/// Returns which of the records' numbers are taken.
async fn taken(transaction: &Transaction<'_>, records: &[StoredRecord]) -> Result<HashSet<RecordId>, Error> {
    let wanted: Vec<RecordId> = records.iter().map(|stored| stored.id).collect();
    let sql = "SELECT id FROM probe_history WHERE id = ANY ($1)";
    let rows = transaction.query(sql, &[&wanted]).await.map_err(translate("cannot look records up"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
