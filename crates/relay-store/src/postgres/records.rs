//! Records, and the newest of each monitor.

use std::{
    borrow::Cow,
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use deadpool_postgres::{Object, Transaction};
use relay_core::{
    MonitorKey, ProbeRecord, StoredRecord, UnixSeconds,
    ports::{
        Transition,
        repository::{Appended, Error, HistoryQuery, Records},
    },
    record::{LatestRecord, RecordId},
    timeline::Sample,
};

use super::{
    PgRepository,
    error::{malformed, translate},
    row::{read_latest, read_record},
};
use crate::{
    columns::{cause_code, pack_timings},
    rollup::{MonitorId, slot_of, unpack_samples},
};

const INSERT: &str = include_str!("sql/records/insert.sql");
const BY_IDS: &str = include_str!("sql/records/by_ids.sql");
pub(super) const LATEST: &str = include_str!("sql/records/latest.sql");
const PUT_LATEST: &str = include_str!("sql/records/put_latest.sql");
const SAMPLES_BACK: &str = include_str!("sql/rollups/samples_back.sql");

/// How many slots of a monitor are read at once: a page of history mostly fits into them.
const SLOTS_AT_ONCE: i64 = 64;
/// How many records are looked up at once.
const RECORDS_AT_ONCE: usize = 2_000;

#[async_trait]
impl Records for PgRepository {
    async fn append(
        &self,
        batch: Vec<ProbeRecord>,
        transition: Arc<dyn Transition>,
    ) -> Result<Appended, Error> {
        self.store(batch, transition).await
    }

    async fn latest(&self, keys: &[MonitorKey]) -> Result<Vec<Option<LatestRecord>>, Error> {
        self.read(|client| async move {
            let trouble = translate("cannot read newest records");
            let wanted = self.current(&client, keys).await?.wanted;
            let known: Vec<MonitorId> = wanted.iter().flatten().copied().collect();
            let statement = client.prepare_cached(LATEST).await.map_err(&trouble)?;
            let rows = client.query(&statement, &[&known]).await.map_err(&trouble)?;
            let newest: HashMap<MonitorId, LatestRecord> = rows.iter().map(read_latest).collect();
            Ok(wanted.iter().map(|id| newest.get(&(*id)?).copied()).collect())
        })
        .await
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<StoredRecord>, Error> {
        self.read(|client| async move {
            let numbers = self.current(&client, std::slice::from_ref(&query.key)).await?;
            let Some(monitor) = numbers.wanted.first().copied().flatten() else { return Ok(Vec::new()) };
            Page { query, monitor, found: Vec::new() }.fill(&client).await
        })
        .await
    }
}

/// A page of history in the making. It goes back over the slots of the monitor; each names its records, so that no other
/// record is read.
struct Page<'a> {
    query: &'a HistoryQuery,
    monitor: MonitorId,
    found: Vec<StoredRecord>,
}

impl Page<'_> {
    async fn fill(mut self, client: &Object) -> Result<Vec<StoredRecord>, Error> {
        let trouble = translate("cannot read history");
        let query = self.query;
        let mut until = slot_of(query.before.map_or(query.to, |(at, _)| at.min(query.to)));
        let from = slot_of(query.from);
        let statement = client.prepare_cached(SAMPLES_BACK).await.map_err(&trouble)?;
        while until >= from && !self.is_full() {
            let wanted: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
                [&self.monitor, &from, &until, &SLOTS_AT_ONCE];
            let rows = client.query(&statement, &wanted).await.map_err(&trouble)?;
            let mut ids = Vec::new();
            for row in &rows {
                let slot: UnixSeconds = row.get(0);
                let samples = unpack_samples(row.get(1), slot).map_err(malformed("slot_samples.samples"))?;
                ids.extend(samples.iter().rev().filter(|sample| self.wants(sample)).map(|sample| sample.id));
            }
            for ids in ids.chunks(RECORDS_AT_ONCE) {
                self.take(client, ids).await?;
            }
            let last = rows.last().map(|row| row.get::<_, UnixSeconds>(0));
            let more = i64::try_from(rows.len()).is_ok_and(|count| count == SLOTS_AT_ONCE);
            let Some(before) = last.filter(|_| more).and_then(|slot| slot.checked_sub(1)) else { break };
            until = before;
        }
        Ok(self.found)
    }

    fn is_full(&self) -> bool {
        self.found.len() >= self.query.limit as usize
    }

    fn wants(&self, sample: &Sample) -> bool {
        let query = self.query;
        (query.from..=query.to).contains(&sample.timestamp)
            && query.before.is_none_or(|before| (sample.timestamp, sample.id) < before)
    }

    /// Takes those of the records that still exist, as many as there is room for; `ids` are in the order of the page.
    async fn take(&mut self, client: &Object, ids: &[RecordId]) -> Result<(), Error> {
        let trouble = translate("cannot read history");
        let mut rest = ids;
        while !self.is_full() && !rest.is_empty() {
            let room = (self.query.limit as usize).saturating_sub(self.found.len());
            let (now, later) = rest.split_at(room.min(rest.len()));
            rest = later;
            let statement = client.prepare_cached(BY_IDS).await.map_err(&trouble)?;
            let rows = client.query(&statement, &[&now, &self.monitor]).await.map_err(&trouble)?;
            let mut records: HashMap<RecordId, StoredRecord> = HashMap::with_capacity(rows.len());
            for row in &rows {
                let stored = read_record(row, self.query.key.clone())?;
                records.insert(stored.id, stored);
            }
            self.found.extend(now.iter().filter_map(|id| records.remove(id)));
        }
        Ok(())
    }
}

/// Writes records; `monitors` are the numbers of their monitors.
pub(super) async fn insert(
    transaction: &Transaction<'_>,
    records: &[StoredRecord],
    monitors: &[MonitorId],
) -> Result<(), Error> {
    let trouble = translate("cannot write records");
    let count = records.len();
    let mut ids = Vec::with_capacity(count);
    let mut timestamps = Vec::with_capacity(count);
    let mut latencies = Vec::with_capacity(count);
    let mut codes = Vec::with_capacity(count);
    let mut statuses = Vec::with_capacity(count);
    let mut causes = Vec::with_capacity(count);
    let mut sources = Vec::with_capacity(count);
    let mut timings = Vec::with_capacity(count);
    let mut details = Vec::with_capacity(count);
    for StoredRecord { id, record } in records {
        let result = &record.result;
        ids.push(*id);
        timestamps.push(record.timestamp);
        latencies.push(i64::from(result.latency_ms));
        codes.push(i32::from(result.http_code));
        statuses.push(i16::from(result.status.code()));
        causes.push(cause_code(result.sub_status).map(i16::from));
        sources.push(i16::try_from(record.source.code()).unwrap_or_default());
        timings.push(pack_timings(&result.timings, result.latency_ms));
        details.push(result.detail.as_deref().map(storable));
    }
    let statement = transaction.prepare_cached(INSERT).await.map_err(&trouble)?;
    let columns: [&(dyn tokio_postgres::types::ToSql + Sync); 10] =
        [&ids, &monitors, &timestamps, &latencies, &codes, &statuses, &causes, &sources, &timings, &details];
    transaction.execute(&statement, &columns).await.map(drop).map_err(&trouble)
}

/// Returns a text that the server takes: everything but the one character it does not know.
fn storable(text: &str) -> Cow<'_, str> {
    if text.contains('\0') { Cow::Owned(text.replace('\0', "\u{fffd}")) } else { Cow::Borrowed(text) }
}

/// Writes the newest record of each monitor of a batch, unless the one that is there is newer.
pub(super) async fn put_latest(
    transaction: &Transaction<'_>,
    newest: &HashMap<MonitorId, LatestRecord>,
) -> Result<(), Error> {
    let trouble = translate("cannot write newest records");
    // In the order of the index, neighbours are on the same page.
    let newest: BTreeMap<MonitorId, &LatestRecord> = newest.iter().map(|(id, one)| (*id, one)).collect();
    let (monitors, newest): (Vec<MonitorId>, Vec<&LatestRecord>) = newest.into_iter().unzip();
    let ids: Vec<RecordId> = newest.iter().map(|one| one.id).collect();
    let timestamps: Vec<UnixSeconds> = newest.iter().map(|one| one.timestamp).collect();
    let latencies: Vec<i64> = newest.iter().map(|one| one.latency_ms.into()).collect();
    let tokens: Vec<Option<i64>> = newest.iter().map(|one| one.first_token_ms.map(i64::from)).collect();
    let codes: Vec<i32> = newest.iter().map(|one| one.http_code.into()).collect();
    let statuses: Vec<i16> = newest.iter().map(|one| one.status.code().into()).collect();
    let causes: Vec<Option<i16>> =
        newest.iter().map(|one| cause_code(one.sub_status).map(i16::from)).collect();
    let statement = transaction.prepare_cached(PUT_LATEST).await.map_err(&trouble)?;
    let columns: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
        [&monitors, &ids, &timestamps, &latencies, &tokens, &codes, &statuses, &causes];
    transaction.execute(&statement, &columns).await.map(drop).map_err(&trouble)
}

/// Returns the newest record of each monitor of a batch.
pub(super) fn newest_of(
    records: &[StoredRecord],
    monitors: &[MonitorId],
) -> HashMap<MonitorId, LatestRecord> {
    let mut newest: HashMap<MonitorId, LatestRecord> = HashMap::new();
    for (stored, monitor) in records.iter().zip(monitors) {
        let latest = LatestRecord::of(stored);
        let known = newest.entry(*monitor).or_insert(latest);
        if latest.is_newer_than(known) {
            *known = latest;
        }
    }
    newest
}
