//! The access log at debug, our own failures at warn.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use http::{HeaderValue, Method, Uri};
use tokio::time::Instant;

use crate::{
    error::{ApiError, Code},
    middleware::client::Client,
    response::Response,
};

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

/// How long a failure that lasts is not told again.
const AGAIN: Duration = Duration::from_secs(60);

/// Tells of failures: of one that lasts, such as a store that is away, when it begins and once a minute, not for every
/// client who asks meanwhile.
#[derive(Default)]
pub(crate) struct Failures {
    /// When each was told last, and how many requests failed so since then. Locked for a look or a change only.
    told: Mutex<Vec<(Code, Instant, u64)>>,
}

impl Failures {
    /// Tells of a request that failed; failures of clients are no news.
    pub(crate) fn tell(&self, seen: &Seen, error: &ApiError, id: &HeaderValue) {
        if !error.is_ours() {
            return;
        }
        let Some(untold) = self.untold(error.code) else {
            tracing::debug!(request.id = shown(id), http.path = %seen.path(), code = error.code.as_str(), "request failed");
            return;
        };
        tracing::warn!(
            request.id = shown(id),
            http.method = %seen.method,
            http.path = %seen.path(),
            code = error.code.as_str(),
            reason = error.internal.as_deref().unwrap_or_default(),
            untold,
            "request failed"
        );
    }

    /// Returns how many failures of this kind were not told before this one, which is to be told; `None` when it is not.
    fn untold(&self, code: Code) -> Option<u64> {
        if !matches!(code, Code::StoreUnavailable | Code::Busy) {
            return Some(0);
        }
        let now = Instant::now();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((_, at, untold)) = told.iter_mut().find(|(other, ..)| *other == code) else {
            told.push((code, now, 0));
            return Some(0);
        };
        if now.duration_since(*at) < AGAIN {
            *untold += 1;
            return None;
        }
        *at = now;
        Some(std::mem::take(untold))
    }
}

pub(crate) fn done(seen: &Seen, response: &Response, took: Duration, id: &HeaderValue) {
    tracing::debug!(
        request.id = shown(id),
        http.method = %seen.method,
        http.path = %seen.path(),
        http.status = response.status().as_u16(),
        client.address = %seen.client.address,
        duration_ms = took.as_secs_f64() * 1e3,
        "request"
    );
}

/// Returns a request's id as the answer carries it.
fn shown(id: &HeaderValue) -> &str {
    id.to_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failure_that_lasts_is_told_once_a_minute() {
        let failures = Failures::default();
        assert_eq!(failures.untold(Code::StoreUnavailable), Some(0));
        for _ in 0..7 {
            assert_eq!(failures.untold(Code::StoreUnavailable), None);
            assert_eq!(
                failures.untold(Code::Internal),
                Some(0),
                "one that is a mistake of ours is always told"
            );
        }
        assert_eq!(failures.untold(Code::Busy), Some(0), "each kind for itself");
        tokio::time::advance(AGAIN).await;
        assert_eq!(failures.untold(Code::StoreUnavailable), Some(7));
        assert_eq!(failures.untold(Code::StoreUnavailable), None);
    }
}
