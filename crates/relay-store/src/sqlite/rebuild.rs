//! Counting again, on the writer's thread: each step is a transaction between two appends.
//!
//! Held rollups are written before a step and held no more after it, so that rows are all there is to look at; an append
//! in between holds what it needs again.

use std::{collections::HashMap, sync::Arc};

use relay_core::{
    UnixSeconds,
    ports::repository::{Error, Rebuilt},
    record::RecordId,
    time::DAY_SECS,
    timeline::{SLOT_SECS, Sample},
};
use rusqlite::{Connection, OptionalExtension as _, Row};

use super::{
    SqliteRepository,
    engine::{Engine, begin, commit, put_state, save_memory},
    error::translate,
    load, records, rollups,
    row::{RecordRow, read_sample},
};
use crate::{
    rebuild::{BLOCK, BLOCKS_AT_ONCE, Corrections, Newest, Rebuild, SlotRows, Work, named_only},
    rollup::{Held, MonitorId, slot_of},
};

const AFTER: &str = include_str!("sql/rebuild/after.sql");
const BETWEEN: &str = include_str!("sql/rebuild/between.sql");
const BY_ID: &str = include_str!("sql/records/by_id.sql");
const SLOTS: &str = "SELECT slot FROM slot_rollups UNION SELECT slot FROM slot_samples";
const DAYS: &str = "SELECT DISTINCT day FROM day_rollups";
const HORIZON: &str = "SELECT raw_horizon FROM retention";
const TALLIES: &str = "SELECT monitor_id, tally FROM slot_rollups WHERE slot = ?1";
const SAMPLES: &str = "SELECT monitor_id, samples FROM slot_samples WHERE slot = ?1";
const DAY: &str = "SELECT monitor_id, tally FROM day_rollups WHERE day = ?1";
const SLOTS_OF_DAY: &str = include_str!("sql/rollups/slots_between.sql");
const NEWEST: &str = include_str!("sql/rebuild/newest.sql");

impl SqliteRepository {
    /// Counts everything again as the port says.
    pub(super) async fn rebuild(&self) -> Result<Rebuilt, Error> {
        self.check_open()?;
        let mut job = Rebuild::default();
        while job.work() != Work::Nothing {
            job = self.worker.run(move |engine| engine.rebuild_step(job)).await?;
        }
        Ok(job.done())
    }
}

impl Engine {
    fn rebuild_step(&mut self, mut job: Rebuild) -> Result<Rebuild, Error> {
        let shared = Arc::clone(&self.shared);
        let memory = shared.read();
        let state = self.state_now(&memory).without_window(self.next_id);
        let transaction = begin(&mut self.connection)?;
        rollups::write_rows(&transaction, memory.held.all())?;
        save_memory(&transaction, &memory, &self.states, &self.unsaved_latest, self.next_id)?;
        put_state(&transaction, state)?;
        drop(memory);
        let work = job.work();
        take_step(&transaction, &mut job, work)?;
        let latest = match work {
            Work::Newest => Some(load::read_latest(&transaction).map_err(trouble)?),
            _ => None,
        };

        let mut memory = shared.write();
        commit(transaction)?;
        memory.held = Held::default();
        if let Some(latest) = latest {
            memory.latest = latest;
        }
        drop(memory);
        self.saved();
        Ok(job)
    }
}

fn take_step(connection: &Connection, job: &mut Rebuild, work: Work) -> Result<(), Error> {
    match work {
        Work::Begin => {
            let horizon = connection.query_row(HORIZON, [], |row| row.get(0)).map_err(trouble)?;
            job.begin(horizon, starts(connection, SLOTS)?, starts(connection, DAYS)?);
            Ok(())
        }
        Work::Scan => (0..BLOCKS_AT_ONCE).try_for_each(|_| learn(connection, job).map(drop)),
        Work::Slot(slot) => count_slot(connection, job, slot),
        Work::Day(day) => count_day(connection, job, day),
        Work::Newest => put_newest(connection, job),
        Work::Nothing => Ok(()),
    }
}

/// Reads the next block of records; tells whether there was any.
fn learn(connection: &Connection, job: &mut Rebuild) -> Result<bool, Error> {
    let read = || -> rusqlite::Result<Vec<(MonitorId, Sample)>> {
        let mut statement = connection.prepare_cached(AFTER)?;
        statement.query_map((job.known_until(), BLOCK), read_sample)?.collect()
    };
    let block = read().map_err(trouble)?;
    job.learn(&block);
    Ok(!block.is_empty())
}

fn count_slot(connection: &Connection, job: &mut Rebuild, slot: UnixSeconds) -> Result<(), Error> {
    while learn(connection, job)? {}
    let mut raw: Vec<(MonitorId, Sample)> = Vec::new();
    let mut read = || -> rusqlite::Result<()> {
        let mut statement = connection.prepare_cached(BETWEEN)?;
        for (first, last) in job.ranges(slot) {
            let range = (first, last, slot, slot.saturating_add(SLOT_SECS));
            for row in statement.query_map(range, read_sample)? {
                raw.push(row?);
            }
        }
        Ok(())
    };
    read().map_err(trouble)?;
    let mut stored: HashMap<MonitorId, SlotRows> = HashMap::new();
    for (monitor, tally) in packed(connection, TALLIES, slot)? {
        stored.entry(monitor).or_default().tally = Some(tally);
    }
    for (monitor, samples) in packed(connection, SAMPLES, slot)? {
        stored.entry(monitor).or_default().samples = Some(samples);
    }
    let mut lost = false;
    for id in named_only(slot, &raw, &stored) {
        let found = look_up(connection, id, read_sample)?;
        lost |= found.is_none();
        raw.extend(found);
    }
    raw.retain(|(_, sample)| slot_of(sample.timestamp) == slot);
    let Corrections { put, gone } = job.slot(slot, raw, &stored, lost);
    for (monitor, (tally, samples)) in put {
        rollups::put_packed_slot(connection, slot, monitor, &tally, &samples)?;
    }
    for monitor in gone {
        for table in ["slot_rollups", "slot_samples"] {
            delete(connection, table, "slot", slot, monitor)?;
        }
    }
    Ok(())
}

fn count_day(connection: &Connection, job: &mut Rebuild, day: UnixSeconds) -> Result<(), Error> {
    let read = || -> rusqlite::Result<Vec<(UnixSeconds, MonitorId, Vec<u8>)>> {
        let mut statement = connection.prepare_cached(SLOTS_OF_DAY)?;
        let range = (day, day.saturating_add(DAY_SECS));
        statement.query_map(range, |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?.collect()
    };
    let slots = read().map_err(trouble)?;
    let stored = packed(connection, DAY, day)?.into_iter().collect();
    let Corrections { put, gone } = job.day(day, &slots, &stored);
    for (monitor, tally) in put {
        rollups::put_packed_day(connection, day, monitor, &tally)?;
    }
    gone.into_iter().try_for_each(|monitor| delete(connection, "day_rollups", "day", day, monitor))
}

fn put_newest(connection: &Connection, job: &mut Rebuild) -> Result<(), Error> {
    while learn(connection, job)? {}
    let read = || -> rusqlite::Result<HashMap<MonitorId, Newest>> {
        let known = |row: &Row<'_>| {
            let place = (row.get(1)?, row.get(2)?);
            Ok((row.get(0)?, Newest { place, is_there: row.get(3)? }))
        };
        connection.prepare(NEWEST)?.query_map([], known)?.collect()
    };
    let stored = read().map_err(trouble)?;
    for (monitor, id) in job.newest(&stored) {
        if let Some(row) = look_up(connection, id, RecordRow::read)? {
            records::put_latest(connection, monitor, &row.latest())?;
        }
    }
    Ok(())
}

fn look_up<T>(
    connection: &Connection,
    id: RecordId,
    read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
) -> Result<Option<T>, Error> {
    let query = || connection.prepare_cached(BY_ID)?.query_row([id], read).optional();
    query().map_err(trouble)
}

fn starts(connection: &Connection, sql: &str) -> Result<Vec<UnixSeconds>, Error> {
    let read = || -> rusqlite::Result<Vec<UnixSeconds>> {
        connection.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
    };
    read().map_err(trouble)
}

fn packed(
    connection: &Connection,
    sql: &str,
    start: UnixSeconds,
) -> Result<Vec<(MonitorId, Vec<u8>)>, Error> {
    let read = || -> rusqlite::Result<Vec<(MonitorId, Vec<u8>)>> {
        let mut statement = connection.prepare_cached(sql)?;
        statement.query_map([start], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
    };
    read().map_err(trouble)
}

fn delete(
    connection: &Connection,
    table: &str,
    start_column: &str,
    start: UnixSeconds,
    monitor: MonitorId,
) -> Result<(), Error> {
    let sql = format!("DELETE FROM {table} WHERE {start_column} = ?1 AND monitor_id = ?2");
    connection.execute(&sql, (start, monitor)).map(drop).map_err(trouble)
}

fn trouble(error: rusqlite::Error) -> Error {
    translate("cannot count again", error)
}
