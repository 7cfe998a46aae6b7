//! What is known of reloads.

use async_trait::async_trait;
use relay_core::{
    Timestamp,
    ports::{
        Health, MetricSource,
        health::{Fact, HealthReport},
        metrics::MetricSink,
    },
};
use tokio::sync::watch;

/// Counts reloads, for operators.
#[derive(Debug)]
pub struct ReloadState {
    inner: watch::Sender<Inner>,
}

#[derive(Debug, Clone)]
struct Inner {
    generation: u64,
    last_attempt: Option<Timestamp>,
    last_success: Option<Timestamp>,
    error: Option<String>,
    succeeded: u64,
    failed: u64,
}

impl ReloadState {
    pub(super) fn new() -> Self {
        Self {
            inner: watch::Sender::new(Inner {
                generation: 1,
                last_attempt: None,
                last_success: None,
                error: None,
                succeeded: 0,
                failed: 0,
            }),
        }
    }

    pub(super) fn succeeded(&self, generation: u64, now: Timestamp) {
        self.inner.send_modify(|inner| {
            inner.generation = generation;
            inner.last_attempt = Some(now);
            inner.last_success = Some(now);
            inner.error = None;
            inner.succeeded += 1;
        });
    }

    pub(super) fn failed(&self, now: Timestamp, error: String) {
        self.inner.send_modify(|inner| {
            inner.last_attempt = Some(now);
            inner.error = Some(error);
            inner.failed += 1;
        });
    }

    /// Returns the generation in force, 1 before the first reload.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.inner.borrow().generation
    }

    /// Returns when the last reload was tried, whether it went well or not.
    #[must_use]
    pub fn last_reload(&self) -> Option<Timestamp> {
        self.inner.borrow().last_attempt
    }

    /// Returns why the last reload failed, `None` when it went well or there was none.
    #[must_use]
    pub fn last_error(&self) -> Option<String> {
        self.inner.borrow().error.clone()
    }

    /// Waits until the last reload is one that failed, and returns why.
    ///
    /// # Cancel safety
    /// Nothing is lost when the wait is given up.
    pub async fn failure(&self) -> String {
        let mut changes = self.inner.subscribe();
        let failed = changes.wait_for(|inner| inner.error.is_some()).await;
        // The sender lives in `self`, so the wait cannot end without a failure.
        failed.ok().and_then(|inner| inner.error.clone()).unwrap_or_default()
    }
}

/// The component `config`: always fit for work, since a bad file never replaces a good configuration.
#[async_trait]
impl Health for ReloadState {
    async fn check(&self) -> HealthReport {
        let inner = self.inner.borrow().clone();
        let number = |value: Option<i64>| value.map_or(Fact::None, Fact::Number);
        HealthReport {
            component: "config",
            trouble: None,
            facts: vec![
                ("generation", number(i64::try_from(inner.generation).ok())),
                ("last_reload", number(inner.last_attempt.map(Timestamp::as_secs))),
                ("last_error", inner.error.map_or(Fact::None, Fact::Text)),
            ],
        }
    }
}

impl MetricSource for ReloadState {
    fn collect(&self, out: &mut dyn MetricSink) {
        let inner = self.inner.borrow().clone();
        out.gauge(
            "relay_config_generation",
            "Generation of the configuration in force.",
            &[],
            inner.generation as f64,
        );
        for (result, value) in [("ok", inner.succeeded), ("failed", inner.failed)] {
            out.counter(
                "relay_config_reloads_total",
                "Reloads of the configuration by result.",
                &[("result", result)],
                value,
            );
        }
        if let Some(at) = inner.last_success {
            out.gauge(
                "relay_config_last_reload_success_timestamp_seconds",
                "When the configuration was last replaced.",
                &[],
                at.as_millis() as f64 / 1000.0,
            );
        }
        out.gauge(
            "relay_config_last_reload_successful",
            "Whether the last reload went well, 1 before the first.",
            &[],
            if inner.error.is_none() { 1.0 } else { 0.0 },
        );
    }
}
