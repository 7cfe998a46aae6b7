//! Records, and the newest of each monitor.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use relay_core::{
    MonitorKey, ProbeRecord, StoredRecord, UnixSeconds,
    ports::{
        Transition,
        repository::{Appended, Error, HistoryQuery, Records},
    },
    record::{LatestRecord, RecordId},
    timeline::Sample,
};
use rusqlite::{Connection, OptionalExtension};

use super::{
    SqliteRepository,
    error::translate,
    rollups,
    row::{RecordRow, read_latest},
};
use crate::{
    columns::{cause_code, pack_timings},
    rollup::{Held, MonitorId, slot_of},
};

const INSERT: &str = include_str!("sql/records/insert.sql");
const BY_ID: &str = include_str!("sql/records/by_id.sql");
const TAIL: &str = include_str!("sql/records/tail.sql");
const LATEST: &str = "SELECT monitor_id, record_id, timestamp, status, sub_status, http_code, latency, first_token_ms \
                      FROM latest WHERE monitor_id = ?1";
const UPSERT_LATEST: &str = include_str!("sql/records/upsert_latest.sql");

#[async_trait]
impl Records for SqliteRepository {
    async fn append(
        &self,
        batch: Vec<ProbeRecord>,
        transition: Arc<dyn Transition>,
    ) -> Result<Appended, Error> {
        self.worker.append(batch, transition).await
    }

    async fn latest(&self, keys: &[MonitorKey]) -> Result<Vec<Option<LatestRecord>>, Error> {
        self.check_open()?;
        let memory = self.shared.read();
        let latest = |key| memory.latest.get(memory.monitors.get(key)?).copied();
        Ok(keys.iter().map(latest).collect())
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<StoredRecord>, Error> {
        let query = query.clone();
        self.read(move |connection, shared| {
            let (memory, transaction) = shared.picture(connection)?;
            let Some(monitor) = memory.monitors.get(&query.key).copied() else { return Ok(Vec::new()) };
            let held = held_samples(&memory.held, monitor);
            drop(memory);
            Page { query: &query, monitor, held, found: Vec::new() }.fill(&transaction)
        })
        .await
    }
}

/// The held slots with the monitor's records in them, oldest first, and the borders of what is held.
struct HeldSamples {
    slots: Vec<(UnixSeconds, Vec<Sample>)>,
}

fn held_samples(held: &Held, monitor: MonitorId) -> HeldSamples {
    let samples =
        |open: Option<&crate::rollup::OpenSlot>| open.map(|open| open.samples.clone()).unwrap_or_default();
    HeldSamples {
        slots: held.slots().map(|(slot, monitors)| (slot, samples(monitors.get(&monitor)))).collect(),
    }
}

impl HeldSamples {
    /// Returns the newest held slot at or before `at`.
    fn at_or_before(&self, at: UnixSeconds) -> Option<UnixSeconds> {
        self.slots.iter().rev().map(|(slot, _)| *slot).find(|slot| *slot <= at)
    }

    fn get(&self, slot: UnixSeconds) -> Option<&[Sample]> {
        self.slots.iter().find(|(held, _)| *held == slot).map(|(_, samples)| samples.as_slice())
    }
}

/// A page of history in the making. It goes back from slot to slot that exists; each names the monitor's records in
/// it, so that no other record is read.
struct Page<'a> {
    query: &'a HistoryQuery,
    monitor: MonitorId,
    held: HeldSamples,
    found: Vec<StoredRecord>,
}

impl Page<'_> {
    fn fill(mut self, connection: &Connection) -> Result<Vec<StoredRecord>, Error> {
        let query = self.query;
        let newest = query.before.map_or(query.to, |(at, _)| at.min(query.to));
        let mut next = self.slot_at_or_before(connection, slot_of(newest))?;
        while let Some(slot) = next.filter(|slot| *slot >= slot_of(query.from) && !self.is_full()) {
            let stored;
            let samples = match self.held.get(slot) {
                Some(held) => held.to_vec(),
                None => {
                    stored = rollups::stored_samples(connection, slot, self.monitor)?;
                    stored
                }
            };
            self.take(connection, &samples)?;
            next =
                slot.checked_sub(1).map_or(Ok(None), |before| self.slot_at_or_before(connection, before))?;
        }
        Ok(self.found)
    }

    fn is_full(&self) -> bool {
        self.found.len() >= self.query.limit as usize
    }

    fn slot_at_or_before(
        &self,
        connection: &Connection,
        at: UnixSeconds,
    ) -> Result<Option<UnixSeconds>, Error> {
        let query = || -> rusqlite::Result<Option<UnixSeconds>> {
            let mut statement =
                connection.prepare_cached("SELECT max(slot) FROM slot_samples WHERE slot <= ?1")?;
            statement.query_row([at], |row| row.get(0))
        };
        let stored = query().map_err(|error| translate("cannot read history", error))?;
        Ok(stored.max(self.held.at_or_before(at)))
    }

    fn take(&mut self, connection: &Connection, samples: &[Sample]) -> Result<(), Error> {
        let query = self.query;
        let wanted = |sample: &&Sample| {
            (query.from..=query.to).contains(&sample.timestamp)
                && query.before.is_none_or(|before| (sample.timestamp, sample.id) < before)
        };
        for sample in samples.iter().rev().filter(wanted) {
            if self.is_full() {
                break;
            }
            let row = by_id(connection, sample.id)?;
            // Deleted by hand or by retention.
            let row = row.filter(|row| row.monitor == self.monitor);
            self.found.extend(row.map(|row| row.keyed(query.key.clone())));
        }
        Ok(())
    }
}

fn by_id(connection: &Connection, id: RecordId) -> Result<Option<RecordRow>, Error> {
    let query = || connection.prepare_cached(BY_ID)?.query_row([id], RecordRow::read).optional();
    query().map_err(|error| translate("cannot read history", error))
}

/// Writes records; `monitors` are the numbers of their monitors.
pub(super) fn insert(
    connection: &Connection,
    records: &[StoredRecord],
    monitors: &[MonitorId],
) -> Result<(), Error> {
    let insert = || -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(INSERT)?;
        for (stored, monitor) in records.iter().zip(monitors) {
            let ProbeRecord { timestamp, source, result, .. } = &stored.record;
            statement.execute((
                stored.id,
                monitor,
                timestamp,
                result.status.code(),
                cause_code(result.sub_status),
                result.http_code,
                result.latency_ms,
                pack_timings(&result.timings, result.latency_ms),
                result.detail.as_deref(),
                source.code(),
            ))?;
        }
        Ok(())
    };
    insert().map_err(|error| translate("cannot write records", error))
}

/// Writes the newest record of a monitor.
pub(super) fn put_latest(
    connection: &Connection,
    monitor: MonitorId,
    latest: &LatestRecord,
) -> Result<(), Error> {
    let put = || {
        connection.prepare_cached(UPSERT_LATEST)?.execute((
            monitor,
            latest.id,
            latest.timestamp,
            latest.status.code(),
            cause_code(latest.sub_status),
            latest.http_code,
            latest.latency_ms,
            latest.first_token_ms,
        ))
    };
    put().map(drop).map_err(|error| translate("cannot write a newest record", error))
}

/// Leaves the newer of two monitors' newest records to the second one.
pub(super) fn move_latest(connection: &Connection, from: MonitorId, to: MonitorId) -> Result<(), Error> {
    let trouble = |error| translate("cannot move a newest record", error);
    let read = |monitor: MonitorId| {
        let mut statement = connection.prepare_cached(LATEST)?;
        statement.query_row([monitor], read_latest).optional()
    };
    let (old, own) = (read(from).map_err(trouble)?, read(to).map_err(trouble)?);
    if let Some((_, old)) = old
        && own.is_none_or(|(_, own)| old.is_newer_than(&own))
    {
        put_latest(connection, to, &old)?;
    }
    connection.execute("DELETE FROM latest WHERE monitor_id = ?1", [from]).map(drop).map_err(trouble)
}

/// Returns the records from a number on, in the order of numbers; `keys` are the monitors' keys.
pub(super) fn tail(
    connection: &Connection,
    from: RecordId,
    keys: &HashMap<MonitorId, MonitorKey>,
) -> Result<Vec<(MonitorId, StoredRecord)>, Error> {
    let read = || -> rusqlite::Result<Vec<RecordRow>> {
        connection.prepare(TAIL)?.query_map([from], RecordRow::read)?.collect()
    };
    let rows = read().map_err(|error| translate("cannot read the newest records", error))?;
    rows.into_iter()
        .map(|row| {
            let key = keys.get(&row.monitor).ok_or_else(|| Error::Corrupt {
                reason: format!("probe_history.monitor_id of record {}: no such monitor", row.id),
            })?;
            Ok((row.monitor, row.keyed(key.clone())))
        })
        .collect()
}
