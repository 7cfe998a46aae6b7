//! Many reloads in a row under probing load: nothing leaks, and no probe is lost, doubled or kept too long.
//!
//! `cargo xtask soak reload` runs the same with more rounds and shows what the process held meanwhile.

mod slots;
mod usage;

use std::{collections::BTreeMap, time::Duration};

use relay_core::ports::clock::{Clock as _, SystemClock};
use relay_sim::Behaviour;
use rustix::process::Signal;
use serde_json::{Value, json};
use slots::Faults;
use tokio::time::{Instant, sleep};
use usage::{Bounds, Usage};

use crate::support::{PATIENCE, Server, Site, entry};

/// How many reloads, when somebody asks for another number than [`ROUNDS`].
const ROUNDS_VARIABLE: &str = "RELAY_SOAK_ROUNDS";

const ROUNDS: u64 = 60;

/// Seconds between the probes of a monitor. Stored times are whole seconds, so that two is the shortest interval at which
/// they tell which due time a probe belongs to; twice as many monitors make up for it.
const INTERVAL: i64 = 2;

/// Monitors that no reload touches. The first of them shows the round in its sponsor, which has nothing to do with
/// probing.
const STEADY: usize = 90;

/// Monitors that come and go, one of them with each reload.
const PASSING: usize = 12;

/// For how many rounds a passing monitor stays, and stays away: longer than an interval.
const STAY: u64 = 12;

/// Monitors whose request changes every few rounds.
const CHANGING: usize = 4;

/// How long a reload may take to be seen: too short for the slow poll to stand in for an event that was lost.
const NOTICED: Duration = Duration::from_secs(10);

/// Within this, what a reload asks for is done.
const SETTLED_MILLIS: i64 = 1000;

/// A reload costs no memory for good; the records of the rounds take some, and so does the allocator.
const BOUNDS: Bounds = Bounds { files: 8, threads: 6, memory: 8 * 1024 };

/// The times, in milliseconds, in which a monitor was configured.
type Stays = Vec<(i64, Option<i64>)>;

#[tokio::test(flavor = "multi_thread")]
async fn reloads_under_load_leak_nothing_and_lose_no_probe() {
    let rounds = std::env::var(ROUNDS_VARIABLE).map_or(ROUNDS, |rounds| rounds.parse().expect("a number"));
    let mut soak = Soak::new().await;
    soak.configure(0);
    let server = soak.site.start(&[]).await;
    soak.until_all_are_probed(&server).await;
    let mut samples = Vec::new();
    for round in 1..=rounds {
        soak.reload(&server, round).await;
        samples.push(Usage::of(server.process(), round).expect("the process is there"));
    }
    let excuses = Excuses::of(&server).await;
    server.stop().await;

    println!("{}", usage::table(&samples));
    let growth = usage::growth(&samples, BOUNDS);
    assert!(growth.is_empty(), "{growth:?}\n{}", usage::table(&samples));
    let faults = soak.check_records().await;
    println!("{STEADY} steady monitors: {faults:?}; the server tells of {excuses:?}");
    assert!(faults.count() as f64 <= excuses.count(), "{faults:?}, of which the server tells {excuses:?}");
}

/// A site whose configuration is another one each round.
struct Soak {
    site: Site,
    monitors: Vec<Value>,
    stays: BTreeMap<String, Stays>,
    generation: u64,
}

impl Soak {
    async fn new() -> Self {
        let names = [("steady", STEADY), ("passing", PASSING), ("changing", CHANGING)];
        let names: Vec<String> =
            names.iter().flat_map(|(kind, count)| (0..*count).map(move |n| format!("{kind}-{n}"))).collect();
        let relays: Vec<_> = names.iter().map(|name| (name.as_str(), Behaviour::Healthy)).collect();
        let site = Site::new(&relays).await;
        let monitors = site.config(names.len())["monitors"].as_array().expect("monitors").clone();
        Self { site, monitors, stays: BTreeMap::new(), generation: 1 }
    }

    /// Writes the configuration of a round. Answers may be kept for an hour, so that only a reload makes new ones.
    fn configure(&mut self, round: u64) {
        let now = SystemClock.now().as_millis();
        let mut config = self.site.config(0);
        config["interval"] = json!(format!("{INTERVAL}s"));
        config["cache_ttl"] = json!({ "90m": "1h" });
        let mut monitors = Vec::new();
        for monitor in &self.monitors {
            let mut monitor = monitor.clone();
            let name = name_of(&monitor).to_owned();
            let (kind, number) = name.split_once('-').expect("a number");
            let number: u64 = number.parse().expect("a number");
            match kind {
                "passing" if !is_here(number, round) => continue,
                "passing" => {
                    let stays = self.stays.entry(name.clone()).or_default();
                    if stays.last().is_none_or(|(_, until)| until.is_some()) {
                        stays.push((now, None));
                    }
                }
                "changing" => monitor["headers"]["x-round"] = json!(((round + number) / 4).to_string()),
                "steady" if number == 0 => monitor["sponsor"] = json!(mark(round)),
                _ => {}
            }
            monitors.push(monitor);
        }
        config["monitors"] = Value::Array(monitors);
        self.site.write(&config);
    }

    async fn until_all_are_probed(&self, server: &Server) {
        let (end, counts) = (Instant::now() + PATIENCE, self.site.sim.handle());
        for steady in 0..STEADY {
            while counts.counts(&format!("steady-{steady}")).is_none_or(|counts| counts.requests < 2) {
                assert!(Instant::now() < end, "steady-{steady} is not probed: {:?}", server.log());
                sleep(Duration::from_millis(20)).await;
            }
        }
    }

    /// Replaces the file and waits until what is shown is the round's. Every other time a hangup asks for it, the other
    /// times the file alone has to.
    async fn reload(&mut self, server: &Server, round: u64) {
        self.configure(round);
        if round.is_multiple_of(2) {
            server.signal(Signal::HUP);
        }
        let end = Instant::now() + NOTICED;
        while entry(&server.json("/api/status?provider=steady-0").await, "steady-0")["sponsor"] != mark(round)
        {
            assert!(Instant::now() < end, "round {round} is not loaded: {:?}", server.log());
            sleep(Duration::from_millis(10)).await;
        }
        let ready = server.json("/ready").await;
        let generation = ready["components"]["config"]["generation"].as_u64().expect("a number");
        assert!(generation > self.generation, "{ready:#}");
        assert_eq!(ready["components"]["config"]["last_error"], Value::Null);
        self.generation = generation;
        let now = SystemClock.now().as_millis();
        for (name, stays) in &mut self.stays {
            let number = name.trim_start_matches("passing-").parse().expect("a number");
            if let (false, Some((_, until @ None))) = (is_here(number, round), stays.last_mut()) {
                *until = Some(now);
            }
        }
    }

    /// Looks at everything that was stored; returns what is wrong with the times of the steady monitors.
    async fn check_records(&self) -> Faults {
        let mut total = Faults::default();
        for monitor in &self.monitors {
            let name = name_of(monitor);
            let records = self.site.records(name).await;
            assert!(records.iter().all(|record| record.result.status.is_available()), "{name} failed");
            let seconds: Vec<i64> = records.iter().map(|record| record.timestamp).collect();
            let requests = self.site.sim.handle().counts(name).expect("simulated").requests;
            if name.starts_with("steady-") {
                assert_eq!(seconds.len() as u64, requests, "{name}: records, and requests that arrived");
                // The first probe of a monitor comes as soon as possible, before its due times begin.
                let faults = slots::faults(&seconds[1..], INTERVAL);
                total = Faults { lost: total.lost + faults.lost, doubled: total.doubled + faults.doubled };
            }
            if let Some(stays) = self.stays.get(name) {
                let strays: Vec<_> = seconds.iter().filter(|second| !is_within(stays, **second)).collect();
                assert!(strays.is_empty(), "{name} was there {stays:?}, but probed at {strays:?}");
                assert!(!seconds.is_empty(), "{name} was never probed");
            }
        }
        total
    }
}

/// What keeps a server from its schedule on a machine that stands still for a second: it tells of it.
#[derive(Debug, Default)]
struct Excuses {
    /// Due times that it left out.
    skipped: f64,
    /// Probes that started more than a second late, and so look like those of another due time.
    late: f64,
}

impl Excuses {
    async fn of(server: &Server) -> Self {
        let names = [
            "relay_probe_start_lateness_seconds_count",
            "relay_probe_start_lateness_seconds_bucket{le=\"1\"}",
            "relay_probe_slots_skipped_total{reason=\"busy\"}",
            "relay_probe_slots_skipped_total{reason=\"missed\"}",
        ];
        // Of one moment: a probe that starts between two looks would count as punctual and not as started.
        let [started, punctual, busy, missed] = server.metrics(names).await;
        assert!(started > 0.0, "no probe was started");
        Self { skipped: busy + missed, late: started - punctual }
    }

    /// Returns how many lost and doubled probes that may look like.
    fn count(&self) -> f64 {
        self.skipped + 2.0 * self.late
    }
}

fn name_of(monitor: &Value) -> &str {
    monitor["provider"].as_str().expect("a name")
}

fn mark(round: u64) -> String {
    format!("round {round}")
}

/// Tells whether a passing monitor is configured in a round.
fn is_here(number: u64, round: u64) -> bool {
    ((round + number) / STAY).is_multiple_of(2)
}

/// Tells whether a probe that started in this second was started while its monitor was configured.
fn is_within(stays: &[(i64, Option<i64>)], second: i64) -> bool {
    stays.iter().any(|(from, until)| {
        second >= from / 1000 && until.is_none_or(|until| second <= (until + SETTLED_MILLIS) / 1000)
    })
}
