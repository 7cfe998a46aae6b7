//! Who may start now: due monitors in due order, within the limits.

use std::{
    collections::{BTreeMap, HashMap},
    num::NonZeroUsize,
    time::Duration,
};

use relay_core::{Psc, record::Source};

use super::plan::PlanId;

/// Probes that are due but have not started, and how many have. Oldest first; a group at its own limit waits aside,
/// so that it holds nobody else up, and comes back to its old place in the order.
#[derive(Debug, Default)]
pub(super) struct Queue {
    ready: BTreeMap<Turn, Waiting>,
    groups: HashMap<Psc, Group>,
    group_limit: Option<NonZeroUsize>,
    limit: usize,
    in_flight: usize,
}

/// The place in the queue: first come, first served; ties in the order of the plan.
type Turn = (Duration, PlanId);

/// One probe that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    /// The group, for its limit.
    pub(super) psc: Psc,
    /// Who asked for it.
    pub(super) source: Source,
}

/// Kept only while something of the group is in flight or set aside.
#[derive(Debug, Default)]
struct Group {
    in_flight: usize,
    aside: BTreeMap<Turn, Waiting>,
}

impl Queue {
    pub(super) fn new(group_limit: Option<NonZeroUsize>) -> Self {
        Self { group_limit, ..Self::default() }
    }

    /// Sets how many probes may be in flight. What is in flight already stays.
    pub(super) fn set_limit(&mut self, limit: usize) {
        self.limit = limit.max(1);
    }

    /// Lets a probe wait for its turn.
    pub(super) fn push(&mut self, due: Duration, id: PlanId, waiting: Waiting) {
        self.ready.insert((due, id), waiting);
    }

    /// Takes the probe whose turn it is, `None` when nobody waits or the limits are reached.
    pub(super) fn start(&mut self) -> Option<(Duration, PlanId, Waiting)> {
        while self.in_flight < self.limit {
            let (turn, waiting) = self.ready.pop_first()?;
            if let Some(limit) = self.group_limit {
                let group = self.groups.entry(waiting.psc.clone()).or_default();
                if group.in_flight >= limit.get() {
                    group.aside.insert(turn, waiting);
                    continue;
                }
                group.in_flight += 1;
            }
            self.in_flight += 1;
            return Some((turn.0, turn.1, waiting));
        }
        None
    }

    /// Gives back the turn of a probe that has ended, however it ended.
    pub(super) fn finish(&mut self, psc: &Psc) {
        self.in_flight = self.in_flight.saturating_sub(1);
        let Some(group) = self.groups.get_mut(psc) else { return };
        group.in_flight = group.in_flight.saturating_sub(1);
        if let Some((turn, waiting)) = group.aside.pop_first() {
            self.ready.insert(turn, waiting);
        } else if group.in_flight == 0 {
            self.groups.remove(psc);
        }
    }

    /// Forgets those who wait and are not wanted any more.
    pub(super) fn retain(&mut self, wanted: impl Fn(PlanId) -> bool) {
        self.ready.retain(|(_, id), _| wanted(*id));
        self.groups.retain(|_, group| {
            group.aside.retain(|(_, id), _| wanted(*id));
            group.in_flight > 0 || !group.aside.is_empty()
        });
    }

    /// Returns how many wait.
    pub(super) fn waiting(&self) -> usize {
        self.ready.len() + self.groups.values().map(|group| group.aside.len()).sum::<usize>()
    }

    #[cfg(test)]
    pub(super) fn scheduled(&self) -> u64 {
        let aside = self.groups.values().flat_map(|group| group.aside.values());
        self.ready.values().chain(aside).filter(|waiting| waiting.source == Source::Schedule).count() as u64
    }

    /// Returns how many are in flight.
    pub(super) fn in_flight(&self) -> usize {
        self.in_flight
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waiting(group: &str) -> Waiting {
        Waiting { psc: Psc::new(group, "cc", ""), source: Source::Schedule }
    }

    fn queue(limit: usize, group_limit: usize) -> Queue {
        let mut queue = Queue::new(NonZeroUsize::new(group_limit));
        queue.set_limit(limit);
        queue
    }

    fn started(queue: &mut Queue) -> Vec<PlanId> {
        std::iter::from_fn(|| queue.start()).map(|(_, id, _)| id).collect()
    }

    #[test]
    fn oldest_first_up_to_the_limit() {
        let mut queue = queue(2, 0);
        for (id, due) in [(1, 30), (2, 10), (3, 20)] {
            queue.push(Duration::from_secs(due), id, waiting("p"));
        }
        assert_eq!(started(&mut queue), [2, 3]);
        assert_eq!((queue.waiting(), queue.in_flight()), (1, 2));
        queue.finish(&waiting("p").psc);
        assert_eq!(started(&mut queue), [1]);
    }

    #[test]
    fn a_group_at_its_limit_holds_nobody_else_up_and_keeps_its_place() {
        let mut queue = queue(10, 1);
        for (id, due, group) in [(1, 1, "a"), (2, 2, "a"), (3, 3, "a"), (4, 4, "b")] {
            queue.push(Duration::from_secs(due), id, waiting(group));
        }
        assert_eq!(started(&mut queue), [1, 4]);
        assert_eq!(queue.waiting(), 2);
        queue.finish(&waiting("a").psc);
        assert_eq!(started(&mut queue), [2]);
        queue.finish(&waiting("b").psc);
        assert_eq!(started(&mut queue), [0; 0]);
        queue.finish(&waiting("a").psc);
        assert_eq!(started(&mut queue), [3]);
        queue.finish(&waiting("a").psc);
        assert!(queue.groups.is_empty(), "idle groups cost nothing");
    }

    #[test]
    fn the_unwanted_are_forgotten_wherever_they_wait() {
        let mut queue = queue(10, 1);
        for id in 1..=4 {
            queue.push(Duration::from_secs(1), id, waiting("a"));
        }
        assert_eq!(started(&mut queue), [1]);
        queue.retain(|id| id == 4);
        assert_eq!(queue.waiting(), 1);
        queue.finish(&waiting("a").psc);
        assert_eq!(started(&mut queue), [4]);
    }
}
