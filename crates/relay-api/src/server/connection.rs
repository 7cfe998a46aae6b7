//! One connection from its first byte to its last.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::pin,
    sync::{Arc, atomic::Ordering},
    task::Poll,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{
    api::Api,
    options::Limits,
    server::{
        io::{Activity, Sent, Watched},
        registry::Place,
    },
};

/// hyper's buffer must hold the longest headers that are allowed, and never less than this.
const LEAST_BUFFER_BYTES: usize = 64 * 1024;

/// What happened on a connection.
enum Turn {
    Ended(hyper::Result<()>),
    Fired,
}

/// What somebody wants of a connection.
enum Signal {
    /// Finish the request in flight, then close.
    Stop,
    /// Close now.
    Close,
}

/// Returns the signals to a connection. Tokens are shared by all connections and locked when they are polled; in this
/// set they are polled when they fire, not at every read and write.
fn signals<'a>(
    soft: &'a CancellationToken,
    hard: &'a CancellationToken,
    place: &'a Place,
) -> FuturesUnordered<BoxFuture<'a, Signal>> {
    let signals = FuturesUnordered::new();
    signals.push(hard.cancelled().map(|()| Signal::Close).boxed());
    signals.push(place.evicted().map(|()| Signal::Close).boxed());
    signals.push(soft.cancelled().map(|()| Signal::Stop).boxed());
    signals
}

/// What a connection needs of the server.
pub(crate) struct Connection {
    pub(crate) api: Api,
    pub(crate) limits: Arc<Limits>,
    /// Finish the request in flight, then close.
    pub(crate) soft: CancellationToken,
    /// Close now.
    pub(crate) hard: CancellationToken,
}

impl Connection {
    /// Serves HTTP/1.1 until the client or a limit ends it.
    pub(crate) async fn serve(self, stream: TcpStream, peer: SocketAddr, place: Place) {
        let Self { api, limits, soft, hard } = self;
        let metrics = &api.state().metrics;
        metrics.connections.fetch_add(1, Ordering::Relaxed);
        let activity = Arc::new(Activity::new());
        let service = service_fn(|request: Request<Incoming>| {
            activity.request();
            place.touch();
            let (api, activity) = (&api, &activity);
            // Boxed, so that an idle connection does not hold room for a request, and the room of one request is used
            // by the next while it is still in the processor's cache.
            Box::pin(async move {
                let response = api.handle(request, peer).await;
                Ok::<_, Infallible>(response.map(|body| Sent::new(body, activity)))
            })
        });
        let io = Watched::new(TokioIo::new(stream), Arc::clone(&activity));
        // hyper's own header timer is off: the watchdog tells slow headers from idle connections, and one timer serves
        // the whole connection instead of one per request.
        let serving = http1::Builder::new()
            .header_read_timeout(None)
            .max_header_size(limits.header_bytes)
            .max_buf_size(limits.header_bytes.max(LEAST_BUFFER_BYTES))
            .serve_connection(io, service);
        let mut serving = pin!(serving);
        let mut watchdog = pin!(sleep(limits.idle_timeout));
        let mut signals = signals(&soft, &hard, &place);
        loop {
            let turn = poll_fn(|cx| {
                if let Poll::Ready(result) = serving.as_mut().poll(cx) {
                    return Poll::Ready(Turn::Ended(result));
                }
                // What the connection waits for only changes while it is polled, so the timer is always right here;
                // it is moved forward only, and corrected when it fires.
                if let Some(deadline) = activity.deadline(&limits)
                    && deadline < watchdog.deadline()
                {
                    watchdog.as_mut().reset(deadline);
                }
                watchdog.as_mut().poll(cx).map(|()| Turn::Fired)
            });
            tokio::select! {
                biased;
                Some(signal) = signals.next() => match signal {
                    Signal::Stop => serving.as_mut().graceful_shutdown(),
                    Signal::Close => break,
                },
                turn = turn => match turn {
                    Turn::Ended(result) => {
                        if let Err(error) = result {
                            tracing::debug!(client.address = %peer.ip(), %error, "connection ended");
                        }
                        break;
                    }
                    Turn::Fired => {
                        let now = Instant::now();
                        let deadline = activity.deadline(&limits);
                        if deadline.is_some_and(|deadline| deadline <= now) {
                            tracing::debug!(client.address = %peer.ip(), "connection closed: the client is too slow");
                            break;
                        }
                        watchdog.as_mut().reset(deadline.unwrap_or_else(|| now + limits.idle_timeout));
                    }
                },
            }
        }
        metrics.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
