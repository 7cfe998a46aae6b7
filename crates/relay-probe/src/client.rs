//! Sends one request over a pooled or a new connection.

use std::{future::Future, io, sync::Arc, time::Duration};

use http::{Method, Request, Response};
use hyper::{
    body::Incoming,
    client::conn::{http1, http2},
    rt::Executor,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use relay_core::target::Connection as Reuse;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::task::TaskTracker;

use crate::{
    connect::{Dialer, Stream},
    counters::Counters,
    failure::{Failure, Kind, find_source},
    options::PoolOptions,
    origin::Route,
    paced::Paced,
    pool::{Connection, Driver, Pool, RequestBody},
    request::Outgoing,
    trace::{Stage, Trace},
};

/// The most bytes of response headers, and the size to which the read buffer of HTTP/1.1 grows.
const MAX_HEADER_BYTES: usize = 64 * 1024;

/// The most header lines of a response.
const MAX_HEADERS: usize = 256;

/// The receive window of an HTTP/2 stream and of its connection, in bytes: a body of the default cap fits.
const H2_WINDOW: u32 = 1024 * 1024;

/// How often an idle HTTP/2 connection is pinged, so that a dead one is noticed before a probe needs it.
const H2_PING_INTERVAL: Duration = Duration::from_secs(20);

/// How long the answer to such a ping may take.
const H2_PING_TIMEOUT: Duration = Duration::from_secs(10);

/// Sends requests; shared by all probes.
pub(crate) struct Client {
    dialer: Dialer,
    pool: Arc<Pool>,
    tasks: TaskTracker,
    counters: Counters,
}

/// Runs hyper's helper tasks on our tracker.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

/// An answer whose body may still be coming, with the connection it comes on.
pub(crate) struct Answer {
    /// The headers and the body to read.
    pub(crate) response: Response<Incoming>,
    lease: Lease,
}

impl Answer {
    /// Splits the answer into its parts. The lease must be kept until the body is read.
    pub(crate) fn into_parts(self) -> (Response<Incoming>, Lease) {
        (self.response, self.lease)
    }
}

/// The right to give a connection back. Dropping it closes an HTTP/1.1 connection.
pub(crate) struct Lease {
    connection: Connection,
    route: Route,
    pool: Option<Arc<Pool>>,
}

impl Lease {
    /// Gives the connection back, once the body was read to its end.
    pub(crate) fn release(self) {
        if let Some(pool) = self.pool {
            pool.put(self.route, self.connection);
        }
    }
}

impl Client {
    /// Makes a client that runs its connections on `tasks`.
    pub(crate) fn new(dialer: Dialer, pool: PoolOptions, tasks: TaskTracker, counters: Counters) -> Self {
        Self { dialer, pool: Pool::new(pool, tasks.clone()), tasks, counters }
    }

    /// Returns the pool.
    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Sends `outgoing` along `route` and waits for the headers of the answer.
    ///
    /// A request that meets a pooled connection which the peer had closed meanwhile is sent once more on a new one,
    /// as clients do, and that time counts. Anything but a repeatable method is only repeated when the request was
    /// certainly not processed: hyper hands it back unsent.
    pub(crate) async fn send(
        &self,
        outgoing: &Outgoing<'_>,
        route: Route,
        reuse: Reuse,
        trace: &mut Trace,
    ) -> Result<Answer, Failure> {
        if reuse == Reuse::Reuse
            && let Some(mut connection) = self.pool.take(&route)
        {
            trace.stage = Stage::Headers;
            trace.sent = true;
            let request = outgoing.build(&route, connection.is_h2())?;
            match connection.send(request).await {
                Ok(response) => {
                    self.counters.reused();
                    return Ok(self.answer(response, connection, route, reuse));
                }
                Err(error) if error.message().is_some() || is_stale(error.error(), outgoing.method()) => {
                    tracing::trace!(error = %error.error(), "a pooled connection was closed: opening a new one");
                }
                Err(error) => return Err(Failure::of_hyper(error.error())),
            }
        }
        let mut connection = self.open(&route, trace).await?;
        self.counters.opened();
        let request = outgoing.build(&route, connection.is_h2())?;
        if let (Connection::H2 { sender, driver }, Reuse::Reuse) = (&connection, reuse) {
            // Shared at once, so that probes that come meanwhile need no connection of their own.
            let shared = Connection::H2 { sender: sender.clone(), driver: Arc::clone(driver) };
            self.pool.put(route.clone(), shared);
        }
        trace.stage = Stage::Headers;
        trace.sent = true;
        match connection.send(request).await {
            Ok(response) => Ok(self.answer(response, connection, route, reuse)),
            Err(error) => Err(Failure::of_hyper(error.error())),
        }
    }

    fn answer(
        &self,
        response: Response<Incoming>,
        connection: Connection,
        route: Route,
        reuse: Reuse,
    ) -> Answer {
        let pool = (reuse == Reuse::Reuse).then(|| Arc::clone(&self.pool));
        Answer { response, lease: Lease { connection, route, pool } }
    }

    async fn open(&self, route: &Route, trace: &mut Trace) -> Result<Connection, Failure> {
        match self.dialer.dial(route, trace).await? {
            Stream::Plain(tcp) => self.start_h1(tcp).await,
            stream if stream.speaks_h2() => self.start_h2(stream).await,
            Stream::Tls(tls) => self.start_h1(tls).await,
        }
    }

    async fn start_h1<T>(&self, io: T) -> Result<Connection, Failure>
    where
        T: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (sender, connection) = http1::Builder::new()
            .max_buf_size(MAX_HEADER_BYTES)
            .max_headers(MAX_HEADERS)
            .handshake::<_, RequestBody>(TokioIo::new(Paced::new(io)))
            .await
            .map_err(|error| Failure::of_hyper(&error))?;
        let task = self.tasks.spawn(async move {
            if let Err(error) = connection.await {
                tracing::trace!(%error, "an HTTP/1.1 connection ended");
            }
        });
        Ok(Connection::H1 { sender, _driver: Driver::new(task.abort_handle()) })
    }

    async fn start_h2(&self, stream: Stream) -> Result<Connection, Failure> {
        let Stream::Tls(io) = stream else {
            return Err(Failure::new(Kind::Protocol, "HTTP/2 needs TLS here"));
        };
        let (sender, connection) = http2::Builder::new(Tracked(self.tasks.clone()))
            .timer(TokioTimer::new())
            .initial_stream_window_size(H2_WINDOW)
            .initial_connection_window_size(H2_WINDOW)
            .max_header_list_size(u32::try_from(MAX_HEADER_BYTES).unwrap_or(u32::MAX))
            .keep_alive_interval(H2_PING_INTERVAL)
            .keep_alive_timeout(H2_PING_TIMEOUT)
            .keep_alive_while_idle(true)
            .handshake::<_, RequestBody>(TokioIo::new(Paced::new(io)))
            .await
            .map_err(|error| Failure::of_hyper(&error))?;
        let task = self.tasks.spawn(async move {
            if let Err(error) = connection.await {
                tracing::trace!(%error, "an HTTP/2 connection ended");
            }
        });
        Ok(Connection::H2 { sender, driver: Arc::new(Driver::new(task.abort_handle())) })
    }
}

/// Tells whether a failed request on a pooled connection may be repeated: an HTTP/2 peer said that it did not process
/// it (RFC 9113, 8.7), or the connection ended before any byte of an answer and the method is one that RFC 9110, 9.2.2
/// calls idempotent.
fn is_stale(error: &hyper::Error, method: &Method) -> bool {
    if let Some(error) = find_source::<h2::Error>(error)
        && error.is_remote()
    {
        return error.reason() == Some(h2::Reason::REFUSED_STREAM)
            || (error.is_go_away() && error.reason() == Some(h2::Reason::NO_ERROR));
    }
    let closed = error.is_incomplete_message() || error.is_canceled() || error.is_closed();
    method.is_idempotent() && (closed || find_source::<io::Error>(error).is_some())
}

/// Makes the request of one attempt.
pub(crate) type Built = Result<Request<RequestBody>, Failure>;
