//! The rollups that are held in memory, because records are still expected for them.
//!
//! Every slot and day is either *held* or *stored*, never both: of a held one memory knows everything and a stored row
//! counts for nothing, of any other one the stored row is all there is. Which ones are held is a [`HeldWindow`] of two
//! slots that moves with the records, and the days that it touches. A record for a slot outside is added to the stored
//! row in the transaction that stores the record; that is slower, and rare.
//!
//! Nothing is changed before it is committed: [`Held::outgoing`] and [`Held::entering`] say what a move of the window
//! and some new records will change, the driver writes and reads that in its transaction, and [`Held::apply`] follows
//! the commit and cannot fail.

use std::collections::{BTreeMap, HashMap};

use relay_core::{
    Timestamp, UnixSeconds,
    record::RecordId,
    time::DAY_SECS,
    timeline::{SLOT_SECS, Sample, Tally},
};

use super::{MonitorId, day_of, slot_of};

/// How many slots are held: the newest, and the one before for what comes a little late.
const HELD_SLOTS: i64 = 2;

/// Which slots and days are held.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HeldWindow {
    from: UnixSeconds,
}

impl HeldWindow {
    /// Makes the window that starts with the slot of a moment.
    pub(crate) fn starting(at: UnixSeconds) -> Self {
        Self { from: slot_of(at) }
    }

    /// Returns the first second of the first held slot.
    pub(crate) fn from(self) -> UnixSeconds {
        self.from
    }

    /// Returns the first second that is held no more.
    pub(crate) fn until(self) -> UnixSeconds {
        self.from.saturating_add(HELD_SLOTS * SLOT_SECS)
    }

    /// Tells whether a slot is held.
    pub(crate) fn holds_slot(self, slot: UnixSeconds) -> bool {
        (self.from..self.until()).contains(&slot)
    }

    /// Tells whether a day is held: whether a held slot lies in it.
    pub(crate) fn holds_day(self, day: UnixSeconds) -> bool {
        day < self.until() && self.from < day.saturating_add(DAY_SECS)
    }

    /// Returns the starts of the held slots.
    pub(crate) fn slots(self) -> impl Iterator<Item = UnixSeconds> {
        (0..HELD_SLOTS).map(move |index| self.from.saturating_add(index * SLOT_SECS))
    }

    /// Returns the starts of the held days, one or two.
    pub(crate) fn days(self) -> impl Iterator<Item = UnixSeconds> {
        let (first, last) = (day_of(self.from), day_of(self.until().saturating_sub(1)));
        std::iter::once(first).chain((last != first).then_some(last))
    }

    /// Decides where the window stands for a batch with these timestamps: its newest record's slot is the last held
    /// one. It moves forward with the records, but never further than one slot after the clock's, so that a stray
    /// record of the far future does not make all others late; and back when the clock was set back.
    /// Nothing before `sealed` is ever held.
    pub(crate) fn next(
        current: Option<Self>,
        now: Timestamp,
        batch: impl Iterator<Item = UnixSeconds>,
        sealed: UnixSeconds,
    ) -> Self {
        let present = slot_of(now.as_secs());
        let reach = present.saturating_add(SLOT_SECS);
        let newest = batch.map(slot_of).filter(|slot| *slot <= reach).max();
        let before = (HELD_SLOTS - 1) * SLOT_SECS;
        let wanted = newest.unwrap_or(present).saturating_sub(before);
        let from = match current {
            Some(current) if current.from > reach => present.saturating_sub(before),
            Some(current) => wanted.max(current.from),
            None => wanted,
        };
        Self::starting(from.max(sealed))
    }
}

/// What is known of one monitor in one held slot.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct OpenSlot {
    /// The counts.
    pub(crate) tally: Tally,
    /// The records, ordered by (timestamp, id).
    pub(crate) samples: Vec<Sample>,
    /// The first record that no stored row of this slot holds.
    pub(crate) unsaved: Option<RecordId>,
}

impl OpenSlot {
    /// Makes the slot of a stored row.
    pub(crate) fn stored(tally: Tally, samples: Vec<Sample>) -> Self {
        Self { tally, samples, unsaved: None }
    }

    /// Adds a record.
    pub(crate) fn add(&mut self, sample: &Sample) {
        self.tally.add(sample);
        let place = (sample.timestamp, sample.id);
        let at = match self.samples.last() {
            Some(last) if (last.timestamp, last.id) > place => {
                self.samples.partition_point(|other| (other.timestamp, other.id) < place)
            }
            _ => self.samples.len(),
        };
        self.samples.insert(at, *sample);
        self.unsaved = Some(self.unsaved.map_or(sample.id, |first| first.min(sample.id)));
    }

    /// Adds records that may be among those that the counts are of, because these were deleted: the counts grow only
    /// once more records are there than were counted.
    pub(crate) fn fill(&mut self, samples: &[Sample]) {
        let counted = std::mem::take(&mut self.tally);
        samples.iter().for_each(|sample| self.add(sample));
        self.tally = Tally::default();
        self.samples.iter().for_each(|sample| self.tally.add(sample));
        if self.tally.total() < counted.total() {
            self.tally = counted;
        }
    }

    /// Tells whether a record is in it.
    pub(crate) fn contains(&self, at: UnixSeconds, id: RecordId) -> bool {
        self.samples.binary_search_by_key(&(at, id), |sample| (sample.timestamp, sample.id)).is_ok()
    }
}

/// The held slots and days of all monitors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Held {
    window: Option<HeldWindow>,
    slots: BTreeMap<UnixSeconds, HashMap<MonitorId, OpenSlot>>,
    days: BTreeMap<UnixSeconds, HashMap<MonitorId, Tally>>,
}

/// What a transaction is about to change: records, and where the window stands then.
#[derive(Debug)]
pub(crate) struct Change {
    /// The window after the change.
    pub(crate) window: HeldWindow,
    /// The new records.
    pub(crate) added: Vec<(MonitorId, Sample)>,
}

/// Rows that a change makes necessary.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    /// By slot and monitor.
    pub(crate) slots: Rows<Base<&'a OpenSlot>>,
    /// By day and monitor.
    pub(crate) days: Rows<Base<&'a Tally>>,
}

/// Rows by the start of their piece and their monitor: what each is based on, and the records to add.
type Rows<T> = BTreeMap<(UnixSeconds, MonitorId), (T, Vec<Sample>)>;

/// What a row was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Base<T> {
    /// Held in memory until now; a stored row counts for nothing.
    Held(T),
    /// Stored, or there is none yet.
    Stored,
}

impl Held {
    /// Makes what was held before the process ended, of the stored rows of its slots, the records after them, and the
    /// counts of its days outside of these slots. `tail` gives records of any time, those of the rows among them.
    pub(crate) fn restore(
        window: HeldWindow,
        mut slots: BTreeMap<UnixSeconds, HashMap<MonitorId, OpenSlot>>,
        mut days: BTreeMap<UnixSeconds, HashMap<MonitorId, Tally>>,
        tail: impl Iterator<Item = (MonitorId, Sample)>,
    ) -> Self {
        for slot in window.slots() {
            slots.entry(slot).or_default();
        }
        for day in window.days() {
            days.entry(day).or_default();
        }
        for (monitor, sample) in tail {
            if let Some(held) = slots.get_mut(&slot_of(sample.timestamp)) {
                let open = held.entry(monitor).or_default();
                if !open.contains(sample.timestamp, sample.id) {
                    open.add(&sample);
                }
            }
        }
        for (slot, monitors) in &slots {
            let day = days.entry(day_of(*slot)).or_default();
            for (monitor, open) in monitors {
                day.entry(*monitor).or_default().merge(&open.tally);
            }
        }
        Self { window: Some(window), slots, days }
    }

    /// Returns which slots and days are held; `None` before the first record.
    pub(crate) fn window(&self) -> Option<HeldWindow> {
        self.window
    }

    /// Returns what is held of a slot.
    pub(crate) fn slot(&self, slot: UnixSeconds) -> Option<&HashMap<MonitorId, OpenSlot>> {
        self.slots.get(&slot)
    }

    /// Returns what is held of a day.
    pub(crate) fn day(&self, day: UnixSeconds) -> Option<&HashMap<MonitorId, Tally>> {
        self.days.get(&day)
    }

    /// Returns the held slots with their monitors, oldest first.
    pub(crate) fn slots(
        &self,
    ) -> impl DoubleEndedIterator<Item = (UnixSeconds, &HashMap<MonitorId, OpenSlot>)> {
        self.slots.iter().map(|(slot, monitors)| (*slot, monitors))
    }

    /// Returns the rows that must be written because their slots and days are not held after `change`.
    pub(crate) fn outgoing(&self, change: &Change) -> Outgoing<'_> {
        let mut out = Outgoing { slots: BTreeMap::new(), days: BTreeMap::new() };
        for (&slot, monitors) in self.slots.iter().filter(|(slot, _)| !change.window.holds_slot(**slot)) {
            let rows =
                monitors.iter().map(|(monitor, open)| ((slot, *monitor), (Base::Held(open), Vec::new())));
            out.slots.extend(rows);
        }
        for (&day, monitors) in self.days.iter().filter(|(day, _)| !change.window.holds_day(**day)) {
            let rows =
                monitors.iter().map(|(monitor, tally)| ((day, *monitor), (Base::Held(tally), Vec::new())));
            out.days.extend(rows);
        }
        for (monitor, sample) in &change.added {
            let (slot, day) = (slot_of(sample.timestamp), day_of(sample.timestamp));
            if !change.window.holds_slot(slot) {
                // A slot that was held has no row that counts, also when this monitor had nothing in it.
                let base =
                    if self.slots.contains_key(&slot) { Base::Held(&*EMPTY_SLOT) } else { Base::Stored };
                out.slots.entry((slot, *monitor)).or_insert((base, Vec::new())).1.push(*sample);
            }
            if !change.window.holds_day(day) {
                let base =
                    if self.days.contains_key(&day) { Base::Held(&*EMPTY_TALLY) } else { Base::Stored };
                out.days.entry((day, *monitor)).or_insert((base, Vec::new())).1.push(*sample);
            }
        }
        out
    }

    /// Returns the rows of everything that is held.
    pub(crate) fn all(&self) -> Outgoing<'_> {
        let slots = self.slots.iter().flat_map(|(slot, monitors)| {
            monitors.iter().map(|(monitor, open)| ((*slot, *monitor), (Base::Held(open), Vec::new())))
        });
        let days = self.days.iter().flat_map(|(day, monitors)| {
            monitors.iter().map(|(monitor, tally)| ((*day, *monitor), (Base::Held(tally), Vec::new())))
        });
        Outgoing { slots: slots.collect(), days: days.collect() }
    }

    /// Returns the slots and the days that are held after a move to `window` and are stored now.
    pub(crate) fn entering(&self, window: HeldWindow) -> (Vec<UnixSeconds>, Vec<UnixSeconds>) {
        let slots = window.slots().filter(|slot| !self.slots.contains_key(slot)).collect();
        let days = window.days().filter(|day| !self.days.contains_key(day)).collect();
        (slots, days)
    }

    /// Returns the first record that only memory and the raw records know after `change`; `next` is the number that
    /// the record after the change will get.
    pub(crate) fn tail_after(&self, change: &Change, next: RecordId) -> RecordId {
        let staying = self.slots.iter().filter(|(slot, _)| change.window.holds_slot(**slot));
        let unsaved = staying.flat_map(|(_, monitors)| monitors.values()).filter_map(|open| open.unsaved);
        let held = |sample: &Sample| change.window.holds_slot(slot_of(sample.timestamp));
        let added = change.added.iter().filter(|(_, sample)| held(sample)).map(|(_, sample)| sample.id);
        unsaved.chain(added).min().unwrap_or(next).min(next)
    }

    /// Follows a change that was committed. `slots` and `days` are the stored rows of what [`Held::entering`] named.
    pub(crate) fn apply(
        &mut self,
        change: &Change,
        mut slots: BTreeMap<UnixSeconds, HashMap<MonitorId, OpenSlot>>,
        mut days: BTreeMap<UnixSeconds, HashMap<MonitorId, Tally>>,
    ) {
        let window = change.window;
        if self.window != Some(window) {
            self.window = Some(window);
            self.slots.retain(|slot, _| window.holds_slot(*slot));
            self.days.retain(|day, _| window.holds_day(*day));
            for slot in window.slots() {
                self.slots.entry(slot).or_insert_with(|| slots.remove(&slot).unwrap_or_default());
            }
            for day in window.days() {
                self.days.entry(day).or_insert_with(|| days.remove(&day).unwrap_or_default());
            }
        }
        for (monitor, sample) in &change.added {
            if let Some(monitors) = self.slots.get_mut(&slot_of(sample.timestamp)) {
                monitors.entry(*monitor).or_default().add(sample);
            }
            if let Some(monitors) = self.days.get_mut(&day_of(sample.timestamp)) {
                monitors.entry(*monitor).or_default().add(sample);
            }
        }
    }
}

static EMPTY_SLOT: std::sync::LazyLock<OpenSlot> = std::sync::LazyLock::new(OpenSlot::default);
static EMPTY_TALLY: std::sync::LazyLock<Tally> = std::sync::LazyLock::new(Tally::default);
