//! What changes the data. Only the writer thread has it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use relay_core::{
    MonitorKey, ProbeRecord, Psc, StoredRecord, UnixSeconds,
    ports::{
        Clock, Transition,
        repository::{Appended, DayRollup, Error, Step},
    },
    record::{LatestRecord, RecordId},
    time::DAY_SECS,
    timeline::Sample,
};
use rusqlite::{Connection, Transaction, TransactionBehavior};

use super::{
    channels,
    error::translate,
    events,
    load::{self, Damage},
    memory::{Memory, Shared},
    outbox, pool, records, retention, rollups, states,
};
use crate::{
    rollup::{Change, HeldWindow, MonitorId, day_of},
    states::{Staged, States},
};

const PUT_STATE: &str = include_str!("sql/store/put_state.sql");

/// The connection that writes, and what nobody else needs to know.
pub(super) struct Engine {
    /// The connection that writes.
    pub(super) connection: Connection,
    /// What readers see.
    pub(super) shared: Arc<Shared>,
    /// Stamps events, and says how far the held window may go.
    pub(super) clock: Arc<dyn Clock>,
    /// The states of the event machines.
    pub(super) states: States,
    /// The number of the next record.
    pub(super) next_id: RecordId,
    /// Nothing before this is ever held.
    pub(super) sealed_until: UnixSeconds,
    /// The monitors whose newest record changed since it was written.
    pub(super) unsaved_latest: HashSet<MonitorId>,
}

/// Where the stored part of the data ends.
#[derive(Debug, Clone, Copy)]
pub(super) struct StoreState {
    window: Option<HeldWindow>,
    tail_from: RecordId,
    next_id: RecordId,
    sealed_until: UnixSeconds,
}

impl StoreState {
    /// Returns where the stored part ends when nothing but what memory holds is missing in it.
    pub(super) fn of(memory: &Memory, next_id: RecordId, sealed_until: UnixSeconds) -> Self {
        let window = memory.held.window();
        let none = window.map(|window| Change { window, added: Vec::new() });
        let tail_from = none.map_or(next_id, |change| memory.held.tail_after(&change, next_id));
        Self { window, tail_from, next_id, sealed_until }
    }

    /// Changes only the number of the next record.
    pub(super) fn with_next_id(self, next_id: RecordId) -> Self {
        Self { next_id, ..self }
    }

    /// Says that everything up to the next record is stored.
    pub(super) fn without_window(self, next_id: RecordId) -> Self {
        Self { window: None, tail_from: next_id, ..self }
    }
}

impl Engine {
    /// Appends a batch as the port says. When it fails, everything is as it was.
    pub(super) fn append(
        &mut self,
        batch: Vec<ProbeRecord>,
        transition: &dyn Transition,
    ) -> Result<Appended, Error> {
        let Some(last) = RecordId::try_from(batch.len()).ok().filter(|count| *count > 0) else {
            return Ok(Appended::default());
        };
        let next_id = self.next_id + last;
        let records: Vec<StoredRecord> =
            (self.next_id..).zip(batch).map(|(id, record)| StoredRecord { id, record }).collect();
        let now = self.clock.now();

        let shared = Arc::clone(&self.shared);
        // Only this thread changes the memory, so what is decided here still holds at the commit.
        let memory = shared.read();
        let (numbers, fresh) = memory.number(records.iter().map(|stored| &stored.record.key));
        let timestamps = records.iter().map(|stored| stored.record.timestamp);
        let window = HeldWindow::next(memory.held.window(), now, timestamps, self.sealed_until);
        let added = numbers.iter().copied().zip(records.iter().map(Sample::of)).collect();
        let change = Change { window, added };
        let (staged, new_events) = self.states.stage(&records, transition);
        let moves = memory.held.window() != Some(window);

        let transaction = begin(&mut self.connection)?;
        insert_monitors(&transaction, &fresh)?;
        records::insert(&transaction, &records, &numbers)?;
        let events = events::insert(&transaction, new_events, now.as_secs())?;
        states::write(&transaction, self.states.to_write(&staged, moves), next_id - 1)?;
        rollups::write(&transaction, &memory.held, &change)?;
        let (slots, days) = memory.held.entering(window);
        let (slots, days) = rollups::load(&transaction, &slots, &days)?;
        if moves {
            let batch = numbers.iter().copied().zip(records.iter().map(LatestRecord::of));
            save_latest(&transaction, &memory, &self.unsaved_latest, batch)?;
            let tail_from = memory.held.tail_after(&change, next_id);
            let sealed_until = self.sealed_until;
            put_state(&transaction, StoreState { window: Some(window), tail_from, next_id, sealed_until })?;
        }
        drop(memory);

        let mut memory = shared.write();
        commit(transaction)?;
        memory.held.apply(&change, slots, days);
        memory.learn(fresh);
        for (monitor, stored) in numbers.iter().zip(&records) {
            memory.see_latest(*monitor, stored);
        }
        drop(memory);
        self.states.commit(staged, moves);
        if moves {
            self.unsaved_latest.clear();
        } else {
            self.unsaved_latest.extend(&numbers);
        }
        self.next_id = next_id;
        Ok(Appended { records, events })
    }

    /// Brings the counts of whole days in, as the port says.
    pub(super) fn import_days(&mut self, days: Vec<DayRollup>) -> Result<(), Error> {
        let Some(newest) = days.iter().map(|rollup| day_of(rollup.day)).max() else { return Ok(()) };
        let today = day_of(self.clock.now().as_secs());
        if newest >= today {
            return Err(Error::Conflict { reason: format!("the day that begins at {newest} is not over") });
        }
        let sealed_until = self.sealed_until.max(newest + DAY_SECS);

        let shared = Arc::clone(&self.shared);
        let memory = shared.read();
        let (numbers, fresh) = memory.number(days.iter().map(|rollup| &rollup.key));
        let held_from = memory.held.window();
        let moved = held_from.map(|window| HeldWindow::starting(window.from().max(sealed_until)));
        let days: Vec<_> = numbers.into_iter().zip(days).collect();

        let transaction = begin(&mut self.connection)?;
        insert_monitors(&transaction, &fresh)?;
        let change = moved.map(|window| Change { window, added: Vec::new() });
        let mut loaded = (BTreeMap::new(), BTreeMap::new());
        let mut tail_from = self.next_id;
        if let Some(change) = &change {
            rollups::write(&transaction, &memory.held, change)?;
            let (slots, days) = memory.held.entering(change.window);
            loaded = rollups::load(&transaction, &slots, &days)?;
            tail_from = memory.held.tail_after(change, self.next_id);
        }
        if let Some(last) = rollups::put_days(&transaction, &days)? {
            retention::raise_horizon(&transaction, last.saturating_add(DAY_SECS))?;
        }
        save_memory(&transaction, &memory, &self.states, &self.unsaved_latest, self.next_id)?;
        let state = StoreState { window: moved, tail_from, next_id: self.next_id, sealed_until };
        put_state(&transaction, state)?;
        drop(memory);

        let mut memory = shared.write();
        commit(transaction)?;
        if let Some(change) = &change {
            memory.held.apply(change, loaded.0, loaded.1);
        }
        memory.learn(fresh);
        drop(memory);
        self.saved();
        self.sealed_until = sealed_until;
        Ok(())
    }

    /// Gives groups the history that is kept under their provider and service without channel, as the port says.
    ///
    /// What memory knows is written first, and read again from the database that the move left: so memory is what it
    /// would be after a start.
    pub(super) fn name_channels(&mut self, groups: &[Psc]) -> Result<u64, Error> {
        let shared = Arc::clone(&self.shared);
        let memory = shared.read();
        let state = self.state_now(&memory);
        let transaction = begin(&mut self.connection)?;
        save_memory(&transaction, &memory, &self.states, &self.unsaved_latest, self.next_id)?;
        put_state(&transaction, state)?;
        let (mut moved, mut done) = (0, HashSet::new());
        for group in groups.iter().filter(|group| memory.has_unnamed(group)) {
            if !done.insert((group.provider(), group.service())) {
                continue;
            }
            moved += channels::name(&transaction, &memory, group)?;
            let unnamed = Psc::new(group.provider(), group.service(), "");
            if let Some((merged, follows)) = self.states.merged(&unnamed, group) {
                let seen = self.next_id - 1;
                states::write(&transaction, std::iter::once((group, &merged, follows)), seen)?;
                states::delete(&transaction, &unnamed)?;
            }
        }
        let loaded = load::read(&transaction, Damage::Refuse)?;
        drop(memory);

        let mut memory = shared.write();
        commit(transaction)?;
        *memory = loaded.memory;
        drop(memory);
        self.states = loaded.states;
        self.unsaved_latest = loaded.unsaved_latest;
        Ok(moved)
    }

    /// Moves the held window, as an append would, but without a record.
    pub(super) fn move_window(&mut self, window: HeldWindow) -> Result<(), Error> {
        let change = Change { window, added: Vec::new() };
        let shared = Arc::clone(&self.shared);
        let memory = shared.read();
        let state = StoreState {
            window: Some(window),
            tail_from: memory.held.tail_after(&change, self.next_id),
            ..self.state_now(&memory)
        };
        let transaction = begin(&mut self.connection)?;
        rollups::write(&transaction, &memory.held, &change)?;
        let (slots, days) = memory.held.entering(window);
        let (slots, days) = rollups::load(&transaction, &slots, &days)?;
        save_memory(&transaction, &memory, &self.states, &self.unsaved_latest, self.next_id)?;
        put_state(&transaction, state)?;
        drop(memory);

        let mut memory = shared.write();
        commit(transaction)?;
        memory.held.apply(&change, slots, days);
        drop(memory);
        self.saved();
        Ok(())
    }

    /// Makes a step of the outbox, as the port says.
    pub(super) fn step(&mut self, step: &Step) -> Result<bool, Error> {
        let transaction = begin(&mut self.connection)?;
        let made = outbox::step(&transaction, step)?;
        if made {
            commit(transaction)?;
        }
        Ok(made)
    }

    /// Forgets a notification, as the port says.
    pub(super) fn forget(&mut self, notification: &str) -> Result<bool, Error> {
        let transaction = begin(&mut self.connection)?;
        let known = outbox::forget(&transaction, notification)?;
        commit(transaction)?;
        Ok(known)
    }

    /// Tells whether a write can begin.
    pub(super) fn ping(&mut self) -> Result<(), Error> {
        begin(&mut self.connection).map(drop)
    }

    /// Writes what only memory knows and can be written cheaply, and empties the log. Held rollups stay with the raw
    /// records, from which they are made again at start.
    pub(super) fn close(mut self) -> Result<(), Error> {
        let shared = Arc::clone(&self.shared);
        let memory = shared.read();
        let state = self.state_now(&memory);
        let transaction = begin(&mut self.connection)?;
        save_memory(&transaction, &memory, &self.states, &self.unsaved_latest, self.next_id)?;
        put_state(&transaction, state)?;
        drop(memory);
        commit(transaction)?;
        // Somebody who reads the file keeps the log from being emptied, which is no reason to wait: nothing is lost.
        let patience = self.connection.busy_timeout(Duration::ZERO);
        patience.map_err(|error| translate("cannot empty the log", error))?;
        self.connection
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
            .map_err(|error| translate("cannot empty the log", error))?;
        self.connection.close().map_err(|(_, error)| translate("cannot close the database", error))
    }

    /// Keeps the log short; called when nobody waits.
    pub(super) fn tidy(&self) {
        if let Err(error) = pool::shorten_log(&self.connection) {
            tracing::debug!(error = %error, "the log could not be copied into the database, the next commit tries again");
        }
    }

    /// Returns where the stored part ends, as long as nothing changes.
    pub(super) fn state_now(&self, memory: &Memory) -> StoreState {
        StoreState::of(memory, self.next_id, self.sealed_until)
    }

    /// Notes that what only memory knew is written.
    pub(super) fn saved(&mut self) {
        self.states.commit(Staged::default(), true);
        self.unsaved_latest.clear();
    }
}

/// Writes the states and newest records that changed since they were written.
pub(super) fn save_memory(
    transaction: &Transaction<'_>,
    memory: &Memory,
    machines: &States,
    unsaved_latest: &HashSet<MonitorId>,
    next_id: RecordId,
) -> Result<(), Error> {
    states::write(transaction, machines.to_write(&Staged::default(), true), next_id - 1)?;
    save_latest(transaction, memory, unsaved_latest, std::iter::empty())
}

/// Begins a transaction that writes. Taking the lock at once makes a wait end in a sentence and not in a deadlock.
pub(super) fn begin(connection: &mut Connection) -> Result<Transaction<'_>, Error> {
    connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(|error| translate("cannot begin to write", error))
}

/// Commits.
pub(super) fn commit(transaction: Transaction<'_>) -> Result<(), Error> {
    transaction.commit().map_err(|error| translate("cannot commit", error))
}

/// Writes new monitors.
pub(super) fn insert_monitors(
    transaction: &Transaction<'_>,
    fresh: &HashMap<MonitorKey, MonitorId>,
) -> Result<(), Error> {
    let insert = |key: &MonitorKey, number: MonitorId| -> rusqlite::Result<usize> {
        transaction
            .prepare_cached(
                "INSERT INTO monitors (id, provider, service, channel, model) VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute((number, key.provider(), key.service(), key.channel(), key.model()))
    };
    fresh.iter().try_for_each(|(key, number)| {
        insert(key, *number).map(drop).map_err(|error| translate("cannot write a monitor", error))
    })
}

/// Writes the newest records that changed, those of a batch that is being appended among them.
pub(super) fn save_latest(
    transaction: &Transaction<'_>,
    memory: &Memory,
    unsaved: &HashSet<MonitorId>,
    batch: impl Iterator<Item = (MonitorId, LatestRecord)>,
) -> Result<(), Error> {
    let known = unsaved.iter().filter_map(|monitor| Some((*monitor, *memory.latest.get(monitor)?)));
    let mut newest: BTreeMap<MonitorId, LatestRecord> = known.collect();
    for (monitor, latest) in batch {
        let known = newest.get(&monitor).or_else(|| memory.latest.get(&monitor));
        if known.is_none_or(|known| latest.is_newer_than(known)) {
            newest.insert(monitor, latest);
        }
    }
    newest.iter().try_for_each(|(monitor, latest)| records::put_latest(transaction, *monitor, latest))
}

/// Writes where the stored part of the data ends.
pub(super) fn put_state(transaction: &Transaction<'_>, state: StoreState) -> Result<(), Error> {
    let held_from = state.window.map(HeldWindow::from);
    let put = || {
        let row = (held_from, state.tail_from, state.next_id, state.sealed_until);
        transaction.prepare_cached(PUT_STATE)?.execute(row)
    };
    put().map(drop).map_err(|error| translate("cannot write the store's state", error))
}
