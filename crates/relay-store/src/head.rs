//! The open end of history: what a backend with one owner keeps in memory instead of rewriting rollup rows with every
//! record.
//!
//! Slots close in order. Everything before `closed_before` is in slot rows; records of later slots are here, and are
//! found again after a crash by reading the tail of the raw records. A day's counts are here until the whole day is
//! closed, its closed slots included.

use std::collections::HashMap;

use relay_core::{
    MonitorKey, UnixSeconds,
    record::LatestRecord,
    time::DAY_SECS,
    timeline::{SLOT_SECS, Sample, Tally},
};

/// How long a slot stays open after its end, in seconds: longer than a probe and its way through the writer take, so
/// that records rarely come late.
pub(crate) const GRACE_SECS: i64 = 60;

/// The number of a monitor in the database.
pub(crate) type MonitorId = i64;

/// Returns the start of the slot of a moment.
pub(crate) fn slot_of(at: UnixSeconds) -> UnixSeconds {
    at.div_euclid(SLOT_SECS) * SLOT_SECS
}

/// Returns the start of the UTC day of a moment.
pub(crate) fn day_of(at: UnixSeconds) -> UnixSeconds {
    at.div_euclid(DAY_SECS) * DAY_SECS
}

/// The open end of history of all monitors.
#[derive(Debug, Default)]
pub(crate) struct Head {
    /// Ids of all monitors ever seen.
    ids: HashMap<MonitorKey, MonitorId>,
    /// By monitor id.
    monitors: Vec<MonitorHead>,
    /// Slots that start before this are closed.
    closed_before: UnixSeconds,
    /// The newest time of any record.
    newest: UnixSeconds,
}

/// The open end of one monitor.
#[derive(Debug, Default)]
struct MonitorHead {
    /// Open slots with their samples in order of (timestamp, id), oldest first; seldom more than two.
    slots: Vec<(UnixSeconds, Vec<Sample>)>,
    /// Open days, oldest first; seldom more than one.
    days: Vec<(UnixSeconds, Tally)>,
    latest: Option<LatestRecord>,
    /// Whether `latest` changed since it was last written down.
    latest_changed: bool,
}

/// What closing will write down.
#[derive(Debug, Default)]
pub(crate) struct Closing {
    /// Slots that start before this will be closed.
    pub(crate) before: UnixSeconds,
    /// (slot, monitor, samples), slots rising.
    pub(crate) slots: Vec<(UnixSeconds, MonitorId, Vec<Sample>)>,
    /// (day, monitor, counts), days rising.
    pub(crate) days: Vec<(UnixSeconds, MonitorId, Tally)>,
    /// Latest records that changed since the last closing.
    pub(crate) latest: Vec<(MonitorId, LatestRecord)>,
    /// The lowest record id that stays open, if any record does.
    pub(crate) tail_id: Option<i64>,
}

impl Head {
    /// Starts with slots closed before a moment and nothing open.
    pub(crate) fn new(closed_before: UnixSeconds) -> Self {
        Self { closed_before, ..Self::default() }
    }

    /// Returns the moment before which all slots are closed.
    pub(crate) fn closed_before(&self) -> UnixSeconds {
        self.closed_before
    }

    /// Makes a monitor known.
    pub(crate) fn register(&mut self, key: MonitorKey, id: MonitorId) {
        self.entry(id);
        self.ids.insert(key, id);
    }

    /// Returns the id of a monitor that was seen before.
    pub(crate) fn id_of(&self, key: &MonitorKey) -> Option<MonitorId> {
        self.ids.get(key).copied()
    }

    /// Returns how many monitors were ever seen.
    pub(crate) fn monitor_count(&self) -> usize {
        self.ids.len()
    }

    /// Returns the newest record of a monitor.
    pub(crate) fn latest(&self, id: MonitorId) -> Option<LatestRecord> {
        self.monitor(id)?.latest
    }

    /// Returns the samples of the open slots of a monitor, oldest first.
    pub(crate) fn open_slots(&self, id: MonitorId) -> &[(UnixSeconds, Vec<Sample>)] {
        self.monitor(id).map_or(&[], |monitor| &monitor.slots)
    }

    /// Returns the counts of the open days of a monitor, oldest first.
    pub(crate) fn open_days(&self, id: MonitorId) -> &[(UnixSeconds, Tally)] {
        self.monitor(id).map_or(&[], |monitor| &monitor.days)
    }

    /// Takes a committed record: into its slot unless that is closed (its row was updated then), into its day unless
    /// that is closed, and as the latest if it is the newest.
    pub(crate) fn add(&mut self, id: MonitorId, sample: &Sample, latest: LatestRecord) {
        let (slot, day, open_day) =
            (slot_of(sample.timestamp), day_of(sample.timestamp), day_of(self.closed_before));
        let slot_is_open = slot >= self.closed_before;
        self.newest = self.newest.max(sample.timestamp);
        let monitor = self.entry(id);
        if slot_is_open {
            let samples = at(&mut monitor.slots, slot);
            let place =
                samples.partition_point(|other| (other.timestamp, other.id) < (sample.timestamp, sample.id));
            samples.insert(place, *sample);
        }
        if day >= open_day {
            at(&mut monitor.days, day).add(sample);
        }
        monitor.see_latest(latest);
    }

    /// Takes a record whose slot and day hold it already, as the latest if it is the newest; for loading.
    pub(crate) fn add_late(&mut self, id: MonitorId, latest: LatestRecord) {
        self.newest = self.newest.max(latest.timestamp);
        self.entry(id).see_latest(latest);
    }

    /// Takes the counts of a closed slot of an open day; for loading.
    pub(crate) fn add_closed_slot(&mut self, id: MonitorId, slot: UnixSeconds, tally: &Tally) {
        at(&mut self.entry(id).days, day_of(slot)).merge(tally);
    }

    /// Takes a latest record as it was written down; for loading.
    pub(crate) fn load_latest(&mut self, id: MonitorId, latest: LatestRecord) {
        self.newest = self.newest.max(latest.timestamp);
        let monitor = self.entry(id);
        monitor.latest = Some(latest);
        monitor.latest_changed = false;
    }

    /// Returns the moment before which slots can be closed at `now`: past records' time and the clock's, less the
    /// grace. Records from the future (a clock that jumped) wait in memory until their time has come.
    pub(crate) fn due(&self, now: UnixSeconds) -> Option<UnixSeconds> {
        let target = slot_of(self.newest.min(now) - GRACE_SECS);
        (target > self.closed_before).then_some(target)
    }

    /// Returns what closing all slots before a moment will write down; nothing changes yet.
    pub(crate) fn closing(&self, before: UnixSeconds) -> Closing {
        let mut closing = Closing { before, ..Closing::default() };
        for (id, monitor) in (0..).zip(&self.monitors) {
            for (slot, samples) in &monitor.slots {
                if *slot < before {
                    closing.slots.push((*slot, id, samples.clone()));
                } else {
                    let lowest = samples.iter().map(|sample| sample.id).min();
                    closing.tail_id = closing.tail_id.into_iter().chain(lowest).min();
                }
            }
            let done = monitor.days.iter().filter(|(day, _)| day + DAY_SECS <= before);
            closing.days.extend(done.map(|(day, tally)| (*day, id, tally.clone())));
            if monitor.latest_changed {
                closing.latest.extend(monitor.latest.map(|latest| (id, latest)));
            }
        }
        closing.slots.sort_unstable_by_key(|(slot, id, _)| (*slot, *id));
        closing.days.sort_unstable_by_key(|(day, id, _)| (*day, *id));
        closing
    }

    /// Forgets what a closing has written down.
    pub(crate) fn close(&mut self, before: UnixSeconds) {
        self.closed_before = before;
        for monitor in &mut self.monitors {
            monitor.slots.retain(|(slot, _)| *slot >= before);
            monitor.days.retain(|(day, _)| day + DAY_SECS > before);
            monitor.latest_changed = false;
        }
    }

    fn monitor(&self, id: MonitorId) -> Option<&MonitorHead> {
        self.monitors.get(usize::try_from(id).ok()?)
    }

    fn entry(&mut self, id: MonitorId) -> &mut MonitorHead {
        let index = usize::try_from(id).unwrap_or(0);
        if self.monitors.len() <= index {
            self.monitors.resize_with(index + 1, MonitorHead::default);
        }
        &mut self.monitors[index]
    }
}

impl MonitorHead {
    fn see_latest(&mut self, latest: LatestRecord) {
        if self.latest.is_none_or(|known| latest.is_newer_than(&known)) {
            self.latest = Some(latest);
            self.latest_changed = true;
        }
    }
}

/// Returns the entry of a start in a short sorted list, made when it is not there.
fn at<T: Default>(list: &mut Vec<(UnixSeconds, T)>, start: UnixSeconds) -> &mut T {
    let place = list.partition_point(|(other, _)| *other < start);
    if list.get(place).is_none_or(|(other, _)| *other != start) {
        list.insert(place, (start, T::default()));
    }
    &mut list[place].1
}
