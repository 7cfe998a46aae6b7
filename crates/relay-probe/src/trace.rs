//! What is known of a probe while it runs: the phases so far, for the timings and for the words of a timeout.

use std::time::Duration;

use relay_core::record::Timings;
use tokio::time::Instant;

/// Where a probe is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Waiting for an address.
    Dns,
    /// Waiting for the TCP connection, or for the proxy's word.
    Connect,
    /// Waiting for the TLS session.
    Tls,
    /// Waiting for the response headers.
    Headers,
    /// Reading the body.
    Body,
}

impl Stage {
    /// Returns what did not happen in time.
    pub(crate) const fn missing(self) -> &'static str {
        match self {
            Self::Dns => "name was not resolved",
            Self::Connect => "connection was not made",
            Self::Tls => "TLS handshake did not end",
            Self::Headers => "response headers did not come",
            Self::Body => "body did not end",
        }
    }
}

/// The phases of a running probe. Phases of several hops (redirects, a retry) add up.
#[derive(Debug)]
pub(crate) struct Trace {
    start: Instant,
    pub(crate) stage: Stage,
    pub(crate) sent: bool,
    pub(crate) code: u16,
    dns: Option<Duration>,
    connect: Option<Duration>,
    tls: Option<Duration>,
    headers: Option<Duration>,
    first_content: Option<Duration>,
    first_reasoning: Option<Duration>,
    total: Option<Duration>,
}

impl Trace {
    /// Starts the clock.
    pub(crate) fn start() -> Self {
        Self {
            start: Instant::now(),
            stage: Stage::Dns,
            sent: false,
            code: 0,
            dns: None,
            connect: None,
            tls: None,
            headers: None,
            first_content: None,
            first_reasoning: None,
            total: None,
        }
    }

    /// Returns the moment the probe began.
    pub(crate) fn started_at(&self) -> Instant {
        self.start
    }

    /// Adds the time since `from` to the current stage of the set-up.
    pub(crate) fn finish_stage(&mut self, from: Instant) {
        self.add_to_stage(from.elapsed());
    }

    fn add_to_stage(&mut self, duration: Duration) {
        let phase = match self.stage {
            Stage::Dns => &mut self.dns,
            Stage::Connect => &mut self.connect,
            Stage::Tls => &mut self.tls,
            Stage::Headers | Stage::Body => return,
        };
        *phase = Some(phase.unwrap_or_default() + duration);
    }

    /// Notes that the headers of a response with `code` are complete.
    pub(crate) fn headers_came(&mut self, code: u16) {
        self.headers = Some(self.start.elapsed());
        self.code = code;
        self.stage = Stage::Body;
    }

    /// Notes what kinds of text a stream has brought so far; the first time of each counts.
    pub(crate) fn text_came(&mut self, content: bool, reasoning: bool) {
        if content {
            self.first_content.get_or_insert_with(|| self.start.elapsed());
        }
        if reasoning {
            self.first_reasoning.get_or_insert_with(|| self.start.elapsed());
        }
    }

    /// Notes that no more of the body will be read.
    pub(crate) fn body_ended(&mut self) {
        self.total = Some(self.start.elapsed());
    }

    /// Returns the time to the headers, `None` when there were none.
    pub(crate) fn latency(&self) -> Option<Duration> {
        self.headers
    }

    /// Returns the latency of the record: to the headers, else to now; at least 1 ms when a request was sent, so
    /// that 0 keeps meaning that nothing was.
    pub(crate) fn latency_ms(&self) -> u32 {
        let floor = u32::from(self.sent);
        millis(self.headers.unwrap_or_else(|| self.start.elapsed())).max(floor)
    }

    /// Returns the phases as they are recorded. The first token is the first content; reasoning only when no content
    /// came, just as it is text only then.
    pub(crate) fn timings(&self) -> Timings {
        Timings {
            dns_ms: self.dns.map(millis),
            connect_ms: self.connect.map(millis),
            tls_ms: self.tls.map(millis),
            first_token_ms: self
                .first_content
                .or(self.first_reasoning)
                .map(|d| millis(d).max(self.latency_ms())),
            total_ms: self.total.map(|d| millis(d).max(self.latency_ms())),
        }
    }
}

/// Rounds to the nearest millisecond.
pub(crate) fn millis(duration: Duration) -> u32 {
    u32::try_from((duration.as_micros() + 500) / 1000).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_round_to_the_nearest_millisecond() {
        assert_eq!(millis(Duration::from_micros(499)), 0);
        assert_eq!(millis(Duration::from_micros(500)), 1);
        assert_eq!(millis(Duration::from_micros(1_499)), 1);
        assert_eq!(millis(Duration::MAX), u32::MAX);
    }

    #[test]
    fn phases_add_up_and_a_sent_request_is_never_zero() {
        let mut trace = Trace::start();
        let began = trace.started_at();
        trace.sent = true;
        assert_eq!(trace.latency_ms(), 1);
        trace.stage = Stage::Connect;
        for _ in 0..2 {
            trace.add_to_stage(Duration::from_millis(20));
        }
        trace.headers_came(200);
        trace.text_came(false, true);
        trace.text_came(true, true);
        let first = (trace.first_reasoning, trace.first_content);
        assert!(first.0 <= first.1);
        trace.text_came(true, true);
        assert_eq!((trace.first_reasoning, trace.first_content), first);
        trace.body_ended();
        let timings = trace.timings();
        assert_eq!((timings.dns_ms, timings.connect_ms, timings.tls_ms), (None, Some(40), None));
        assert!(
            timings.first_token_ms >= Some(trace.latency_ms()) && timings.total_ms >= timings.first_token_ms
        );
        assert!(u128::from(trace.latency_ms()) <= began.elapsed().as_millis() + 1);
    }
}
