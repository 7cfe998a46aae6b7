//! A stream that notes when its client did something.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use hyper::{
    body::{Body as HttpBody, Frame, SizeHint},
    rt::{Read, ReadBufCursor, Write},
};
use tokio::time::Instant;

use crate::{
    options::Limits,
    response::{Body, Broken},
};

/// What a connection is waiting for, noted by its stream and by its requests, read by its watchdog.
#[derive(Debug)]
pub(crate) struct Activity {
    started: Instant,
    /// Whether several requests share the connection (HTTP/2): what is read then says little about them.
    multiplexed: bool,
    /// Milliseconds after the start at which the present phase began.
    since: AtomicU64,
    /// Whether bytes of a request have come whose headers are not complete.
    in_headers: AtomicBool,
    /// Requests that are being answered.
    in_flight: AtomicU64,
    /// Milliseconds after the start since when the client has taken nothing of what waits for it; 0 when nothing
    /// waits.
    blocked_since: AtomicU64,
}

impl Activity {
    pub(crate) fn new(multiplexed: bool) -> Self {
        Self {
            started: Instant::now(),
            multiplexed,
            since: AtomicU64::new(0),
            in_headers: AtomicBool::new(false),
            in_flight: AtomicU64::new(0),
            blocked_since: AtomicU64::new(0),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Returns when the connection will have waited too long if nothing happens until then, maybe in the past; `None`
    /// while a request is being answered and the client takes what it gets.
    pub(crate) fn deadline(&self, limits: &Limits) -> Option<Instant> {
        let after = |millis: u64, limit: Duration| self.started + Duration::from_millis(millis) + limit;
        let since = self.since.load(Ordering::Relaxed);
        let phase = if self.in_flight.load(Ordering::Relaxed) > 0 {
            // A client of HTTP/2 can stop taking an answer without blocking the connection. What is made shows that
            // it does not; being made takes its time, too.
            self.multiplexed.then(|| after(since, limits.write_timeout * 2))
        } else if self.in_headers.load(Ordering::Relaxed) {
            Some(after(since, limits.header_timeout))
        } else {
            Some(after(since, limits.idle_timeout))
        };
        let blocked = match self.blocked_since.load(Ordering::Relaxed) {
            0 => None,
            since => Some(after(since, limits.write_timeout)),
        };
        phase.into_iter().chain(blocked).min()
    }

    /// Notes that the headers of a request are complete.
    fn request(&self) {
        self.in_headers.store(false, Ordering::Relaxed);
        if self.in_flight.fetch_add(1, Ordering::Relaxed) == 0 {
            self.progress();
        }
    }

    fn progress(&self) {
        self.since.store(self.now(), Ordering::Relaxed);
    }

    /// Notes that the last byte of a response was handed over.
    fn answered(&self) {
        self.progress();
        self.in_flight.fetch_sub(1, Ordering::Relaxed);
    }

    fn read(&self) {
        if !self.multiplexed
            && self.in_flight.load(Ordering::Relaxed) == 0
            && !self.in_headers.load(Ordering::Relaxed)
        {
            self.since.store(self.now(), Ordering::Relaxed);
            self.in_headers.store(true, Ordering::Relaxed);
        }
    }

    fn wrote<T>(&self, result: &Poll<io::Result<T>>) {
        if result.is_ready() {
            let was_blocked = self.blocked_since.load(Ordering::Relaxed) != 0;
            if was_blocked {
                self.blocked_since.store(0, Ordering::Relaxed);
            }
            if was_blocked || (self.multiplexed && self.in_flight.load(Ordering::Relaxed) > 0) {
                self.progress();
            }
        } else if self.blocked_since.load(Ordering::Relaxed) == 0 {
            self.blocked_since.store(self.now().max(1), Ordering::Relaxed);
        }
    }
}

/// A request that is being answered, until it is dropped.
#[derive(Debug)]
pub(crate) struct Answering {
    activity: Arc<Activity>,
}

impl Answering {
    pub(crate) fn new(activity: &Arc<Activity>) -> Self {
        activity.request();
        Self { activity: Arc::clone(activity) }
    }
}

/// A body whose end is noted: until then the request counts as being answered.
#[derive(Debug)]
pub(crate) struct Sent {
    body: Body,
    answering: Answering,
}

impl Sent {
    pub(crate) const fn new(body: Body, answering: Answering) -> Self {
        Self { body, answering }
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.activity.answered();
    }
}

impl HttpBody for Sent {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.answering.activity.progress();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// A stream whose reads and writes are noted.
#[derive(Debug)]
pub(crate) struct Watched<S> {
    stream: S,
    activity: Arc<Activity>,
}

impl<S> Watched<S> {
    pub(crate) const fn new(stream: S, activity: Arc<Activity>) -> Self {
        Self { stream, activity }
    }
}

impl<S: Read + Unpin> Read for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let result = ready!(Pin::new(&mut self.stream).poll_read(cx, buf));
        self.activity.read();
        Poll::Ready(result)
    }
}

impl<S: Write + Unpin> Write for Watched<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.activity.wrote(&result);
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let result = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.activity.wrote(&result);
        result
    }
}
