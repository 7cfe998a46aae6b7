//! The writing side: one thread, one connection, one command at a time.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, mpsc},
};

use relay_core::{
    MonitorKey, Psc,
    event::{GroupStates, ModelState},
    ports::{Clock, repository::Error},
    timeline::{Sample, Sketch, Tally},
};
use rusqlite::{CachedStatement, Connection, Transaction, params};
use tokio::sync::oneshot;
use tracing::warn;

use super::{
    SharedHead,
    connection::CHECKPOINT_PAGES,
    error::{closed, malformed, translate},
    lock::OwnerLock,
    row::{self, HISTORY_COLUMNS, HistoryRow, cause_index},
};
use crate::{
    head::{Closing, Head, MonitorId, day_of, slot_of},
    packing,
    streak::catch_up,
};

/// Commands wait for the thread in a queue of this length; senders wait beyond it.
const QUEUE: usize = 64;

type Command = Box<dyn FnOnce(&mut WriteSide) + Send>;

/// The handle of the writing thread. Dropping it ends the thread after the commands that wait.
#[derive(Debug)]
pub(super) struct Writer {
    commands: std::sync::Mutex<Option<tokio::sync::mpsc::Sender<Command>>>,
    ended: std::sync::Mutex<mpsc::Receiver<()>>,
}

impl Writer {
    pub(super) fn start(mut side: WriteSide) -> Result<Self, Error> {
        let (commands, mut waiting) = tokio::sync::mpsc::channel::<Command>(QUEUE);
        let (ending, ended) = mpsc::channel();
        std::thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || {
                while let Some(command) = waiting.blocking_recv() {
                    command(&mut side);
                }
                side.checkpoint();
                drop(side);
                // Nobody listens when the repository was dropped instead of closed.
                let _ = ending.send(());
            })
            .map_err(|error| Error::Unavailable {
                reason: error.to_string(),
                source: Some(Box::new(error)),
            })?;
        Ok(Self { commands: std::sync::Mutex::new(Some(commands)), ended: std::sync::Mutex::new(ended) })
    }

    /// Runs `work` on the writing thread, after what was asked for before.
    pub(super) async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce(&mut WriteSide) -> Result<R, Error> + Send + 'static,
    ) -> Result<R, Error> {
        let commands = self.commands.lock().map_err(|_| closed())?.clone().ok_or_else(closed)?;
        let (reply, answer) = oneshot::channel();
        let command: Command = Box::new(move |side| {
            // The asker may have gone; the work is done all the same.
            let _ = reply.send(work(side));
        });
        commands.send(command).await.map_err(|_| closed())?;
        answer.await.map_err(|_| closed())?
    }

    /// Ends the thread after the commands that wait, and waits for it.
    pub(super) fn close(&self) {
        if let Ok(mut commands) = self.commands.lock() {
            commands.take();
        }
        if let Ok(ended) = self.ended.lock() {
            // An error means that it has ended before.
            let _ = ended.recv();
        }
    }
}

/// What the writing thread owns.
pub(super) struct WriteSide {
    pub(super) connection: Connection,
    pub(super) head: Arc<SharedHead>,
    pub(super) clock: Arc<dyn Clock>,
    /// States of all groups that have any.
    pub(super) states: HashMap<Psc, GroupStates>,
    /// Model states that changed since they were last written down.
    pub(super) changed_states: HashMap<MonitorId, ModelState>,
    /// The id of the next record.
    pub(super) next_id: i64,
    /// Let go of last, when the connection is closed.
    pub(super) _lock: OwnerLock,
}

impl WriteSide {
    /// Closes the slots whose time has come, in a transaction of its own.
    pub(super) fn close_due(&mut self) -> Result<(), Error> {
        let due = self.head.read().due(self.clock.now().as_secs());
        due.map_or(Ok(()), |before| self.close_before(before))
    }

    /// Closes all slots before a moment: writes their rows, the latest records and the states.
    pub(super) fn close_before(&mut self, before: i64) -> Result<(), Error> {
        let Closing { before, slots, days, latest, tail_id } = self.head.read().closing(before);
        let transaction = begin(&mut self.connection)?;
        {
            let mut insert = prepare(&transaction, include_str!("sql/slot_rollups/insert.sql"))?;
            for (slot, id, samples) in &slots {
                let mut tally = Tally::default();
                samples.iter().for_each(|sample| tally.add(sample));
                let row = params![
                    slot,
                    id,
                    packing::pack_tally(&tally, *slot),
                    packing::pack_samples(samples, *slot)
                ];
                insert.execute(row).map_err(translate)?;
            }
            let mut insert = prepare(&transaction, include_str!("sql/day_rollups/upsert.sql"))?;
            for (day, id, tally) in &days {
                insert.execute(params![day, id, packing::pack_tally(tally, *day)]).map_err(translate)?;
            }
            let mut upsert = prepare(&transaction, include_str!("sql/latest/upsert.sql"))?;
            for (id, latest) in &latest {
                upsert
                    .execute(params![
                        id,
                        latest.id,
                        latest.timestamp,
                        latest.status.code(),
                        cause_index(latest.sub_status),
                        latest.http_code,
                        latest.latency_ms,
                        latest.first_token_ms
                    ])
                    .map_err(translate)?;
            }
        }
        for (id, state) in &self.changed_states {
            write_model_state(&transaction, *id, state)?;
        }
        prepare(&transaction, "UPDATE store_state SET closed_before = ?1, tail_id = ?2, next_id = ?3")?
            .execute(params![before, tail_id.unwrap_or(self.next_id), self.next_id])
            .map_err(translate)?;

        let mut head = self.head.write();
        transaction.commit().map_err(translate)?;
        head.close(before);
        drop(head);
        self.changed_states.clear();
        Ok(())
    }

    /// Copies the WAL back once it is long. Readers that hold an old view only make it stop early.
    pub(super) fn checkpoint_if_long(&self) {
        let pages = self.connection.query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get::<_, i64>(1));
        if pages.is_ok_and(|pages| pages >= CHECKPOINT_PAGES) {
            self.checkpoint();
        }
    }

    fn checkpoint(&self) {
        if let Err(error) = self.connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
            warn!(%error, "cannot copy the write-ahead log back into the database");
        }
    }
}

/// Starts a transaction that can write from the start: one that upgrades later fails when another writer was faster.
pub(super) fn begin(connection: &mut Connection) -> Result<Transaction<'_>, Error> {
    connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(translate)
}

pub(super) fn prepare<'c>(connection: &'c Connection, sql: &str) -> Result<CachedStatement<'c>, Error> {
    connection.prepare_cached(sql).map_err(translate)
}

/// Writes the state of one monitor's machine.
pub(super) fn write_model_state(
    connection: &Connection,
    id: MonitorId,
    state: &ModelState,
) -> Result<(), Error> {
    prepare(connection, include_str!("sql/model_states/upsert.sql"))?
        .execute(params![
            id,
            state.stable.code(),
            state.streak.code(),
            state.streak_count,
            state.last_record_id,
            state.last_timestamp,
            state.last_status.map(|status| status.code())
        ])
        .map_err(translate)?;
    Ok(())
}

/// Updates the rows of closed slots and days for records that come after their closing.
pub(super) fn write_late(
    connection: &Connection,
    late: &BTreeMap<(i64, MonitorId), Vec<Sample>>,
    open_day: i64,
) -> Result<(), Error> {
    let mut days: BTreeMap<(i64, MonitorId), Tally> = BTreeMap::new();
    for (&(slot, id), added) in late {
        let mut samples = Vec::new();
        let mut select =
            prepare(connection, "SELECT samples FROM slot_rollups WHERE slot = ?1 AND monitor_id = ?2")?;
        let mut rows = select.query(params![slot, id]).map_err(translate)?;
        if let Some(row) = rows.next().map_err(translate)? {
            let blob = row.get_ref(0).map_err(translate)?.as_blob().unwrap_or_default();
            packing::read_samples(blob, slot, |sample| samples.push(sample))
                .map_err(malformed("slot_rollups", slot))?;
        }
        samples.extend_from_slice(added);
        samples.sort_unstable_by_key(|sample| (sample.timestamp, sample.id));
        let mut tally = Tally::default();
        samples.iter().for_each(|sample| tally.add(sample));
        prepare(connection, include_str!("sql/slot_rollups/upsert.sql"))?
            .execute(params![
                slot,
                id,
                packing::pack_tally(&tally, slot),
                packing::pack_samples(&samples, slot)
            ])
            .map_err(translate)?;
        if day_of(slot) < open_day {
            let day = days.entry((day_of(slot), id)).or_default();
            added.iter().for_each(|sample| day.add(sample));
        }
    }
    for ((day, id), mut tally) in days {
        add_day_row(connection, day, id, &mut tally)?;
        prepare(connection, include_str!("sql/day_rollups/upsert.sql"))?
            .execute(params![day, id, packing::pack_tally(&tally, day)])
            .map_err(translate)?;
    }
    Ok(())
}

/// Adds what a day's row holds to `tally`.
fn add_day_row(connection: &Connection, day: i64, id: MonitorId, tally: &mut Tally) -> Result<(), Error> {
    let mut select = prepare(connection, "SELECT tally FROM day_rollups WHERE day = ?1 AND monitor_id = ?2")?;
    let mut rows = select.query(params![day, id]).map_err(translate)?;
    if let Some(row) = rows.next().map_err(translate)? {
        let blob = row.get_ref(0).map_err(translate)?.as_blob().unwrap_or_default();
        let mut sketch = Sketch::default();
        packing::add_tally(blob, day, tally, &mut sketch).map_err(malformed("day_rollups", day))?;
        tally.latencies.merge(&sketch);
    }
    Ok(())
}

/// What a start finds in the database.
pub(super) struct Loaded {
    pub(super) head: Head,
    pub(super) states: HashMap<Psc, GroupStates>,
    pub(super) next_id: i64,
}

/// Rebuilds what was in memory: rows of closed slots of the open day, then the raw tail.
pub(super) fn load(connection: &Connection) -> Result<Loaded, Error> {
    let (closed_before, tail_id, mut next_id): (i64, i64, i64) = connection
        .query_row("SELECT closed_before, tail_id, next_id FROM store_state", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .map_err(translate)?;
    let highest: i64 = connection
        .query_row("SELECT coalesce(max(id), 0) FROM probe_history", [], |row| row.get(0))
        .map_err(translate)?;
    next_id = next_id.max(highest + 1);

    let mut head = Head::new(closed_before);
    let mut keys: HashMap<MonitorId, MonitorKey> = HashMap::new();
    each(connection, "SELECT id, provider, service, channel, model FROM monitors", |row| {
        let part = |at| row.get::<_, String>(at).map_err(translate);
        let key = MonitorKey::from_parts(&part(1)?, &part(2)?, &part(3)?, &part(4)?);
        let id = row.get(0).map_err(translate)?;
        head.register(key.clone(), id);
        keys.insert(id, key);
        Ok(())
    })?;
    each(connection, include_str!("sql/latest/all.sql"), |row| {
        let (id, latest) = row::latest(row).map_err(translate)?;
        head.load_latest(id, latest);
        Ok(())
    })?;
    let open_day = day_of(closed_before);
    let slots = format!("SELECT slot, monitor_id, tally FROM slot_rollups WHERE slot >= {open_day}");
    each(connection, &slots, |row| {
        let (slot, id): (i64, i64) = (row.get(0).map_err(translate)?, row.get(1).map_err(translate)?);
        let blob = row.get_ref(2).map_err(translate)?.as_blob().unwrap_or_default();
        let (mut tally, mut sketch) = (Tally::default(), Sketch::default());
        packing::add_tally(blob, slot, &mut tally, &mut sketch).map_err(malformed("slot_rollups", slot))?;
        tally.latencies = sketch;
        head.add_closed_slot(id, slot, &tally);
        Ok(())
    })?;
    let mut states = load_states(connection, &keys)?;
    let tail = format!("SELECT {HISTORY_COLUMNS} FROM probe_history WHERE id >= {tail_id} ORDER BY id");
    each(connection, &tail, |row| {
        let row = HistoryRow::read(row)?;
        let Some(key) = keys.get(&row.monitor_id) else { return Ok(()) };
        let monitor_id = row.monitor_id;
        let stored = row.into_record(key.clone());
        let sample = Sample::of(&stored);
        let latest = relay_core::record::LatestRecord::of(&stored);
        if slot_of(sample.timestamp) >= closed_before {
            head.add(monitor_id, &sample, latest);
        } else {
            head.add_late(monitor_id, latest);
        }
        let state = states.get_mut(key.psc()).and_then(|group| group.models.get_mut(key.model()));
        if let Some(state) = state {
            catch_up(state, sample.id, sample.timestamp, sample.status);
        }
        Ok(())
    })?;
    Ok(Loaded { head, states, next_id })
}

fn load_states(
    connection: &Connection,
    keys: &HashMap<MonitorId, MonitorKey>,
) -> Result<HashMap<Psc, GroupStates>, Error> {
    let mut states: HashMap<Psc, GroupStates> = HashMap::new();
    each(connection, include_str!("sql/model_states/all.sql"), |row| {
        let (id, state) = row::model_state(row).map_err(translate)?;
        if let Some(key) = keys.get(&id) {
            states.entry(key.psc().clone()).or_default().models.insert(key.model().to_owned(), state);
        }
        Ok(())
    })?;
    each(connection, include_str!("sql/channel_states/all.sql"), |row| {
        let read = || -> rusqlite::Result<_> {
            let psc = Psc::new(row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?);
            let state = relay_core::event::ChannelState {
                stable: relay_core::event::Stable::from_code(row.get(3)?),
                down_count: row.get(4)?,
                known_count: row.get(5)?,
                last_record_id: row.get(6)?,
                last_timestamp: row.get(7)?,
            };
            Ok((psc, state))
        };
        let (psc, state) = read().map_err(translate)?;
        states.entry(psc).or_default().channel = Some(state);
        Ok(())
    })?;
    Ok(states)
}

fn each(
    connection: &Connection,
    sql: &str,
    mut take: impl FnMut(&rusqlite::Row<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let mut statement = connection.prepare(sql).map_err(translate)?;
    let mut rows = statement.query([]).map_err(translate)?;
    while let Some(row) = rows.next().map_err(translate)? {
        take(row)?;
    }
    Ok(())
}
