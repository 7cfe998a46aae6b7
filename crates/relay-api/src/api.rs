//! The API as one function from request to response.

use std::{net::SocketAddr, panic::AssertUnwindSafe, sync::Arc};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Version, header, request::Parts};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::Body as HttpBody;
use tokio::time::{Instant, timeout};

use crate::{
    error::{ApiError, Code},
    middleware::{
        client::{Client, Peer},
        cors, headers, log,
    },
    options::{Access, Limits},
    response::Response,
    router::{self, Found, METRICS},
    state::{Deps, MAX_BODIES_BYTES, State},
};

/// The API. Cloning is cheap, clones share everything.
#[derive(Clone)]
pub struct Api {
    state: Arc<State>,
    /// Whether this is the view that shows metrics and nothing else.
    only_metrics: bool,
}

/// One request, body read, on its way to a handler.
pub(crate) struct Call {
    pub(crate) head: Parts,
    pub(crate) client: Client,
    /// What followed the fixed part of the route's path.
    pub(crate) rest: Option<String>,
    pub(crate) body: Bytes,
    /// Whether the address it came to is for metrics alone.
    pub(crate) only_metrics: bool,
}

impl Call {
    pub(crate) fn query(&self) -> &str {
        self.head.uri.query().unwrap_or_default()
    }
}

impl Api {
    /// Makes the API over its collaborators.
    #[must_use]
    pub fn new(deps: Deps, limits: Limits, access: Access) -> Self {
        Self { state: Arc::new(State::new(deps, limits, access)), only_metrics: false }
    }

    /// Works out what answers need of the current catalog, unless that is done. With thousands of monitors that takes
    /// tens of milliseconds, so whoever replaced the catalog calls it on a thread that may block, and spares the first
    /// request the work.
    pub fn prepare(&self) {
        drop(self.state.index());
    }

    /// Replaces the settings that may change while the server runs.
    pub fn set_access(&self, access: Access) {
        self.state.access.store(Arc::new(access));
        self.state.access_changed.send_replace(());
    }

    /// Returns the API for an address of its own that shows `/metrics` to whoever reaches it, and nothing else.
    #[must_use]
    pub fn only_metrics(&self) -> Self {
        Self { state: Arc::clone(&self.state), only_metrics: true }
    }

    /// Tells whether this is the API itself and not a view of it.
    pub(crate) const fn is_whole(&self) -> bool {
        !self.only_metrics
    }

    pub(crate) fn state(&self) -> &Arc<State> {
        &self.state
    }

    /// Answers one request that came over no connection of a [`Server`](crate::Server), but in clear from the address
    /// `from`: for programs that have a server of their own, and for checks. Whatever goes wrong becomes a response.
    /// The limits on addresses and bodies and those on rates hold here too, the ones on connections and headers are
    /// the caller's. Must be called inside a tokio runtime with time.
    pub async fn answer<B>(
        &self,
        request: Request<B>,
        from: SocketAddr,
    ) -> http::Response<impl HttpBody<Data = Bytes, Error: std::error::Error + Send + Sync> + Send + 'static>
    where
        B: HttpBody<Data = Bytes> + Send,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        self.handle(request, Peer { address: from, secure: false }).await
    }

    /// Answers one request of the client at the other end, `peer`. Never fails: whatever goes wrong becomes a response.
    pub(crate) async fn handle<B>(&self, request: Request<B>, peer: Peer) -> Response
    where
        B: HttpBody<Data = Bytes> + Send,
        B::Error: std::error::Error + Send + Sync + 'static,
    {
        let started = Instant::now();
        let state = &self.state;
        let (head, body) = request.into_parts();
        let access = state.access.load_full();
        let client = Client::of(&head.headers, peer, &access.trusted_proxies);
        let id = state.request_ids.of(&head.headers);
        let mut found = router::find(&head.method, head.uri.path());
        if self.only_metrics && head.uri.path() != METRICS {
            found = Found::nothing();
        }
        let route = found.route;
        let origin = head.headers.get(header::ORIGIN).cloned();
        let seen = log::Seen { method: head.method.clone(), uri: head.uri.clone(), client };
        let preflight = cors::preflight(&head, found.allow);
        let answered = match preflight {
            Some(response) => Ok(Ok(response)),
            None => {
                let call =
                    Call { head, client, rest: None, body: Bytes::new(), only_metrics: self.only_metrics };
                AssertUnwindSafe(answer(state, call, body, found)).catch_unwind().await
            }
        };
        let result = answered.unwrap_or_else(|_| Err(ApiError::internal("a handler panicked")));
        let mut response = match result {
            Ok(response) => response,
            Err(error) => {
                state.failures.tell(&seen, &error, &id);
                error.into_response()
            }
        };
        headers::add(response.headers_mut(), client.https);
        cors::add(response.headers_mut(), origin.as_ref(), || state.index());
        response.headers_mut().insert(headers::REQUEST_ID, id.clone());
        state.metrics.count(route, response.status(), started.elapsed());
        log::done(&seen, &response, started.elapsed(), &id);
        response
    }
}

async fn answer<B>(state: &Arc<State>, mut call: Call, body: B, found: Found) -> Result<Response, ApiError>
where
    B: HttpBody<Data = Bytes> + Send,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let Parts { version, headers, uri, .. } = &call.head;
    if *version == Version::HTTP_11 && !headers.contains_key(header::HOST) && uri.authority().is_none() {
        // RFC 9112, 3.2.
        return Err(ApiError::parameter("Host", "a request of HTTP/1.1 has this header"));
    }
    let uri_bytes = call.head.uri.path_and_query().map_or(0, |path| path.as_str().len());
    if uri_bytes > state.limits.uri_bytes {
        let text = format!("the address is longer than {} bytes", state.limits.uri_bytes);
        return Err(ApiError::new(Code::UriTooLong, text));
    }
    let endpoint = found.endpoint?;
    let room;
    if endpoint.reads_body() {
        let bytes = announced(&call.head, &state.limits)?;
        let wanted = u32::try_from(bytes.min(MAX_BODIES_BYTES)).unwrap_or(u32::MAX);
        room = state.bodies.try_acquire_many(wanted);
        if room.is_err() {
            return Err(ApiError::busy("too many requests with a body at once"));
        }
        call.body = read(body, &state.limits).await?;
    }
    call.rest = found.rest;
    endpoint.answer(state, call).await
}

fn too_large(limits: &Limits) -> ApiError {
    ApiError::new(Code::BodyTooLarge, format!("the body is larger than {} bytes", limits.body_bytes))
}

/// Returns how many bytes a body may have: as many as are announced, or as are allowed.
fn announced(head: &Parts, limits: &Limits) -> Result<usize, ApiError> {
    let announced = head.headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok());
    let Some(length) = announced.and_then(|text| text.parse::<u64>().ok()) else {
        return Ok(limits.body_bytes);
    };
    usize::try_from(length)
        .ok()
        .filter(|length| *length <= limits.body_bytes)
        .ok_or_else(|| too_large(limits))
}

/// Reads a body within the limits of size and time.
async fn read<B>(body: B, limits: &Limits) -> Result<Bytes, ApiError>
where
    B: HttpBody<Data = Bytes> + Send,
    B::Error: std::error::Error + Send + Sync + 'static,
{
    let limited = Box::pin(Limited::new(body, limits.body_bytes));
    match timeout(limits.header_timeout, limited.collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(too_large(limits)),
        Ok(Err(_)) => Err(ApiError::new(Code::InvalidBody, "the body ended too early")),
        Err(_) => Err(ApiError::new(Code::BodyTimeout, "the body took too long to arrive")),
    }
}
