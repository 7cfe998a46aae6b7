//! Counters of the server itself, and the text format of Prometheus (exposition format 0.0.4).

use std::{
    collections::BTreeMap,
    fmt::Write,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use http::StatusCode;
use relay_core::ports::metrics::{HistogramValues, MetricSink};

use crate::{
    cache::Cache,
    router::{ROUTES, UNMATCHED},
    state::CacheKey,
};

/// The status codes that are counted by themselves; the last place takes all others.
const CODES: [u16; 17] = [200, 204, 304, 308, 400, 401, 403, 404, 405, 408, 413, 414, 429, 500, 503, 504, 0];

/// Upper bounds of the times to an answer, in seconds: from a cached answer to one that is given up.
const BOUNDS: [f64; 12] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 15.0];

/// Requests by route and code, and how long their answers took to begin.
#[derive(Debug)]
pub(crate) struct HttpMetrics {
    requests: [[AtomicU64; CODES.len()]; UNMATCHED + 1],
    times: [Times; UNMATCHED + 1],
    pub(crate) connections: AtomicU64,
    pub(crate) accepted: AtomicU64,
    pub(crate) evicted: AtomicU64,
    pub(crate) refused: AtomicU64,
}

/// A histogram of times.
#[derive(Debug)]
struct Times {
    counts: [AtomicU64; BOUNDS.len() + 1],
    sum_micros: AtomicU64,
}

impl Times {
    const fn new() -> Self {
        Self { counts: [const { AtomicU64::new(0) }; BOUNDS.len() + 1], sum_micros: AtomicU64::new(0) }
    }

    fn observe(&self, took: Duration) {
        let seconds = took.as_secs_f64();
        let place = BOUNDS.iter().position(|bound| seconds <= *bound).unwrap_or(BOUNDS.len());
        self.counts[place].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    fn collect(&self, route: &str, out: &mut dyn MetricSink) {
        let counts = self.counts.each_ref().map(|count| count.load(Ordering::Relaxed));
        if counts.iter().all(|count| *count == 0) {
            return;
        }
        let sum = Duration::from_micros(self.sum_micros.load(Ordering::Relaxed)).as_secs_f64();
        let values = HistogramValues { bounds: &BOUNDS, counts: &counts, sum };
        let help = "Time from the end of a request's headers to the beginning of its answer.";
        out.histogram("relay_http_request_seconds", help, &[("route", route)], values);
    }
}

impl Default for HttpMetrics {
    fn default() -> Self {
        Self {
            requests: [const { [const { AtomicU64::new(0) }; CODES.len()] }; UNMATCHED + 1],
            times: [const { Times::new() }; UNMATCHED + 1],
            connections: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }
}

impl HttpMetrics {
    pub(crate) fn count(&self, route: usize, status: StatusCode, took: Duration) {
        let status = status.as_u16();
        let place = CODES.iter().position(|code| *code == status).unwrap_or(CODES.len() - 1);
        self.requests[route][place].fetch_add(1, Ordering::Relaxed);
        self.times[route].observe(took);
    }

    pub(crate) fn collect(&self, out: &mut dyn MetricSink) {
        for (route, counts) in self.requests.iter().enumerate() {
            let path = ROUTES.get(route).map_or("none", |route| route.path);
            self.times[route].collect(path, out);
            for (place, count) in counts.iter().enumerate() {
                let count = count.load(Ordering::Relaxed);
                if count > 0 {
                    let code = if CODES[place] == 0 { "other".to_owned() } else { CODES[place].to_string() };
                    let labels = [("route", path), ("code", &*code)];
                    out.counter("relay_http_requests_total", "Requests by route and code.", &labels, count);
                }
            }
        }
        let read = |value: &AtomicU64| value.load(Ordering::Relaxed);
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let open = read(&self.connections) as f64;
        out.gauge("relay_http_connections", "Open connections.", &[], open);
        for (result, value) in
            [("accepted", &self.accepted), ("evicted", &self.evicted), ("refused", &self.refused)]
        {
            let help = "Connections by what became of them.";
            out.counter("relay_http_connections_total", help, &[("result", result)], read(value));
        }
    }
}

impl Cache<CacheKey> {
    pub(crate) fn collect(&self, out: &mut dyn MetricSink) {
        let counters = self.counters();
        for (result, value) in [
            ("hit", &counters.hits),
            ("aging", &counters.aging),
            ("stranded", &counters.stranded),
            ("miss", &counters.misses),
        ] {
            let value = value.load(Ordering::Relaxed);
            out.counter(
                "relay_cache_requests_total",
                "Cached answers by result.",
                &[("result", result)],
                value,
            );
        }
        let evicted = counters.evicted.load(Ordering::Relaxed);
        out.counter("relay_cache_evictions_total", "Answers dropped for want of room.", &[], evicted);
        let (entries, bytes) = self.size();
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let (entries, bytes) = (entries as f64, bytes as f64);
        out.gauge("relay_cache_entries", "Answers in the cache.", &[], entries);
        out.gauge("relay_cache_bytes", "Bytes of the answers in the cache.", &[], bytes);
    }
}

/// Renders what sources tell, families sorted by name and each under one heading.
#[derive(Debug, Default)]
pub(crate) struct Renderer {
    families: BTreeMap<&'static str, Family>,
}

#[derive(Debug)]
struct Family {
    kind: &'static str,
    help: &'static str,
    lines: String,
}

impl Renderer {
    pub(crate) fn finish(self) -> String {
        let mut text = String::new();
        for (name, Family { kind, help, lines }) in self.families {
            let help = help.replace('\\', "\\\\").replace('\n', "\\n");
            let _ = write!(text, "# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}");
        }
        text
    }

    fn lines(&mut self, name: &'static str, kind: &'static str, help: &'static str) -> &mut String {
        &mut self.families.entry(name).or_insert_with(|| Family { kind, help, lines: String::new() }).lines
    }
}

impl MetricSink for Renderer {
    fn counter(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        value: u64,
    ) {
        let lines = self.lines(name, "counter", help);
        let _ = writeln!(lines, "{name}{} {value}", labelled(labels, None));
    }

    fn gauge(&mut self, name: &'static str, help: &'static str, labels: &[(&'static str, &str)], value: f64) {
        let lines = self.lines(name, "gauge", help);
        let _ = writeln!(lines, "{name}{} {}", labelled(labels, None), float(value));
    }

    fn histogram(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        values: HistogramValues<'_>,
    ) {
        let lines = self.lines(name, "histogram", help);
        let mut seen = 0;
        let bounds = values.bounds.iter().copied().chain([f64::INFINITY]);
        for (bound, count) in bounds.zip(values.counts) {
            seen += count;
            let _ = writeln!(lines, "{name}_bucket{} {seen}", labelled(labels, Some(&float(bound))));
        }
        let _ = writeln!(lines, "{name}_sum{} {}", labelled(labels, None), float(values.sum));
        let _ = writeln!(lines, "{name}_count{} {seen}", labelled(labels, None));
    }
}

fn float(value: f64) -> String {
    if value == f64::INFINITY {
        "+Inf".to_owned()
    } else if value == f64::NEG_INFINITY {
        "-Inf".to_owned()
    } else {
        value.to_string()
    }
}

fn labelled(labels: &[(&'static str, &str)], bound: Option<&str>) -> String {
    let all = labels.iter().copied().chain(bound.map(|bound| ("le", bound)));
    let list: Vec<String> = all
        .map(|(name, value)| {
            let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            format!("{name}=\"{value}\"")
        })
        .collect();
    if list.is_empty() { String::new() } else { format!("{{{}}}", list.join(",")) }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn families_are_together_and_labels_escaped() {
        let mut renderer = Renderer::default();
        renderer.counter("b_total", "Things.", &[("name", "a\"b\\c\nd")], 3);
        renderer.gauge("a", "A gauge.", &[], 1.5);
        renderer.counter("b_total", "Things.", &[("name", "x")], 4);
        let bounds = [0.1, 1.0];
        let values = HistogramValues { bounds: &bounds, counts: &[1, 2, 3], sum: 4.25 };
        renderer.histogram("c_seconds", "Times.", &[("route", "/")], values);
        expect![[r#"
            # HELP a A gauge.
            # TYPE a gauge
            a 1.5
            # HELP b_total Things.
            # TYPE b_total counter
            b_total{name="a\"b\\c\nd"} 3
            b_total{name="x"} 4
            # HELP c_seconds Times.
            # TYPE c_seconds histogram
            c_seconds_bucket{route="/",le="0.1"} 1
            c_seconds_bucket{route="/",le="1"} 3
            c_seconds_bucket{route="/",le="+Inf"} 6
            c_seconds_sum{route="/"} 4.25
            c_seconds_count{route="/"} 6
        "#]]
        .assert_eq(&renderer.finish());
    }
}
