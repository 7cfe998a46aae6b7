//! The rollup tables: rows that a batch makes grow, and folding rows into timelines.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use deadpool_postgres::{Object, Transaction};
use futures_util::{TryStreamExt as _, future};
use relay_core::{
    UnixSeconds,
    ports::repository::{DayRollup, Error},
    timeline::{Sample, Tally},
};
use tokio_postgres::{Row, Statement, types::ToSql};

use super::error::{malformed, translate};
use crate::{
    rebuild::PackedSlot,
    rollup::{MonitorId, OpenSlot, day_of, pack_samples, pack_tally, slot_of, unpack_samples, unpack_tally},
    timeline::{Fold, Pieces},
};

const TOUCHED: &str = include_str!("sql/rollups/touched.sql");
const PUT_SLOTS: &str = include_str!("sql/rollups/put_slots.sql");
const PUT_SAMPLES: &str = include_str!("sql/rollups/put_samples.sql");
const PUT_DAYS: &str = include_str!("sql/rollups/put_days.sql");
const OF_ALL: &str = include_str!("sql/rollups/of_all.sql");
const OF_TWO: &str = include_str!("sql/rollups/of_two.sql");
const OF_SOME: &str = include_str!("sql/rollups/of_some.sql");

/// A key range read for all monitors and filtered here costs less than looking each of them up, unless only one in
/// this many is wanted.
const FEW: usize = 8;

/// What a row of the queries is, by their first column.
const SLOT: i16 = 0;
const SAMPLES: i16 = 1;
const DAY: i16 = 2;

/// The start of a slot or day, and a monitor.
pub(super) type Place = (UnixSeconds, MonitorId);

/// The rollups that a change rewrites, as they are and then as they will be.
#[derive(Debug, Default)]
pub(super) struct Grown {
    /// Slots with their records.
    pub(super) slots: BTreeMap<Place, OpenSlot>,
    /// Days.
    pub(super) days: BTreeMap<Place, Tally>,
}

impl Grown {
    /// Reads the rollups that records fall into, but for those that are `known`, and adds the records.
    pub(super) async fn read(
        transaction: &Transaction<'_>,
        added: &[(MonitorId, Sample)],
        known: Self,
    ) -> Result<Self, Error> {
        let mut grown = known;
        let slots: BTreeSet<Place> = added
            .iter()
            .map(|(monitor, sample)| (slot_of(sample.timestamp), *monitor))
            .filter(|slot| !grown.slots.contains_key(slot))
            .collect();
        let days: BTreeSet<Place> = added
            .iter()
            .map(|(monitor, sample)| (day_of(sample.timestamp), *monitor))
            .filter(|day| !grown.days.contains_key(day))
            .collect();
        if !slots.is_empty() || !days.is_empty() {
            let found = Self::at(transaction, &slots, &slots, &days).await?;
            grown.slots.extend(found.slots);
            grown.days.extend(found.days);
        }
        for (monitor, sample) in added {
            grown.slots.entry((slot_of(sample.timestamp), *monitor)).or_default().add(sample);
            grown.days.entry((day_of(sample.timestamp), *monitor)).or_default().add(sample);
        }
        Ok(grown)
    }

    /// Reads the rollups of slots and days, and of the slots in `samples` their records too; those that are not there are
    /// left out.
    pub(super) async fn at(
        transaction: &Transaction<'_>,
        slots: &BTreeSet<Place>,
        samples: &BTreeSet<Place>,
        days: &BTreeSet<Place>,
    ) -> Result<Self, Error> {
        let trouble = translate("cannot read rollups");
        let statement = transaction.prepare_cached(TOUCHED).await.map_err(&trouble)?;
        let [slots, samples, days] = [slots, samples, days]
            .map(|places| places.iter().copied().unzip::<UnixSeconds, MonitorId, Vec<_>, Vec<_>>());
        let rows = transaction
            .query(&statement, &[&slots.0, &slots.1, &samples.0, &samples.1, &days.0, &days.1])
            .await
            .map_err(&trouble)?;
        let mut found = Self::default();
        rows.iter().try_for_each(|row| found.take(row))?;
        Ok(found)
    }

    /// Reads all rollups of two monitors, and adds up those of the second.
    pub(super) async fn merged(
        transaction: &Transaction<'_>,
        from: MonitorId,
        to: MonitorId,
    ) -> Result<Self, Error> {
        let rows =
            transaction.query(OF_TWO, &[&from, &to]).await.map_err(translate("cannot read rollups"))?;
        let mut both = Self::default();
        rows.iter().try_for_each(|row| both.take(row))?;
        let mut merged = Self::default();
        for ((slot, _), mut open) in both.slots {
            let sum = merged.slots.entry((slot, to)).or_default();
            sum.tally.merge(&open.tally);
            sum.samples.append(&mut open.samples);
            sum.samples.sort_unstable_by_key(|sample| (sample.timestamp, sample.id));
        }
        for ((day, _), tally) in both.days {
            merged.days.entry((day, to)).or_default().merge(&tally);
        }
        Ok(merged)
    }

    fn take(&mut self, row: &Row) -> Result<(), Error> {
        let (start, packed): (UnixSeconds, &[u8]) = (row.get(1), row.get(3));
        let place = (start, row.get(2));
        match row.get(0) {
            SLOT => {
                let tally = unpack_tally(packed, start).map_err(malformed("slot_rollups.tally"))?;
                self.slots.entry(place).or_default().tally = tally;
            }
            SAMPLES => {
                let samples = unpack_samples(packed, start).map_err(malformed("slot_samples.samples"))?;
                self.slots.entry(place).or_default().samples = samples;
            }
            _ => {
                let tally = unpack_tally(packed, start).map_err(malformed("day_rollups.tally"))?;
                self.days.insert(place, tally);
            }
        }
        Ok(())
    }

    /// Writes them back, in three statements that are sent together.
    pub(super) async fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        let slots = self.slots.iter().map(|((slot, id), open)| (*slot, *id, pack_tally(&open.tally, *slot)));
        let samples = self
            .slots
            .iter()
            .map(|((slot, id), open)| (*slot, *id, pack_samples(open.samples.iter(), *slot)));
        let days = self.days.iter().map(|((day, id), tally)| (*day, *id, pack_tally(tally, *day)));
        future::try_join3(
            put(transaction, PUT_SLOTS, slots.collect()),
            put(transaction, PUT_SAMPLES, samples.collect()),
            put(transaction, PUT_DAYS, days.collect()),
        )
        .await
        .map(drop)
    }
}

async fn put(
    transaction: &Transaction<'_>,
    sql: &str,
    rows: Vec<(UnixSeconds, MonitorId, Vec<u8>)>,
) -> Result<(), Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let trouble = translate("cannot write rollups");
    let (mut starts, mut monitors, mut packed) = (Vec::new(), Vec::new(), Vec::new());
    for (start, monitor, bytes) in rows {
        starts.push(start);
        monitors.push(monitor);
        packed.push(bytes);
    }
    let statement = transaction.prepare_cached(sql).await.map_err(&trouble)?;
    transaction.execute(&statement, &[&starts, &monitors, &packed]).await.map(drop).map_err(&trouble)
}

/// Writes the packed rows of one slot: counts and records in short.
pub(super) async fn put_packed_slots(
    transaction: &Transaction<'_>,
    slot: UnixSeconds,
    rows: Vec<(MonitorId, PackedSlot)>,
) -> Result<(), Error> {
    let (tallies, samples) =
        rows.into_iter().map(|(id, (tally, samples))| ((slot, id, tally), (slot, id, samples))).unzip();
    put(transaction, PUT_SLOTS, tallies).await?;
    put(transaction, PUT_SAMPLES, samples).await
}

/// Writes the packed counts of one day.
pub(super) async fn put_packed_days(
    transaction: &Transaction<'_>,
    day: UnixSeconds,
    rows: Vec<(MonitorId, Vec<u8>)>,
) -> Result<(), Error> {
    put(transaction, PUT_DAYS, rows.into_iter().map(|(id, tally)| (day, id, tally)).collect()).await
}

/// Replaces the counts of whole days, but for those that count as many records already. Returns the last one that was
/// replaced.
pub(super) async fn put_days(
    transaction: &Transaction<'_>,
    days: Vec<(MonitorId, DayRollup)>,
) -> Result<Option<UnixSeconds>, Error> {
    let place = |monitor: MonitorId, rollup: &DayRollup| (day_of(rollup.day), monitor);
    let places: BTreeSet<Place> = days.iter().map(|(monitor, rollup)| place(*monitor, rollup)).collect();
    let mut stored = Grown::at(transaction, &BTreeSet::new(), &BTreeSet::new(), &places).await?;
    let mut last = None;
    for (monitor, rollup) in days {
        let tally = stored.days.entry(place(monitor, &rollup)).or_default();
        if rollup.tally.total() > tally.total() {
            last = last.max(Some(day_of(rollup.day)));
            *tally = rollup.tally;
        }
    }
    stored.write(transaction).await?;
    Ok(last)
}

/// The rows that a plan is answered from, as parameters of one statement.
#[derive(Debug)]
pub(super) struct Question {
    days: HashMap<UnixSeconds, usize>,
    slots: HashMap<UnixSeconds, usize>,
    samples: HashMap<UnixSeconds, usize>,
    starts: [Vec<UnixSeconds>; 3],
    /// Asked for one by one, when they are few.
    monitors: Option<Vec<MonitorId>>,
    statement: Statement,
}

impl Question {
    /// Prepares to ask for the pieces of the monitors of a fold; so many are `known`.
    pub(super) async fn prepare(
        client: &Object,
        pieces: &Pieces,
        fold: &Fold<'_>,
        known: usize,
    ) -> Result<Self, Error> {
        let some = fold.monitors().len().saturating_mul(FEW) < known;
        let sql = if some { OF_SOME } else { OF_ALL };
        Ok(Self {
            days: pieces.days.iter().copied().collect(),
            slots: pieces.slots.iter().copied().collect(),
            samples: pieces.samples.iter().enumerate().map(|(place, (slot, _))| (*slot, place)).collect(),
            starts: [
                pieces.days.iter().map(|(day, _)| *day).collect(),
                pieces.slots.iter().map(|(slot, _)| *slot).collect(),
                pieces.samples.iter().map(|(slot, _)| *slot).collect(),
            ],
            monitors: some.then(|| fold.monitors().collect()),
            statement: client.prepare_cached(sql).await.map_err(translate("cannot read rollups"))?,
        })
    }

    /// Asks, and counts the rows as they come.
    pub(super) async fn ask(
        &self,
        client: &Object,
        pieces: &Pieces,
        fold: &mut Fold<'_>,
    ) -> Result<(), Error> {
        let trouble = translate("cannot read rollups");
        let [days, slots, samples] = &self.starts;
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![days, slots, samples];
        if let Some(monitors) = &self.monitors {
            parameters.push(monitors);
        }
        let rows = client.query_raw(&self.statement, parameters).await.map_err(&trouble)?;
        let mut rows = std::pin::pin!(rows);
        while let Some(row) = rows.try_next().await.map_err(&trouble)? {
            self.count(&row, pieces, fold)?;
        }
        Ok(())
    }

    fn count(&self, row: &Row, pieces: &Pieces, fold: &mut Fold<'_>) -> Result<(), Error> {
        let (start, monitor, packed): (UnixSeconds, MonitorId, &[u8]) = (row.get(1), row.get(2), row.get(3));
        match row.get(0) {
            DAY => {
                let Some(bucket) = self.days.get(&start) else { return Ok(()) };
                fold.packed(monitor, *bucket, start, packed).map_err(malformed("day_rollups.tally"))
            }
            SLOT => {
                let Some(bucket) = self.slots.get(&start) else { return Ok(()) };
                fold.packed(monitor, *bucket, start, packed).map_err(malformed("slot_rollups.tally"))
            }
            _ => {
                let place = self.samples.get(&start).and_then(|place| pieces.samples.get(*place));
                let Some((slot, cuts)) = place else { return Ok(()) };
                fold.packed_samples(monitor, *slot, cuts, packed).map_err(malformed("slot_samples.samples"))
            }
        }
    }
}
