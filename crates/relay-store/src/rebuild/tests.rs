//! The steps of a recount over a table that is a list.

use proptest::prelude::*;
use relay_core::Status;

use super::*;

/// 2026-03-01 00:00:00 UTC.
const START: UnixSeconds = 1_772_323_200;

fn sample(id: RecordId, timestamp: UnixSeconds) -> Sample {
    Sample { timestamp, id, status: Status::Green, sub_status: None, http_code: 200, latency_ms: 7 }
}

/// What a backend stores.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
struct Store {
    records: Vec<(MonitorId, Sample)>,
    slots: BTreeMap<UnixSeconds, HashMap<MonitorId, SlotRows>>,
    days: BTreeMap<UnixSeconds, HashMap<MonitorId, Vec<u8>>>,
    newest: HashMap<MonitorId, (UnixSeconds, RecordId)>,
}

impl Store {
    /// Runs a recount to its end, as a driver does.
    fn rebuild(&mut self, horizon: Option<UnixSeconds>) -> Rebuilt {
        let mut job = Rebuild::default();
        loop {
            match job.work() {
                Work::Begin => {
                    job.begin(horizon, self.slots.keys().copied(), self.days.keys().copied());
                }
                Work::Scan => {
                    let known = job.known_until();
                    let unknown = self.records.iter().filter(|(_, sample)| sample.id > known);
                    job.learn(&unknown.take(3).copied().collect::<Vec<_>>());
                }
                Work::Slot(slot) => self.slot(&mut job, slot),
                Work::Day(day) => self.day(&mut job, day),
                Work::Newest => {
                    let there = |id| self.records.iter().any(|(_, sample)| sample.id == id);
                    let known =
                        |place: &(UnixSeconds, RecordId)| Newest { place: *place, is_there: there(place.1) };
                    let stored =
                        self.newest.iter().map(|(monitor, place)| (*monitor, known(place))).collect();
                    for (monitor, id) in job.newest(&stored) {
                        let (_, sample) = self.records.iter().find(|(_, one)| one.id == id).expect("there");
                        self.newest.insert(monitor, (sample.timestamp, id));
                    }
                }
                Work::Nothing => return job.done(),
            }
        }
    }

    fn slot(&mut self, job: &mut Rebuild, slot: UnixSeconds) {
        let ranges = job.ranges(slot);
        let wanted = |sample: &Sample| {
            slot_of(sample.timestamp) == slot
                && ranges.iter().any(|(first, last)| (*first..=*last).contains(&sample.id))
        };
        let raw: Vec<_> = self.records.iter().filter(|(_, sample)| wanted(sample)).copied().collect();
        let stored = self.slots.entry(slot).or_default();
        let lost = !named_only(slot, &raw, stored).is_empty();
        let corrections = job.slot(slot, raw, stored, lost);
        for (monitor, (tally, samples)) in corrections.put {
            stored.insert(monitor, SlotRows { tally: Some(tally), samples: Some(samples) });
        }
        stored.retain(|monitor, _| !corrections.gone.contains(monitor));
    }

    fn day(&mut self, job: &mut Rebuild, day: UnixSeconds) {
        let slots: Vec<_> = self
            .slots
            .range(day..day + DAY_SECS)
            .flat_map(|(slot, rows)| {
                rows.iter().filter_map(|(monitor, rows)| Some((*slot, *monitor, rows.tally.clone()?)))
            })
            .collect();
        let stored = self.days.entry(day).or_default();
        let corrections = job.day(day, &slots, stored);
        stored.extend(corrections.put);
        stored.retain(|monitor, _| !corrections.gone.contains(monitor));
    }

    fn total(&self, day: UnixSeconds, monitor: MonitorId) -> u32 {
        self.days
            .get(&day)
            .and_then(|rows| rows.get(&monitor))
            .map_or(0, |packed| unpack_tally(packed, day).expect("well formed").total())
    }
}

fn counted(records: Vec<(MonitorId, Sample)>) -> Store {
    let mut store = Store { records, ..Store::default() };
    store.rebuild(None);
    store
}

fn minutely(count: i64) -> Vec<(MonitorId, Sample)> {
    (0..count).map(|index| (index % 2, sample(index + 1, START + index * 60))).collect()
}

#[test]
fn what_is_right_is_left_alone() {
    let mut store = counted(minutely(3000));
    let before = store.clone();
    let done = store.rebuild(None);
    assert_eq!((done.records, done.slots, done.days, done.corrected), (3000, 100, 3, 0));
    assert_eq!(done.from, Some(START));
    assert_eq!(store, before);
    assert_eq!(store.total(START, 0), 720);
}

#[test]
fn an_empty_store_has_nothing_to_count() {
    let mut store = counted(minutely(100));
    store.records.clear();
    let before = store.clone();
    assert_eq!(store.rebuild(None), Rebuilt::default());
    assert_eq!(store, before);
}

#[test]
fn what_was_counted_before_the_horizon_stays() {
    let mut store = counted(minutely(3000));
    let horizon = START + 86_400 + 10 * SLOT_SECS;
    store.records.retain(|(_, sample)| sample.timestamp >= horizon);
    let before = store.clone();
    assert_eq!(store.rebuild(Some(horizon)).corrected, 0);
    assert_eq!(store, before);
}

#[test]
fn records_deleted_by_hand_are_noticed() {
    let mut store = counted(minutely(3000));
    let cut = START + 86_400 + 10 * SLOT_SECS + 77;
    store.records.retain(|(_, sample)| sample.timestamp >= cut);
    // A late record of the first day makes no horizon.
    store.records.push((0, sample(9000, START + 5)));
    let before = store.clone();
    let done = store.rebuild(None);
    assert_eq!(done.from, Some(slot_of(cut) + SLOT_SECS));
    assert_eq!((done.corrected, store), (0, before));
}

#[test]
fn a_day_that_cannot_be_counted_again_keeps_what_it_has() {
    let mut store = counted(minutely(1000));
    let horizon = START + 10 * SLOT_SECS;
    store.slots.retain(|slot, _| *slot >= horizon);
    store.records.retain(|(_, sample)| sample.timestamp >= horizon);
    assert_eq!(store.rebuild(Some(horizon)).corrected, 0);
    assert_eq!(store.total(START, 0), 500);
    // Without a horizon and without older slots it counts what is there.
    assert_eq!(store.rebuild(None).corrected, 2);
    assert_eq!(store.total(START, 0), 350);
}

#[test]
fn a_newest_record_that_never_was_is_replaced() {
    let mut store = counted(minutely(100));
    let right = store.newest.clone();
    store.newest.insert(0, (START + 1_000_000, 7_000));
    store.newest.remove(&1);
    store.newest.insert(5, (START, 3));
    assert_eq!(store.rebuild(None).corrected, 2);
    store.newest.remove(&5);
    assert_eq!(store.newest, right);
}

proptest! {
    #[test]
    fn whatever_is_damaged_becomes_a_recount(
        times in prop::collection::vec((0i64..3, 0i64..4 * 86_400), 1..60),
        damage in prop::collection::vec((0usize..40, 0u8..5), 0..12),
    ) {
        let records = times
            .iter()
            .zip(1..)
            .map(|((monitor, at), id)| (*monitor, sample(id, START + at)))
            .collect();
        let mut store = counted(records);
        let right = store.clone();
        for (index, kind) in damage {
            let slot = *store.slots.keys().nth(index % store.slots.len()).expect("some");
            let day = day_of(slot);
            let rows = store.slots.get_mut(&slot).expect("some");
            match kind {
                0 => rows.clear(),
                1 => drop(rows.insert(77, SlotRows { tally: Some(vec![1]), samples: None })),
                2 => rows.values_mut().for_each(|rows| rows.samples = Some(vec![9])),
                3 => drop(store.days.insert(day, HashMap::from([(3, vec![1, 2])]))),
                _ => rows.values_mut().for_each(|rows| rows.tally = Some(vec![])),
            }
        }
        store.rebuild(None);
        for rows in [&mut store.slots].into_iter().flat_map(|slots| slots.values_mut()) {
            prop_assert!(!rows.is_empty());
        }
        prop_assert_eq!(store, right);
    }
}
