//! `GET /api/status/query` and `POST /api/status/batch`: the present state of channels, for scripts.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    ops::RangeInclusive,
};

use relay_core::{MonitorKey, Status, record::LatestRecord};

use crate::{
    api::Call,
    dto::{
        number::Rfc3339,
        query::{AnswersDto, BatchDto, ChannelDto, MissingDto, QueryDto, ResultDto, ServiceDto},
    },
    error::{ApiError, Code},
    index::Index,
    query::Params,
    response::{self, Response},
    state::State,
    wanted::Wanted,
};

/// How many questions one GET may ask.
const MAX_QUERIES: usize = 20;
/// How many questions one batch may ask.
const BATCH: RangeInclusive<usize> = 1..=50;

pub(crate) async fn get(state: &State, call: &Call) -> Result<Response, ApiError> {
    let params = Params::parse(call.query());
    let queries = match params.all("q").map(short_form).collect::<Result<Vec<_>, _>>()? {
        list if !list.is_empty() => list,
        _ => vec![QueryDto {
            provider: params.text("provider").to_owned(),
            service: params.text("service").to_owned(),
            channel: params.text("channel").to_owned(),
        }],
    };
    if queries.len() > MAX_QUERIES {
        return Err(ApiError::parameter("q", "at most 20 at a time"));
    }
    answer(state, call, &queries, "provider").await
}

pub(crate) async fn batch(state: &State, call: &Call) -> Result<Response, ApiError> {
    let batch: BatchDto = serde_json::from_slice(&call.body).map_err(|error| {
        let place = format!("line {}, column {}", error.line(), error.column());
        let form = r#"expected {"queries": [{"provider": "…", "service": "…", "channel": "…"}]}"#;
        ApiError::new(Code::InvalidBody, format!("the body cannot be read at {place}: {form}"))
    })?;
    if !BATCH.contains(&batch.queries.len()) {
        return Err(ApiError::parameter("queries", "between 1 and 50 of them"));
    }
    answer(state, call, &batch.queries, "queries").await
}

/// Reads `provider/service/channel`, the last two optional.
fn short_form(text: &str) -> Result<QueryDto, ApiError> {
    let mut parts = text.split('/').map(|part| part.trim().to_owned());
    let mut next = || parts.next().unwrap_or_default();
    let query = QueryDto { provider: next(), service: next(), channel: next() };
    match parts.next() {
        None => Ok(query),
        Some(_) => {
            Err(ApiError::parameter("q", "use provider, provider/service or provider/service/channel"))
        }
    }
}

async fn answer(
    state: &State,
    call: &Call,
    queries: &[QueryDto],
    parameter: &str,
) -> Result<Response, ApiError> {
    if queries.iter().any(|query| query.provider.trim().is_empty()) {
        return Err(ApiError::parameter(parameter, "every query names its provider"));
    }
    state.limiter.take(call.client.address)?;
    let index = state.index();
    let found: Vec<Vec<usize>> = queries.iter().map(|query| wanted(query).find(&index).collect()).collect();
    let asked: Vec<usize> = found.iter().flatten().copied().collect::<BTreeSet<_>>().into_iter().collect();
    let keys: Vec<MonitorKey> = asked.iter().map(|at| index.monitor(*at).key.clone()).collect();
    let latest = if keys.is_empty() { Vec::new() } else { state.deps.records.latest(&keys).await? };
    let latest: HashMap<usize, LatestRecord> =
        asked.into_iter().zip(latest).filter_map(|(at, latest)| Some((at, latest?))).collect();
    let results = queries
        .iter()
        .zip(&found)
        .map(|(query, found)| match found.first() {
            Some(first) => ResultDto::Found {
                query,
                provider: index.monitor(*first).key.provider(),
                services: services(&index, found, &latest),
            },
            None => ResultDto::Missing { query, error: missing(&index, query) },
        })
        .collect();
    let as_of = Rfc3339(state.deps.clock.now().as_secs());
    Ok(response::fresh_json(&AnswersDto { as_of, results }))
}

fn wanted(query: &QueryDto) -> Wanted {
    Wanted {
        provider: query.provider.trim().to_owned(),
        service: query.service.trim().to_owned(),
        channel: query.channel.trim().to_owned(),
        model: String::new(),
    }
}

/// Names the first part of a question that nothing visible has.
fn missing(index: &Index, query: &QueryDto) -> MissingDto {
    let whole = wanted(query);
    let of_provider = Wanted { provider: whole.provider.clone(), ..Wanted::default() };
    let of_service = Wanted { service: whole.service.clone(), ..of_provider.clone() };
    let message = if of_provider.find(index).next().is_none() {
        "there is no such provider"
    } else if of_service.find(index).next().is_none() {
        "there is no such service"
    } else {
        "there is no such channel"
    };
    MissingDto { code: "NOT_FOUND", message }
}

/// Lists the services and channels of some monitors by name.
fn services<'a>(
    index: &'a Index,
    monitors: &[usize],
    latest: &HashMap<usize, LatestRecord>,
) -> Vec<ServiceDto<'a>> {
    let mut services: BTreeMap<&str, BTreeMap<&str, Option<LatestRecord>>> = BTreeMap::new();
    for at in monitors {
        let key = &index.monitor(*at).key;
        let channel = services.entry(key.service()).or_default().entry(key.channel()).or_default();
        *channel = match (*channel, latest.get(at)) {
            (Some(known), Some(other)) => Some(worse(known, *other)),
            (known, other) => known.or_else(|| other.copied()),
        };
    }
    let channels = |channels: BTreeMap<&'a str, Option<LatestRecord>>| {
        channels.into_iter().map(|(name, latest)| channel(name, latest)).collect()
    };
    services.into_iter().map(|(name, list)| ServiceDto { name, channels: channels(list) }).collect()
}

/// Returns the record that speaks for a channel: the worse one, the newer among equals.
fn worse(one: LatestRecord, other: LatestRecord) -> LatestRecord {
    let rank = |record: &LatestRecord| (record.status.severity(), record.timestamp, record.id);
    if rank(&other) > rank(&one) { other } else { one }
}

fn channel(name: &str, latest: Option<LatestRecord>) -> ChannelDto<'_> {
    ChannelDto {
        name,
        status: match latest.map_or(Status::Missing, |latest| latest.status) {
            Status::Green => "up",
            Status::Yellow => "degraded",
            Status::Red | Status::Missing => "down",
        },
        latency_ms: latest.map(|latest| latest.latency_ms),
        updated_at: latest.map(|latest| Rfc3339(latest.timestamp)),
    }
}
