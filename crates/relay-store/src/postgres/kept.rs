//! What the appends of this process left in the database, so that the next one need not read it again.
//!
//! It is used only when nobody changed anything since, which the seal of a [`Change`](super::change::Change) tells under
//! the lock of all writers: so it equals what would be read. It is taken out at the beginning of an append and put back
//! when that is committed; whatever goes wrong in between, it is gone and the next append reads.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use relay_core::{
    Psc, UnixSeconds,
    event::GroupStates,
    timeline::{Sample, Tally},
};

use super::{change::Seal, rollups::Grown};
use crate::rollup::{MonitorId, day_of, slot_of};

/// How much is put into one generation, in units of a record in short (24 bytes), about 160 of them for a record: enough
/// to see 10,000 monitors again. What is put again takes no more memory, so this is far more than it takes.
const ROOM: usize = 2_000_000;
/// What a row takes beside its lists.
const ROW: usize = 16;

/// Rows as they are in the database. Two generations: what is used moves to the young one, and with the half hour, or
/// when there is no room, the old one is forgotten.
#[derive(Debug, Default)]
pub(super) struct Kept {
    seal: Option<Seal>,
    half_hour: UnixSeconds,
    young: Generation,
    old: Generation,
}

#[derive(Debug, Default)]
struct Generation {
    rollups: Grown,
    groups: BTreeMap<Psc, GroupStates>,
    /// What was put into it, in the unit of [`ROOM`].
    size: usize,
}

impl Kept {
    /// Takes everything out, for an append that finds the store with this seal: nothing, when it is another one.
    pub(super) fn take(&mut self, found: &Seal) -> Self {
        let kept = mem::take(self);
        if kept.seal.as_ref() == Some(found) { kept } else { Self::default() }
    }

    /// Returns what is known of the rollups that records fall into.
    pub(super) fn rollups(&mut self, added: &[(MonitorId, Sample)]) -> Grown {
        let mut known = Grown::default();
        for (monitor, sample) in added {
            let (slot, day) = ((slot_of(sample.timestamp), *monitor), (day_of(sample.timestamp), *monitor));
            for rollups in [&mut self.young.rollups, &mut self.old.rollups] {
                known.slots.extend(rollups.slots.remove_entry(&slot));
                known.days.extend(rollups.days.remove_entry(&day));
            }
        }
        known
    }

    /// Returns what is known of the states of groups.
    pub(super) fn states(&mut self, groups: &BTreeSet<Psc>) -> BTreeMap<Psc, GroupStates> {
        let mut take =
            |group| self.young.groups.remove_entry(group).or_else(|| self.old.groups.remove_entry(group));
        groups.iter().filter_map(&mut take).collect()
    }

    /// Keeps what an append wrote, also groups that turned out to have no states.
    pub(super) fn put(&mut self, half_hour: UnixSeconds, rollups: Grown, groups: BTreeMap<Psc, GroupStates>) {
        if half_hour != self.half_hour || self.young.size > ROOM {
            self.old = mem::take(&mut self.young);
            self.half_hour = half_hour;
        }
        self.young.put(rollups, groups);
    }

    /// Tells how the store is left: what is kept is so from then on.
    pub(super) fn sealed(self, seal: Seal) -> Self {
        Self { seal: Some(seal), ..self }
    }
}

impl Generation {
    fn put(&mut self, rollups: Grown, groups: BTreeMap<Psc, GroupStates>) {
        let tally = |tally: &Tally| ROW + tally.codes.len() + tally.latencies.entries().len();
        let slots = rollups.slots.values().map(|slot| tally(&slot.tally) + slot.samples.len());
        let days = rollups.days.values().map(tally);
        let states = groups.values().map(|states| ROW * (1 + states.models.len()));
        self.size += slots.sum::<usize>() + days.sum::<usize>() + states.sum::<usize>();
        self.rollups.slots.extend(rollups.slots);
        self.rollups.days.extend(rollups.days);
        self.groups.extend(groups);
    }
}

#[cfg(test)]
mod tests {
    use relay_core::StoredRecord;
    use relay_testkit::{key, record};

    use super::*;

    /// A whole day, and a slot of it.
    const AT: UnixSeconds = 1_772_323_200;

    fn added(monitor: MonitorId) -> Vec<(MonitorId, Sample)> {
        let stored = StoredRecord { id: monitor, record: record(&key("p/s"), AT + 60).build() };
        vec![(monitor, Sample::of(&stored))]
    }

    fn grown(monitor: MonitorId) -> Grown {
        let mut grown = Grown::default();
        for (monitor, sample) in added(monitor) {
            grown.slots.entry((AT, monitor)).or_default().add(&sample);
            grown.days.entry((AT, monitor)).or_default().add(&sample);
        }
        grown
    }

    fn is_known(kept: &mut Kept, monitor: MonitorId) -> bool {
        let known = kept.rollups(&added(monitor));
        assert_eq!(known.slots.len(), known.days.len());
        !known.slots.is_empty()
    }

    fn seal(change: &str) -> Seal {
        Seal { change: change.to_owned(), next_record: 7 }
    }

    #[test]
    fn what_was_put_is_known_as_long_as_the_seal_is_the_same() {
        let mut kept = Kept::default();
        let group = key("p/s").psc().clone();
        kept.put(0, grown(1), BTreeMap::from([(group.clone(), GroupStates::default())]));
        let mut remembered = kept.sealed(seal("a"));
        let mut kept = remembered.take(&seal("a"));
        assert!(!is_known(&mut kept, 2));
        assert!(is_known(&mut kept, 1));
        assert_eq!(kept.states(&BTreeSet::from([group])).len(), 1);
        // Taken out twice is gone: an append that failed puts nothing back.
        assert!(!is_known(&mut kept, 1));
        assert!(!is_known(&mut remembered.take(&seal("a")), 1));

        for other in [seal("b"), Seal { next_record: 8, ..seal("a") }] {
            let mut kept = Kept::default();
            kept.put(0, grown(1), BTreeMap::new());
            let mut remembered = kept.sealed(seal("a"));
            assert!(!is_known(&mut remembered.take(&other), 1));
            assert!(!is_known(&mut remembered.take(&seal("a")), 1));
        }
    }

    #[test]
    fn what_is_used_survives_half_hours_and_the_rest_does_not() {
        let mut kept = Kept::default();
        kept.put(0, grown(1), BTreeMap::new());
        kept.put(0, grown(2), BTreeMap::new());
        for half_hour in 1..4 {
            assert!(is_known(&mut kept, 1), "{half_hour}");
            kept.put(half_hour, grown(1), BTreeMap::new());
        }
        assert!(!is_known(&mut kept, 2));
    }

    #[test]
    fn memory_is_bounded_within_a_half_hour_too() {
        let mut kept = Kept::default();
        let (mut monitor, mut rotations) = (0, 0);
        while rotations < 2 {
            let before = kept.young.size;
            monitor += 1;
            kept.put(0, grown(monitor), BTreeMap::new());
            rotations += u32::from(kept.young.size < before);
            assert!(kept.young.size + kept.old.size < 3 * ROOM);
        }
        assert!(!is_known(&mut kept, 1));
        assert!(is_known(&mut kept, monitor));
    }
}
