//! The plan of due times: pure, given the time as a duration since the scheduler started.
//!
//! A monitor enters the plan with a first probe and an anchor, and is due at the first probe and then at
//! `anchor + k·interval`, k ≥ 0, leaving out a time sooner than half an interval after the first probe, so that the
//! second probe comes half an interval to one and a half after the first, however far off the anchor is. Nothing moves
//! these times: a slot whose monitor is still waiting or running is skipped, slots missed while the process was held
//! up are skipped too, and both are counted.
//!
//! Each stay of a monitor in the plan has an id that is never used again. A monitor whose probing changed leaves and
//! enters anew, so a result that comes back under an old id is known to be out of date.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    num::NonZeroUsize,
    sync::Arc,
    time::Duration,
};

use relay_core::{
    Monitor, MonitorKey, Psc,
    record::Source,
    schedule::{Concurrency, MonitorSet},
};

use super::{
    phase::{self, Place},
    queue::{Queue, Waiting},
};

#[cfg(test)]
mod tests;

/// One stay of a monitor in the plan; rises in the order of entering.
pub(super) type PlanId = u64;

/// All active monitors with their next due times, and the queue of those that are due.
#[derive(Debug)]
pub(super) struct Plan {
    entries: HashMap<PlanId, Entry>,
    by_key: HashMap<MonitorKey, PlanId>,
    /// One item per entry, except while its due slots are being worked off.
    due: BinaryHeap<Reverse<(Duration, PlanId)>>,
    queue: Queue,
    next_id: PlanId,
    skipped: Skipped,
}

/// Slots that were not probed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Skipped {
    /// Because the probe before was still waiting or running.
    pub(super) busy: u64,
    /// Because the process was held up past the slot and the one after it.
    pub(super) missed: u64,
}

/// A probe that may start now.
#[derive(Debug, Clone)]
pub(super) struct Start {
    pub(super) id: PlanId,
    pub(super) monitor: Arc<Monitor>,
    pub(super) source: Source,
    /// When it should have started.
    pub(super) due: Duration,
}

/// What a reload changed: the stays that are over.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Reloaded {
    pub(super) entered: usize,
    pub(super) left: Vec<PlanId>,
}

#[derive(Debug)]
struct Entry {
    monitor: Arc<Monitor>,
    anchor: Duration,
    state: State,
    /// Somebody asked for a probe that has not started yet.
    asked: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Idle,
    Waiting,
    Running,
}

// === impl Plan ===

impl Plan {
    /// Makes an empty plan. `group_limit` bounds the probes of one group in flight at once.
    pub(super) fn new(group_limit: Option<NonZeroUsize>) -> Self {
        Self {
            entries: HashMap::new(),
            by_key: HashMap::new(),
            due: BinaryHeap::new(),
            queue: Queue::new(group_limit),
            next_id: 0,
            skipped: Skipped::default(),
        }
    }

    /// Takes over a new set at `now`. Monitors whose probing is unchanged keep their place; others leave, and enter
    /// anew if they are still active.
    pub(super) fn reload(&mut self, set: &MonitorSet, now: Duration) -> Reloaded {
        let mut kept = HashMap::with_capacity(set.monitors.len());
        for monitor in phase::active(set) {
            let Some(id) = self.by_key.get(&monitor.key) else { continue };
            let Some(entry) = self.entries.get_mut(id) else { continue };
            if same_probing(&entry.monitor, monitor) {
                entry.monitor = monitor.clone();
                kept.insert(monitor.key.clone(), *id);
            }
        }
        let mut reloaded = Reloaded::default();
        let mut asked = Vec::new();
        for (key, id) in std::mem::replace(&mut self.by_key, kept) {
            if !self.by_key.contains_key(&key) {
                if self.entries.remove(&id).is_some_and(|entry| entry.asked) {
                    asked.push(key);
                }
                reloaded.left.push(id);
            }
        }
        self.due.retain(|Reverse((_, id))| self.entries.contains_key(id));
        self.queue.retain(|id| self.entries.contains_key(&id));

        let placed = phase::places(set, |key| !self.by_key.contains_key(key));
        reloaded.entered = placed.len();
        for (monitor, place) in placed {
            self.enter(monitor, place, now);
        }
        for key in asked {
            self.request(&key, now);
        }
        self.queue.set_limit(match set.concurrency {
            Concurrency::Limit(limit) => limit,
            Concurrency::PerMonitor => self.entries.len(),
        });
        reloaded
    }

    fn enter(&mut self, monitor: &Arc<Monitor>, place: Place, now: Duration) {
        let id = self.next_id;
        // A second monitor of the same key is a fault of whoever made the set; the first one stands.
        if self.by_key.contains_key(&monitor.key) {
            return;
        }
        self.next_id += 1;
        self.by_key.insert(monitor.key.clone(), id);
        let anchor = now.saturating_add(place.anchor);
        let entry = Entry { monitor: monitor.clone(), anchor, state: State::Idle, asked: false };
        self.entries.insert(id, entry);
        self.due.push(Reverse((now.saturating_add(place.first), id)));
    }

    /// Returns when the next monitor is due, `None` when there are none.
    pub(super) fn next_due(&self) -> Option<Duration> {
        self.due.peek().map(|Reverse((due, _))| *due)
    }

    /// Moves the monitors that are due at `now` into the queue and works out when they are due again.
    pub(super) fn advance(&mut self, now: Duration) {
        while let Some(mut top) = self.due.peek_mut() {
            let Reverse((due, id)) = *top;
            if due > now {
                break;
            }
            let Some(entry) = self.entries.get_mut(&id) else {
                std::collections::binary_heap::PeekMut::pop(top);
                continue;
            };
            let (next, missed) = entry.following(due, now);
            *top = Reverse((next, id));
            drop(top);
            self.skipped.missed += missed;
            if entry.state == State::Idle {
                entry.state = State::Waiting;
                let psc = entry.monitor.key.psc().clone();
                self.queue.push(due, id, Waiting { psc, source: Source::Schedule });
            } else {
                self.skipped.busy += 1;
            }
        }
    }

    /// Queues a probe that somebody asked for at `now`. While one of this monitor is waiting or running, it follows
    /// that one. Returns whether the monitor is in the plan.
    pub(super) fn request(&mut self, key: &MonitorKey, now: Duration) -> bool {
        let Some(id) = self.by_key.get(key) else { return false };
        let Some(entry) = self.entries.get_mut(id) else { return false };
        entry.asked = true;
        if entry.state == State::Idle {
            entry.state = State::Waiting;
            self.queue.push(now, *id, Waiting { psc: key.psc().clone(), source: Source::Manual });
        }
        true
    }

    /// Takes the probe that may start now, `None` when none is due or the limits are reached. The caller must call
    /// [`Plan::finish`] when it has ended.
    pub(super) fn start(&mut self) -> Option<Start> {
        let (due, id, Waiting { psc, source }) = self.queue.start()?;
        let Some(entry) = self.entries.get_mut(&id) else {
            self.queue.finish(&psc);
            return self.start();
        };
        entry.state = State::Running;
        entry.asked &= source != Source::Manual;
        Some(Start { id, monitor: entry.monitor.clone(), source, due })
    }

    /// Notes at `now` that the probe of a stay has ended. Returns whether its result counts: not if the monitor has
    /// left the plan since, or was changed.
    pub(super) fn finish(&mut self, id: PlanId, psc: &Psc, now: Duration) -> bool {
        self.queue.finish(psc);
        let Some(entry) = self.entries.get_mut(&id) else { return false };
        entry.state = State::Idle;
        if entry.asked {
            entry.state = State::Waiting;
            self.queue.push(now, id, Waiting { psc: psc.clone(), source: Source::Manual });
        }
        true
    }

    /// Returns the keys of all monitors in the plan, in no order.
    pub(super) fn keys(&self) -> impl Iterator<Item = &MonitorKey> {
        self.by_key.keys()
    }

    /// Returns how many monitors are in the plan.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns how many probes are due but have not started.
    pub(super) fn waiting(&self) -> usize {
        self.queue.waiting()
    }

    #[cfg(test)]
    fn waiting_scheduled(&self) -> u64 {
        self.queue.scheduled()
    }

    /// Returns how many probes are in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.queue.in_flight()
    }

    /// Returns the slots skipped since the plan was made.
    pub(super) fn skipped(&self) -> Skipped {
        self.skipped
    }
}

/// Whether a probe made for one stands for the other, at the same times.
fn same_probing(old: &Arc<Monitor>, new: &Arc<Monitor>) -> bool {
    Arc::ptr_eq(old, new)
        || (old.interval == new.interval && (Arc::ptr_eq(&old.probe, &new.probe) || old.probe == new.probe))
}

// === impl Entry ===

impl Entry {
    /// Returns the next due time after `due`, and how many due times in between lie at or before `now`.
    fn following(&self, due: Duration, now: Duration) -> (Duration, u64) {
        let interval = phase::interval(&self.monitor);
        // Before the anchor, `due` was the early first probe.
        let earliest =
            if due < self.anchor { due.saturating_add(interval / 2) } else { due.saturating_add(interval) };
        let next = self.slot_from(earliest, interval);
        if next > now {
            return (next, 0);
        }
        let missed = (now - next).as_nanos() / interval.as_nanos() + 1;
        (next.saturating_add(times(interval, missed)), u64::try_from(missed).unwrap_or(u64::MAX))
    }

    /// Returns the first `anchor + k·interval`, k ≥ 0, that is not before `earliest`.
    fn slot_from(&self, earliest: Duration, interval: Duration) -> Duration {
        let behind = earliest.saturating_sub(self.anchor).as_nanos();
        let k = behind.div_ceil(interval.as_nanos());
        self.anchor.saturating_add(times(interval, k))
    }
}

/// `interval · k`, saturating after 584 years.
fn times(interval: Duration, k: u128) -> Duration {
    Duration::from_nanos(u64::try_from(interval.as_nanos().saturating_mul(k)).unwrap_or(u64::MAX))
}
