//! `GET /badge.svg`: one number of one monitor or group, for READMEs.

use std::sync::Arc;

use bytes::Bytes;
use http::HeaderValue;
use relay_core::{
    MonitorKey, Status,
    ports::{Clock, repository::Timelines},
    timeline::{Align, Plan, Timeline},
};

use crate::{
    answer::Answer,
    api::Call,
    error::ApiError,
    handlers::cached,
    index::Index,
    query::{Params, Span},
    response::Response,
    state::{CacheKey, State},
    svg::{self, Colour},
    wanted::Wanted,
};

const SVG: HeaderValue = HeaderValue::from_static("image/svg+xml; charset=utf-8");

/// What a badge says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Metric {
    Uptime,
    Latency,
    Status,
}

/// The question, normalised.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct BadgeQuery {
    /// Positions of the monitors, parent first.
    monitors: Vec<usize>,
    span: Span,
    metric: Metric,
}

pub(crate) async fn get(state: &State, call: &Call) -> Result<Response, ApiError> {
    let index = state.index();
    let params = Params::parse(call.query());
    let wanted = Wanted::parse(&params)?;
    let span = Span { period: params.period()?, align: Align::Now, filter: None };
    let metric = metric(&params)?;
    let first = wanted.one(&index)?;
    let psc = index.monitor(first).key.psc();
    let mut monitors: Vec<usize> =
        wanted.find(&index).filter(|at| index.monitor(*at).key.psc() == psc).collect();
    monitors.sort_by_key(|at| (*at != first, *at));
    let ttl = index.snapshot.site.cache_ttl.of(span.period);
    let generation = index.snapshot.generation;
    let query = BadgeQuery { monitors, span, metric };
    let key = CacheKey::Badge(query.clone());
    let (timelines, clock) = (Arc::clone(&state.deps.timelines), Arc::clone(&state.deps.clock));
    cached(state, call, generation, key, ttl, move || make(index, query, timelines, clock)).await
}

fn metric(params: &Params<'_>) -> Result<Metric, ApiError> {
    match params.text("metric") {
        "" | "uptime" => Ok(Metric::Uptime),
        "latency" => Ok(Metric::Latency),
        "status" => Ok(Metric::Status),
        _ => Err(ApiError::parameter("metric", "use one of uptime, latency, status")),
    }
}

async fn make(
    index: Arc<Index>,
    query: BadgeQuery,
    timelines: Arc<dyn Timelines>,
    clock: Arc<dyn Clock>,
) -> Result<Answer, ApiError> {
    let BadgeQuery { monitors, span, metric } = query;
    let plan = Plan::new(span.period, span.align, None, clock.now());
    let keys: Vec<MonitorKey> = monitors.iter().map(|at| index.monitor(*at).key.clone()).collect();
    let found = timelines.timelines(&keys, &plan).await?;
    let site = &index.snapshot.site;
    let (value, colour) = match metric {
        Metric::Uptime => uptime(&found, site.degraded_weight),
        Metric::Latency => latency(&found, index.monitor(monitors[0]).probe.slow_latency.as_millis()),
        Metric::Status => status(&found),
    };
    let monitor = index.monitor(monitors[0]);
    let provider = monitor.listing.provider_name.as_deref().unwrap_or_else(|| monitor.key.provider());
    let what = match metric {
        Metric::Uptime => format!(" {}", span.period.as_str()),
        Metric::Latency | Metric::Status => String::new(),
    };
    let label = format!("{provider} {}{what}", monitor.key.service());
    let seconds = site.cache_ttl.of(span.period).as_secs();
    let cache_control = format!("public, max-age={seconds}, s-maxage={seconds}");
    let svg = svg::badge(&label, &value, colour);
    Ok(Answer::new(Bytes::from(svg), SVG, &cache_control, None))
}

/// The least availability of the models that have data.
fn uptime(found: &[Timeline], degraded_weight: f64) -> (String, Colour) {
    let least =
        found.iter().filter_map(|timeline| timeline.whole.availability(degraded_weight)).reduce(f64::min);
    let Some(least) = least else { return ("no data".to_owned(), Colour::Grey) };
    let colour = match least {
        rate if rate >= 99.0 => Colour::Green,
        rate if rate >= 90.0 => Colour::Yellow,
        _ => Colour::Red,
    };
    // Cut, not rounded: 99.996 % is no 100 %.
    (format!("{}%", (least * 100.0).floor() / 100.0), colour)
}

/// The latest latency of the first model that has one.
fn latency(found: &[Timeline], slow_ms: u128) -> (String, Colour) {
    let latest = found.iter().filter_map(|timeline| timeline.latest).find(|latest| latest.latency_ms > 0);
    let Some(latest) = latest else { return ("no data".to_owned(), Colour::Grey) };
    let colour = match latest.status {
        Status::Red | Status::Missing => Colour::Grey,
        _ if u128::from(latest.latency_ms) > slow_ms => Colour::Yellow,
        _ => Colour::Green,
    };
    (format!("{} ms", latest.latency_ms), colour)
}

/// The worst status of the models.
fn status(found: &[Timeline]) -> (String, Colour) {
    let worst = found
        .iter()
        .filter_map(|timeline| timeline.latest)
        .fold(Status::Missing, |worst, latest| worst.worst(latest.status));
    let (word, colour) = match worst {
        Status::Green => ("up", Colour::Green),
        Status::Yellow => ("degraded", Colour::Yellow),
        Status::Red => ("down", Colour::Red),
        Status::Missing => ("no data", Colour::Grey),
    };
    (word.to_owned(), colour)
}
