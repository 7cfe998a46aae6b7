use std::collections::{HashMap, hash_map::Entry};

use async_trait::async_trait;
use relay_core::{
    Psc, StoredRecord, UnixSeconds,
    event::{Event, EventId, GroupStates},
    ports::repository::{Error, ImportProgress, ImportSource, ImportedDay, ImportedEvents, Imports},
    record::LatestRecord,
};

use super::{MemoryRepository, State, day_of, retention::Aged};

#[async_trait]
impl Imports for MemoryRepository {
    async fn begin_import(&self, source: &ImportSource) -> Result<ImportProgress, Error> {
        let mut state = self.working()?;
        let id_offset = state.last_record_id;
        let progress = *state
            .imports
            .entry(source.name.clone())
            .or_insert_with(|| ImportProgress { id_offset, ..ImportProgress::default() });
        state.last_record_id = state.last_record_id.max(progress.id_offset + source.last_record_id);
        state.last_event_id = state.last_event_id.max(source.last_event_id);
        Ok(progress)
    }

    async fn import_events(
        &self,
        events: Vec<Event>,
        states: Vec<(Psc, GroupStates)>,
    ) -> Result<ImportedEvents, Error> {
        let mut state = self.working()?;
        let mut outcome = ImportedEvents::default();
        for event in events {
            state.import_event(event, &mut outcome);
        }
        for (group, states) in states {
            if let Entry::Vacant(place) = state.groups.entry(group) {
                place.insert(states);
                outcome.groups += 1;
            }
        }
        Ok(outcome)
    }

    async fn import_records(&self, days: Vec<ImportedDay>) -> Result<u64, Error> {
        let mut state = self.working()?;
        Ok(days.into_iter().map(|day| state.import_day(day)).sum())
    }

    async fn note_import(
        &self,
        name: &str,
        done_from: Option<UnixSeconds>,
        finished: bool,
    ) -> Result<(), Error> {
        let mut state = self.working()?;
        let progress = state.imports.entry(name.to_owned()).or_default();
        *progress = ImportProgress { done_from, finished, ..*progress };
        Ok(())
    }
}

/// What makes two records the same.
fn identity(stored: &StoredRecord) -> (UnixSeconds, i64, u32) {
    let result = &stored.record.result;
    (stored.record.timestamp, i64::from(result.status.code()), result.latency_ms)
}

impl State {
    fn import_event(&mut self, event: Event, outcome: &mut ImportedEvents) {
        let cause = |one: &Event| (one.event.key.clone(), one.event.kind, one.event.trigger_record_id);
        let same = self.events.iter().any(|old| cause(old) == cause(&event));
        let told = |one: &Event| (one.event.key.clone(), one.event.kind, one.event.observed_at);
        match self.events.binary_search_by_key(&event.id, |old| old.id) {
            Ok(at) if told(&self.events[at]) == told(&event) => {}
            _ if same => outcome.events_left_out += u64::from(event.event.trigger_record_id == 0),
            Ok(_) => outcome.events_left_out += 1,
            Err(at) => {
                self.last_event_id = EventId::max(self.last_event_id, event.id);
                self.events.insert(at, event);
                outcome.events += 1;
            }
        }
    }

    fn import_day(&mut self, imported: ImportedDay) -> u64 {
        let ImportedDay { key, day, records } = imported;
        let before = self.day(&key, day);
        let mut known: HashMap<_, usize> = HashMap::new();
        let mine =
            |stored: &&StoredRecord| stored.record.key == key && day_of(stored.record.timestamp) == day;
        self.records.iter().filter(mine).for_each(|stored| *known.entry(identity(stored)).or_default() += 1);
        let mut added = 0;
        for mut stored in records {
            if let Some(count) = known.get_mut(&identity(&stored)).filter(|count| **count > 0) {
                *count -= 1;
                continue;
            }
            self.take_back(&stored);
            if stored.id > self.last_record_id || self.records.iter().any(|old| old.id == stored.id) {
                stored.id = self.next_record_id();
            }
            self.see_latest(stored.record.key.clone(), LatestRecord::of(&stored));
            self.records.push(stored);
            added += 1;
        }
        if self.recount(&key, day).total() >= before.total() {
            self.imported.remove(&(key, day));
        }
        added
    }
    /// Forgets that a record was deleted, when it was.
    fn take_back(&mut self, stored: &StoredRecord) {
        let same = |aged: &Aged| {
            aged.stored.record.key == stored.record.key && identity(&aged.stored) == identity(stored)
        };
        if let Some(at) = self.aged.iter().position(same) {
            self.aged.remove(at);
        }
    }
}
