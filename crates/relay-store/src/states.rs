//! The states of the event machines between their rows. Shared by drivers that hold them in memory, and pure.
//!
//! Most records change nothing but a streak, and a row per record would cost more than the record. So a group's states
//! are written only when they are not what [`advance`] predicts from the states before; at start, the rows are brought
//! up to date by [`advance`] over the records that came after them. Whatever a transition does, also one that is not
//! known here, the result is exact: a record that is predicted correctly is replayed correctly, any other one was
//! written. Thresholds do not matter, because every change of a stable state is such another one.

use std::collections::HashMap;

use relay_core::{
    ProbeRecord, Psc, StoredRecord,
    event::{GroupStates, NewEvent, Stable},
    ports::Transition,
    record::RecordId,
};

/// The states of all groups that have any.
#[derive(Debug, Default)]
pub(crate) struct States {
    groups: HashMap<Psc, Tracked>,
}

/// The states of one group.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Tracked {
    /// As of the newest record.
    pub(crate) states: GroupStates,
    /// Whether records are expected to move the states; not while events are off.
    pub(crate) follows: bool,
    /// Whether they moved since their row was written.
    moved: bool,
}

impl Tracked {
    /// Makes what a row says.
    pub(crate) fn stored(states: GroupStates, follows: bool) -> Self {
        Self { states, follows, moved: false }
    }
}

/// What a batch will have changed when it is committed.
#[derive(Debug, Default)]
pub(crate) struct Staged {
    groups: HashMap<Psc, StagedGroup>,
}

#[derive(Debug)]
struct StagedGroup {
    states: GroupStates,
    predicted: GroupStates,
    before: Option<Tracked>,
}

impl StagedGroup {
    fn follows(&self) -> bool {
        match &self.before {
            Some(before) if self.states == self.predicted => before.follows,
            Some(before) => self.states != before.states,
            None => true,
        }
    }

    fn must_be_written(&self) -> bool {
        self.states != self.predicted
    }
}

impl States {
    /// Takes over what a row says of a group.
    pub(crate) fn restore(&mut self, group: Psc, tracked: Tracked) {
        self.groups.insert(group, tracked);
    }

    /// Returns the states of a group, and whether they follow records.
    pub(crate) fn get(&self, group: &Psc) -> Option<(&GroupStates, bool)> {
        self.groups.get(group).map(|tracked| (&tracked.states, tracked.follows))
    }

    /// Returns the states of `to` after it took those of `from` over, and whether they follow records; `None` when
    /// `from` has none.
    pub(crate) fn merged(&self, from: &Psc, to: &Psc) -> Option<(GroupStates, bool)> {
        let old = self.groups.get(from)?;
        let own = self.groups.get(to);
        let mut states = own.map(|own| own.states.clone()).unwrap_or_default();
        states.adopt(old.states.clone());
        Some((states, own.map_or(old.follows, |own| own.follows)))
    }

    /// Brings a group up to date with a record that came after its row.
    pub(crate) fn replay(&mut self, id: RecordId, record: &ProbeRecord) {
        if let Some(tracked) = self.groups.get_mut(record.key.psc()) {
            let follows = tracked.follows;
            tracked.moved |= advance(&mut tracked.states, follows, id, record);
        }
    }

    /// Decides what `records` change, and returns the events they cause; nothing is changed yet.
    pub(crate) fn stage(
        &self,
        records: &[StoredRecord],
        transition: &dyn Transition,
    ) -> (Staged, Vec<NewEvent>) {
        let mut staged = Staged::default();
        let mut events = Vec::new();
        for stored in records {
            let psc = stored.record.key.psc();
            if !staged.groups.contains_key(psc) {
                let before = self.groups.get(psc).cloned();
                let states =
                    before.as_ref().map_or_else(GroupStates::default, |before| before.states.clone());
                let group = StagedGroup { predicted: states.clone(), states, before };
                staged.groups.insert(psc.clone(), group);
            }
            let Some(group) = staged.groups.get_mut(psc) else { continue };
            events.extend(transition.apply(stored, &mut group.states));
            let follows = group.before.as_ref().is_some_and(|before| before.follows);
            advance(&mut group.predicted, follows, stored.id, &stored.record);
        }
        (staged, events)
    }

    /// Returns what must be written with `staged`: what was not predicted, or with `all` whatever moved since its row
    /// was written.
    pub(crate) fn to_write<'a>(
        &'a self,
        staged: &'a Staged,
        all: bool,
    ) -> impl Iterator<Item = (&'a Psc, &'a GroupStates, bool)> {
        let fresh = staged.groups.iter().filter_map(move |(psc, group)| {
            let moved = || group.before.as_ref().is_some_and(|old| old.moved || old.states != group.states);
            (group.must_be_written() || (all && moved())).then(|| (psc, &group.states, group.follows()))
        });
        let older = self
            .groups
            .iter()
            .filter(move |(psc, tracked)| all && tracked.moved && !staged.groups.contains_key(*psc));
        fresh.chain(older.map(|(psc, tracked)| (psc, &tracked.states, tracked.follows)))
    }

    /// Takes over what was committed; `all` as it was in [`States::to_write`].
    pub(crate) fn commit(&mut self, staged: Staged, all: bool) {
        for (psc, group) in staged.groups {
            let written = group.must_be_written() || all;
            let before = group.before.as_ref();
            if before.is_none() && !group.must_be_written() {
                continue;
            }
            let moved = !written && before.is_some_and(|old| old.moved || old.states != group.states);
            let follows = group.follows();
            self.groups.insert(psc, Tracked { states: group.states, follows, moved });
        }
        if all {
            self.groups.values_mut().for_each(|tracked| tracked.moved = false);
        }
    }

    #[cfg(test)]
    fn states(&self, group: &Psc) -> Option<&GroupStates> {
        self.groups.get(group).map(|tracked| &tracked.states)
    }
}

/// Moves the states of a group as a record does that flips nothing: a record that is newer than what its machine has
/// seen makes the streak longer or starts a new one, and is the newest then. Returns whether anything changed.
fn advance(states: &mut GroupStates, follows: bool, id: RecordId, record: &ProbeRecord) -> bool {
    if !follows {
        return false;
    }
    let Some(model) = states.models.get_mut(record.key.model()) else { return false };
    if id <= model.last_record_id || record.timestamp < model.last_timestamp {
        return false;
    }
    let seen = Stable::of(record.result.status);
    model.streak_count = if model.streak == seen { model.streak_count.saturating_add(1) } else { 1 };
    model.streak = seen;
    model.last_record_id = id;
    model.last_timestamp = record.timestamp;
    model.last_status = Some(record.result.status);
    if let Some(channel) = &mut states.channel {
        channel.last_record_id = id;
        channel.last_timestamp = record.timestamp;
    }
    true
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use relay_core::{
        Status,
        event::{ChannelState, EventMeta, EventType, ModelState},
        ports::transition::NoTransition,
    };
    use relay_testkit::{key, record};

    use super::*;

    /// A machine with thresholds, late records ignored, and a channel that counts its models that are down; the model
    /// `x` is not active, its records leave the channel alone.
    struct Machine {
        down: u32,
    }

    impl Transition for Machine {
        fn apply(&self, stored: &StoredRecord, states: &mut GroupStates) -> Option<NewEvent> {
            let name = stored.record.key.model();
            let state = states.models.entry(name.to_owned()).or_default();
            let late = stored.record.timestamp < state.last_timestamp;
            if late && state.last_status.is_some() {
                return None;
            }
            let seen = Stable::of(stored.record.result.status);
            state.streak_count = if state.streak == seen { state.streak_count + 1 } else { 1 };
            state.streak = seen;
            state.last_record_id = stored.id;
            state.last_timestamp = stored.record.timestamp;
            state.last_status = Some(stored.record.result.status);
            let flips = state.stable != seen
                && (state.stable == Stable::Unknown || seen == Stable::Up || state.streak_count >= self.down);
            if flips {
                state.stable = seen;
                state.streak_count = 0;
            }
            if name != "x" {
                let down = states.models.values().filter(|model| model.stable == Stable::Down).count();
                states.channel = Some(ChannelState {
                    down_count: u32::try_from(down).expect("few"),
                    last_record_id: stored.id,
                    last_timestamp: stored.record.timestamp,
                    ..ChannelState::default()
                });
            }
            flips.then(|| NewEvent {
                key: stored.record.key.clone(),
                kind: EventType::Down,
                from_status: Stable::Up,
                to_status: Status::Red,
                trigger_record_id: stored.id,
                observed_at: stored.record.timestamp,
                meta: EventMeta::default(),
            })
        }
    }

    /// Which transition, and for each record the model, its time and whether it is up.
    type Batch = (u8, Vec<(u8, i64, bool)>);

    fn any_batches() -> impl Strategy<Value = Vec<Batch>> {
        let record = (0u8..3, 0i64..40, any::<bool>());
        prop::collection::vec((0u8..4, prop::collection::vec(record, 0..12)), 0..12)
    }

    proptest! {
        /// After any batches, under transitions that come and go and change their thresholds, the written rows and the
        /// records after them give the states that memory has, whatever else was written in between.
        #[test]
        fn rows_and_replay_give_what_memory_has(batches in any_batches(), checkpoints in any::<u16>()) {
            let psc = key("p/s/c").psc().clone();
            let (mut live, mut next) = (States::default(), 1);
            let mut row: Option<(GroupStates, bool, RecordId)> = None;
            let mut all = Vec::new();
            for (index, (which, batch)) in batches.into_iter().enumerate() {
                let stored: Vec<_> = batch
                    .into_iter()
                    .map(|(model, timestamp, up)| {
                        let key = key(&format!("p/s/c/{}", ["a", "b", "x"][usize::from(model)]));
                        let status = if up { Status::Green } else { Status::Red };
                        next += 1;
                        StoredRecord { id: next, record: record(&key, timestamp).status(status).build() }
                    })
                    .collect();
                let transition: Box<dyn Transition> =
                    if which == 0 { Box::new(NoTransition) } else { Box::new(Machine { down: which.into() }) };
                let (staged, _) = live.stage(&stored, transition.as_ref());
                let checkpoint = checkpoints >> index & 1 == 1;
                for (group, states, follows) in live.to_write(&staged, checkpoint) {
                    prop_assert_eq!(group, &psc);
                    row = Some((states.clone(), follows, next));
                }
                live.commit(staged, checkpoint);
                all.extend(stored);
            }
            let mut restored = States::default();
            let mut seen = 0;
            if let Some((states, follows, id)) = row {
                restored.restore(psc.clone(), Tracked::stored(states, follows));
                seen = id;
            }
            all.iter().filter(|stored| stored.id > seen).for_each(|one| restored.replay(one.id, &one.record));
            prop_assert_eq!(restored.states(&psc), live.states(&psc));
        }
    }

    #[test]
    fn a_streak_alone_is_not_written_until_all_is() {
        let psc = key("p/s/c").psc().clone();
        let state =
            ModelState { stable: Stable::Up, streak: Stable::Up, streak_count: 1, ..ModelState::default() };
        let mut states = GroupStates::default();
        states.models.insert("m".to_owned(), state);
        let mut live = States::default();
        live.restore(psc, Tracked::stored(states, true));
        let stored = StoredRecord { id: 9, record: record(&key("p/s/c/m"), 5).build() };
        let (staged, events) = live.stage(&[stored], &Machine { down: 2 });
        assert!(events.is_empty());
        // The machine of the test gives the group a channel, which is news once.
        assert_eq!(live.to_write(&staged, false).count(), 1);
        live.commit(staged, false);

        let stored = StoredRecord { id: 10, record: record(&key("p/s/c/m"), 6).build() };
        let (staged, _) = live.stage(&[stored], &Machine { down: 2 });
        assert_eq!(live.to_write(&staged, false).count(), 0);
        assert_eq!(live.to_write(&staged, true).count(), 1);
        live.commit(staged, false);
        assert_eq!(live.to_write(&Staged::default(), true).count(), 1);
        live.commit(Staged::default(), true);
        assert_eq!(live.to_write(&Staged::default(), true).count(), 0);
    }

    #[test]
    fn without_a_transition_nothing_is_kept() {
        let mut live = States::default();
        let stored = StoredRecord { id: 1, record: record(&key("p/s/c/m"), 5).build() };
        let (staged, _) = live.stage(&[stored], &NoTransition);
        assert_eq!(live.to_write(&staged, true).count(), 0);
        live.commit(staged, true);
        assert!(live.groups.is_empty());
    }
}
