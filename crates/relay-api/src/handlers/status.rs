//! `GET /api/status`

use std::sync::Arc;

use relay_core::{
    MonitorKey,
    ports::{Clock, repository::Timelines},
    timeline::{Plan, Timeline},
};
use tokio::task::spawn_blocking;

use crate::{
    answer::Answer,
    api::Call,
    dto::{
        number::civil,
        status::{Layer, StatusDto, Writer},
    },
    error::ApiError,
    handlers::cached,
    index::{Index, Unit},
    query::{Params, StatusQuery},
    response::Response,
    state::{CacheKey, State},
};

pub(crate) async fn get(state: &State, call: &Call) -> Result<Response, ApiError> {
    let index = state.index();
    let query = StatusQuery::parse(&Params::parse(call.query()), &index)?;
    let ttl = index.snapshot.site.cache_ttl.of(query.span.period);
    let key = CacheKey::Status(query.clone());
    let (timelines, clock) = (Arc::clone(&state.deps.timelines), Arc::clone(&state.deps.clock));
    let generation = index.snapshot.generation;
    cached(state, call, generation, key, ttl, move || make(index, query, timelines, clock)).await
}

/// Makes the answer to one question.
async fn make(
    index: Arc<Index>,
    query: StatusQuery,
    timelines: Arc<dyn Timelines>,
    clock: Arc<dyn Clock>,
) -> Result<Answer, ApiError> {
    let now = clock.now();
    let span = query.span;
    let plan = Plan::new(span.period, span.align, span.filter, now);
    let shown = Shown::select(&index, &query);
    let keys: Vec<MonitorKey> = shown.monitors().map(|at| index.monitor(at).key.clone()).collect();
    let found = if keys.is_empty() { Vec::new() } else { timelines.timelines(&keys, &plan).await? };
    if found.len() != keys.len() {
        return Err(ApiError::internal("the store answered for another number of monitors"));
    }
    let ttl = index.snapshot.site.cache_ttl.of(span.period);
    let today = civil(now.as_secs()).date();
    let body = spawn_blocking(move || {
        let writer = Writer { site: &index.snapshot.site, span, view: query.view, today };
        serde_json::to_vec(&shown.write(&index, &writer, &plan, &found))
    });
    let body = body.await.map_err(|error| ApiError::internal(format!("writing /api/status: {error}")))?;
    let body = body.map_err(|error| ApiError::internal(format!("writing /api/status: {error}")))?;
    Ok(Answer::json(body, ttl))
}

/// What one question shows, in configuration order.
struct Shown {
    units: Vec<ShownUnit>,
}

enum ShownUnit {
    Single(usize),
    Group {
        parent: usize,
        /// Monitor and place in the group, 0 for the parent.
        layers: Vec<(usize, usize)>,
    },
}

impl Shown {
    fn select(index: &Index, query: &StatusQuery) -> Self {
        let admitted = |at: usize| {
            let monitor = index.monitor(at);
            monitor.disabled.is_none() && (query.include_hidden || monitor.hidden.is_none())
        };
        let on_board = |at: usize| query.boards.takes(index.monitor(at).board);
        let wanted = |at: usize| index.matches(at, query.providers.as_ref(), query.services.as_ref());
        let units = index.units.iter().filter_map(|unit| match unit {
            Unit::Single(at) => {
                (wanted(*at) && admitted(*at) && on_board(*at)).then_some(ShownUnit::Single(*at))
            }
            Unit::Group(layers) => {
                let parent = *layers.first().filter(|parent| wanted(**parent) && admitted(**parent))?;
                // Places are counted before the board is looked at: a model keeps its place on every board, and a
                // hidden one leaves no gap that would give it away.
                let layers: Vec<_> = layers
                    .iter()
                    .copied()
                    .filter(|at| admitted(*at))
                    .enumerate()
                    .map(|(order, at)| (at, order))
                    .filter(|(at, _)| on_board(*at))
                    .collect();
                (!layers.is_empty()).then_some(ShownUnit::Group { parent, layers })
            }
        });
        Self { units: units.collect() }
    }

    /// Returns the monitors whose timelines are needed, in the order they are written.
    fn monitors(&self) -> impl Iterator<Item = usize> {
        self.units.iter().flat_map(|unit| {
            let (single, layers) = match unit {
                ShownUnit::Single(at) => (Some(*at), &[][..]),
                ShownUnit::Group { layers, .. } => (None, &layers[..]),
            };
            single.into_iter().chain(layers.iter().map(|(at, _)| *at))
        })
    }

    fn write<'a>(
        &self,
        index: &'a Index,
        writer: &Writer<'a>,
        plan: &Plan,
        found: &'a [Timeline],
    ) -> StatusDto<'a> {
        let mut found = found.iter();
        let (mut data, mut groups) = (Vec::new(), Vec::new());
        for unit in &self.units {
            match unit {
                ShownUnit::Single(at) => {
                    data.extend(found.next().map(|timeline| writer.monitor(index.monitor(*at), timeline)));
                }
                ShownUnit::Group { parent, layers } => {
                    let layers: Vec<_> = layers
                        .iter()
                        .zip(&mut found)
                        .map(|((at, order), timeline)| Layer {
                            monitor: index.monitor(*at),
                            order: *order,
                            timeline,
                        })
                        .collect();
                    groups.push(writer.group(index.monitor(*parent), &layers));
                }
            }
        }
        StatusDto { meta: writer.meta(plan, &index.all_monitor_ids, data.len()), data, groups }
    }
}
