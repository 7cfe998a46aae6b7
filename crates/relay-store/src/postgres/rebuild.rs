//! Counting again: each step is a change like any other, under the lock of all writers, so that nobody counts beside it.

use std::collections::HashMap;

use deadpool_postgres::{GenericClient, Object, Transaction};
use relay_core::{
    MonitorKey, Status, UnixSeconds,
    ports::repository::{Error, Rebuilt},
    record::{LatestRecord, RecordId},
    time::DAY_SECS,
    timeline::{SLOT_SECS, Sample},
};
use tokio::time::timeout;
use tokio_postgres::{Row, types::ToSql};

use super::{PgRepository, answered, change::Change, error::translate, records, rollups, row::read_record};
use crate::{
    columns::{cause, clamp_u32, code},
    rebuild::{BLOCK, BLOCKS_AT_ONCE, Corrections, Newest, Rebuild, SlotRows, Work, named_only},
    rollup::{MonitorId, slot_of},
};

const AFTER: &str = include_str!("sql/rebuild/after.sql");
const BETWEEN: &str = include_str!("sql/rebuild/between.sql");
const BY_IDS: &str = include_str!("sql/rebuild/by_ids.sql");
const OF_SLOT: &str = include_str!("sql/rebuild/of_slot.sql");
const NEWEST: &str = include_str!("sql/rebuild/newest.sql");
const NEWEST_RECORDS: &str = include_str!("sql/rebuild/newest_records.sql");
const SLOTS: &str = "SELECT slot FROM slot_rollups UNION SELECT slot FROM slot_samples";
const DAYS: &str = "SELECT DISTINCT day FROM day_rollups";
const HORIZON: &str = "SELECT raw_horizon FROM retention WHERE id = 1";
const SLOTS_OF_DAY: &str = "SELECT slot, monitor_id, tally FROM slot_rollups WHERE slot >= $1 AND slot < $2";
const DAY: &str = "SELECT monitor_id, tally FROM day_rollups WHERE day = $1";
const DROP_SLOTS: &str = "DELETE FROM slot_rollups WHERE slot = $1 AND monitor_id = ANY ($2)";
const DROP_SAMPLES: &str = "DELETE FROM slot_samples WHERE slot = $1 AND monitor_id = ANY ($2)";
const DROP_DAYS: &str = "DELETE FROM day_rollups WHERE day = $1 AND monitor_id = ANY ($2)";
const DROP_NEWEST: &str = "DELETE FROM latest WHERE monitor_id = ANY ($1)";

/// What a row of the rows of a slot is.
const TALLY: i16 = 0;

impl PgRepository {
    /// Counts everything again as the port says.
    pub(super) async fn rebuild(&self) -> Result<Rebuilt, Error> {
        let mut job = Rebuild::default();
        while job.work() != Work::Nothing {
            let mut client = self.client().await?;
            let answer = timeout(self.patience, step(&mut client, &mut job)).await;
            answered(client, answer)?;
        }
        Ok(job.done())
    }
}

async fn step(client: &mut Object, job: &mut Rebuild) -> Result<(), Error> {
    let work = job.work();
    if work == Work::Scan {
        // Numbers become visible in their order, so the lock is not needed to miss none.
        for _ in 0..BLOCKS_AT_ONCE {
            learn(client, job).await?;
        }
        return Ok(());
    }
    let change = Change::begin(client, 0).await?;
    let transaction = &change.transaction;
    match work {
        Work::Begin => begin(transaction, job).await?,
        Work::Slot(slot) => count_slot(transaction, job, slot).await?,
        Work::Day(day) => count_day(transaction, job, day).await?,
        Work::Newest => put_newest(transaction, job).await?,
        Work::Scan | Work::Nothing => {}
    }
    change.commit().await
}

async fn begin(transaction: &Transaction<'_>, job: &mut Rebuild) -> Result<(), Error> {
    let horizon = rows(transaction, HORIZON, &[]).await?.first().and_then(|row| row.get(0));
    let slots = rows(transaction, SLOTS, &[]).await?;
    let days = rows(transaction, DAYS, &[]).await?;
    job.begin(horizon, slots.iter().map(|row| row.get(0)), days.iter().map(|row| row.get(0)));
    Ok(())
}

/// Reads the next block of records; tells whether there was any.
async fn learn(client: &impl GenericClient, job: &mut Rebuild) -> Result<bool, Error> {
    let found = rows(client, AFTER, &[&job.known_until(), &i64::from(BLOCK)]).await?;
    let block: Vec<_> = found.iter().map(read_sample).collect();
    job.learn(&block);
    Ok(!block.is_empty())
}

async fn count_slot(
    transaction: &Transaction<'_>,
    job: &mut Rebuild,
    slot: UnixSeconds,
) -> Result<(), Error> {
    while learn(transaction, job).await? {}
    let (first, last): (Vec<RecordId>, Vec<RecordId>) = job.ranges(slot).into_iter().unzip();
    let until = slot.saturating_add(SLOT_SECS);
    let found = rows(transaction, BETWEEN, &[&first, &last, &slot, &until]).await?;
    let mut raw: Vec<_> = found.iter().map(read_sample).collect();
    let mut stored: HashMap<MonitorId, SlotRows> = HashMap::new();
    for row in &rows(transaction, OF_SLOT, &[&slot]).await? {
        let of_monitor = stored.entry(row.get(1)).or_default();
        let piece =
            if row.get::<_, i16>(0) == TALLY { &mut of_monitor.tally } else { &mut of_monitor.samples };
        *piece = Some(row.get(2));
    }
    let named = named_only(slot, &raw, &stored);
    let found = if named.is_empty() { Vec::new() } else { rows(transaction, BY_IDS, &[&named]).await? };
    raw.extend(found.iter().map(read_sample));
    raw.retain(|(_, sample)| slot_of(sample.timestamp) == slot);
    let Corrections { put, gone } = job.slot(slot, raw, &stored, found.len() < named.len());
    rollups::put_packed_slots(transaction, slot, put).await?;
    if !gone.is_empty() {
        execute(transaction, DROP_SLOTS, &[&slot, &gone]).await?;
        execute(transaction, DROP_SAMPLES, &[&slot, &gone]).await?;
    }
    Ok(())
}

async fn count_day(transaction: &Transaction<'_>, job: &mut Rebuild, day: UnixSeconds) -> Result<(), Error> {
    let until = day.saturating_add(DAY_SECS);
    let slots = rows(transaction, SLOTS_OF_DAY, &[&day, &until]).await?;
    let slots: Vec<_> = slots.iter().map(|row| (row.get(0), row.get(1), row.get(2))).collect();
    let stored = rows(transaction, DAY, &[&day]).await?;
    let stored = stored.iter().map(|row| (row.get(0), row.get(1))).collect();
    let Corrections { put, gone } = job.day(day, &slots, &stored);
    rollups::put_packed_days(transaction, day, put).await?;
    if !gone.is_empty() {
        execute(transaction, DROP_DAYS, &[&day, &gone]).await?;
    }
    Ok(())
}

async fn put_newest(transaction: &Transaction<'_>, job: &mut Rebuild) -> Result<(), Error> {
    while learn(transaction, job).await? {}
    let stored = rows(transaction, NEWEST, &[]).await?;
    let known = |row: &Row| (row.get(0), Newest { place: (row.get(1), row.get(2)), is_there: row.get(3) });
    let (monitors, ids): (Vec<MonitorId>, Vec<RecordId>) =
        job.newest(&stored.iter().map(known).collect()).into_iter().unzip();
    if ids.is_empty() {
        return Ok(());
    }
    let mut newest = HashMap::new();
    for row in &rows(transaction, NEWEST_RECORDS, &[&ids]).await? {
        let nameless = MonitorKey::from_parts("", "", "", "");
        newest.insert(row.get(9), LatestRecord::of(&read_record(row, nameless)?));
    }
    execute(transaction, DROP_NEWEST, &[&monitors]).await?;
    records::put_latest(transaction, &newest).await
}

fn read_sample(row: &Row) -> (MonitorId, Sample) {
    let sample = Sample {
        id: row.get(0),
        timestamp: row.get(2),
        status: Status::from_code(row.get::<_, i16>(3).into()),
        sub_status: cause(row.get::<_, Option<i16>>(4).map(i64::from)),
        http_code: code(row.get::<_, i32>(5).into()),
        latency_ms: clamp_u32(row.get(6)),
    };
    (row.get(1), sample)
}

async fn rows(
    client: &impl GenericClient,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<Vec<Row>, Error> {
    let trouble = translate("cannot count again");
    let statement = client.prepare_cached(sql).await.map_err(&trouble)?;
    client.query(&statement, parameters).await.map_err(&trouble)
}

async fn execute(
    transaction: &Transaction<'_>,
    sql: &str,
    parameters: &[&(dyn ToSql + Sync)],
) -> Result<(), Error> {
    transaction.execute(sql, parameters).await.map(drop).map_err(translate("cannot count again"))
}
