//! What a dispatcher tells of itself.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicBool, Ordering},
};

use relay_core::{
    Timestamp,
    ports::{
        health::{Fact, HealthReport},
        metrics::MetricSink,
        repository::Backlog,
    },
};

use super::channel::Channel;

/// What is known of the outbox.
#[derive(Default)]
pub(super) struct State {
    away: AtomicBool,
    /// As of the last round. Locked for a look or a change only.
    backlog: Mutex<Vec<Backlog>>,
}

impl State {
    /// Notes that the outbox works.
    pub(super) fn works(&self) {
        self.away.store(false, Ordering::Relaxed);
    }

    /// Notes that the outbox cannot be used; returns whether that is news.
    pub(super) fn fails(&self) -> bool {
        !self.away.swap(true, Ordering::Relaxed)
    }

    pub(super) fn set_backlog(&self, backlog: Vec<Backlog>) {
        *self.backlog.lock().unwrap_or_else(PoisonError::into_inner) = backlog;
    }

    /// Writes the current values.
    pub(super) fn collect(&self, channels: &[Arc<Channel>], now: Timestamp, out: &mut dyn MetricSink) {
        let backlog = self.backlog.lock().unwrap_or_else(PoisonError::into_inner).clone();
        for channel in channels {
            let labels = [("notification", channel.name()), ("type", channel.kind())];
            let counts = channel.counts();
            let mut count = |name, help, value| out.counter(name, help, &labels, value);
            count(
                "relay_notification_events_planned_total",
                "Events that the notification is about.",
                counts.planned,
            );
            count("relay_notification_deliveries_total", "Messages that arrived.", counts.delivered);
            count(
                "relay_notification_retries_total",
                "Attempts that failed and are made again.",
                counts.retried,
            );
            count("relay_notification_failures_total", "Messages that were given up.", counts.given_up);
            let waiting = backlog.iter().find(|waiting| waiting.notification == channel.name());
            let age = waiting.map_or(0, |waiting| now.as_secs().saturating_sub(waiting.since).max(0));
            out.gauge(
                "relay_notification_outbox_messages",
                "Messages that wait to be delivered.",
                &labels,
                number(waiting.map_or(0, |waiting| i64::try_from(waiting.waiting).unwrap_or(i64::MAX))),
            );
            out.gauge(
                "relay_notification_outbox_oldest_age_seconds",
                "Age of the oldest event that waits to be told.",
                &labels,
                number(age),
            );
            out.gauge(
                "relay_notification_failing",
                "1 while attempts fail.",
                &labels,
                if channel.failing().is_some() { 1.0 } else { 0.0 },
            );
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts and ages stay far below 2^52")]
fn number(value: i64) -> f64 {
    value as f64
}

/// Reports which notifications fail. That a receiver is away does not keep the server from working.
pub(super) fn health(channels: &[Arc<Channel>]) -> HealthReport {
    let failing: Vec<String> = channels
        .iter()
        .filter_map(|channel| {
            let (since, error) = channel.failing()?;
            let since = jiff::Timestamp::from_second(since.as_secs()).ok()?;
            Some(format!("{} since {since}: {error}", channel.name()))
        })
        .collect();
    let failing = if failing.is_empty() { Fact::None } else { Fact::Text(failing.join("; ")) };
    let count = i64::try_from(channels.len()).unwrap_or(i64::MAX);
    HealthReport {
        component: "notifications",
        trouble: None,
        facts: vec![("channels", Fact::Number(count)), ("failing", failing)],
    }
}
