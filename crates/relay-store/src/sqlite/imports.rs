//! Bringing history in from elsewhere.

use std::{
    collections::{BTreeMap, BTreeSet, HashSet},
    sync::Arc,
};

use async_trait::async_trait;
use relay_core::{
    Psc, StoredRecord, UnixSeconds,
    event::{Event, GroupStates},
    ports::repository::{Error, ImportProgress, ImportSource, ImportedDay, ImportedEvents, Imports},
    record::{LatestRecord, RecordId},
};
use rusqlite::{Connection, OptionalExtension};

use super::{
    SqliteRepository,
    engine::{Engine, StoreState, begin, commit, insert_monitors, put_state, save_latest, save_memory},
    error::translate,
    events, records, rollups, states,
};
use crate::{
    import::{fill, missing_events, missing_of_days, settle_numbers, touched},
    rollup::{Held, day_of},
    states::Tracked,
};

const PUT_PROGRESS: &str = include_str!("sql/imports/put_progress.sql");
const NOTE_PROGRESS: &str = "UPDATE imports SET done_from = ?2, finished = ?3 WHERE name = ?1";
const PROGRESS: &str = "SELECT id_offset, done_from, finished FROM imports WHERE name = ?1";
const RECORD_EXISTS: &str = "SELECT 1 FROM probe_history WHERE id = ?1";

#[async_trait]
impl Imports for SqliteRepository {
    async fn begin_import(&self, source: &ImportSource) -> Result<ImportProgress, Error> {
        let source = source.clone();
        self.worker.run(move |engine| engine.begin_import(&source)).await
    }

    async fn import_events(
        &self,
        events: Vec<Event>,
        states: Vec<(Psc, GroupStates)>,
    ) -> Result<ImportedEvents, Error> {
        self.worker.run(move |engine| engine.import_events(events, states)).await
    }

    async fn import_records(&self, days: Vec<ImportedDay>) -> Result<u64, Error> {
        self.worker.run(move |engine| engine.import_records(days)).await
    }

    async fn note_import(
        &self,
        name: &str,
        done_from: Option<UnixSeconds>,
        finished: bool,
    ) -> Result<(), Error> {
        let name = name.to_owned();
        self.worker.run(move |engine| engine.note_import(&name, done_from, finished)).await
    }
}

impl Engine {
    fn begin_import(&mut self, source: &ImportSource) -> Result<ImportProgress, Error> {
        let trouble = |error| translate("cannot begin an import", error);
        let shared = Arc::clone(&self.shared);
        let memory = shared.read();
        let known = progress(&self.connection, &source.name).map_err(trouble)?;
        let id_offset = self.next_id - 1;
        let progress = known.unwrap_or_else(|| ImportProgress { id_offset, ..ImportProgress::default() });
        let next_id = self.next_id.max(progress.id_offset.saturating_add(source.last_record_id) + 1);
        // What begins at the reserved numbers is what the start finds as the next one, so memory must be in order there.
        let state = self.state_now(&memory).with_next_id(next_id);
        let transaction = begin(&mut self.connection)?;
        let put = (&source.name, progress.id_offset, progress.done_from, progress.finished);
        transaction.execute(PUT_PROGRESS, put).map_err(trouble)?;
        events::reserve(&transaction, source.last_event_id).map_err(trouble)?;
        save_memory(&transaction, &memory, &self.states, &self.unsaved_latest, self.next_id)?;
        put_state(&transaction, state)?;
        drop(memory);
        commit(transaction)?;
        self.saved();
        self.next_id = next_id;
        Ok(progress)
    }

    fn note_import(
        &mut self,
        name: &str,
        done_from: Option<UnixSeconds>,
        finished: bool,
    ) -> Result<(), Error> {
        let note = self.connection.execute(NOTE_PROGRESS, (name, done_from, finished));
        note.map(drop).map_err(|error| translate("cannot note how far an import is", error))
    }

    fn import_events(
        &mut self,
        events: Vec<Event>,
        groups: Vec<(Psc, GroupStates)>,
    ) -> Result<ImportedEvents, Error> {
        let fresh: Vec<(Psc, GroupStates)> =
            groups.into_iter().filter(|(psc, _)| self.states.get(psc).is_none()).collect();
        let seen = self.next_id - 1;
        let transaction = begin(&mut self.connection)?;
        let (caused, numbered) =
            (events::caused(&transaction, &events)?, events::numbered(&transaction, &events)?);
        let (events, events_left_out) = missing_events(events, &caused, &numbered);
        events::insert_numbered(&transaction, &events)?;
        states::write(&transaction, fresh.iter().map(|(psc, group)| (psc, group, true)), seen)?;
        commit(transaction)?;
        let (events, groups) = (events.len() as u64, fresh.len() as u64);
        for (psc, group) in fresh {
            self.states.restore(psc, Tracked::stored(group, true));
        }
        Ok(ImportedEvents { events, events_left_out, groups })
    }

    fn import_records(&mut self, days: Vec<ImportedDay>) -> Result<u64, Error> {
        let shared = Arc::clone(&self.shared);
        // Only this thread changes the memory, so what is decided here still holds at the commit.
        let memory = shared.read();
        let (day_monitors, fresh) = memory.number(days.iter().map(|day| &day.key));
        let groups: HashSet<Psc> = days.iter().map(|day| day.key.psc().clone()).collect();
        let is_held = days.iter().any(|day| memory.held.day(day_of(day.day)).is_some());

        let transaction = begin(&mut self.connection)?;
        insert_monitors(&transaction, &fresh)?;
        if is_held {
            // Then rows are all there is to look at; the next append holds what it needs again.
            rollups::write_rows(&transaction, memory.held.all())?;
        }
        let mut slots = BTreeMap::new();
        for (slot, monitor) in touched(&day_monitors, &days) {
            slots.insert((slot, monitor), rollups::stored_slot(&transaction, slot, monitor)?);
        }
        let (mut added, numbers) = missing_of_days(&slots, &day_monitors, days);
        let taken =
            taken(&transaction, &added).map_err(|error| translate("cannot look records up", error))?;
        let next_id = settle_numbers(&mut added, taken, self.next_id);
        records::insert(&transaction, &added, &numbers)?;
        let filled = fill(&mut slots, &added, &numbers);
        for (place, open) in slots.iter().filter(|(place, _)| filled.contains(place)) {
            rollups::put_slot(&transaction, place.0, place.1, open)?;
        }
        let grown: BTreeSet<_> = filled.iter().map(|(slot, monitor)| (day_of(*slot), *monitor)).collect();
        for (day, monitor) in grown {
            rollups::count_day_again(&transaction, day, monitor)?;
        }
        // Records that the machines must not see at the next start are marked as seen in every row of their groups.
        save_memory(&transaction, &memory, &self.states, &self.unsaved_latest, next_id)?;
        let known = groups
            .iter()
            .filter_map(|psc| self.states.get(psc).map(|(states, follows)| (psc, states, follows)));
        states::write(&transaction, known, next_id - 1)?;
        let newest = numbers.iter().copied().zip(added.iter().map(LatestRecord::of));
        save_latest(&transaction, &memory, &HashSet::new(), newest)?;
        let state = StoreState::of(&memory, next_id, self.sealed_until);
        put_state(&transaction, if is_held { state.without_window(next_id) } else { state })?;
        drop(memory);

        let mut memory = shared.write();
        commit(transaction)?;
        if is_held {
            memory.held = Held::default();
        }
        memory.learn(fresh);
        numbers.iter().zip(&added).for_each(|(monitor, stored)| memory.see_latest(*monitor, stored));
        drop(memory);
        self.saved();
        self.next_id = next_id;
        Ok(added.len() as u64)
    }
}

fn progress(connection: &Connection, name: &str) -> rusqlite::Result<Option<ImportProgress>> {
    let read = |row: &rusqlite::Row<'_>| {
        Ok(ImportProgress { id_offset: row.get(0)?, done_from: row.get(1)?, finished: row.get(2)? })
    };
    connection.query_row(PROGRESS, [name], read).optional()
}

/// Returns which of the records' numbers are taken.
fn taken(connection: &Connection, records: &[StoredRecord]) -> rusqlite::Result<HashSet<RecordId>> {
    let mut exists = connection.prepare_cached(RECORD_EXISTS)?;
    let mut taken = HashSet::new();
    for stored in records {
        if exists.exists([stored.id])? {
            taken.insert(stored.id);
        }
    }
    Ok(taken)
}
