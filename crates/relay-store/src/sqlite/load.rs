//! What the store does at start: bringing back what was held in memory, exactly as it was.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use relay_core::{
    MonitorKey, StoredRecord, UnixSeconds,
    ports::{Clock, repository::Error},
    record::RecordId,
    timeline::Sample,
};
use rusqlite::Connection;

use super::{
    engine::Engine,
    error::translate,
    memory::{Memory, Shared},
    records, rollups, row, states,
};
use crate::{
    rollup::{Held, HeldWindow, MonitorId},
    states::States,
};

/// How many numbers are left out when the newest records were deleted by hand: nobody can say any more which numbers
/// they had, and a number that was given once must not be given again.
const NUMBERS_LEFT_OUT: RecordId = 1_000_000;

const REMEDY: &str = "`relay-server rollups rebuild` makes it again from the records";

struct StateRow {
    held_from: Option<UnixSeconds>,
    tail_from: RecordId,
    next_id: RecordId,
    sealed_until: UnixSeconds,
}

/// What only memory knows of a database.
pub(super) struct Loaded {
    /// What readers see.
    pub(super) memory: Memory,
    /// The states of the event machines.
    pub(super) states: States,
    /// The monitors whose newest record changed since it was written.
    pub(super) unsaved_latest: HashSet<MonitorId>,
}

/// What happens to rollups that cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Damage {
    /// The database is not used.
    Refuse,
    /// Nothing is held: everything is going to be counted again before anything else is done.
    LeaveOut,
}

/// Makes the engine of an open database.
pub(super) fn load(connection: Connection, clock: Arc<dyn Clock>, damage: Damage) -> Result<Engine, Error> {
    let trouble = |error| translate("cannot read the store's state", error);
    let state = read_state(&connection).map_err(trouble)?;
    let Loaded { memory, states, unsaved_latest } = read(&connection, damage)?;
    let next_id = next_record_id(&connection, &state).map_err(trouble)?;
    let shared = Arc::new(Shared::new(memory));
    let sealed_until = state.sealed_until;
    Ok(Engine { connection, shared, clock, states, next_id, sealed_until, unsaved_latest })
}

/// Reads everything that is held in memory.
pub(super) fn read(connection: &Connection, damage: Damage) -> Result<Loaded, Error> {
    let trouble = |error| translate("cannot read the store's state", error);
    let state = read_state(connection).map_err(trouble)?;
    let keys = read_monitors(connection).map_err(trouble)?;
    let mut memory = Memory::default();
    memory.learn(keys.iter().map(|(monitor, key)| (key.clone(), *monitor)).collect());
    memory.latest = read_latest(connection).map_err(trouble)?;
    let (mut states, seen) = states::load(connection)?;

    let tail: Vec<(MonitorId, StoredRecord)> = records::tail(connection, state.tail_from, &keys)?;
    let mut unsaved_latest = HashSet::new();
    for (monitor, stored) in &tail {
        memory.see_latest(*monitor, stored);
        unsaved_latest.insert(*monitor);
        if seen.get(stored.record.key.psc()).is_some_and(|seen| stored.id > *seen) {
            states.replay(stored.id, &stored.record);
        }
    }
    if let Some(window) = state.held_from.map(HeldWindow::starting) {
        match rollups::load_window(connection, window) {
            Ok((slots, days)) => {
                let samples = tail.iter().map(|(monitor, stored)| (*monitor, Sample::of(stored)));
                memory.held = Held::restore(window, slots, days, samples);
            }
            Err(Error::Corrupt { .. }) if damage == Damage::LeaveOut => {}
            Err(Error::Corrupt { reason }) => {
                return Err(Error::Corrupt { reason: format!("{reason} ({REMEDY})") });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(Loaded { memory, states, unsaved_latest })
}

fn read_state(connection: &Connection) -> rusqlite::Result<StateRow> {
    let sql = "SELECT held_from, tail_from, next_record_id, sealed_until FROM store_state";
    connection.query_row(sql, [], |row| {
        Ok(StateRow {
            held_from: row.get(0)?,
            tail_from: row.get(1)?,
            next_id: row.get(2)?,
            sealed_until: row.get(3)?,
        })
    })
}

fn next_record_id(connection: &Connection, state: &StateRow) -> rusqlite::Result<RecordId> {
    let newest: Option<RecordId> =
        connection.query_row("SELECT max(id) FROM probe_history", [], |row| row.get(0))?;
    let after_newest = newest.unwrap_or_default() + 1;
    Ok(if after_newest < state.next_id { state.next_id + NUMBERS_LEFT_OUT } else { after_newest })
}

fn read_monitors(connection: &Connection) -> rusqlite::Result<HashMap<MonitorId, MonitorKey>> {
    let mut statement = connection.prepare("SELECT id, provider, service, channel, model FROM monitors")?;
    let read = |row: &rusqlite::Row<'_>| {
        let text = |column: usize| row.get::<_, String>(column);
        Ok((row.get(0)?, MonitorKey::from_parts(&text(1)?, &text(2)?, &text(3)?, &text(4)?)))
    };
    statement.query_map([], read)?.collect()
}

/// Reads the newest record of each monitor.
pub(super) fn read_latest(
    connection: &Connection,
) -> rusqlite::Result<HashMap<MonitorId, relay_core::record::LatestRecord>> {
    let mut statement = connection.prepare(
        "SELECT monitor_id, record_id, timestamp, status, sub_status, http_code, latency, first_token_ms FROM latest",
    )?;
    statement.query_map([], row::read_latest)?.collect()
}
