//! An answer that is kept: serialised once, coded on first demand, served many times.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use sha2::{Digest, Sha256};
use tokio::{sync::OnceCell, task::spawn_blocking, time::Instant};

use crate::{
    encode::{Encoding, negotiate},
    error::ApiError,
    response::{self, Response, VARY},
};

/// One answer in all the codings that somebody asked for.
#[derive(Debug)]
pub(crate) struct Answer {
    identity: Bytes,
    coded: [OnceCell<Bytes>; 3],
    content_type: HeaderValue,
    /// The tag of the identity; the codings carry it as a weak one.
    etag: HeaderValue,
    weak_etag: HeaderValue,
    cache_control: HeaderValue,
    compressible: bool,
    made: Instant,
}

/// How old an answer is allowed to be, and whether it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Freshness {
    /// Within its time.
    Fresh,
    /// Past its time, served while a new one is being made.
    Aging,
    /// Past its time, served because the store is away.
    Stranded,
}

/// About as many headers as a response ends up with: room is made once.
const HEADERS: usize = 16;
/// Bodies below this many bytes are sent as they are: a coding would not make them smaller in packets.
const COMPRESS_FROM_BYTES: usize = 600;

impl Answer {
    /// Makes a JSON answer that may be kept for `ttl` by everybody.
    pub(crate) fn json(body: Vec<u8>, ttl: Duration) -> Self {
        let seconds = ttl.as_secs();
        let cache_control = format!("public, max-age={seconds}, s-maxage={seconds}");
        Self::new(Bytes::from(body), response::JSON, &cache_control, None)
    }

    /// Makes an answer; `etag` is a strong tag with its quotes, made from the content when not given.
    pub(crate) fn new(
        body: Bytes,
        content_type: HeaderValue,
        cache_control: &str,
        etag: Option<&str>,
    ) -> Self {
        let tag = match etag {
            Some(etag) => etag.trim_start_matches("W/").to_owned(),
            None => format!("\"{}\"", URL_SAFE_NO_PAD.encode(&Sha256::digest(&body)[..12])),
        };
        let header = |text: &str| HeaderValue::from_str(text).unwrap_or(HeaderValue::from_static("no-store"));
        Self {
            compressible: body.len() >= COMPRESS_FROM_BYTES && is_text(&content_type),
            identity: body,
            coded: [const { OnceCell::const_new() }; 3],
            content_type,
            etag: header(&tag),
            weak_etag: header(&format!("W/{tag}")),
            cache_control: header(cache_control),
            made: Instant::now(),
        }
    }

    /// Returns how long ago it was made.
    pub(crate) fn age(&self) -> Duration {
        self.made.elapsed()
    }

    /// Returns the bytes it takes in memory.
    pub(crate) fn cost(&self) -> usize {
        let coded: usize = self.coded.iter().filter_map(OnceCell::get).map(Bytes::len).sum();
        self.identity.len() + coded + size_of::<Self>()
    }

    /// Makes the codings that `other` was asked for, so that no reader waits for them.
    pub(crate) async fn code_like(&self, other: &Self) {
        for encoding in Encoding::CODED {
            if other.coded[slot(encoding)].initialized()
                && let Err(error) = self.body(encoding).await
            {
                tracing::error!(reason = ?error.internal, "an answer could not be coded");
            }
        }
    }

    /// Returns the response to a request with these headers, and whether a coding had to be made for it.
    ///
    /// # Errors
    /// An internal error when a coding could not be made.
    pub(crate) async fn respond(
        &self,
        request: &HeaderMap,
        freshness: Freshness,
    ) -> Result<(Response, bool), ApiError> {
        let encoding = if self.compressible { negotiate(request) } else { Encoding::Identity };
        let unchanged = self.is_known(request);
        let mut made = false;
        let mut response = response::empty(StatusCode::NOT_MODIFIED);
        if !unchanged {
            made = encoding != Encoding::Identity && !self.coded[slot(encoding)].initialized();
            *response.status_mut() = StatusCode::OK;
            *response.body_mut() = self.body(encoding).await?.into();
        }
        let headers = response.headers_mut();
        headers.reserve(HEADERS);
        if !unchanged {
            headers.insert(header::CONTENT_TYPE, self.content_type.clone());
            if let Some(coding) = encoding.header() {
                headers.insert(header::CONTENT_ENCODING, coding);
            }
        }
        let etag = if encoding == Encoding::Identity { &self.etag } else { &self.weak_etag };
        headers.insert(header::ETAG, etag.clone());
        headers.insert(header::CACHE_CONTROL, self.cache_control.clone());
        headers.insert(header::VARY, VARY);
        if freshness != Freshness::Fresh {
            headers.insert(header::AGE, HeaderValue::from(self.age().as_secs()));
        }
        if freshness == Freshness::Stranded {
            headers.insert(header::WARNING, HeaderValue::from_static("111 - \"Revalidation Failed\""));
        }
        Ok((response, made))
    }

    /// Tells whether the client has this content already (RFC 9110, 13.1.2, weak comparison).
    fn is_known(&self, request: &HeaderMap) -> bool {
        let Ok(tag) = self.etag.to_str() else { return false };
        request.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|list| {
            list.trim() == "*" || list.split(',').any(|item| item.trim().trim_start_matches("W/") == tag)
        })
    }

    async fn body(&self, encoding: Encoding) -> Result<Bytes, ApiError> {
        if encoding == Encoding::Identity {
            return Ok(self.identity.clone());
        }
        let coded = self.coded[slot(encoding)].get_or_try_init(|| async {
            let identity = self.identity.clone();
            spawn_blocking(move || encoding.encode(&identity))
                .await
                .map_err(|error| ApiError::internal(format!("coding an answer: {error}")))?
                .map_err(|error| ApiError::internal(format!("coding an answer: {error}")))
        });
        coded.await.cloned()
    }
}

const fn slot(encoding: Encoding) -> usize {
    match encoding {
        Encoding::Identity | Encoding::Gzip => 0,
        Encoding::Zstd => 1,
        Encoding::Brotli => 2,
    }
}

/// Tells whether a media type is worth compressing.
fn is_text(content_type: &HeaderValue) -> bool {
    let Ok(text) = content_type.to_str() else { return false };
    text.starts_with("text/")
        || ["json", "javascript", "xml", "svg"].into_iter().any(|word| text.contains(word))
}
