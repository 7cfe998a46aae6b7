//! The access log at debug, our own failures at warn.

use std::time::Duration;

use http::{HeaderValue, Method, Uri};

use crate::{error::ApiError, middleware::client::Client, response::Response};

/// Paths longer than this are cut in the log.
const MAX_PATH_BYTES: usize = 256;

/// What the log says of a request.
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) client: Client,
}

impl Seen {
    /// Returns the path as the log shows it; queries may hold tokens and stay out.
    fn path(&self) -> &str {
        let path = self.uri.path();
        &path[..path.floor_char_boundary(MAX_PATH_BYTES.min(path.len()))]
    }
}

pub(crate) fn failed(seen: &Seen, error: &ApiError, id: &HeaderValue) {
    if error.is_ours() {
        tracing::warn!(
            request.id = ?id,
            http.method = %seen.method,
            http.path = %seen.path(),
            code = ?error.code,
            reason = error.internal.as_deref().unwrap_or_default(),
            "request failed"
        );
    }
}

pub(crate) fn done(seen: &Seen, response: &Response, took: Duration, id: &HeaderValue) {
    tracing::debug!(
        request.id = ?id,
        http.method = %seen.method,
        http.path = %seen.path(),
        http.status = response.status().as_u16(),
        client.address = %seen.client.address,
        duration_ms = took.as_secs_f64() * 1e3,
        "request"
    );
}
