//! `GET /api/status`

mod question;
mod shown;
mod streamed;

use std::sync::Arc;

use relay_core::ports::repository::Timelines;
use tokio::task::spawn_blocking;

use crate::{
    answer::Answer,
    api::Call,
    error::ApiError,
    handlers::{cached, status::question::Question},
    query::{Params, StatusQuery},
    response::Response,
    state::{CacheKey, State},
};

pub(crate) async fn get(state: &State, call: &Call) -> Result<Response, ApiError> {
    let index = state.index();
    let query = StatusQuery::parse(&Params::parse(call.query()), &index)?;
    let ttl = index.snapshot.site.cache_ttl.of(query.span.period);
    let generation = index.snapshot.generation;
    let key = CacheKey::Status(query.clone());
    let largest = state.cache.largest();
    let may_be_large = question::most_bytes(&index, &query) > largest;
    if may_be_large && !state.cache.holds(generation, &key) {
        let question = Question::new(Arc::clone(&index), query.clone(), state.deps.clock.now());
        if question.bytes() > largest {
            return streamed::answer(state, call, question).await;
        }
    }
    let (timelines, clock) = (Arc::clone(&state.deps.timelines), Arc::clone(&state.deps.clock));
    let make = move || make(Question::new(index, query, clock.now()), timelines);
    cached(state, call, generation, key, ttl, make).await
}

/// Makes the whole answer to one question.
async fn make(question: Question, timelines: Arc<dyn Timelines>) -> Result<Answer, ApiError> {
    let keys = question.keys(question.shown.units());
    let found = question::ask(&*timelines, &keys, &question.plan).await?;
    let ttl = question.ttl();
    let body = spawn_blocking(move || question.write(&found));
    let body = body.await.map_err(|error| ApiError::internal(format!("writing /api/status: {error}")))?;
    Ok(Answer::json(body?, ttl))
}
