//! Server-Sent Events: the wire format (HTML standard, 9.2), and who may hold how many streams open.
//!
//! A stream is made while it is read: what a slow client does not take is not made, so nothing piles up for it, and
//! the connection's write limit ends it.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::{HeaderName, HeaderValue, Method, StatusCode, header};
use serde::Serialize;

use crate::{
    error::ApiError,
    options::Limits,
    response::{Body, Broken, NO_STORE, Response},
    server::network,
};

/// How often a stream says something, so that everybody on the way knows it lives.
pub(crate) const HEARTBEAT: Duration = Duration::from_secs(15);
/// What it says then: a comment.
pub(crate) const BEAT: Bytes = Bytes::from_static(b": \n\n");
/// The first bytes of a stream: how long to wait before connecting again, in milliseconds.
const HELLO: Bytes = Bytes::from_static(b"retry: 3000\n\n");

pub(crate) const EVENT_STREAM: HeaderValue = HeaderValue::from_static("text/event-stream; charset=utf-8");
/// Tells nginx not to collect the stream before passing it on.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Writes one message. JSON holds no line break, so the data is one line.
pub(crate) fn message(id: Option<i64>, event: &str, data: &impl Serialize, out: &mut Vec<u8>) {
    let Ok(data) = serde_json::to_string(data) else { return };
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    out.extend_from_slice(format!("{id}event: {event}\ndata: {data}\n\n").as_bytes());
}

/// Answers with a stream of messages. A HEAD request gets the headers alone.
pub(crate) fn response(
    method: &Method,
    messages: impl Stream<Item = Result<Bytes, Broken>> + Send + 'static,
) -> Response {
    let body = if method == Method::HEAD {
        Body::from(Bytes::new())
    } else {
        Body::live(stream::iter([Ok(HELLO)]).chain(messages))
    };
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, EVENT_STREAM);
    headers.insert(header::CACHE_CONTROL, NO_STORE);
    headers.insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
    response
}

/// Counts the open streams.
#[derive(Debug)]
pub(crate) struct Seats {
    total: usize,
    per_address: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    total: usize,
    addresses: HashMap<IpAddr, usize>,
}

/// The right to one open stream; given back when dropped.
#[derive(Debug)]
pub(crate) struct Seat {
    seats: Arc<Seats>,
    address: IpAddr,
}

impl Seats {
    pub(crate) fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self {
            total: limits.streams,
            per_address: limits.streams_per_address,
            taken: Mutex::default(),
        })
    }

    /// Takes a seat for an address.
    ///
    /// # Errors
    /// `rate_limited` when the address has too many, `busy` when all are taken.
    pub(crate) fn take(self: &Arc<Self>, address: IpAddr) -> Result<Seat, ApiError> {
        let address = network(address);
        let mut taken = self.lock();
        if taken.addresses.get(&address).is_some_and(|count| *count >= self.per_address) {
            return Err(ApiError::rate_limited(60));
        }
        if taken.total >= self.total {
            return Err(ApiError::busy("too many streams are open, try again later"));
        }
        taken.total += 1;
        *taken.addresses.entry(address).or_default() += 1;
        drop(taken);
        Ok(Seat { seats: Arc::clone(self), address })
    }

    /// Returns how many streams are open.
    pub(crate) fn open(&self) -> usize {
        self.lock().total
    }

    /// The lock is held for counting only.
    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.lock();
        taken.total -= 1;
        if let Some(count) = taken.addresses.get_mut(&self.address) {
            *count -= 1;
            if *count == 0 {
                taken.addresses.remove(&self.address);
            }
        }
    }
}

/// Tells whether a client asks for a stream rather than for JSON.
pub(crate) fn is_wanted(headers: &http::HeaderMap) -> bool {
    let types = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    types.flat_map(|list| list.split(',')).any(|item| {
        item.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("text/event-stream"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seats_are_counted_and_given_back() {
        let seats = Seats::new(&Limits { streams: 3, streams_per_address: 2, ..Limits::default() });
        let address = |last: u8| IpAddr::from([192, 0, 2, last]);
        let (one, _two) = (seats.take(address(1)).expect("a seat"), seats.take(address(1)).expect("a seat"));
        let refused = |last| seats.take(address(last)).expect_err("no seat").code;
        assert_eq!(refused(1), crate::error::Code::RateLimited);
        let _three = seats.take(address(2)).expect("a seat");
        assert_eq!(refused(3), crate::error::Code::Busy);
        drop(one);
        assert_eq!(seats.open(), 2);
        assert!(seats.take(address(3)).is_ok());
        assert_eq!(seats.lock().addresses.len(), 2);
    }

    #[test]
    fn a_message_is_three_lines_and_an_empty_one() {
        let mut out = Vec::new();
        message(Some(7), "UP", &"a\nb", &mut out);
        message(None, "x", &1, &mut out);
        assert_eq!(out, b"id: 7\nevent: UP\ndata: \"a\\nb\"\n\nevent: x\ndata: 1\n\n");
    }
}
