//! A site with a fixed clock and fixed records, and a client.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::FutureExt;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use relay_api::{Access, Api, BuildInfo, Deps, Limits, Options, Server};
use relay_core::{
    Monitor, MonitorKey, ProbeRecord, ProbeResult, ProbeSpec, Status, StoredRecord, SubStatus, UnixSeconds,
    event::{ChannelMeta, Event, EventId, EventMeta, EventType, GroupStates, NewEvent, Stable},
    monitor::{Badge, Board, Category, Listing, Risk, SponsorLevel},
    ports::{
        Catalog, Feed, Health, Pages, Subscription, Transition,
        catalog::{CacheTtl, Site, Snapshot, SponsorPin},
        health::{Fact, HealthReport},
        pages::{Asset, Page},
        repository::{Appended, Error, EventFilter, EventLog, HistoryQuery, Records, Timelines},
        transition::NoTransition,
    },
    record::{LatestRecord, Source, Timings},
    timeline::{Plan, Timeline},
};
use relay_testkit::{ManualClock, MemoryRepository};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::watch,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// 2026-03-01 12:34:56 UTC.
pub(crate) const NOW: UnixSeconds = 1_772_368_496;

/// A catalog that tests swap.
pub(crate) struct Shelf(pub(crate) Mutex<Arc<Snapshot>>);

impl Catalog for Shelf {
    fn current(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0.lock().expect("no panic under the lock"))
    }
}

/// The plainest repository, which tests count questions of, hold up and take away.
pub(crate) struct Store {
    repository: MemoryRepository,
    pub(crate) away: AtomicBool,
    pub(crate) questions: AtomicU64,
    /// How often the latest records were read since the last time somebody asked.
    looks: AtomicU64,
    committed: watch::Sender<()>,
    /// When set, answers wait until it has a permit.
    pub(crate) gate: Mutex<Option<Arc<tokio::sync::Semaphore>>>,
}

impl Store {
    fn new() -> Self {
        Self {
            repository: MemoryRepository::new(Arc::new(ManualClock::at_secs(NOW))),
            away: AtomicBool::new(false),
            questions: AtomicU64::new(0),
            looks: AtomicU64::new(0),
            committed: watch::Sender::new(()),
            gate: Mutex::default(),
        }
    }

    async fn pass(&self) -> Result<(), Error> {
        self.questions.fetch_add(1, Ordering::Relaxed);
        let gate = self.gate.lock().expect("no panic under the lock").clone();
        if let Some(gate) = gate {
            gate.acquire().await.expect("never closed").forget();
        }
        if self.away.load(Ordering::Relaxed) {
            return Err(Error::Unavailable { reason: "secret-host refused".to_owned(), source: None });
        }
        Ok(())
    }
}

#[async_trait]
impl Timelines for Store {
    async fn timelines(&self, keys: &[MonitorKey], plan: &Plan) -> Result<Vec<Timeline>, Error> {
        self.pass().await?;
        self.repository.timelines(keys, plan).await
    }
}

#[async_trait]
impl Records for Store {
    async fn append(
        &self,
        batch: Vec<ProbeRecord>,
        transition: Arc<dyn Transition>,
    ) -> Result<Appended, Error> {
        let appended = self.repository.append(batch, transition).await;
        self.committed.send_replace(());
        appended
    }

    async fn latest(&self, keys: &[MonitorKey]) -> Result<Vec<Option<LatestRecord>>, Error> {
        self.pass().await?;
        self.looks.fetch_add(1, Ordering::Relaxed);
        self.repository.latest(keys).await
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<StoredRecord>, Error> {
        self.pass().await?;
        self.repository.history(query).await
    }
}

#[async_trait]
impl EventLog for Store {
    async fn events(&self, since: EventId, filter: &EventFilter, limit: u32) -> Result<Vec<Event>, Error> {
        self.pass().await?;
        self.repository.events(since, filter, limit).await
    }

    async fn latest_event_id(&self) -> Result<EventId, Error> {
        self.pass().await?;
        self.repository.latest_event_id().await
    }
}

impl Feed for Store {
    fn subscribe(&self) -> Box<dyn Subscription> {
        Box::new(Flag(self.committed.subscribe()))
    }
}

struct Flag(watch::Receiver<()>);

#[async_trait]
impl Subscription for Flag {
    async fn changed(&mut self) {
        self.0.changed().await.expect("the store outlives its followers");
    }
}

#[async_trait]
impl Health for Store {
    async fn check(&self) -> HealthReport {
        let away = self.away.load(Ordering::Relaxed);
        HealthReport {
            component: "store",
            trouble: away.then(|| "the database does not answer".to_owned()),
            facts: vec![("backend", Fact::Text("list".to_owned())), ("queued", Fact::Number(0))],
        }
    }
}

/// Two pages and a file.
struct Site2;

impl Pages for Site2 {
    fn page(&self, path: &str) -> Page {
        let known = ["/", "/en/", "/p/acme"].contains(&path);
        assert!(path != "/panic", "this page panics");
        Page {
            status: if known { 200 } else { 404 },
            html: Bytes::from(format!(
                "<!doctype html><title>{}</title>{}",
                known,
                "<p>text</p>".repeat(100)
            )),
            embeddable: path.contains("/p/"),
            script_sources: &["'sha256-abc='"],
        }
    }

    fn asset(&self, path: &str) -> Option<Asset> {
        const SCRIPT: &[u8] = &[b'a'; 2000];
        (path == "js/app.js").then_some(Asset {
            content: SCRIPT,
            content_type: "text/javascript; charset=utf-8",
            etag: "\"abc\"",
            immutable: true,
        })
    }
}

/// A site for one test.
pub(crate) struct TestSite {
    pub(crate) api: Api,
    pub(crate) store: Arc<Store>,
    pub(crate) catalog: Arc<Shelf>,
}

/// What came back.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Reply {
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("JSON")
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("ASCII"))
    }
}

pub(crate) fn site(snapshot: Snapshot) -> TestSite {
    site_with(snapshot, Limits::default(), Access::default())
}

pub(crate) fn site_with(snapshot: Snapshot, limits: Limits, access: Access) -> TestSite {
    let store = Arc::new(Store::new());
    let catalog = Arc::new(Shelf(Mutex::new(Arc::new(snapshot))));
    let deps = Deps {
        catalog: Arc::clone(&catalog) as Arc<dyn Catalog>,
        timelines: Arc::clone(&store) as Arc<dyn Timelines>,
        records: Arc::clone(&store) as Arc<dyn Records>,
        events: Arc::clone(&store) as Arc<dyn EventLog>,
        feed: Arc::clone(&store) as Arc<dyn Feed>,
        pages: Arc::new(Site2),
        health: vec![Arc::clone(&store) as Arc<dyn Health>],
        metrics: Vec::new(),
        clock: Arc::new(ManualClock::at_secs(NOW)),
        build: BuildInfo {
            version: "1.2.3".to_owned(),
            git_commit: "abcdef".to_owned(),
            build_time: "2026-03-01T00:00:00Z".to_owned(),
            rust_version: "1.95.0".to_owned(),
        },
    };
    TestSite { api: Api::new(deps, limits, access), store, catalog }
}

/// A server with a client, stopped when dropped.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    pub(crate) soft: CancellationToken,
    pub(crate) hard: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.hard.cancel();
    }
}

impl TestSite {
    /// Binds a port and serves.
    pub(crate) fn start(&self, limits: Limits) -> Running {
        let listen = SocketAddr::from(([127, 0, 0, 1], 0));
        let options = Options { listen, limits, ..Options::default() };
        let server = Server::bind(options).expect("a free port");
        let running = Running {
            address: server.local_addr(),
            soft: CancellationToken::new(),
            hard: CancellationToken::new(),
            tasks: TaskTracker::new(),
        };
        running.tasks.spawn(server.run(self.api.clone(), running.soft.clone(), running.hard.clone()));
        running.tasks.close();
        running
    }

    /// Tells whether the public stream has looked at what is there, since the last time somebody asked.
    pub(crate) fn is_watched(&self) -> bool {
        self.store.looks.swap(0, Ordering::Relaxed) > 0
    }

    /// Appends a record that makes an event.
    pub(crate) fn event(&self, monitor: &Monitor, at: UnixSeconds, result: ProbeResult) {
        self.append_with(monitor, at, result, EveryRecord { channel: None });
    }

    pub(crate) fn append(&self, monitor: &Monitor, at: UnixSeconds, result: ProbeResult) {
        self.append_with(monitor, at, result, NoTransition);
    }

    pub(crate) fn append_with(
        &self,
        monitor: &Monitor,
        at: UnixSeconds,
        result: ProbeResult,
        transition: impl Transition + 'static,
    ) {
        let record =
            ProbeRecord { key: monitor.key.clone(), timestamp: at, source: Source::Schedule, result };
        let appended = self.store.append(vec![record], Arc::new(transition)).now_or_never();
        appended.expect("memory does not wait").expect("memory works");
    }
}

/// Makes an event of every record: DOWN for red, UP for everything else; of the whole channel where `channel` says so.
pub(crate) struct EveryRecord {
    pub(crate) channel: Option<ChannelMeta>,
}

impl Transition for EveryRecord {
    fn apply(&self, stored: &StoredRecord, _states: &mut GroupStates) -> Option<NewEvent> {
        let (record, result) = (&stored.record, &stored.record.result);
        let down = result.status == Status::Red;
        let model = if self.channel.is_some() { "" } else { record.key.model() };
        Some(NewEvent {
            key: MonitorKey::new(record.key.psc().clone(), model),
            kind: if down { EventType::Down } else { EventType::Up },
            from_status: if down { Stable::Up } else { Stable::Down },
            to_status: result.status,
            trigger_record_id: stored.id,
            observed_at: record.timestamp,
            meta: EventMeta {
                http_code: result.http_code,
                latency_ms: result.latency_ms,
                sub_status: result.sub_status,
                detail: result.detail.clone(),
                channel: self.channel.clone(),
            },
        })
    }
}

/// A client of an open stream.
pub(crate) struct Listener {
    stream: TcpStream,
    pub(crate) read: String,
}

impl Listener {
    /// Reads until what came since the last call holds `text`, and returns it up to there.
    pub(crate) async fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.read.find(text) {
                let rest = self.read.split_off(at + text.len());
                return std::mem::replace(&mut self.read, rest);
            }
            assert!(self.more().await, "the stream ended before {text:?}: {}", self.read);
        }
    }

    /// Reads to the end and returns what was left.
    pub(crate) async fn rest(mut self) -> String {
        while self.more().await {}
        self.read
    }

    async fn more(&mut self) -> bool {
        let mut buffer = [0; 4096];
        // A reset also ends the stream; what came before it counts.
        let read = self.stream.read(&mut buffer).await.unwrap_or(0);
        self.read.push_str(std::str::from_utf8(&buffer[..read]).expect("ASCII"));
        read > 0
    }
}

impl Running {
    /// Sends a GET and leaves the answer to be read as it comes.
    pub(crate) async fn listen(&self, path: &str, headers: &str) -> Listener {
        let mut stream = TcpStream::connect(self.address).await.expect("a connection");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n{headers}\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        Listener { stream, read: String::new() }
    }

    pub(crate) async fn get(&self, path: &str) -> Reply {
        self.send(Method::GET, path, &[], "").await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: &'static str,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(format!("http://{}{path}", self.address));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let request = request.body(Full::from(body)).expect("a request");
        let response = client.request(request).await.expect("a response");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        Reply { status: head.status, headers: head.headers, body }
    }
}

pub(crate) fn snapshot(monitors: Vec<Monitor>) -> Snapshot {
    Snapshot {
        generation: 1,
        monitors: monitors.into_iter().map(Arc::new).collect(),
        site: Site {
            public_base_url: "https://status.example.org".to_owned(),
            title: None,
            footer_note: None,
            subscribe_url: None,
            demo: false,
            feed: false,
            degraded_weight: 0.7,
            slow_latency: Duration::from_secs(5),
            badges: true,
            boards: true,
            sponsor_pin: SponsorPin::default(),
            cache_ttl: CacheTtl::default(),
            cors_origins: vec!["https://other.example.com".to_owned()],
        },
    }
}

pub(crate) fn monitor(key: &str) -> Monitor {
    let parts: Vec<_> = key.split('/').collect();
    let [provider, service, channel, model] = parts[..] else { panic!("four parts: {key}") };
    Monitor {
        key: MonitorKey::from_parts(provider, service, channel, model),
        is_child: false,
        listing: Listing {
            provider_name: None,
            provider_slug: provider.to_lowercase(),
            provider_url: String::new(),
            service_name: None,
            channel_name: None,
            category: Category::Public,
            sponsor: "somebody".to_owned(),
            sponsor_url: String::new(),
            sponsor_level: None,
            price_min: None,
            price_max: None,
            listed_since: None,
            risks: Vec::new(),
            badges: Vec::new(),
            probe_url: "https://api.example.com/v1/messages".to_owned(),
            template_name: None,
        },
        interval: Duration::from_secs(60),
        hidden: None,
        disabled: None,
        board: Board::Hot,
        cold_reason: None,
        probe: Arc::new(ProbeSpec::get("https://api.example.com/v1/messages".parse().expect("a url"))),
    }
}

/// A monitor with everything set.
pub(crate) fn rich(key: &str) -> Monitor {
    let mut rich = monitor(key);
    rich.listing = Listing {
        provider_name: Some("Acme Inc.".to_owned()),
        provider_url: "https://acme.example".to_owned(),
        service_name: Some("Claude Code".to_owned()),
        channel_name: Some("VIP".to_owned()),
        category: Category::Commercial,
        sponsor_url: "https://sponsor.example".to_owned(),
        sponsor_level: Some(SponsorLevel::Advanced),
        price_min: Some(0.05),
        price_max: Some(2.0),
        listed_since: Some(jiff::civil::date(2026, 2, 1)),
        risks: vec![Risk {
            label: "runs away".to_owned(),
            discussion_url: "https://forum.example/1".to_owned(),
        }],
        badges: vec![Badge {
            id: "stream_support".to_owned(),
            kind: relay_core::monitor::BadgeKind::Feature,
            variant: relay_core::monitor::BadgeVariant::Success,
            weight: 50,
            url: "https://acme.example/stream".to_owned(),
            tooltip_override: Some("streams".to_owned()),
            label: Some(relay_core::monitor::LocalizedText::Plain("Stream".to_owned())),
            tooltip: Some(relay_core::monitor::LocalizedText::ByLanguage(
                [("en".to_owned(), "it streams".to_owned())].into(),
            )),
        }],
        template_name: Some("cc.json".to_owned()),
        ..rich.listing
    };
    rich
}

pub(crate) fn green(latency_ms: u32) -> ProbeResult {
    ProbeResult {
        status: Status::Green,
        sub_status: None,
        http_code: 200,
        latency_ms,
        timings: Timings { first_token_ms: Some(latency_ms + 7), ..Timings::default() },
        detail: None,
    }
}

pub(crate) fn red(http_code: u16, sub_status: SubStatus) -> ProbeResult {
    ProbeResult {
        status: Status::Red,
        sub_status: Some(sub_status),
        http_code,
        latency_ms: 80,
        timings: Timings::default(),
        detail: Some("upstream-secret said no".to_owned()),
    }
}

pub(crate) fn yellow(latency_ms: u32) -> ProbeResult {
    ProbeResult { status: Status::Yellow, sub_status: Some(SubStatus::SlowLatency), ..green(latency_ms) }
}
