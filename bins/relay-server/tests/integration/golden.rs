//! Every endpoint's JSON, from real databases: the same bytes from SQLite and from PostgreSQL, and the same as committed.
//!
//! The clock stands still, the configuration is a file that goes through the real loader, events are decided by the real
//! rules. `UPDATE_EXPECT=1` writes the files anew.

use std::{net::SocketAddr, path::Path, sync::Arc};

use async_trait::async_trait;
use expect_test::expect_file;
use relay_api::{Access, Api, BuildInfo, Deps, EventsAccess, Limits, Options as ServerOptions, Server};
use relay_core::{
    MonitorKey, ProbeRecord, SubStatus, UnixSeconds,
    ports::{
        Catalog, Clock, Feed, Pages, Repository, Subscription,
        catalog::Snapshot,
        pages::{Asset, Page},
    },
    record::Timings,
};
use relay_events::{EventRules, Mode, Options as EventOptions, channel::CountMode, machine::Thresholds};
use relay_store::{Options, PostgresOptions, SqliteOptions};
use relay_testkit::{
    ManualClock,
    build::record,
    postgres::{self, ROLE},
};
use serde_json::Value;
use tokio::task::block_in_place;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::support;

/// 2026-03-01 12:34:56 UTC.
const NOW: UnixSeconds = 1_772_368_496;

const CONFIG: &str = r#"
interval: 1m
enable_badges: true
boards: {enabled: true}
events: {enabled: true}
badge_definitions:
  api_key_user: {kind: source, variant: default, weight: 5}
risk_providers:
  - provider: shaky
    risks: [{label: new here, discussion_url: "https://forum.example.com/1"}]
monitors:
  - {provider: Acme, provider_slug: acme, service: cc, channel: vip, model: large, category: commercial, sponsor: Acme,
     sponsor_level: advanced, price_min: 0.1, price_max: 0.3, url: "https://u:p@api.acme.example/v1/{{API_KEY}}/x?k=1", method: POST,
     body: '{"model": "{{MODEL}}"}', api_key: sk-golden-secret, provider_url: "https://acme.example"}
  - {parent: Acme/cc/vip, model: small, slow_latency: 2s}
  - {provider: shaky, service: chat, category: public, sponsor: nobody, url: "https://shaky.example/v1/chat", method: POST,
     badges: [api_key_user]}
  - {provider: old, service: chat, category: public, sponsor: nobody, url: "https://old.example/", method: GET, board: cold,
     cold_reason: gone}
  - {provider: shy, service: chat, category: public, sponsor: nobody, url: "https://shy.example/", method: GET, hidden: true}
"#;

/// What is asked, by the name of the file that holds the answer.
const QUESTIONS: &[(&str, &str)] = &[
    ("status_90m", "/api/status?period=90m&board=all"),
    ("status_24h", "/api/status"),
    ("status_24h_aligned", "/api/status?align=hour&provider=shaky"),
    ("status_7d_filtered", "/api/status?period=7d&time_filter=22:00-06:30"),
    ("status_30d_hidden", "/api/status?period=30d&include_hidden=true&provider=shy"),
    ("status_1y_compact", "/api/status?period=1y&view=compact"),
    ("query", "/api/status/query?q=acme/cc/vip&q=SHAKY&q=shy&q=nobody"),
    ("timeline", "/api/timeline?provider=acme&service=cc&channel=vip&model=small&period=7d"),
    ("history", "/api/history?provider=shaky&service=chat&limit=4"),
    ("events", "/api/events?limit=3"),
    ("events_latest", "/api/events/latest"),
    ("version", "/api/version"),
    ("health", "/health"),
    ("ready", "/ready"),
    ("kuma", "/api/status-page/default"),
    ("kuma_heartbeat", "/api/status-page/heartbeat/default"),
    ("bad_period", "/api/status?period=2h"),
    ("unknown", "/api/nothing"),
    ("feed", "/feed.atom"),
    ("badge", "/badge.svg?provider=acme&service=cc&channel=vip&period=7d"),
    ("sitemap", "/sitemap.xml"),
    ("robots", "/robots.txt"),
];

const BATCH: &str = r#"{"queries": [{"provider": "acme", "service": "cc"}, {"provider": "old"}]}"#;

struct Shelf(Arc<Snapshot>);

impl Catalog for Shelf {
    fn current(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0)
    }
}

/// Nothing is appended while it is asked.
struct Still;

impl Feed for Still {
    fn subscribe(&self) -> Box<dyn Subscription> {
        Box::new(Self)
    }
}

#[async_trait]
impl Subscription for Still {
    async fn changed(&mut self) {
        std::future::pending().await
    }
}

/// JSON alone is asked for.
struct NoPages;

impl Pages for NoPages {
    fn page(&self, path: &str) -> Page {
        panic!("{path} is no endpoint")
    }

    fn asset(&self, _path: &str) -> Option<Asset> {
        None
    }
}

fn snapshot(folder: &Path) -> Arc<Snapshot> {
    let path = folder.join("config.yaml");
    std::fs::write(&path, CONFIG).expect("a file");
    let config = relay_config::load(&path, &relay_config::Environment::new()).expect("valid").config;
    Arc::new(Snapshot { generation: 1, monitors: config.monitors, site: config.site })
}

/// Ten days of a probe every 20 minutes, each monitor in a pattern of its own, in batches as the writer gives them.
fn records(snapshot: &Snapshot) -> Vec<Vec<ProbeRecord>> {
    let times = (0..720).rev().map(|step| NOW - 5 - step * 1200);
    let keys: Vec<&MonitorKey> = snapshot.monitors.iter().map(|monitor| &monitor.key).collect();
    let probes = times.flat_map(|at| keys.iter().enumerate().map(move |(place, key)| probe(key, place, at)));
    let all: Vec<ProbeRecord> = probes.collect();
    all.chunks(97).map(<[ProbeRecord]>::to_vec).collect()
}

fn probe(key: &MonitorKey, place: usize, at: UnixSeconds) -> ProbeRecord {
    let seed = (at / 1200 + 7 * UnixSeconds::try_from(place).expect("few")).rem_euclid(40);
    let latency = u32::try_from(200 + seed * 13).expect("small");
    let built = record(key, at).latency(latency).timings(Timings {
        dns_ms: (seed % 4 == 0).then_some(3),
        connect_ms: (seed % 4 == 0).then_some(11),
        tls_ms: (seed % 4 == 0).then_some(24),
        first_token_ms: (seed % 3 != 0).then_some(latency + 40),
        total_ms: Some(latency + 300),
    });
    match (place, seed) {
        (_, 0) => built.red(SubStatus::ServerError, 503).detail("HTTP 503: sk-upstream said no").build(),
        (_, 1 | 2) => built.red(SubStatus::RateLimit, 429).build(),
        (2, 3..8) => built.red(SubStatus::NetworkError, 0).latency(0).build(),
        (_, 11 | 12) => built.yellow(SubStatus::SlowLatency).latency(6000).build(),
        (1, 20) => built.red(SubStatus::ContentMismatch, 200).build(),
        _ => built.build(),
    }
}

/// Fills the store and answers every question from it.
async fn answers(options: Options, folder: &Path) -> Vec<(&'static str, String)> {
    let snapshot = snapshot(folder);
    let clock = Arc::new(ManualClock::at_secs(NOW));
    let store = relay_store::open(options, Arc::clone(&clock) as Arc<dyn Clock>).await.expect("opened");
    let rules = EventRules::default();
    let thresholds = Thresholds { down: 2, up: 1 };
    let of_models = EventOptions {
        mode: Mode::Model,
        thresholds,
        channel_down_threshold: 1,
        count_mode: CountMode::Recompute,
    };
    rules.configure(Some(of_models), &snapshot.monitors);
    let rules = Arc::new(rules);
    for batch in records(&snapshot) {
        // Events are stamped with the time at which they are stored.
        clock.set_secs(batch.last().expect("not empty").timestamp);
        store.append(batch, Arc::clone(&rules) as _).await.expect("stored");
    }
    clock.set_secs(NOW);
    let server = Running::start(store, snapshot, clock);
    let mut answers = Vec::new();
    for (name, path) in QUESTIONS {
        let (code, body) = support::get(server.address, path).await.expect("an answer");
        answers.push((*name, format!("{code} {path}\n{}", readable(&body))));
    }
    let (code, body) =
        support::send(server.address, "POST", "/api/status/batch", BATCH).await.expect("an answer");
    answers.push(("batch", format!("{code} /api/status/batch\n{BATCH}\n{}", readable(&body))));
    server.stop().await;
    answers
}

/// Returns JSON with a line per member, and everything else as it is.
fn readable(body: &[u8]) -> String {
    let text = String::from_utf8(body.to_vec()).expect("text");
    assert!(!text.contains("sk-"), "a key: {text}");
    serde_json::from_str::<Value>(&text)
        .map_or(text, |json| serde_json::to_string_pretty(&json).expect("JSON") + "\n")
}

struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    fn start(store: Arc<dyn Repository>, snapshot: Arc<Snapshot>, clock: Arc<ManualClock>) -> Self {
        let deps = Deps {
            catalog: Arc::new(Shelf(snapshot)),
            timelines: Arc::clone(&store) as _,
            records: Arc::clone(&store) as _,
            events: store as _,
            feed: Arc::new(Still),
            pages: Arc::new(NoPages),
            health: Vec::new(),
            metrics: Vec::new(),
            clock,
            build: BuildInfo {
                version: "1.2.3".to_owned(),
                git_commit: "abcdef".to_owned(),
                build_time: "2026-03-01T00:00:00Z".to_owned(),
                rust_version: "1.95.0".to_owned(),
            },
        };
        let limits = Limits::default();
        let access = Access { events: EventsAccess::Open, ..Access::default() };
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let server =
            Server::bind(ServerOptions { listen, limits: limits.clone(), ..ServerOptions::default() })
                .expect("a free port");
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let running = Self { address: server.local_addr(), stop, tasks };
        let (soft, hard) = (running.stop.clone(), running.stop.clone());
        running.tasks.spawn(server.run(Api::new(deps, limits, access), soft, hard));
        running
    }

    async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_endpoint_answers_the_same_from_both_backends() {
    let folder = tempfile::tempdir().expect("a folder");
    let sqlite = SqliteOptions::new(folder.path().join("golden.db"));
    let from_sqlite = answers(Options::Sqlite(sqlite), folder.path()).await;

    let database =
        block_in_place(|| postgres::Server::start(postgres::ServerOptions::default()).expect("a server"));
    let mut options = PostgresOptions::new(database.address().ip().to_string(), ROLE, "postgres");
    options.port = database.address().port();
    let from_postgres = answers(Options::Postgres(options), folder.path()).await;

    for ((name, sqlite), (_, postgres)) in from_sqlite.iter().zip(&from_postgres) {
        assert_eq!(sqlite, postgres, "{name} differs between the backends");
        expect_file![format!("../golden/{name}.txt")].assert_eq(sqlite);
    }
}
