//! Responses and their bodies.

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use http_body_util::Full;
use serde::Serialize;

/// The body of every response: known as a whole before the first byte is sent.
pub(crate) type Body = Full<Bytes>;

/// A response of this crate.
pub(crate) type Response = http::Response<Body>;

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
pub(crate) const VARY: HeaderValue = HeaderValue::from_static("Accept-Encoding, Origin");

/// Makes a response of one content type.
pub(crate) fn content(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, content_type);
    response
}

/// Makes a JSON response.
pub(crate) fn json(status: StatusCode, value: &impl Serialize) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => content(status, JSON, body),
        Err(error) => {
            tracing::error!(%error, "an answer could not be written as JSON");
            content(
                StatusCode::INTERNAL_SERVER_ERROR,
                JSON,
                &br#"{"error":"internal error","code":"internal"}"#[..],
            )
        }
    }
}

/// Makes a JSON response that nobody may keep.
pub(crate) fn fresh_json(value: &impl Serialize) -> Response {
    let mut response = json(StatusCode::OK, value);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}

/// Makes a response without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}
