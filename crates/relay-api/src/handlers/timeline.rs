//! `GET /api/timeline`: one monitor in detail.

use std::sync::Arc;

use relay_core::{
    MonitorKey,
    ports::{
        Clock,
        repository::{HistoryQuery, Records, Timelines},
    },
    timeline::{Plan, Timeline},
};

use crate::{
    answer::Answer,
    api::Call,
    dto::timeline::{Phasing, TimelineDto},
    error::ApiError,
    handlers::cached,
    index::Index,
    query::{Params, Span},
    response::Response,
    state::{CacheKey, State},
    wanted::Wanted,
};

/// Records are read one by one for the phases, so many at a time.
const PAGE: u32 = 5_000;
/// And so many times: five weeks at one probe a minute.
const MAX_PAGES: usize = 11;

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
    let phasing = phasing(&monitor.key, &plan, &timeline, &*records).await?;
    let dto = TimelineDto::new(monitor, span, &plan, &timeline, &phasing, site.degraded_weight);
    let body = serde_json::to_vec(&dto);
    let body = body.map_err(|error| ApiError::internal(format!("writing /api/timeline: {error}")))?;
    Ok(Answer::json(body, site.cache_ttl.of(span.period)))
}

/// Sums up the phases of the newest records of a window.
async fn phasing<'a>(
    key: &MonitorKey,
    plan: &Plan,
    timeline: &'a Timeline,
    records: &dyn Records,
) -> Result<Phasing<'a>, ApiError> {
    let mut phasing = Phasing::new(&timeline.series);
    let (from, to) = (plan.window.start, plan.window.end);
    let mut before = None;
    for page in 1..=MAX_PAGES {
        let query = HistoryQuery { key: key.clone(), from, to, before, limit: PAGE };
        let found = records.history(&query).await?;
        found.iter().for_each(|stored| phasing.add(plan, stored));
        let Some(last) = found.last().filter(|_| found.len() == PAGE as usize) else { break };
        if page == MAX_PAGES {
            phasing.forget(plan, last);
        }
        before = Some((last.record.timestamp, last.id));
    }
    Ok(phasing)
}
