//! A small site for the API to answer from: every kind of monitor, a few records and events, and a clock that stands.

use std::sync::{Arc, LazyLock};

use async_trait::async_trait;
use relay_api::{Access, Api, BuildInfo, Deps, EventsAccess, Limits};
use relay_core::{
    Monitor, MonitorKey, Status, StoredRecord, SubStatus, UnixSeconds,
    event::{EventMeta, EventType, GroupStates, NewEvent, Stable},
    ports::{
        Catalog, Feed, Pages, Subscription, Transition,
        catalog::{CacheTtl, Site, Snapshot, SponsorPin},
        pages::{Asset, Page},
        repository::Records as _,
    },
};
use relay_testkit::{ManualClock, MemoryRepository, build::MonitorBuilder, key, monitor, record};
use relay_web::{PageInput, Provider};

/// 2026-03-01 12:34:56 UTC.
const NOW: UnixSeconds = 1_772_368_496;
const BASE: &str = "https://status.example.org";

/// What all inputs share: nothing changes it.
static WORLD: LazyLock<World> = LazyLock::new(World::new);

struct World {
    snapshot: Arc<Snapshot>,
    store: Arc<MemoryRepository>,
    clock: Arc<ManualClock>,
}

/// Makes the API anew, with nothing in its cache.
pub(super) fn api() -> Api {
    let World { snapshot, store, clock } = &*WORLD;
    let deps = Deps {
        catalog: Arc::new(Shelf(Arc::clone(snapshot))),
        timelines: Arc::clone(store) as _,
        records: Arc::clone(store) as _,
        events: Arc::clone(store) as _,
        feed: Arc::new(Still),
        pages: Arc::new(WebPages),
        health: Vec::new(),
        metrics: Vec::new(),
        clock: Arc::clone(clock) as _,
        build: BuildInfo {
            version: "1.2.3".to_owned(),
            git_commit: String::new(),
            build_time: String::new(),
            rust_version: String::new(),
        },
    };
    let access = Access {
        trusted_proxies: vec!["10.0.0.0/8".parse().expect("a network")],
        events: EventsAccess::Open,
        ..Access::default()
    };
    Api::new(deps, Limits::default(), access)
}

impl World {
    fn new() -> Self {
        let clock = Arc::new(ManualClock::at_secs(NOW));
        let store = Arc::new(MemoryRepository::new(Arc::clone(&clock) as _));
        let monitors = monitors();
        let mut batch = Vec::new();
        for (place, monitor) in (0..).zip(&monitors) {
            for step in 0..12 {
                let record = record(&monitor.key, NOW - 5 - step * 700).latency(200 + place * 30);
                let fails = (step + i64::from(place)) % 4 == 0;
                let failed = |record: relay_testkit::build::RecordBuilder| {
                    record.red(SubStatus::ServerError, 503).detail("zzupstream said no")
                };
                batch.push(if fails { failed(record).build() } else { record.build() });
            }
        }
        let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
        // On a thread of its own: an input is checked within another runtime.
        let filled = Arc::clone(&store);
        let filling = move || runtime.block_on(filled.append(batch, Arc::new(EveryFailure))).map(drop);
        std::thread::spawn(filling).join().expect("no panic").expect("memory works");
        let snapshot = Snapshot { generation: 1, monitors, site: site() };
        Self { snapshot: Arc::new(snapshot), store, clock }
    }
}

fn monitors() -> Vec<Arc<Monitor>> {
    let of = |text: &str| monitor(&key(text), "https://api.example.com/v1/messages");
    let all: [MonitorBuilder; 7] = [
        of("Acme/cc//"),
        of("Acme/cc/vip/large"),
        of("Acme/cc/vip/small").child(),
        of("Straße/чат/каналь/"),
        of("cold/gm//").cold("gone"),
        of("zzhidden/cc//").hidden("zzreason"),
        of("zzdisabled/cc//").hidden("zzreason").disabled("zzreason"),
    ];
    let named = all.map(|builder| {
        let strange = |listing: &mut relay_core::monitor::Listing| {
            if !listing.provider_slug.is_ascii() {
                listing.provider_slug = "strasse".to_owned();
            }
        };
        Arc::new(builder.listing(strange).build())
    });
    named.into()
}

fn site() -> Site {
    Site {
        public_base_url: BASE.to_owned(),
        title: None,
        footer_note: None,
        subscribe_url: None,
        demo: false,
        feed: true,
        degraded_weight: 0.7,
        slow_latency: std::time::Duration::from_secs(5),
        badges: true,
        boards: true,
        sponsor_pin: SponsorPin::default(),
        cache_ttl: CacheTtl::default(),
        cors_origins: vec!["https://other.example.com".to_owned()],
    }
}

struct Shelf(Arc<Snapshot>);

impl Catalog for Shelf {
    fn current(&self) -> Arc<Snapshot> {
        Arc::clone(&self.0)
    }
}

/// Nothing is stored while the API is asked.
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

/// The real pages.
struct WebPages;

impl Pages for WebPages {
    fn page(&self, path: &str) -> Page {
        let providers = ["acme", "strasse", "cold"].map(|slug| Provider { slug, name: slug });
        let input = PageInput { path, public_base_url: BASE, providers: &providers, ..PageInput::default() };
        let html = relay_web::page(&input);
        Page {
            status: html.status,
            html: html.body.into(),
            embeddable: html.embeddable,
            script_sources: html.script_sources,
        }
    }

    fn asset(&self, path: &str) -> Option<Asset> {
        let asset = relay_web::asset(path)?;
        Some(Asset {
            content: asset.content,
            content_type: asset.content_type,
            etag: asset.etag,
            immutable: asset.immutable,
        })
    }
}

/// Makes an event of every failure.
struct EveryFailure;

impl Transition for EveryFailure {
    fn apply(&self, stored: &StoredRecord, _states: &mut GroupStates) -> Option<NewEvent> {
        let (record, result) = (&stored.record, &stored.record.result);
        (result.status == Status::Red).then(|| NewEvent {
            key: MonitorKey::new(record.key.psc().clone(), record.key.model()),
            kind: EventType::Down,
            from_status: Stable::Up,
            to_status: result.status,
            trigger_record_id: stored.id,
            observed_at: record.timestamp,
            meta: EventMeta {
                http_code: result.http_code,
                latency_ms: result.latency_ms,
                sub_status: result.sub_status,
                detail: result.detail.clone(),
                channel: None,
            },
        })
    }
}
