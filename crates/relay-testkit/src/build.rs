//! Short ways to write down what a test is about; everything not named has a plain value.

use std::{sync::Arc, time::Duration};

use relay_core::{
    Monitor, MonitorKey, ProbeRecord, ProbeResult, ProbeSpec, Status, SubStatus, UnixSeconds,
    monitor::{Board, Category, Listing},
    record::{Source, Timings},
};
use url::Url;

/// Reads a key of the form `provider/service/channel/model`; parts at the end may be missing.
#[must_use]
pub fn key(text: &str) -> MonitorKey {
    let mut parts = text.split('/');
    let mut part = || parts.next().unwrap_or_default();
    let (provider, service, channel, model) = (part(), part(), part(), part());
    MonitorKey::from_parts(provider, service, channel, model)
}

/// Starts a record of `key` at `timestamp`: green, 200, 100 ms, from the schedule.
#[must_use]
pub fn record(key: &MonitorKey, timestamp: UnixSeconds) -> RecordBuilder {
    RecordBuilder(ProbeRecord {
        key: key.clone(),
        timestamp,
        source: Source::Schedule,
        result: ProbeResult {
            status: Status::Green,
            sub_status: None,
            http_code: 200,
            latency_ms: 100,
            timings: Timings::default(),
            detail: None,
        },
    })
}

/// A record in the making.
#[derive(Debug, Clone)]
pub struct RecordBuilder(ProbeRecord);

impl RecordBuilder {
    /// Sets the status and nothing else.
    #[must_use]
    pub fn status(mut self, status: Status) -> Self {
        self.0.result.status = status;
        self
    }

    /// Makes it red, with a cause and a code; 0 stands for no answer.
    #[must_use]
    pub fn red(mut self, cause: SubStatus, http_code: u16) -> Self {
        self.0.result.status = Status::Red;
        self.0.result.sub_status = Some(cause);
        self.0.result.http_code = http_code;
        self
    }

    /// Makes it yellow, with a cause.
    #[must_use]
    pub fn yellow(mut self, cause: SubStatus) -> Self {
        self.0.result.status = Status::Yellow;
        self.0.result.sub_status = Some(cause);
        self
    }

    /// Sets the latency in milliseconds.
    #[must_use]
    pub fn latency(mut self, millis: u32) -> Self {
        self.0.result.latency_ms = millis;
        self
    }

    /// Sets the phases.
    #[must_use]
    pub fn timings(mut self, timings: Timings) -> Self {
        self.0.result.timings = timings;
        self
    }

    /// Sets the detail.
    #[must_use]
    pub fn detail(mut self, detail: &str) -> Self {
        self.0.result.detail = Some(detail.to_owned());
        self
    }

    /// Sets the source.
    #[must_use]
    pub fn source(mut self, source: Source) -> Self {
        self.0.source = source;
        self
    }

    /// Returns the record.
    #[must_use]
    pub fn build(self) -> ProbeRecord {
        self.0
    }
}

impl From<RecordBuilder> for ProbeRecord {
    fn from(builder: RecordBuilder) -> Self {
        builder.build()
    }
}

/// Starts a monitor of `key` that sends a GET to `url` every minute, shown to everybody on the hot board.
///
/// # Panics
/// When `url` is none.
#[must_use]
pub fn monitor(key: &MonitorKey, url: &str) -> MonitorBuilder {
    let url: Url = url.parse().expect("a test gives a valid URL");
    let listing = Listing {
        provider_name: None,
        provider_slug: key.provider().to_lowercase(),
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
        probe_url: url.to_string(),
        template_name: None,
    };
    MonitorBuilder(Monitor {
        key: key.clone(),
        is_child: false,
        listing,
        interval: Duration::from_secs(60),
        hidden: None,
        disabled: None,
        board: Board::Hot,
        cold_reason: None,
        probe: Arc::new(ProbeSpec::get(url)),
    })
}

/// A monitor in the making.
#[derive(Debug, Clone)]
pub struct MonitorBuilder(Monitor);

impl MonitorBuilder {
    /// Sets the interval.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.0.interval = interval;
        self
    }

    /// Hides it, for a reason.
    #[must_use]
    pub fn hidden(mut self, reason: &str) -> Self {
        self.0.hidden = Some(reason.to_owned());
        self
    }

    /// Disables it, for a reason.
    #[must_use]
    pub fn disabled(mut self, reason: &str) -> Self {
        self.0.disabled = Some(reason.to_owned());
        self
    }

    /// Puts it on the cold board, for a reason.
    #[must_use]
    pub fn cold(mut self, reason: &str) -> Self {
        self.0.board = Board::Cold;
        self.0.cold_reason = Some(reason.to_owned());
        self
    }

    /// Makes it a layer below the first of its group.
    #[must_use]
    pub fn child(mut self) -> Self {
        self.0.is_child = true;
        self
    }

    /// Changes what is shown of it.
    #[must_use]
    pub fn listing(mut self, change: impl FnOnce(&mut Listing)) -> Self {
        change(&mut self.0.listing);
        self
    }

    /// Changes what is sent and how it is judged.
    #[must_use]
    pub fn probe(mut self, change: impl FnOnce(&mut ProbeSpec)) -> Self {
        change(Arc::make_mut(&mut self.0.probe));
        self
    }

    /// Returns the monitor.
    #[must_use]
    pub fn build(self) -> Monitor {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_may_end_early_and_an_empty_channel_stays_empty() {
        assert_eq!(key("a/b"), MonitorKey::from_parts("a", "b", "", ""));
        assert_eq!(key("a/b//m"), MonitorKey::from_parts("a", "b", "", "m"));
    }

    #[test]
    fn builders_set_what_they_name() {
        let built = record(&key("a/b"), 5).red(SubStatus::RateLimit, 429).latency(7).build();
        assert_eq!((built.timestamp, built.result.http_code, built.result.latency_ms), (5, 429, 7));
        let cold = monitor(&key("a/b"), "https://example.com/v1").cold("slow").build();
        assert!(!cold.is_active());
    }
}
