//! Monitors and sets for the tests of the scheduler's parts.

use std::{sync::Arc, time::Duration};

use relay_core::{
    Monitor, MonitorKey, ProbeSpec,
    monitor::{Board, Category, Listing},
    schedule::{Concurrency, MonitorSet},
};

pub(super) fn monitor(provider: &str, model: &str, interval_secs: u64) -> Arc<Monitor> {
    Arc::new(bare(provider, model, Duration::from_secs(interval_secs), false))
}

pub(super) fn child(provider: &str, model: &str, interval_secs: u64) -> Arc<Monitor> {
    Arc::new(bare(provider, model, Duration::from_secs(interval_secs), true))
}

pub(super) fn set(monitors: Vec<Arc<Monitor>>) -> MonitorSet {
    MonitorSet { monitors, concurrency: Concurrency::PerMonitor, stagger: true }
}

pub(super) fn bare(provider: &str, model: &str, interval: Duration, is_child: bool) -> Monitor {
    let url = "http://127.0.0.1:9/v1".parse().expect("a valid address");
    Monitor {
        key: MonitorKey::from_parts(provider, "cc", "", model),
        is_child,
        listing: Listing {
            provider_name: None,
            provider_slug: provider.to_owned(),
            provider_url: String::new(),
            service_name: None,
            channel_name: None,
            category: Category::Public,
            sponsor: String::new(),
            sponsor_url: String::new(),
            sponsor_level: None,
            price_min: None,
            price_max: None,
            listed_since: None,
            risks: Vec::new(),
            badges: Vec::new(),
            probe_url: String::new(),
            template_name: None,
        },
        interval,
        hidden: None,
        disabled: None,
        board: Board::Hot,
        cold_reason: None,
        probe: Arc::new(ProbeSpec::get(url)),
    }
}
