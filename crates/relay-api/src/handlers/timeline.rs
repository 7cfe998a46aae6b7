//! `GET /api/timeline`: one monitor in detail.

use std::sync::Arc;

use relay_core::{
    MonitorKey, StoredRecord,
    ports::{
        Clock,
        repository::{HistoryQuery, Records, Timelines},
    },
    timeline::{Period, Plan},
};

use crate::{
    answer::Answer,
    api::Call,
    dto::timeline::TimelineDto,
    error::ApiError,
    handlers::cached,
    index::Index,
    query::{Params, Span},
    response::Response,
    state::{CacheKey, State},
    wanted::Wanted,
};

/// The most records that are read one by one for the phases of a window: a day at one probe every 15 seconds.
const MAX_RECORDS: u32 = 6000;

pub(crate) async fn get(state: &State, call: &Call) -> Result<Response, ApiError> {
    let index = state.index();
    let params = Params::parse(call.query());
    let wanted = Wanted::parse(&params)?;
    let span = Span::parse(&params)?;
    let monitor = wanted.one(&index)?;
    let ttl = index.snapshot.site.cache_ttl.of(span.period);
    let generation = index.snapshot.generation;
    let key = CacheKey::Timeline(monitor, span);
    let (timelines, records) = (Arc::clone(&state.deps.timelines), Arc::clone(&state.deps.records));
    let clock = Arc::clone(&state.deps.clock);
    cached(state, call, generation, key, ttl, move || make(index, monitor, span, timelines, records, clock))
        .await
}

async fn make(
    index: Arc<Index>,
    monitor: usize,
    span: Span,
    timelines: Arc<dyn Timelines>,
    records: Arc<dyn Records>,
    clock: Arc<dyn Clock>,
) -> Result<Answer, ApiError> {
    let site = &index.snapshot.site;
    let plan = Plan::new(span.period, span.align, span.filter, clock.now()).with_bucket_sketches();
    let monitor = index.monitor(monitor);
    let keys = [monitor.key.clone()];
    let mut found = timelines.timelines(&keys, &plan).await?;
    let timeline = found.pop().ok_or_else(|| ApiError::internal("the store answered for no monitor"))?;
    let [key] = keys;
    let records = if timeline.whole.total() <= MAX_RECORDS && span.period <= Period::Hours24 {
        raw(key, &plan, &*records).await?
    } else {
        Vec::new()
    };
    let dto = TimelineDto::new(monitor, span, &plan, &timeline, &records, site.degraded_weight);
    let body = serde_json::to_vec(&dto);
    let body = body.map_err(|error| ApiError::internal(format!("writing /api/timeline: {error}")))?;
    Ok(Answer::json(body, site.cache_ttl.of(span.period)))
}

/// Reads the raw records of a window, newest first.
async fn raw(key: MonitorKey, plan: &Plan, records: &dyn Records) -> Result<Vec<StoredRecord>, ApiError> {
    let (from, to) = (plan.window.start, plan.window.end);
    Ok(records.history(&HistoryQuery { key, from, to, before: None, limit: MAX_RECORDS }).await?)
}
