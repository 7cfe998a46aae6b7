//! Where in its interval a monitor is probed: pure arithmetic over the order of the groups.

use std::{collections::HashMap, sync::Arc, time::Duration};

use relay_core::{Monitor, MonitorKey, Psc, schedule::MonitorSet};

/// Between the first probes of neighbouring groups.
const FIRST_STEP: Duration = Duration::from_secs(3);

/// Between the models of one group.
const MODEL_STEP: Duration = Duration::from_secs(2);

/// Intervals below this are taken as this: a plan must not spin.
const SHORTEST: Duration = Duration::from_millis(1);

/// When a monitor that enters the plan is probed, counted from the moment it enters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// Its first probe.
    pub(super) first: Duration,
    /// Its anchor: later probes are at `anchor + k·interval` for k ≥ 0.
    pub(super) anchor: Duration,
}

/// Returns the interval that the plan uses for a monitor.
pub(super) fn interval(monitor: &Monitor) -> Duration {
    monitor.interval.max(SHORTEST)
}

/// Returns the places of those active monitors of `set` that enter the plan now, in configuration order.
///
/// A group's phase comes from its position among all groups, so that a monitor that enters later lands between the
/// others; how soon its first probe is comes from its position among the groups that enter, so that it is soon.
pub(super) fn places(set: &MonitorSet, enters: impl Fn(&MonitorKey) -> bool) -> Vec<(&Arc<Monitor>, Place)> {
    // Most reloads change a few monitors of many, or none.
    if !active(set).any(|monitor| enters(&monitor.key)) {
        return Vec::new();
    }
    let groups = Groups::of(set);
    let mut ranks: HashMap<&Psc, u32> = HashMap::new();
    let mut placed = Vec::new();
    for monitor in active(set).filter(|monitor| enters(&monitor.key)) {
        let rank = next_rank(&mut ranks, monitor.key.psc());
        let place = if set.stagger {
            groups.place(monitor, rank)
        } else {
            Place { first: Duration::ZERO, anchor: Duration::ZERO }
        };
        placed.push((monitor, place));
    }
    placed
}

/// Returns the monitors that are probed, in configuration order.
pub(super) fn active(set: &MonitorSet) -> impl Iterator<Item = &Arc<Monitor>> {
    set.monitors.iter().filter(|monitor| monitor.is_active())
}

fn next_rank<'a>(ranks: &mut HashMap<&'a Psc, u32>, psc: &'a Psc) -> u32 {
    let next = u32::try_from(ranks.len()).unwrap_or(u32::MAX);
    *ranks.entry(psc).or_insert(next)
}

/// The active groups in the order of their first monitor, and the models of each, parent first.
struct Groups<'a> {
    positions: HashMap<&'a Psc, u32>,
    /// Position within the group.
    models: HashMap<&'a MonitorKey, u32>,
    sizes: HashMap<&'a Psc, u32>,
}

impl<'a> Groups<'a> {
    fn of(set: &'a MonitorSet) -> Self {
        let mut groups = Self { positions: HashMap::new(), models: HashMap::new(), sizes: HashMap::new() };
        for monitor in active(set) {
            next_rank(&mut groups.positions, monitor.key.psc());
        }
        let parents = active(set).filter(|monitor| !monitor.is_child);
        let children = active(set).filter(|monitor| monitor.is_child);
        for monitor in parents.chain(children) {
            let size = groups.sizes.entry(monitor.key.psc()).or_default();
            groups.models.insert(&monitor.key, *size);
            *size += 1;
        }
        groups
    }

    fn place(&self, monitor: &Monitor, rank: u32) -> Place {
        let psc = monitor.key.psc();
        let interval = interval(monitor);
        let position = self.positions.get(psc).copied().unwrap_or_default();
        let phase = phase(psc, interval, position, self.positions.len());
        let size = self.sizes.get(psc).copied().unwrap_or(1);
        let model = self.models.get(&monitor.key).copied().unwrap_or_default();
        let offset = model_offset(interval, model, size);
        Place { first: phase.min(FIRST_STEP.saturating_mul(rank)) + offset, anchor: phase + offset }
    }
}

/// `interval · position / groups`, moved by up to 5 % of `interval / groups` either way, never before 0.
fn phase(psc: &Psc, interval: Duration, position: u32, groups: usize) -> Duration {
    let share = interval.as_secs_f64() / groups.max(1) as f64;
    let at = share * (f64::from(position) + 0.05 * jitter(psc));
    Duration::try_from_secs_f64(at.max(0.0)).unwrap_or(Duration::MAX / 4)
}

/// The models of a group follow each other closely, but all within half an interval.
fn model_offset(interval: Duration, model: u32, size: u32) -> Duration {
    let gaps = size.saturating_sub(1).max(1);
    MODEL_STEP.min(interval / 2 / gaps) * model
}

/// A number in [-1, 1) that depends on the group's key alone: FNV-1a over its parts, so that it is the same in every
/// build and on every machine.
fn jitter(psc: &Psc) -> f64 {
    let parts = [psc.provider(), psc.service(), psc.channel()];
    let bytes = parts.iter().flat_map(|part| part.bytes().chain([0]));
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    // The upper bits are the well-mixed ones; 32 of them fit an f64 exactly.
    let high = u32::try_from(hash >> 32).unwrap_or_default();
    f64::from(high) / f64::from(u32::MAX / 2 + 1) - 1.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scheduler::testing::{child, monitor, set};

    fn secs(place: Duration) -> f64 {
        place.as_secs_f64()
    }

    #[test]
    fn groups_share_the_interval_and_start_three_seconds_apart() {
        let monitors: Vec<_> = (0..10).map(|n| monitor(&format!("p{n}"), "", 100)).collect();
        let set = set(monitors);
        for (index, (_, place)) in places(&set, |_| true).into_iter().enumerate() {
            let even = 10.0 * index as f64;
            assert!((secs(place.anchor) - even).abs() <= 0.5, "group {index}: {place:?}");
            assert!((secs(place.first) - 3.0 * index as f64).abs() < 1e-9, "group {index}: {place:?}");
        }
    }

    #[test]
    fn a_first_probe_never_waits_longer_than_its_phase() {
        let monitors: Vec<_> = (0..100).map(|n| monitor(&format!("p{n}"), "", 60)).collect();
        let set = set(monitors);
        let all = places(&set, |_| true);
        assert_eq!(all[0].1.first, Duration::ZERO);
        assert!(all[1..].iter().all(|(_, place)| place.first == place.anchor));
    }

    #[test]
    fn models_follow_two_seconds_apart_with_the_parent_first() {
        let set = set(vec![child("p", "b", 60), monitor("p", "a", 60), child("p", "c", 60)]);
        let shown: Vec<_> = places(&set, |_| true)
            .into_iter()
            .map(|(monitor, place)| (monitor.key.model(), place.first.as_secs(), place.anchor.as_secs()))
            .collect();
        let after = |seconds| Duration::from_secs(seconds);
        let zero = phase(set.monitors[0].key.psc(), after(60), 0, 1).as_secs();
        assert_eq!(zero, 0);
        assert_eq!(shown, [("b", 2, 2 + zero), ("a", 0, zero), ("c", 4, 4 + zero)]);
    }

    #[test]
    fn many_models_stay_within_half_the_interval() {
        let mut monitors = vec![monitor("p", "m0", 60)];
        monitors.extend((1..61).map(|n| child("p", &format!("m{n}"), 60)));
        let set = set(monitors);
        let first: Vec<_> = places(&set, |_| true).iter().map(|(_, place)| place.first).collect();
        assert_eq!(first[0], Duration::ZERO);
        assert_eq!(first[60], Duration::from_secs(30));
        assert!(first.windows(2).all(|pair| pair[1] - pair[0] == Duration::from_millis(500)));
    }

    #[test]
    fn without_staggering_all_are_due_at_once() {
        let mut set = set(vec![monitor("a", "", 60), monitor("b", "x", 60), child("b", "y", 30)]);
        set.stagger = false;
        assert!(
            places(&set, |_| true).iter().all(|(_, place)| place.first.is_zero() && place.anchor.is_zero())
        );
    }

    #[test]
    fn jitter_is_spread_over_its_range() {
        let all: Vec<f64> = (0..1000).map(|n| jitter(&Psc::new(format!("p{n}"), "cc", ""))).collect();
        assert!(all.iter().all(|value| (-1.0..1.0).contains(value)));
        let mean = all.iter().sum::<f64>() / 1000.0;
        assert!(mean.abs() < 0.1, "{mean}");
    }
}
