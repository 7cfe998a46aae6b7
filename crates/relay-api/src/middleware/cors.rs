//! Letting browsers of other origins read the API (the Fetch standard's CORS protocol, without credentials).

use std::sync::Arc;

use http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use relay_core::ports::catalog::Site;
use url::Url;

use crate::{
    index::Index,
    response::{self, Response},
};

const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, OPTIONS");
const HEADERS: HeaderValue =
    HeaderValue::from_static("Origin, Content-Type, Authorization, X-Request-ID, Accept-Encoding");
const EXPOSED: HeaderValue = HeaderValue::from_static("X-Request-ID");
/// Twelve hours.
const MAX_AGE: HeaderValue = HeaderValue::from_static("43200");
const VARY_ORIGIN: HeaderValue = HeaderValue::from_static("Origin");

/// Answers `OPTIONS` on a path that exists, whether it is a preflight or not.
pub(crate) fn preflight(head: &Parts, allow: Option<&'static str>) -> Option<Response> {
    let allow = allow.filter(|_| head.method == Method::OPTIONS)?;
    let mut response = response::empty(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(header::ALLOW, HeaderValue::from_static(allow));
    if head.headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, HEADERS);
        headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    }
    Some(response)
}

/// Adds what a browser needs to hand the response to a page of `origin`, when that origin is allowed.
pub(crate) fn add(headers: &mut HeaderMap, origin: Option<&HeaderValue>, index: impl FnOnce() -> Arc<Index>) {
    if !headers.contains_key(header::VARY) {
        headers.insert(header::VARY, VARY_ORIGIN);
    }
    let Some(origin) = origin else { return };
    if !origin.to_str().is_ok_and(|origin| is_allowed(origin, &index().snapshot.site)) {
        headers.remove(header::ACCESS_CONTROL_ALLOW_METHODS);
        headers.remove(header::ACCESS_CONTROL_ALLOW_HEADERS);
        headers.remove(header::ACCESS_CONTROL_MAX_AGE);
        return;
    }
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
}

fn is_allowed(origin: &str, site: &Site) -> bool {
    let own = || Url::parse(&site.public_base_url).ok().map(|url| url.origin().ascii_serialization());
    site.cors_origins
        .iter()
        .any(|allowed| allowed == "*" || allowed.trim().trim_end_matches('/').eq_ignore_ascii_case(origin))
        || own().is_some_and(|own| own == origin)
}
