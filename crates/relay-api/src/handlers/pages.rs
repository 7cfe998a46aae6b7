//! The page and its files.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use relay_core::ports::pages::Page;

use crate::{
    answer::{Answer, Freshness},
    api::Call,
    error::ApiError,
    middleware::headers,
    response::{self, Response},
    state::State,
};

const HTML: HeaderValue = HeaderValue::from_static("text/html; charset=utf-8");
const REVALIDATE: &str = "no-cache";
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Pages kept in their codings. Only existing pages are kept, so the catalog bounds them long before this does.
const MAX_PAGES: usize = 20_000;

/// Pages and files in the codings that were asked for.
#[derive(Default)]
pub(crate) struct PageShelf {
    pages: Mutex<HashMap<String, Arc<KeptPage>>>,
    /// By entity tag; embedded files are few and never change.
    assets: Mutex<HashMap<&'static str, Arc<Answer>>>,
}

struct KeptPage {
    /// The catalog it was made from.
    generation: u64,
    answer: Answer,
    policy: HeaderValue,
    embeddable: bool,
}

impl PageShelf {
    /// Forgets all pages: the catalog has changed.
    pub(crate) fn clear(&self) {
        lock(&self.pages).clear();
    }
}

/// The locks are held for look-ups only, never across an await.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Serves the page of any path.
pub(crate) async fn page(state: &State, call: &Call) -> Result<Response, ApiError> {
    let path = call.head.uri.path();
    let generation = state.index().snapshot.generation;
    let kept = lock(&state.pages.pages).get(path).cloned();
    let page = match kept.filter(|page| page.generation == generation) {
        Some(page) => page,
        None => {
            let page = state.deps.pages.page(path);
            if page.status != StatusCode::OK.as_u16() {
                return Ok(missing(page));
            }
            let page = Arc::new(KeptPage {
                generation,
                policy: headers::page_policy(page.script_sources, page.embeddable),
                embeddable: page.embeddable,
                answer: Answer::new(page.html, HTML, REVALIDATE, None),
            });
            let mut pages = lock(&state.pages.pages);
            if pages.len() < MAX_PAGES {
                pages.insert(path.to_owned(), Arc::clone(&page));
            }
            page
        }
    };
    let (mut response, _) = page.answer.respond(&call.head.headers, Freshness::Fresh).await?;
    headers::add_page(response.headers_mut(), &page.policy, page.embeddable);
    Ok(response)
}

/// A page that says that there is nothing here. Not kept: clients think up any number of paths.
fn missing(page: Page) -> Response {
    let status = StatusCode::from_u16(page.status).unwrap_or(StatusCode::NOT_FOUND);
    let policy = headers::page_policy(page.script_sources, page.embeddable);
    let mut response = response::content(status, HTML, page.html);
    let map = response.headers_mut();
    map.insert(header::CACHE_CONTROL, HeaderValue::from_static(REVALIDATE));
    map.insert("x-robots-tag", HeaderValue::from_static("noindex"));
    headers::add_page(map, &policy, page.embeddable);
    response
}

/// Serves a file of the page.
pub(crate) async fn asset(state: &State, call: &Call) -> Result<Response, ApiError> {
    let path = call.rest.as_deref().unwrap_or_default();
    let Some(asset) = state.deps.pages.asset(path) else {
        return Ok(response::empty(StatusCode::NOT_FOUND));
    };
    let kept = lock(&state.pages.assets).get(asset.etag).cloned();
    let answer = kept.unwrap_or_else(|| {
        let cache_control = if asset.immutable { FOR_EVER } else { REVALIDATE };
        let content_type = HeaderValue::from_static(asset.content_type);
        let content = Bytes::from_static(asset.content);
        let answer = Arc::new(Answer::new(content, content_type, cache_control, Some(asset.etag)));
        lock(&state.pages.assets).insert(asset.etag, Arc::clone(&answer));
        answer
    });
    Ok(answer.respond(&call.head.headers, Freshness::Fresh).await?.0)
}

/// Sends `/en` to `/en/`, the query kept.
pub(crate) fn to_language_home(call: &Call) -> Result<Response, ApiError> {
    let uri = &call.head.uri;
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    let target = HeaderValue::try_from(format!("{}/{query}", uri.path()))
        .map_err(|error| ApiError::internal(format!("redirecting: {error}")))?;
    let mut response = response::empty(StatusCode::PERMANENT_REDIRECT);
    response.headers_mut().insert(header::LOCATION, target);
    Ok(response)
}
