//! Monitors and sets for the tests of the scheduler's parts.

use std::{sync::Arc, time::Duration};

use relay_core::{
    Monitor, MonitorKey,
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
    let key = MonitorKey::from_parts(provider, "cc", "", model);
    let monitor = relay_testkit::monitor(&key, "http://127.0.0.1:9/v1").interval(interval);
    if is_child { monitor.child().build() } else { monitor.build() }
}
