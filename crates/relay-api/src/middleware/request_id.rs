//! A name for each request, for logs on both sides.

use std::sync::atomic::{AtomicU64, Ordering};

use http::{HeaderMap, HeaderValue};

use crate::middleware::headers::REQUEST_ID;

const MAX_CHARS: usize = 64;

/// Makes request ids: a random start per process, then a count. Unique, not secret.
#[derive(Debug)]
pub(crate) struct RequestIds {
    prefix: String,
    next: AtomicU64,
}

impl RequestIds {
    pub(crate) fn new() -> Self {
        let mut random = [0; 8];
        // Without randomness ids repeat after a restart, which costs log readers, not clients.
        if let Err(error) = getrandom::fill(&mut random) {
            tracing::warn!(%error, "no randomness for request ids");
        }
        Self { prefix: format!("{:016x}", u64::from_ne_bytes(random)), next: AtomicU64::new(1) }
    }

    /// Returns the client's own id if it is sane, else a new one.
    pub(crate) fn of(&self, headers: &HeaderMap) -> HeaderValue {
        if let Some(given) = headers.get(REQUEST_ID)
            && is_sane(given.as_bytes())
        {
            return given.clone();
        }
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        HeaderValue::try_from(format!("{}-{number:x}", self.prefix))
            .unwrap_or(HeaderValue::from_static("none"))
    }
}

fn is_sane(id: &[u8]) -> bool {
    (1..=MAX_CHARS).contains(&id.len())
        && id.iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sane_ids_are_kept_and_others_replaced() {
        let ids = RequestIds::new();
        let of = |given: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_static(given));
            ids.of(&headers)
        };
        assert_eq!(of("Abc-1._z"), "Abc-1._z");
        for strange in ["", "a b", "<x>", "ä", &*Box::leak("x".repeat(65).into_boxed_str())] {
            let mut headers = HeaderMap::new();
            headers.insert(REQUEST_ID, HeaderValue::from_bytes(strange.as_bytes()).expect("a header value"));
            assert_ne!(ids.of(&headers).as_bytes(), strange.as_bytes());
        }
        assert_ne!(ids.of(&HeaderMap::new()), ids.of(&HeaderMap::new()));
    }
}
