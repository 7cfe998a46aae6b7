//! Responses and their bodies.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream::BoxStream};
use http::{HeaderValue, StatusCode, header};
use http_body_util::Full;
use hyper::body::{Frame, SizeHint};
use serde::Serialize;
use thiserror::Error;
use tokio::sync::mpsc;

/// The body of a response.
#[derive(Debug)]
pub(crate) enum Body {
    /// Known before the first byte is sent.
    Whole(Full<Bytes>),
    /// Made while it is sent; ends when the sender is dropped.
    Streamed(mpsc::Receiver<Result<Bytes, Broken>>),
    /// Made when the client takes it.
    Live(Live),
}

/// A body that is made piece by piece as the client takes it.
pub(crate) struct Live(BoxStream<'static, Result<Bytes, Broken>>);

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Live")
    }
}

/// Why a streamed body ends before its end: the connection is closed, so that the client notices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the answer broke off")]
pub(crate) struct Broken;

/// A response of this crate.
pub(crate) type Response = http::Response<Body>;

impl Body {
    /// Makes a body of pieces; nothing runs between two of them.
    pub(crate) fn live(pieces: impl Stream<Item = Result<Bytes, Broken>> + Send + 'static) -> Self {
        Self::Live(Live(pieces.boxed()))
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(bytes: T) -> Self {
        Self::Whole(Full::new(bytes.into()))
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Self::Whole(whole) => Pin::new(whole).poll_frame(cx).map_err(|never| match never {}),
            Self::Streamed(pieces) => pieces.poll_recv(cx).map(|piece| Some(piece?.map(Frame::data))),
            Self::Live(Live(pieces)) => pieces.poll_next_unpin(cx).map(|piece| Some(piece?.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(whole) => whole.is_end_stream(),
            Self::Streamed(_) | Self::Live(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => whole.size_hint(),
            Self::Streamed(_) | Self::Live(_) => SizeHint::default(),
        }
    }
}

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=utf-8");
pub(crate) const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");
pub(crate) const VARY: HeaderValue = HeaderValue::from_static("Accept-Encoding, Origin");

/// Makes a response of one content type.
pub(crate) fn content(status: StatusCode, content_type: HeaderValue, body: impl Into<Bytes>) -> Response {
    let mut response = Response::new(Body::from(body));
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
    let mut response = Response::new(Body::from(Bytes::new()));
    *response.status_mut() = status;
    response
}
