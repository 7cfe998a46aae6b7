//! Deleting what is too old, and reading it before that.
//!
//! `probe_history` has no index on time. Which records a slot has is said exactly by its rows in `slot_samples`, so
//! these lead: the oldest rows name the numbers, records with consecutive numbers are deleted as one range, and the
//! rows go with them. Nothing is searched for, and a late record, whose number is high, is found like any other.

use std::{collections::HashMap, sync::Arc};

use async_trait::async_trait;
use relay_core::{
    MonitorKey, StoredRecord, UnixSeconds,
    ports::repository::{Error, ExportMark, ExportPage, ExportQuery, Job, JobLock, Retention},
    record::RecordId,
};
use rusqlite::{Connection, OptionalExtension, Transaction};

use super::{
    SqliteRepository,
    engine::{Engine, begin, commit, put_state, save_memory},
    error::{malformed, translate},
    memory::Memory,
    row::RecordRow,
};
use crate::rollup::{HeldWindow, MonitorId, day_of, each_sample, slot_of};

const OLDEST_SAMPLES: &str = include_str!("sql/retention/oldest_samples.sql");
const DELETE_RUN: &str = include_str!("sql/retention/delete_run.sql");
const DELETE_SAMPLES: &str = include_str!("sql/retention/delete_samples.sql");
const RAISE_HORIZON: &str = include_str!("sql/retention/raise_horizon.sql");
const SAMPLES_OF_SLOT: &str = include_str!("sql/retention/samples_of_slot.sql");
const RUN: &str = include_str!("sql/records/run.sql");

/// One in this many pages may stay free, about what a day of 36 takes: new records fill them again, and a file that
/// shrinks and grows every day would be copied around for nothing.
const RESERVE: u64 = 32;

/// A bounded change that the writer's thread makes between two appends.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step {
    /// Deletes raw records.
    Records { before: UnixSeconds, limit: u32 },
    /// Deletes counts of slots.
    Slots { before: UnixSeconds, limit: u32 },
    /// Deletes counts of days.
    Days { before: UnixSeconds, limit: u32 },
    /// Gives bytes back to the system.
    Reclaim { bytes: u64 },
}

impl SqliteRepository {
    async fn step(&self, step: Step) -> Result<u64, Error> {
        self.worker.run(move |engine| engine.retain(step)).await
    }
}

#[async_trait]
impl Retention for SqliteRepository {
    async fn lock_job(&self, job: Job) -> Result<Option<JobLock>, Error> {
        self.check_open()?;
        Ok(self.jobs.take(job))
    }

    async fn oldest_record(&self) -> Result<Option<UnixSeconds>, Error> {
        self.read(|connection, shared| {
            let (memory, transaction) = shared.picture(connection)?;
            let held = HeldIds::of(&memory, i64::MIN, i64::MAX);
            drop(memory);
            let Some(slot) = held.next_slot(&transaction, i64::MIN)? else { return Ok(None) };
            Ok(held.ids_of(&transaction, slot)?.iter().map(|(at, _)| *at).min())
        })
        .await
    }

    async fn export(&self, query: &ExportQuery) -> Result<ExportPage, Error> {
        let query = *query;
        self.read(move |connection, shared| {
            let (memory, transaction) = shared.picture(connection)?;
            let held = HeldIds::of(&memory, query.from, query.until);
            let keys = memory.monitors.iter().map(|(key, monitor)| (*monitor, key.clone())).collect();
            drop(memory);
            export(&transaction, &query, &held, &keys)
        })
        .await
    }

    async fn delete_records(&self, before: UnixSeconds, limit: u32) -> Result<u64, Error> {
        self.step(Step::Records { before, limit }).await
    }

    async fn delete_slots(&self, before: UnixSeconds, limit: u32) -> Result<u64, Error> {
        self.step(Step::Slots { before, limit }).await
    }

    async fn delete_days(&self, before: UnixSeconds, limit: u32) -> Result<u64, Error> {
        self.step(Step::Days { before, limit }).await
    }

    async fn reclaim(&self, bytes: u64) -> Result<u64, Error> {
        self.step(Step::Reclaim { bytes }).await
    }

    async fn raw_horizon(&self) -> Result<Option<UnixSeconds>, Error> {
        self.read(|connection, _| {
            let look = connection.query_row("SELECT raw_horizon FROM retention", [], |row| row.get(0));
            look.map_err(|error| translate("cannot read the raw horizon", error))
        })
        .await
    }
}

// === deleting ===

impl Engine {
    /// Takes one step, in a transaction of its own.
    pub(super) fn retain(&mut self, step: Step) -> Result<u64, Error> {
        match step {
            Step::Records { before, limit } => {
                let before = slot_of(before);
                let free = self.release(before, HeldWindow::from)?;
                self.delete_records(before.min(free), limit)
            }
            Step::Slots { before, limit } => {
                let before = slot_of(before);
                let free = self.release(before, first_held_day)?;
                let last = include_str!("sql/retention/last_of_slots.sql");
                self.delete_rows(
                    last,
                    include_str!("sql/retention/delete_slots.sql"),
                    before.min(free),
                    limit,
                )
            }
            Step::Days { before, limit } => {
                let before = day_of(before);
                let free = self.release(before, first_held_day)?;
                let last = include_str!("sql/retention/last_of_days.sql");
                self.delete_rows(last, include_str!("sql/retention/delete_days.sql"), before.min(free), limit)
            }
            Step::Reclaim { bytes } => {
                self.reclaim(bytes).map_err(|error| translate("cannot give space back", error))
            }
        }
    }

    /// Moves a held window that stood still on, when `border` of it lies before `before`: of what is held, rows count
    /// for nothing. Returns the border after that; everything is stored while there is no window.
    fn release(
        &mut self,
        before: UnixSeconds,
        border: impl Fn(HeldWindow) -> UnixSeconds,
    ) -> Result<UnixSeconds, Error> {
        let Some(window) = self.shared.read().held.window() else { return Ok(before) };
        if border(window) >= before {
            return Ok(border(window));
        }
        let next = HeldWindow::next(Some(window), self.clock.now(), std::iter::empty(), self.sealed_until);
        if next != window {
            self.move_window(next)?;
        }
        Ok(border(next))
    }

    fn delete_records(&mut self, before: UnixSeconds, limit: u32) -> Result<u64, Error> {
        let shared = Arc::clone(&self.shared);
        let memory = shared.read();
        let state = self.state_now(&memory);
        let transaction = begin(&mut self.connection)?;
        let doomed = Doomed::find(&transaction, before, limit)?;
        let Some((slot, monitor)) = doomed.last else { return Ok(0) };
        let delete = || -> rusqlite::Result<RecordId> {
            let mut statement = transaction.prepare_cached(DELETE_RUN)?;
            for run in runs(&doomed.ids) {
                statement.execute(run)?;
            }
            transaction.prepare_cached(DELETE_SAMPLES)?.execute((slot, monitor))?;
            let horizon = slot.saturating_add(relay_core::timeline::SLOT_SECS);
            transaction.prepare_cached(RAISE_HORIZON)?.execute([horizon])?;
            transaction.query_row("SELECT tail_from FROM store_state", [], |row| row.get(0))
        };
        let tail_from = delete().map_err(|error| translate("cannot delete records", error))?;
        // Late records may be among those that newest records, states and the next number would be made of at start.
        let needed = doomed.ids.last().is_some_and(|last| *last >= tail_from);
        if needed {
            save_memory(&transaction, &memory, &self.states, &self.unsaved_latest, self.next_id)?;
            put_state(&transaction, state)?;
        }
        drop(memory);
        commit(transaction)?;
        if needed {
            self.saved();
        }
        Ok(doomed.count)
    }

    /// Deletes rows of a table from its low end on; `last` finds the key of the last one, `delete` deletes up to it.
    fn delete_rows(
        &mut self,
        last: &str,
        delete: &str,
        before: UnixSeconds,
        limit: u32,
    ) -> Result<u64, Error> {
        let transaction = begin(&mut self.connection)?;
        let delete = || -> rusqlite::Result<usize> {
            let mut find = transaction.prepare_cached(last)?;
            let key: Option<(UnixSeconds, MonitorId)> = find
                .query_row((before, limit.max(1) - 1), |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()?;
            // Fewer than the limit are left.
            let key = key.unwrap_or_else(|| (before.saturating_sub(1), MonitorId::MAX));
            transaction.prepare_cached(delete)?.execute(key)
        };
        let deleted = delete().map_err(|error| translate("cannot delete rollups", error))?;
        commit(transaction)?;
        Ok(deleted as u64)
    }

    /// Moves pages from the end of the file to free ones, and cuts the file. A file without the book-keeping for that
    /// keeps its free pages for new records.
    fn reclaim(&self, bytes: u64) -> rusqlite::Result<u64> {
        let pragma = |name: &str| -> rusqlite::Result<u64> {
            let read = |row: &rusqlite::Row<'_>| row.get::<_, i64>(0);
            self.connection.query_row(&format!("PRAGMA {name}"), [], read).map(i64::unsigned_abs)
        };
        const INCREMENTAL: u64 = 2;
        if pragma("auto_vacuum")? != INCREMENTAL {
            return Ok(0);
        }
        let (size, spare) = (pragma("page_size")?, pragma("page_count")? / RESERVE);
        let pages = pragma("freelist_count")?.saturating_sub(spare).min(bytes / size.max(1));
        if pages == 0 {
            return Ok(0);
        }
        let mut statement = self.connection.prepare(&format!("PRAGMA incremental_vacuum({pages})"))?;
        let mut rows = statement.query([])?;
        let mut freed = 0;
        while rows.next()?.is_some() {
            freed += size;
        }
        Ok(freed)
    }
}

/// Notes that counts of slots before `horizon` cannot be made again.
pub(super) fn raise_horizon(connection: &Connection, horizon: UnixSeconds) -> Result<(), Error> {
    let raise = || connection.prepare_cached(RAISE_HORIZON)?.execute([horizon]);
    raise().map(drop).map_err(|error| translate("cannot write the raw horizon", error))
}

fn first_held_day(window: HeldWindow) -> UnixSeconds {
    day_of(window.from())
}

/// Raw records that are to be deleted together.
#[derive(Debug, Default)]
struct Doomed {
    /// Their numbers, rising.
    ids: Vec<RecordId>,
    /// The last row of `slot_samples` that names some of them.
    last: Option<(UnixSeconds, MonitorId)>,
    /// How many they are, at least 1 when there is a row.
    count: u64,
}

impl Doomed {
    fn find(connection: &Connection, before: UnixSeconds, limit: u32) -> Result<Self, Error> {
        let trouble = |error| translate("cannot read which records are old", error);
        let mut doomed = Self::default();
        let mut statement = connection.prepare_cached(OLDEST_SAMPLES).map_err(trouble)?;
        let mut rows = statement.query([before]).map_err(trouble)?;
        while doomed.ids.len() < limit.max(1) as usize
            && let Some(row) = rows.next().map_err(trouble)?
        {
            let slot = row.get(0).map_err(trouble)?;
            doomed.last = Some((slot, row.get(1).map_err(trouble)?));
            let packed = row.get_ref(2).map_err(trouble)?;
            let packed = packed.as_blob().map_err(|error| trouble(error.into()))?;
            each_sample(packed, slot, |sample| doomed.ids.push(sample.id))
                .map_err(malformed("slot_samples.samples"))?;
        }
        doomed.ids.sort_unstable();
        doomed.count = (doomed.ids.len() as u64).max(u64::from(doomed.last.is_some()));
        Ok(doomed)
    }
}

/// Joins rising numbers that follow each other without a gap to ranges, both ends inclusive.
fn runs(ids: &[RecordId]) -> impl Iterator<Item = (RecordId, RecordId)> {
    ids.chunk_by(|a, b| b.wrapping_sub(*a) <= 1).filter_map(|run| Some((*run.first()?, *run.last()?)))
}

// === reading ===

/// Which records the held slots of a range have.
struct HeldIds {
    slots: Vec<(UnixSeconds, Vec<(UnixSeconds, RecordId)>)>,
}

impl HeldIds {
    fn of(memory: &Memory, from: UnixSeconds, until: UnixSeconds) -> Self {
        let in_range = memory.held.slots().filter(|(slot, _)| (slot_of(from)..until).contains(slot));
        let slots = in_range.map(|(slot, monitors)| {
            let samples = monitors.values().flat_map(|open| &open.samples);
            (slot, samples.map(|sample| (sample.timestamp, sample.id)).collect())
        });
        Self { slots: slots.collect() }
    }

    /// Returns the first slot at or after `from` that may have records.
    fn next_slot(&self, connection: &Connection, from: UnixSeconds) -> Result<Option<UnixSeconds>, Error> {
        let query = || -> rusqlite::Result<Option<UnixSeconds>> {
            let mut statement =
                connection.prepare_cached("SELECT min(slot) FROM slot_samples WHERE slot >= ?1")?;
            statement.query_row([from], |row| row.get(0))
        };
        let stored = query().map_err(|error| translate("cannot read which records there are", error))?;
        let held = self.slots.iter().filter(|(_, ids)| !ids.is_empty()).map(|(slot, _)| *slot);
        Ok(held.filter(|slot| *slot >= from).chain(stored).min())
    }

    /// Returns time and number of each record of a slot.
    fn ids_of(
        &self,
        connection: &Connection,
        slot: UnixSeconds,
    ) -> Result<Vec<(UnixSeconds, RecordId)>, Error> {
        if let Some((_, held)) = self.slots.iter().find(|(held, _)| *held == slot) {
            return Ok(held.clone());
        }
        let trouble = |error| translate("cannot read which records there are", error);
        let mut ids = Vec::new();
        let mut statement = connection.prepare_cached(SAMPLES_OF_SLOT).map_err(trouble)?;
        let mut rows = statement.query([slot]).map_err(trouble)?;
        while let Some(row) = rows.next().map_err(trouble)? {
            let packed = row.get_ref(2).map_err(trouble)?;
            let packed = packed.as_blob().map_err(|error| trouble(error.into()))?;
            each_sample(packed, slot, |sample| ids.push((sample.timestamp, sample.id)))
                .map_err(malformed("slot_samples.samples"))?;
        }
        Ok(ids)
    }
}

/// Reads a page. Records are in the order of (slot, number), and the mark says both.
fn export(
    transaction: &Transaction<'_>,
    query: &ExportQuery,
    held: &HeldIds,
    keys: &HashMap<MonitorId, MonitorKey>,
) -> Result<ExportPage, Error> {
    let mut page = ExportPage::default();
    let mut room = query.limit.max(1) as usize;
    let mut from = query.after.map_or_else(|| slot_of(query.from), |after| after.at);
    while let Some(slot) = held.next_slot(transaction, from)?.filter(|slot| *slot < query.until) {
        let seen = query.after.filter(|after| after.at == slot).map(|after| after.id);
        let mut ids: Vec<RecordId> = held
            .ids_of(transaction, slot)?
            .into_iter()
            .filter(|(at, id)| (query.from..query.until).contains(at) && seen.is_none_or(|seen| *id > seen))
            .map(|(_, id)| id)
            .collect();
        ids.sort_unstable();
        // Numbers are counted, not records: rows deleted by hand must not make a page take long.
        ids.truncate(room);
        for run in runs(&ids) {
            read_run(transaction, run, keys, &mut page.records)?;
        }
        room -= ids.len();
        if let Some(last) = ids.last().filter(|_| room == 0) {
            page.next = Some(ExportMark { at: slot, id: *last });
            return Ok(page);
        }
        from = slot.saturating_add(relay_core::timeline::SLOT_SECS);
    }
    Ok(page)
}

fn read_run(
    connection: &Connection,
    run: (RecordId, RecordId),
    keys: &HashMap<MonitorId, MonitorKey>,
    out: &mut Vec<StoredRecord>,
) -> Result<(), Error> {
    let trouble = |error| translate("cannot read records", error);
    let mut statement = connection.prepare_cached(RUN).map_err(trouble)?;
    let rows = statement.query_map(run, RecordRow::read).map_err(trouble)?;
    for row in rows {
        let row = row.map_err(trouble)?;
        let key = keys.get(&row.monitor).ok_or_else(|| Error::Corrupt {
            reason: format!("probe_history.monitor_id of record {}: no such monitor", row.id),
        })?;
        out.push(row.keyed(key.clone()));
    }
    Ok(())
}
