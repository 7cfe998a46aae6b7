//! The scheduler's loop, on paused time with a scripted prober.

mod support;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use relay_core::{
    ports::{
        MetricSource, ProbeRequests,
        metrics::{HistogramValues, MetricSink},
        probe_requests::Refused,
    },
    record::Source,
};
use tokio::time::{Instant, advance, sleep};

use support::{EPOCH, Running, Script, Stage, key, monitor, run, set};

const SECOND: Duration = Duration::from_secs(1);

/// Counters and gauges by name and labels; histograms by their number of observations.
#[derive(Default)]
struct Collected(BTreeMap<String, f64>);

impl Collected {
    fn of(source: &dyn MetricSource) -> Self {
        let mut collected = Self::default();
        source.collect(&mut collected);
        collected
    }

    fn put(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        let labels: Vec<_> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.0.insert(format!("{name}{{{}}}", labels.join(",")), value);
    }
}

impl MetricSink for Collected {
    fn counter(&mut self, name: &'static str, _: &'static str, labels: &[(&'static str, &str)], value: u64) {
        self.put(name, labels, value as f64);
    }

    fn gauge(&mut self, name: &'static str, _: &'static str, labels: &[(&'static str, &str)], value: f64) {
        self.put(name, labels, value);
    }

    fn histogram(
        &mut self,
        name: &'static str,
        _: &'static str,
        labels: &[(&'static str, &str)],
        values: HistogramValues<'_>,
    ) {
        assert_eq!(values.counts.len(), values.bounds.len() + 1);
        self.put(name, labels, values.counts.iter().sum::<u64>() as f64);
    }
}

async fn stop(running: Running) -> Arc<Stage> {
    running.stop.cancel();
    running.task.await.expect("the loop does not panic");
    running.stage
}

#[tokio::test(start_paused = true)]
async fn probes_at_each_interval_and_stamps_the_start() {
    let stage = Arc::new(Stage::default());
    stage.direct("a", Script::Takes(2 * SECOND));
    let running = run(stage, set(vec![monitor("a", 10 * SECOND)], 10));
    sleep(35 * SECOND).await;
    let stage = stop(running).await;
    assert_eq!(stage.times("a"), [0, 10, 20, 30].map(Duration::from_secs));
    let stamps: Vec<i64> =
        stage.records.lock().expect("records").iter().map(|record| record.timestamp - EPOCH).collect();
    assert_eq!(stamps, [0, 10, 20, 30]);
}

#[tokio::test(start_paused = true)]
async fn a_slow_probe_skips_slots_and_shifts_none() {
    let stage = Arc::new(Stage::default());
    stage.direct("a", Script::Takes(25 * SECOND));
    let running = run(stage, set(vec![monitor("a", 10 * SECOND)], 10));
    sleep(65 * SECOND).await;
    let numbers = Collected::of(&running.scheduler);
    assert_eq!(numbers.0["relay_probe_slots_skipped_total{reason=busy}"], 4.0);
    let stage = stop(running).await;
    assert_eq!(stage.times("a"), [0, 30, 60].map(Duration::from_secs));
}

#[tokio::test(start_paused = true)]
async fn a_saturated_limit_is_kept_and_shared_fairly() {
    let stage = Arc::new(Stage::default());
    let names: Vec<String> = (0..20).map(|n| format!("m{n}")).collect();
    for name in &names {
        stage.direct(name, Script::Takes(2 * SECOND));
    }
    let monitors = names.iter().map(|name| monitor(name, 10 * SECOND)).collect();
    let running = run(stage, set(monitors, 2));
    sleep(400 * SECOND).await;
    let numbers = Collected::of(&running.scheduler);
    assert!(numbers.0["relay_probes_waiting{}"] > 0.0, "{:?}", numbers.0);
    assert_eq!(numbers.0["relay_probes_in_flight{}"], 2.0);
    let stage = stop(running).await;
    assert_eq!(stage.most_in_flight(), 2);
    let counts: Vec<usize> = names.iter().map(|name| stage.times(name).len()).collect();
    assert!(counts.iter().all(|count| (19..=21).contains(count)), "{counts:?}");
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_counted_and_the_monitor_goes_on() {
    let stage = Arc::new(Stage::default());
    stage.direct("bad", Script::Panics);
    let running = run(stage, set(vec![monitor("bad", 10 * SECOND), monitor("good", 10 * SECOND)], 1));
    sleep(15 * SECOND).await;
    assert_eq!(Collected::of(&running.scheduler).0["relay_probe_panics_total{}"], 2.0);
    running.stage.direct("bad", Script::Takes(SECOND));
    sleep(10 * SECOND).await;
    let stage = stop(running).await;
    assert_eq!((stage.recorded("bad"), stage.recorded("good")), (1, 3));
}

#[tokio::test(start_paused = true)]
async fn a_reload_is_followed_at_once() {
    let stage = Arc::new(Stage::default());
    for name in ["kept", "gone", "changed"] {
        stage.direct(name, Script::Takes(4 * SECOND));
    }
    let names = ["kept", "gone", "changed"];
    let running = run(stage, set(names.map(|name| monitor(name, 10 * SECOND)).into(), 10));
    sleep(2 * SECOND).await;
    let changed = monitor("changed", 7 * SECOND);
    let next = set(vec![monitor("kept", 10 * SECOND), changed, monitor("new", 10 * SECOND)], 10);
    running.sets.send(Arc::new(next)).expect("the loop listens");
    sleep(Duration::from_millis(14_500)).await;
    assert_eq!(running.scheduler.request(&key("gone")), Err(Refused::Unknown));
    assert_eq!(Collected::of(&running.scheduler).0["relay_probes_discarded_total{}"], 2.0);
    let stage = stop(running).await;
    let seconds = |name: &str| stage.times(name).iter().map(Duration::as_secs).collect::<Vec<_>>();
    assert_eq!(seconds("kept"), [0, 10]);
    assert_eq!(seconds("gone"), [0]);
    assert_eq!(seconds("changed"), [0, 2, 9, 16]);
    assert_eq!(seconds("new"), [2, 12]);
    assert_eq!(stage.recorded("gone"), 0, "the probe in flight is not stored");
    let changed: Vec<i64> = {
        let records = stage.records.lock().expect("records");
        records.iter().filter(|record| record.key == key("changed")).map(|r| r.timestamp - EPOCH).collect()
    };
    assert_eq!(changed, [2, 9, 16], "the probe under the old configuration is not stored");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_reloads_move_nothing() {
    let stage = Arc::new(Stage::default());
    let running = run(stage, set(vec![monitor("kept", SECOND), monitor("other", SECOND)], 10));
    for round in 0..1000 {
        let mut monitors = vec![monitor("kept", SECOND)];
        if round % 2 == 0 {
            monitors.push(monitor("other", 2 * SECOND));
        }
        running.sets.send(Arc::new(set(monitors, 10))).expect("the loop listens");
        sleep(Duration::from_millis(50)).await;
    }
    let stage = stop(running).await;
    let times = stage.times("kept");
    assert_eq!(times.len(), 50);
    assert!(times.iter().all(|time| time.subsec_millis() <= 1), "{times:?}");
    assert_eq!(stage.recorded("kept"), 50);
}

#[tokio::test(start_paused = true)]
async fn requests_are_served_once_and_marked() {
    let stage = Arc::new(Stage::default());
    let running = run(stage, set(vec![monitor("a", 60 * SECOND)], 10));
    sleep(5 * SECOND).await;
    assert_eq!(running.scheduler.request(&key("nobody")), Err(Refused::Unknown));
    assert_eq!(running.scheduler.request(&key("a")), Ok(()));
    assert_eq!(running.scheduler.request(&key("a")), Ok(()));
    sleep(60 * SECOND).await;
    let stage = stop(running).await;
    let sources: Vec<Source> =
        stage.records.lock().expect("records").iter().map(|record| record.source).collect();
    assert_eq!(sources, [Source::Schedule, Source::Manual, Source::Schedule]);
    assert_eq!(stage.times("a").last(), Some(&(60 * SECOND)), "the schedule did not move");
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_what_is_in_flight_but_not_for_ever() {
    let stage = Arc::new(Stage::default());
    stage.direct("slow", Script::Takes(8 * SECOND));
    stage.direct("stuck", Script::Takes(1000 * SECOND));
    let monitors = ["slow", "stuck", "queued"].map(|name| monitor(name, 5 * SECOND));
    let running = run(stage, set(monitors.into(), 2));
    sleep(SECOND).await;
    let asked = Instant::now();
    let scheduler = running.scheduler.clone();
    let stage = stop(running).await;
    assert_eq!(asked.elapsed(), 10 * SECOND);
    assert_eq!((stage.recorded("slow"), stage.recorded("stuck")), (1, 0));
    assert!(stage.times("queued").is_empty(), "nothing starts after the stop");
    assert_eq!(scheduler.request(&key("slow")), Err(Refused::Unknown));
    let numbers = Collected::of(&scheduler);
    assert_eq!((numbers.0["relay_probes_in_flight{}"], numbers.0["relay_probes_waiting{}"]), (0.0, 0.0));
}

#[tokio::test(start_paused = true)]
async fn a_long_pause_of_the_process_makes_no_burst() {
    let stage = Arc::new(Stage::default());
    let running = run(stage, set(vec![monitor("a", SECOND)], 10));
    sleep(Duration::from_millis(2500)).await;
    advance(100 * SECOND).await;
    sleep(Duration::from_millis(600)).await;
    let numbers = Collected::of(&running.scheduler);
    assert_eq!(numbers.0["relay_probe_slots_skipped_total{reason=missed}"], 99.0);
    assert_eq!(stop(running).await.times("a").len(), 5);
}

#[tokio::test(start_paused = true)]
async fn the_last_set_stays_when_its_source_is_gone() {
    let stage = Arc::new(Stage::default());
    let Running { stage, scheduler, sets, stop: token, task } =
        run(stage, set(vec![monitor("a", SECOND)], 10));
    drop(sets);
    sleep(Duration::from_millis(3500)).await;
    assert_eq!(Collected::of(&scheduler).0["relay_probes_total{status=green,sub_status=}"], 4.0);
    token.cancel();
    task.await.expect("the loop does not panic");
    assert_eq!(stage.times("a").len(), 4);
}

/// 500 starts a second for two seconds; how late they are on a real clock is for the benchmark to say.
#[tokio::test(start_paused = true)]
async fn many_probes_start_about_when_they_are_due() {
    let stage = Arc::new(Stage::default());
    let monitors: Vec<_> = (0..500).map(|n| monitor(&format!("m{n}"), SECOND)).collect();
    for n in 0..500 {
        stage.direct(&format!("m{n}"), Script::Takes(Duration::from_millis(20)));
    }
    let mut set = set(monitors, 500);
    set.stagger = true;
    let running = run(stage, set);
    sleep(Duration::from_millis(2100)).await;
    let stage = stop(running).await;
    let begun = stage.begun.lock().expect("begun").len();
    assert!((1000..=1200).contains(&begun), "{begun} probes in 2.1 s");
}
