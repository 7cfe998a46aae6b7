//! What an import adds to what is there. Shared by all drivers, and pure.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use relay_core::{
    StoredRecord, UnixSeconds,
    ports::repository::ImportedDay,
    timeline::{Sample, Tally},
};

use crate::rollup::{MonitorId, OpenSlot, slot_of};

/// The start of a slot, and a monitor.
type Place = (UnixSeconds, MonitorId);

/// Returns the slots that the records of days lie in; `monitors` are those of the days.
pub(crate) fn touched(monitors: &[MonitorId], days: &[ImportedDay]) -> BTreeSet<Place> {
    let slots = monitors.iter().zip(days).flat_map(|(monitor, day)| slots_of(*monitor, &day.records));
    slots.collect()
}

/// Returns the records of days that are not in their slots yet, each with its monitor. The same day given twice counts
/// once.
pub(crate) fn missing_of_days(
    slots: &BTreeMap<Place, OpenSlot>,
    monitors: &[MonitorId],
    days: Vec<ImportedDay>,
) -> (Vec<StoredRecord>, Vec<MonitorId>) {
    let (mut added, mut of_added) = (Vec::new(), Vec::new());
    let mut fresh: BTreeMap<Place, Vec<Sample>> = BTreeMap::new();
    for (monitor, day) in monitors.iter().zip(days) {
        let places: BTreeSet<Place> = slots_of(*monitor, &day.records).collect();
        let present = places.iter().filter_map(|place| slots.get(place)).flat_map(|open| &open.samples);
        let just_now = places.iter().filter_map(|place| fresh.get(place)).flatten();
        let missing = missing(present.chain(just_now), day.records);
        for one in &missing {
            let place = (slot_of(one.record.timestamp), *monitor);
            fresh.entry(place).or_default().push(Sample::of(one));
        }
        added.extend(missing);
        of_added.resize(added.len(), *monitor);
    }
    (added, of_added)
}

/// Puts records, each with its monitor, into their slots; returns these.
pub(crate) fn fill(
    slots: &mut BTreeMap<Place, OpenSlot>,
    records: &[StoredRecord],
    monitors: &[MonitorId],
) -> BTreeSet<Place> {
    let mut samples: BTreeMap<Place, Vec<Sample>> = BTreeMap::new();
    for (stored, monitor) in records.iter().zip(monitors) {
        let place = (slot_of(stored.record.timestamp), *monitor);
        samples.entry(place).or_default().push(Sample::of(stored));
    }
    for (place, samples) in &samples {
        slots.entry(*place).or_default().fill(samples);
    }
    samples.into_keys().collect()
}

/// Returns what a day counts after its slots have grown: what these count together, or what it counted before if that is
/// more, which are counts whose records are not there.
pub(crate) fn fuller_day<'a>(before: Tally, slots: impl Iterator<Item = &'a Tally>) -> Tally {
    let mut sum = Tally::default();
    slots.for_each(|slot| sum.merge(slot));
    if sum.total() < before.total() { before } else { sum }
}

fn slots_of(monitor: MonitorId, records: &[StoredRecord]) -> impl Iterator<Item = Place> {
    records.iter().map(move |stored| (slot_of(stored.record.timestamp), monitor))
}

/// What makes two records of one monitor the same: columns that every age of a source has.
fn identity(sample: &Sample) -> (UnixSeconds, i8, u32) {
    (sample.timestamp, sample.status.code(), sample.latency_ms)
}

/// Returns those of `records` that are not among `present`; of several same ones, those that are more than there are.
fn missing<'a>(
    present: impl Iterator<Item = &'a Sample>,
    mut records: Vec<StoredRecord>,
) -> Vec<StoredRecord> {
    let mut known: HashMap<_, u32> = HashMap::new();
    present.for_each(|sample| *known.entry(identity(sample)).or_default() += 1);
    records.retain(|stored| match known.get_mut(&identity(&Sample::of(stored))) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    records
}

#[cfg(test)]
mod tests {
    use relay_testkit::{key, record};

    use super::*;

    fn stored(id: i64, at: i64, latency: u32) -> StoredRecord {
        StoredRecord { id, record: record(&key("a/b"), at).latency(latency).build() }
    }

    #[test]
    fn of_same_records_as_many_stay_as_the_fuller_side_has() {
        let present = [stored(1, 10, 5), stored(2, 10, 5), stored(3, 11, 5)].map(|one| Sample::of(&one));
        let records = vec![stored(7, 10, 5), stored(8, 11, 5), stored(9, 11, 5), stored(10, 11, 6)];
        let ids: Vec<_> = missing(present.iter(), records).iter().map(|one| one.id).collect();
        assert_eq!(ids, [9, 10]);
    }
}
