//! One module per endpoint or family of endpoints.

pub(crate) mod badge;
pub(crate) mod events;
pub(crate) mod feed;
pub(crate) mod health;
pub(crate) mod history;
pub(crate) mod kuma;
pub(crate) mod metrics;
pub(crate) mod openapi;
pub(crate) mod pages;
pub(crate) mod query;
pub(crate) mod seo;
pub(crate) mod status;
pub(crate) mod stream;
pub(crate) mod timeline;
pub(crate) mod version;

use std::{future::Future, time::Duration};

use crate::{
    answer::Answer,
    api::Call,
    cache::Found,
    error::ApiError,
    response::Response,
    state::{CacheKey, State},
};

/// Answers from the cache, making the answer when there is none that may be served.
async fn cached<M, F>(
    state: &State,
    call: &Call,
    generation: u64,
    key: CacheKey,
    ttl: Duration,
    make: M,
) -> Result<Response, ApiError>
where
    M: FnOnce() -> F + Send,
    F: Future<Output = Result<Answer, ApiError>> + Send + 'static,
{
    let cache = &state.cache;
    let (answer, freshness) = match cache.find(generation, &key, ttl) {
        Found::Answer(answer, freshness, refresh) => {
            if refresh {
                cache.refresh(generation, &key, make);
            }
            (answer, freshness)
        }
        Found::Nothing => {
            state.limiter.take(call.client.address)?;
            cache.fetch(generation, &key, make).await?
        }
    };
    let (response, coded) = answer.respond(&call.head.headers, freshness).await?;
    if coded {
        cache.recount(&key, &answer);
    }
    Ok(response)
}
