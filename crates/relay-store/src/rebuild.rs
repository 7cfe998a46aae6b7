//! Counting the raw records again: what is to be counted, in which order, and what becomes of it. Shared by all
//! drivers, and pure: they read and write.
//!
//! The raw records have no index on time. So they are read once in the order of their numbers, and for every block of
//! them it is remembered which times it holds ([`Zones`]); a slot is then counted from the few blocks that may hold
//! records of it. Slots are counted from the newest to the oldest, each in a transaction of its own. The records in
//! short say which records a slot had: the first slot that names one that is no more ends the work, because somebody
//! deleted old records, and what was counted before that stays. Days are added up from their slots.
//!
//! Records that come in meanwhile are counted by their own transactions; each step first learns of them
//! ([`Zones::next`]), so that a slot that they are late for is not counted without them.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use relay_core::{
    UnixSeconds,
    ports::repository::Rebuilt,
    record::RecordId,
    time::DAY_SECS,
    timeline::{SLOT_SECS, Sample, Tally},
};

use crate::rollup::{
    MonitorId, OpenSlot, day_of, pack_samples, pack_tally, slot_of, unpack_samples, unpack_tally,
};

/// How many records a block has: few enough that a slot is counted from little more than its own.
pub(crate) const BLOCK: u32 = 2_000;
/// How many blocks are read in one step.
pub(crate) const BLOCKS_AT_ONCE: usize = 16;

/// A range of record numbers, both ends inclusive.
pub(crate) type Range = (RecordId, RecordId);

/// What is to be done next, in a transaction of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// Read which slots and days have rows, and the raw horizon: [`Rebuild::begin`].
    Begin,
    /// Read the next blocks of records: [`Rebuild::learn`].
    Scan,
    /// Count this slot again: [`Rebuild::slot`].
    Slot(UnixSeconds),
    /// Add this day up again: [`Rebuild::day`].
    Day(UnixSeconds),
    /// Look at the newest records: [`Rebuild::newest`].
    Newest,
    /// Nothing.
    Nothing,
}

/// The rows of one monitor and slot, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct SlotRows {
    /// Of `slot_rollups`.
    pub(crate) tally: Option<Vec<u8>>,
    /// Of `slot_samples`.
    pub(crate) samples: Option<Vec<u8>>,
}

/// The newest record of a monitor, as it is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Newest {
    /// Its time and number.
    pub(crate) place: (UnixSeconds, RecordId),
    /// Whether the record itself still exists.
    pub(crate) is_there: bool,
}

/// Rows to write, and monitors whose row must go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Corrections<T> {
    /// Rows that replace what is there.
    pub(crate) put: Vec<(MonitorId, T)>,
    /// Monitors that have a row and no record.
    pub(crate) gone: Vec<MonitorId>,
}

/// The packed rows of one monitor and slot: tally and samples.
pub(crate) type PackedSlot = (Vec<u8>, Vec<u8>);

/// A recount that is under way.
#[derive(Debug, Default)]
pub(crate) struct Rebuild {
    zones: Zones,
    begun: bool,
    scanned: bool,
    counted: bool,
    done: Rebuilt,
    /// Everything before this cannot be counted again, a slot's border.
    horizon: Option<UnixSeconds>,
    slots: BTreeSet<UnixSeconds>,
    days: BTreeSet<UnixSeconds>,
    newest: HashMap<MonitorId, (UnixSeconds, RecordId)>,
}

impl Rebuild {
    /// Returns what is to be done next.
    pub(crate) fn work(&self) -> Work {
        if !self.begun {
            return Work::Begin;
        }
        if !self.scanned {
            return Work::Scan;
        }
        let first = self.first_slot();
        if let Some(slot) = self.slots.last().filter(|slot| first.is_some_and(|first| **slot >= first)) {
            return Work::Slot(*slot);
        }
        let wanted = |day: &&UnixSeconds| first.is_some_and(|first| day.saturating_add(DAY_SECS) > first);
        match self.days.last().filter(wanted) {
            Some(day) => Work::Day(*day),
            None if self.counted => Work::Nothing,
            None => Work::Newest,
        }
    }

    /// Returns what became of it so far.
    pub(crate) fn done(&self) -> Rebuilt {
        Rebuilt { records: self.zones.records, from: self.first_slot(), ..self.done }
    }

    /// Takes in where raw records begin, and which slots and days have rows.
    pub(crate) fn begin(
        &mut self,
        horizon: Option<UnixSeconds>,
        slots: impl IntoIterator<Item = UnixSeconds>,
        days: impl IntoIterator<Item = UnixSeconds>,
    ) {
        self.begun = true;
        self.horizon = horizon;
        self.slots.extend(slots);
        self.days.extend(days);
    }

    /// Returns the number after which unknown records begin.
    pub(crate) fn known_until(&self) -> RecordId {
        self.zones.until
    }

    /// Takes a block of records in, which follow the last known one without a gap; an empty one ends the first reading.
    pub(crate) fn learn(&mut self, block: &[(MonitorId, Sample)]) {
        for (monitor, sample) in block {
            let place = (sample.timestamp, sample.id);
            let newest = self.newest.entry(*monitor).or_insert(place);
            *newest = place.max(*newest);
            // Rows of records that come later are made by their own transaction.
            if !self.scanned {
                self.slots.insert(slot_of(sample.timestamp));
                self.days.insert(day_of(sample.timestamp));
            }
        }
        self.zones.learn(block);
        self.scanned |= block.is_empty();
    }

    /// Returns where records of a slot may be.
    pub(crate) fn ranges(&self, slot: UnixSeconds) -> Vec<Range> {
        self.zones.ranges(slot, slot.saturating_add(SLOT_SECS))
    }

    /// Ends a slot. `raw` are all records of the slot; `lost` says that one that its rows name is no more.
    pub(crate) fn slot(
        &mut self,
        slot: UnixSeconds,
        raw: Vec<(MonitorId, Sample)>,
        stored: &HashMap<MonitorId, SlotRows>,
        lost: bool,
    ) -> Corrections<PackedSlot> {
        self.slots.remove(&slot);
        if lost {
            self.horizon = self.horizon.max(Some(slot.saturating_add(SLOT_SECS)));
            return Corrections { put: Vec::new(), gone: Vec::new() };
        }
        let corrections = recount(slot, raw, stored);
        self.done.slots += 1;
        self.corrected(&corrections);
        corrections
    }

    /// Ends a day. `slots` are the packed counts of its slots, `stored` those of the day.
    pub(crate) fn day(
        &mut self,
        day: UnixSeconds,
        slots: &[(UnixSeconds, MonitorId, Vec<u8>)],
        stored: &HashMap<MonitorId, Vec<u8>>,
    ) -> Corrections<Vec<u8>> {
        self.days.remove(&day);
        let first = self.first_slot().unwrap_or(i64::MAX);
        // Nothing of it was deleted, and nothing came from elsewhere.
        let complete = first <= day
            || (self.horizon.is_none_or(|horizon| horizon <= day)
                && !slots.iter().any(|(slot, ..)| *slot < first));
        let corrections = add_up(day, slots, stored, complete);
        self.done.days += 1;
        self.corrected(&corrections);
        corrections
    }

    /// Ends the work: returns the records that must be the newest of their monitors. `stored` are those that are.
    pub(crate) fn newest(&mut self, stored: &HashMap<MonitorId, Newest>) -> Vec<(MonitorId, RecordId)> {
        self.counted = true;
        let first = self.first_slot().unwrap_or(i64::MAX);
        let wrong = |monitor: &MonitorId, newest: &(UnixSeconds, RecordId)| match stored.get(monitor) {
            None => true,
            Some(known) if known.place < *newest => true,
            // It may outlive its record, but not where no record was deleted.
            Some(known) => known.place != *newest && known.place.0 >= first && !known.is_there,
        };
        let wrong: Vec<_> = self
            .newest
            .iter()
            .filter(|(monitor, newest)| wrong(monitor, newest))
            .map(|(monitor, newest)| (*monitor, newest.1))
            .collect();
        self.done.corrected += wrong.len() as u64;
        wrong
    }

    fn corrected<T>(&mut self, corrections: &Corrections<T>) {
        self.done.corrected += (corrections.put.len() + corrections.gone.len()) as u64;
    }

    /// Returns the first slot that can be counted again; `None` when there are no records.
    fn first_slot(&self) -> Option<UnixSeconds> {
        self.zones.oldest.map(|oldest| self.horizon.unwrap_or(i64::MIN).max(slot_of(oldest)))
    }
}

/// Returns the records that the rows of a slot name and that are not among `raw`.
pub(crate) fn named_only(
    slot: UnixSeconds,
    raw: &[(MonitorId, Sample)],
    stored: &HashMap<MonitorId, SlotRows>,
) -> Vec<RecordId> {
    let there: HashSet<RecordId> = raw.iter().map(|(_, sample)| sample.id).collect();
    let packed = stored.values().filter_map(|rows| rows.samples.as_deref());
    // What cannot be read names nothing.
    let named = packed.filter_map(|packed| unpack_samples(packed, slot).ok()).flatten();
    named.map(|sample| sample.id).filter(|id| !there.contains(id)).collect()
}

fn recount(
    slot: UnixSeconds,
    raw: Vec<(MonitorId, Sample)>,
    stored: &HashMap<MonitorId, SlotRows>,
) -> Corrections<PackedSlot> {
    let mut open: BTreeMap<MonitorId, OpenSlot> = BTreeMap::new();
    for (monitor, sample) in raw {
        open.entry(monitor).or_default().add(&sample);
    }
    let gone = stored.keys().filter(|monitor| !open.contains_key(monitor)).copied().collect();
    let packed = open.into_iter().map(|(monitor, open)| {
        (monitor, (pack_tally(&open.tally, slot), pack_samples(open.samples.iter(), slot)))
    });
    let differs = |(monitor, (tally, samples)): &(MonitorId, PackedSlot)| {
        stored
            .get(monitor)
            .is_none_or(|rows| rows.tally.as_ref() != Some(tally) || rows.samples.as_ref() != Some(samples))
    };
    Corrections { put: packed.filter(differs).collect(), gone }
}

fn add_up(
    day: UnixSeconds,
    slots: &[(UnixSeconds, MonitorId, Vec<u8>)],
    stored: &HashMap<MonitorId, Vec<u8>>,
    complete: bool,
) -> Corrections<Vec<u8>> {
    let mut sums: BTreeMap<MonitorId, Tally> = BTreeMap::new();
    let mut unknown = HashSet::new();
    for (slot, monitor, packed) in slots {
        match unpack_tally(packed, *slot) {
            Ok(tally) => sums.entry(*monitor).or_default().merge(&tally),
            // One that cannot be counted again.
            Err(_) => drop(unknown.insert(*monitor)),
        }
    }
    sums.retain(|monitor, _| !unknown.contains(monitor));
    let has_none = |monitor: &&MonitorId| !sums.contains_key(monitor) && !unknown.contains(*monitor);
    let gone = stored.keys().filter(|_| complete).filter(has_none).copied().collect();
    let stays = |monitor: &MonitorId, sum: &Tally| {
        let known = stored.get(monitor).and_then(|packed| unpack_tally(packed, day).ok());
        !complete && known.is_some_and(|known| known.total() > sum.total())
    };
    let put = sums
        .iter()
        .filter(|(monitor, sum)| !stays(monitor, sum))
        .map(|(monitor, sum)| (*monitor, pack_tally(sum, day)))
        .filter(|(monitor, packed)| stored.get(monitor) != Some(packed))
        .collect();
    Corrections { put, gone }
}

/// Which times the blocks of records hold. It takes some forty bytes for each two thousand records.
#[derive(Debug, Default)]
struct Zones {
    zones: Vec<Zone>,
    /// The last known number.
    until: RecordId,
    records: u64,
    oldest: Option<UnixSeconds>,
}

#[derive(Debug)]
struct Zone {
    ids: Range,
    oldest: UnixSeconds,
    newest: UnixSeconds,
}

impl Zones {
    fn learn(&mut self, block: &[(MonitorId, Sample)]) {
        let times = || block.iter().map(|(_, sample)| sample.timestamp);
        let (Some(first), Some(last), Some(oldest), Some(newest)) =
            (block.first(), block.last(), times().min(), times().max())
        else {
            return;
        };
        self.zones.push(Zone { ids: (first.1.id, last.1.id), oldest, newest });
        self.until = last.1.id;
        self.records += block.len() as u64;
        self.oldest = Some(self.oldest.map_or(oldest, |known| known.min(oldest)));
    }

    /// Returns where records of [from, until) may be, rising; neighbours are joined.
    fn ranges(&self, from: UnixSeconds, until: UnixSeconds) -> Vec<Range> {
        let mut ranges: Vec<Range> = Vec::new();
        let mut joins = false;
        for zone in &self.zones {
            let wanted = zone.oldest < until && zone.newest >= from;
            match ranges.last_mut().filter(|_| wanted && joins) {
                Some(last) => last.1 = zone.ids.1,
                None if wanted => ranges.push(zone.ids),
                None => {}
            }
            joins = wanted;
        }
        ranges
    }
}

#[cfg(test)]
mod tests;
