//! One connection from its first byte to its last.

use std::{
    convert::Infallible,
    future::{Future, poll_fn},
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{Arc, atomic::Ordering},
    task::Poll,
};

use futures_util::{FutureExt, StreamExt, future::BoxFuture, stream::FuturesUnordered};
use http::Request;
use hyper::{
    body::Incoming,
    rt::Executor,
    server::conn::{http1, http2},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::{Instant, sleep, timeout},
};
use tokio_rustls::server::TlsStream;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    api::Api,
    middleware::client::Peer,
    options::Limits,
    server::{
        io::{Activity, Answering, Sent, Watched},
        registry::Place,
        tls::{Certificate, H2},
    },
};

/// hyper's buffer must hold the longest headers that are allowed, and never less than this.
const LEAST_BUFFER_BYTES: usize = 64 * 1024;

/// How many requests of one HTTP/2 connection are answered at once; browsers ask for no more.
const MAX_CONCURRENT_STREAMS: u32 = 100;

/// What bytes come and go over.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for T {}

/// Runs the requests of HTTP/2 connections where stopping waits for them.
#[derive(Clone)]
struct Tracked(TaskTracker);

impl<F> Executor<F> for Tracked
where
    F: Future<Output: Send> + Send + 'static,
{
    fn execute(&self, task: F) {
        self.0.spawn(task);
    }
}

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
    /// The server's own certificate, `None` for plain HTTP.
    pub(crate) certificate: Option<Arc<Certificate>>,
    /// Finish the request in flight, then close.
    pub(crate) soft: CancellationToken,
    /// Close now.
    pub(crate) hard: CancellationToken,
}

impl Connection {
    /// Serves until the client or a limit ends it: HTTP/1.1, or HTTP/2 where the handshake agreed on it.
    pub(crate) async fn serve(self, stream: TcpStream, peer: SocketAddr, place: Place) {
        // Cloned, so that counting the end does not borrow what is moved.
        let api = self.api.clone();
        let open = &api.state().metrics.connections;
        open.fetch_add(1, Ordering::Relaxed);
        match self.certificate.clone() {
            None => self.serve_http1(stream, Peer { address: peer, secure: false }, &place).await,
            Some(certificate) => {
                if let Some(stream) = self.shake_hands(&certificate, stream, &place).await {
                    let peer = Peer { address: peer, secure: true };
                    if stream.get_ref().1.alpn_protocol() == Some(H2) {
                        self.serve_http2(stream, peer, &place).await;
                    } else {
                        self.serve_http1(stream, peer, &place).await;
                    }
                }
            }
        }
        open.fetch_sub(1, Ordering::Relaxed);
    }

    /// Encrypts a connection, within the time that headers may take.
    async fn shake_hands(
        &self,
        certificate: &Certificate,
        stream: TcpStream,
        place: &Place,
    ) -> Option<TlsStream<TcpStream>> {
        let shaking = timeout(self.limits.header_timeout, certificate.acceptor().accept(stream));
        let mut signals = signals(&self.soft, &self.hard, place);
        tokio::select! {
            _ = signals.next() => None,
            shaken = shaking => match shaken {
                Ok(Ok(stream)) => Some(stream),
                Ok(Err(error)) => {
                    tracing::debug!(%error, "TLS handshake failed");
                    None
                }
                Err(_) => None,
            },
        }
    }

    async fn serve_http1(&self, stream: impl Stream, peer: Peer, place: &Place) {
        let activity = Arc::new(Activity::new(false));
        let service = service_fn(|request: Request<Incoming>| {
            let answering = Answering::new(&activity);
            place.touch();
            let api = &self.api;
            // Boxed, so that an idle connection does not hold room for a request, and the room of one request is used
            // by the next while it is still in the processor's cache.
            Box::pin(async move {
                let response = api.handle(request, peer).await;
                Ok::<_, Infallible>(response.map(|body| Sent::new(body, answering)))
            })
        });
        let io = Watched::new(TokioIo::new(stream), Arc::clone(&activity));
        // hyper's own header timer is off: the watchdog tells slow headers from idle connections, and one timer serves
        // the whole connection instead of one per request.
        let serving = http1::Builder::new()
            .header_read_timeout(None)
            .max_header_size(self.limits.header_bytes)
            .max_buf_size(self.limits.header_bytes.max(LEAST_BUFFER_BYTES))
            .serve_connection(io, service);
        let serving = pin!(serving);
        self.watch(serving, |serving| serving.graceful_shutdown(), &activity, peer, place).await;
    }

    async fn serve_http2(&self, stream: impl Stream, peer: Peer, place: &Place) {
        let activity = Arc::new(Activity::new(true));
        let (api, touch) = (self.api.clone(), place.toucher());
        let counted = Arc::clone(&activity);
        let service = service_fn(move |request: Request<Incoming>| {
            // Counted before anything is awaited, and given back with the body on every path: a stream that the
            // client resets drops this future.
            let answering = Answering::new(&counted);
            touch();
            let api = api.clone();
            async move {
                let response = api.handle(request, peer).await;
                Ok::<_, Infallible>(response.map(|body| Sent::new(body, answering)))
            }
        });
        let io = Watched::new(TokioIo::new(stream), Arc::clone(&activity));
        let header_bytes = u32::try_from(self.limits.header_bytes).unwrap_or(u32::MAX);
        let serving = http2::Builder::new(Tracked(self.api.state().tasks.clone()))
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_CONCURRENT_STREAMS)
            .max_send_buf_size(LEAST_BUFFER_BYTES)
            .max_header_list_size(header_bytes)
            .serve_connection(io, service);
        let serving = pin!(serving);
        self.watch(serving, |serving| serving.graceful_shutdown(), &activity, peer, place).await;
    }

    /// Drives a connection until it ends, is told to, or its client is too slow.
    async fn watch<C: Future<Output = hyper::Result<()>>>(
        &self,
        mut serving: Pin<&mut C>,
        finish: impl Fn(Pin<&mut C>),
        activity: &Activity,
        peer: Peer,
        place: &Place,
    ) {
        let limits = &*self.limits;
        let mut watchdog = pin!(sleep(limits.idle_timeout));
        let mut signals = signals(&self.soft, &self.hard, place);
        loop {
            let turn = poll_fn(|cx| {
                if let Poll::Ready(result) = serving.as_mut().poll(cx) {
                    return Poll::Ready(Turn::Ended(result));
                }
                // What the connection waits for only changes while it is polled, so the timer is always right here;
                // it is moved forward only, and corrected when it fires.
                if let Some(deadline) = activity.deadline(limits)
                    && deadline < watchdog.deadline()
                {
                    watchdog.as_mut().reset(deadline);
                }
                watchdog.as_mut().poll(cx).map(|()| Turn::Fired)
            });
            tokio::select! {
                biased;
                Some(signal) = signals.next() => match signal {
                    Signal::Stop => finish(serving.as_mut()),
                    Signal::Close => break,
                },
                turn = turn => match turn {
                    Turn::Ended(result) => {
                        if let Err(error) = result {
                            tracing::debug!(client.address = %peer.address.ip(), %error, "connection ended");
                        }
                        break;
                    }
                    Turn::Fired => {
                        let now = Instant::now();
                        let deadline = activity.deadline(limits);
                        if deadline.is_some_and(|deadline| deadline <= now) {
                            let client = peer.address.ip();
                            tracing::debug!(client.address = %client, "connection closed: the client is too slow");
                            break;
                        }
                        watchdog.as_mut().reset(deadline.unwrap_or_else(|| now + limits.idle_timeout));
                    }
                },
            }
        }
    }
}
