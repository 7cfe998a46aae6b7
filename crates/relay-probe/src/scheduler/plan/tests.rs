use std::collections::BTreeMap;

use proptest::prelude::*;
use relay_core::monitor::Board;

use super::*;
use crate::scheduler::testing::{bare, child, monitor, set};

const SECOND: Duration = Duration::from_secs(1);

/// Runs the plan with probes that take no time, and returns when each monitor was probed.
fn simulate(plan: &mut Plan, from: Duration, to: Duration) -> BTreeMap<String, Vec<Duration>> {
    let mut seen: BTreeMap<PlanId, (Arc<Monitor>, Vec<Duration>)> = BTreeMap::new();
    while let Some(now) = plan.next_due().filter(|due| *due < to) {
        assert!(now >= from, "nothing is due in the past");
        plan.advance(now);
        while let Some(start) = plan.start() {
            assert_eq!(start.due, now);
            plan.finish(start.id, start.monitor.key.psc(), now);
            seen.entry(start.id).or_insert_with(|| (start.monitor, Vec::new())).1.push(now);
        }
    }
    seen.into_values().map(|(monitor, times)| (monitor.key.to_string(), times)).collect()
}

/// The due times of a monitor read off the rules, one by one.
fn plain_times(place: Place, interval: Duration, entered: Duration, to: Duration) -> Vec<Duration> {
    let first = entered + place.first;
    let mut times = vec![first];
    let mut slot = entered + place.anchor;
    while slot < to {
        if slot >= first + interval / 2 {
            times.push(slot);
        }
        slot += interval;
    }
    times.retain(|time| *time < to);
    times
}

fn plain(set: &MonitorSet, entered: Duration, to: Duration) -> BTreeMap<String, Vec<Duration>> {
    phase::places(set, |_| true)
        .into_iter()
        .map(|(monitor, place)| (monitor.key.to_string(), plain_times(place, monitor.interval, entered, to)))
        .filter(|(_, times)| !times.is_empty())
        .collect()
}

fn started(plan: &mut Plan) -> Vec<Start> {
    std::iter::from_fn(|| plan.start()).collect()
}

/// Probes of a monitor per day: one a minute; fewer without optimisation, where they would take a minute.
const A_DAY: u64 = if cfg!(debug_assertions) { 144 } else { 1_440 };

#[test]
fn a_day_of_a_thousand_monitors_hits_every_due_time() {
    let day = 86_400 * SECOND;
    let monitors = (0..1000).map(|n| monitor(&format!("p{n}"), "", 86_400 / A_DAY)).collect();
    let set = set(monitors);
    let mut plan = Plan::new(None);
    let before = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    plan.reload(&set, Duration::ZERO);
    let seen = simulate(&mut plan, Duration::ZERO, day);
    let after = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    // Processor time, so that a busy machine does not count.
    let took = (after.tv_sec - before.tv_sec) as f64 + (after.tv_nsec - before.tv_nsec) as f64 / 1e9;
    assert!(cfg!(debug_assertions) || took < 1.0, "{took} s");
    assert_eq!(seen, plain(&set, Duration::ZERO, day));
    assert_eq!(seen.values().map(Vec::len).sum::<usize>() as u64, 1_000 * A_DAY);
    assert_eq!(plan.skipped(), Skipped::default());
}

#[test]
fn a_monitor_that_is_still_running_skips_its_slot_and_keeps_its_cadence() {
    let mut plan = Plan::new(None);
    plan.reload(&set(vec![monitor("p", "", 10)]), Duration::ZERO);
    plan.advance(Duration::ZERO);
    let first = plan.start().expect("due");
    plan.advance(10 * SECOND);
    assert!(plan.start().is_none(), "never two at once");
    assert_eq!(plan.skipped(), Skipped { busy: 1, missed: 0 });
    plan.finish(first.id, first.monitor.key.psc(), 12 * SECOND);
    assert!(plan.start().is_none(), "a skipped slot is not made up for");
    assert_eq!(plan.next_due(), Some(20 * SECOND));
}

#[test]
fn slots_missed_by_a_long_pause_make_no_burst() {
    let mut plan = Plan::new(None);
    plan.reload(&set(vec![monitor("p", "", 10)]), Duration::ZERO);
    plan.advance(95 * SECOND);
    assert_eq!(started(&mut plan).len(), 1);
    assert_eq!(plan.skipped(), Skipped { busy: 0, missed: 9 });
    assert_eq!(plan.next_due(), Some(100 * SECOND));
}

#[test]
fn due_monitors_wait_in_due_order_while_the_limit_is_reached() {
    let mut set = set((0..5).map(|n| monitor(&format!("p{n}"), "", 100)).collect());
    set.concurrency = Concurrency::Limit(2);
    let mut plan = Plan::new(None);
    plan.reload(&set, Duration::ZERO);
    plan.advance(50 * SECOND);
    let names = |starts: &[Start]| -> Vec<String> {
        starts.iter().map(|start| start.monitor.key.provider().to_owned()).collect()
    };
    let running = started(&mut plan);
    assert_eq!(names(&running), ["p0", "p1"]);
    assert_eq!((plan.waiting(), plan.in_flight()), (3, 2));
    plan.finish(running[1].id, running[1].monitor.key.psc(), 51 * SECOND);
    assert_eq!(names(&started(&mut plan)), ["p2"]);
}

#[test]
fn a_reload_moves_no_unchanged_monitor_and_brings_new_ones_in_soon() {
    let old: Vec<_> = (0..50).map(|n| monitor(&format!("p{n}"), "", 600)).collect();
    let mut plan = Plan::new(None);
    plan.reload(&set(old.clone()), Duration::ZERO);
    let expected = plain(&set(old.clone()), Duration::ZERO, 3600 * SECOND);
    simulate(&mut plan, Duration::ZERO, 700 * SECOND);

    // Equal but not the same allocation, in another order, and with a display name changed.
    let mut all: Vec<_> = old
        .iter()
        .rev()
        .map(|monitor| {
            let mut copy = (**monitor).clone();
            copy.listing.provider_name = Some("Shown".to_owned());
            copy.probe = Arc::new((*monitor.probe).clone());
            Arc::new(copy)
        })
        .collect();
    all.push(monitor("new-a", "", 600));
    all.push(monitor("new-b", "", 600));
    let reloaded = plan.reload(&set(all), 700 * SECOND);
    assert_eq!((reloaded.entered, reloaded.left.len()), (2, 0));

    let seen = simulate(&mut plan, 700 * SECOND, 3600 * SECOND);
    for (key, times) in &expected {
        let later: Vec<_> = times.iter().copied().filter(|time| *time >= 700 * SECOND).collect();
        assert_eq!(seen[key], later, "{key}");
    }
    assert_eq!(seen["new-a/cc"][0], 700 * SECOND);
    assert_eq!(seen["new-b/cc"][0], 703 * SECOND);
}

#[test]
fn changed_removed_disabled_and_cold_monitors_leave_with_their_results() {
    let names = ["kept", "slower", "elsewhere", "removed", "disabled", "cold"];
    let old: Vec<_> = names.iter().map(|name| monitor(name, "", 60)).collect();
    let mut all = set(old);
    all.stagger = false;
    let mut plan = Plan::new(None);
    plan.reload(&all, Duration::ZERO);
    plan.advance(Duration::ZERO);
    let running = started(&mut plan);
    assert_eq!(running.len(), names.len());

    all.monitors.remove(3);
    for monitor in &mut all.monitors {
        let changed = Arc::make_mut(monitor);
        match changed.key.provider() {
            "slower" => changed.interval = 120 * SECOND,
            "elsewhere" => Arc::make_mut(&mut changed.probe).model = "other".to_owned(),
            "disabled" => changed.disabled = Some(String::new()),
            "cold" => changed.board = Board::Cold,
            _ => {}
        }
    }
    let reloaded = plan.reload(&all, SECOND);
    assert_eq!((reloaded.entered, reloaded.left.len()), (2, 5));
    let counted: Vec<_> = running
        .iter()
        .filter(|start| plan.finish(start.id, start.monitor.key.psc(), 2 * SECOND))
        .map(|start| start.monitor.key.provider().to_owned())
        .collect();
    assert_eq!(counted, ["kept"]);
    assert_eq!(plan.in_flight(), 0);
    plan.advance(2 * SECOND);
    let mut again: Vec<_> =
        started(&mut plan).iter().map(|start| start.monitor.key.provider().to_owned()).collect();
    again.sort();
    assert_eq!(again, ["elsewhere", "slower"]);
}

#[test]
fn a_request_follows_a_running_probe_and_moves_no_slot() {
    let mut plan = Plan::new(None);
    plan.reload(&set(vec![monitor("p", "", 10)]), Duration::ZERO);
    let key = MonitorKey::from_parts("p", "cc", "", "");
    assert!(!plan.request(&MonitorKey::from_parts("q", "cc", "", ""), Duration::ZERO));
    plan.advance(Duration::ZERO);
    let scheduled = plan.start().expect("due");
    assert_eq!(scheduled.source, Source::Schedule);
    assert!(plan.request(&key, SECOND) && plan.request(&key, SECOND));
    assert!(plan.start().is_none());
    plan.finish(scheduled.id, key.psc(), 2 * SECOND);
    let manual = plan.start().expect("asked for");
    assert_eq!((manual.source, manual.due), (Source::Manual, 2 * SECOND));
    plan.finish(manual.id, key.psc(), 3 * SECOND);
    assert!(plan.start().is_none(), "asked for twice, served once");
    assert_eq!(plan.next_due(), Some(10 * SECOND));
}

#[test]
fn a_request_survives_a_reload_that_changes_its_monitor() {
    let mut all = set(vec![monitor("a", "", 60), monitor("b", "", 60)]);
    all.concurrency = Concurrency::Limit(1);
    let mut plan = Plan::new(None);
    plan.reload(&all, Duration::ZERO);
    plan.advance(Duration::ZERO);
    let busy = plan.start().expect("a is due");
    plan.request(&MonitorKey::from_parts("b", "cc", "", ""), Duration::ZERO);
    Arc::make_mut(&mut all.monitors[1]).interval = 90 * SECOND;
    plan.reload(&all, SECOND);
    plan.finish(busy.id, busy.monitor.key.psc(), SECOND);
    let asked = plan.start().expect("still asked for");
    assert_eq!((asked.monitor.key.provider(), asked.source), ("b", Source::Manual));
}

#[test]
fn a_limit_per_group_leaves_the_other_groups_alone() {
    let mut all = set(vec![monitor("a", "x", 60), child("a", "y", 60), monitor("b", "", 60)]);
    all.stagger = false;
    let mut plan = Plan::new(NonZeroUsize::new(1));
    plan.reload(&all, Duration::ZERO);
    plan.advance(Duration::ZERO);
    let running = started(&mut plan);
    let keys: Vec<_> = running.iter().map(|start| start.monitor.key.to_string()).collect();
    assert_eq!(keys, ["a/cc//x", "b/cc"]);
    plan.finish(running[0].id, running[0].monitor.key.psc(), SECOND);
    assert_eq!(started(&mut plan)[0].monitor.key.model(), "y");
}

#[test]
fn an_entry_costs_little() {
    let per_monitor = size_of::<Entry>() + 2 * size_of::<MonitorKey>() + 2 * size_of::<PlanId>() + 64;
    assert!(per_monitor <= 512, "{per_monitor}");
}

fn arbitrary_set() -> impl Strategy<Value = MonitorSet> {
    let monitor = (0usize..6, 0usize..4, 1u64..200_000);
    (prop::collection::vec(monitor, 1..20), any::<bool>(), prop::option::of(1usize..4)).prop_map(
        |(monitors, stagger, limit)| {
            let mut unique = BTreeMap::new();
            for (group, model, millis) in monitors {
                let interval = Duration::from_millis(millis);
                let made = bare(&format!("p{group}"), &format!("m{model}"), interval, model > 0);
                unique.entry((group, model)).or_insert_with(|| Arc::new(made));
            }
            let concurrency = limit.map_or(Concurrency::PerMonitor, Concurrency::Limit);
            MonitorSet { monitors: unique.into_values().collect(), concurrency, stagger }
        },
    )
}

proptest! {
    #[test]
    fn every_due_time_is_hit(set in arbitrary_set()) {
        let end = 300 * SECOND;
        let mut plan = Plan::new(None);
        plan.reload(&set, Duration::ZERO);
        prop_assert_eq!(simulate(&mut plan, Duration::ZERO, end), plain(&set, Duration::ZERO, end));
        prop_assert_eq!(plan.skipped(), Skipped::default());
    }

    /// Random pauses, running times, reloads and requests: no monitor runs twice at once, the limit holds, nothing
    /// starts before it is due, and each due time is either probed or counted as skipped.
    #[test]
    fn slots_are_probed_or_counted_and_never_doubled(
        set in arbitrary_set(),
        steps in prop::collection::vec((0u64..60_000, any::<prop::sample::Index>(), 0u8..4), 1..120),
    ) {
        let limit = match set.concurrency {
            Concurrency::Limit(limit) => limit,
            Concurrency::PerMonitor => set.monitors.len(),
        };
        let mut plan = Plan::new(None);
        plan.reload(&set, Duration::ZERO);
        let mut now = Duration::ZERO;
        let mut running: Vec<Start> = Vec::new();
        let mut scheduled = 0u64;
        for (pause, which, action) in steps {
            now += Duration::from_millis(pause);
            match action {
                0 => { plan.reload(&set, now); }
                1 => { plan.request(&which.get(&set.monitors).key, now); }
                _ if !running.is_empty() => {
                    let done = running.swap_remove(which.index(running.len()));
                    prop_assert!(plan.finish(done.id, done.monitor.key.psc(), now));
                }
                _ => {}
            }
            plan.advance(now);
            for start in started(&mut plan) {
                prop_assert!(start.due <= now);
                prop_assert!(running.iter().all(|other| other.id != start.id), "twice at once");
                scheduled += u64::from(start.source == Source::Schedule);
                running.push(start);
            }
            prop_assert!(running.len() <= limit);
            prop_assert_eq!(plan.in_flight(), running.len());
        }
        let due: usize = plain(&set, Duration::ZERO, now + Duration::from_nanos(1)).values().map(Vec::len).sum();
        let Skipped { busy, missed } = plan.skipped();
        let still = plan.waiting_scheduled();
        prop_assert_eq!(scheduled + busy + missed + still, due as u64);
    }
}
