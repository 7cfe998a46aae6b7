//! The server: connections, and what every request goes through before its answer is made.

mod abuse;
mod hostile;
mod live;
mod reply;
mod socket;

use std::{
    collections::HashMap,
    convert::Infallible,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::{BodyExt, Either, Full, Limited, combinators::UnsyncBoxBody};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    abuse::Abuse,
    behaviour::{Behaviour, Outage},
    dialect::{Dialect, Fault},
    sim::Protocol,
};

pub(crate) use live::Live;
use socket::Socket;

/// How long running answers may go on after a stop was asked for.
const GRACE: Duration = Duration::from_secs(1);
/// A client that has not finished its TLS handshake by then is no client of ours.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// Largest request body read, bytes.
const MAX_REQUEST: usize = 1 << 20;

/// A body: ready at once, or made while it is read.
type Body = Either<Full<Bytes>, UnsyncBoxBody<Bytes, io::Error>>;

/// Ends the connection without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the relay is down")]
struct Reset;

pub(crate) struct Server {
    pub(crate) relays: Arc<HashMap<String, Arc<Live>>>,
    pub(crate) protocol: Protocol,
    pub(crate) tls: Option<Arc<rustls::ServerConfig>>,
    pub(crate) abuse: Option<Abuse>,
    pub(crate) stop: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

// === impl Server ===

impl Server {
    pub(crate) async fn run(self, listener: TcpListener) {
        let server = Arc::new(self);
        loop {
            let accepted = tokio::select! {
                biased;
                () = server.stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    let connection = Arc::clone(&server).connection(stream);
                    server.tasks.spawn(connection);
                }
                Err(error) => {
                    tracing::debug!(%error, "accept failed");
                    // Out of descriptors: the backlog waits until some connection has gone.
                    sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    async fn connection(self: Arc<Self>, stream: TcpStream) {
        // Without it small answers wait for acknowledgements; failing to set it only costs time.
        let _slower = stream.set_nodelay(true);
        let reset = Arc::new(AtomicBool::new(false));
        let socket = Socket::new(stream, Arc::clone(&reset));
        if let Some(abuse) = self.abuse {
            let inflicted = abuse::inflict(abuse, socket, self.tls.clone(), &reset);
            self.stop.run_until_cancelled(inflicted).await;
            return;
        }
        let Some(tls) = self.tls.clone() else {
            return self.http(socket, self.protocol, reset).await;
        };
        let handshake = timeout(HANDSHAKE, TlsAcceptor::from(tls).accept(socket));
        let stream = tokio::select! {
            () = self.stop.cancelled() => return,
            result = handshake => match result {
                Ok(Ok(stream)) => stream,
                _ => return,
            },
        };
        let h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let protocol = if h2 { Protocol::Http2 } else { Protocol::Http1 };
        self.http(stream, protocol, reset).await;
    }

    async fn http<S>(&self, stream: S, protocol: Protocol, reset: Arc<AtomicBool>)
    where
        S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let relays = Arc::clone(&self.relays);
        let service = service_fn(move |request| {
            let (relays, reset) = (Arc::clone(&relays), Arc::clone(&reset));
            async move { handle(&relays, request, &reset).await }
        });
        let io = TokioIo::new(stream);
        // Errors are the client's going away, or a behaviour that breaks the connection on purpose.
        match protocol {
            Protocol::Http1 => {
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    // Pooled connections may idle as long as a client likes; loopback has no slow lorises.
                    .header_read_timeout(None)
                    .serve_connection(io, service);
                let mut connection = std::pin::pin!(connection);
                tokio::select! {
                    _ended = connection.as_mut() => return,
                    () = self.stop.cancelled() => connection.as_mut().graceful_shutdown(),
                }
                let _ended = timeout(GRACE, connection).await;
            }
            Protocol::Http2 => {
                let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .timer(TokioTimer::new())
                    .serve_connection(io, service);
                let mut connection = std::pin::pin!(connection);
                tokio::select! {
                    _ended = connection.as_mut() => return,
                    () = self.stop.cancelled() => connection.as_mut().graceful_shutdown(),
                }
                let _ended = timeout(GRACE, connection).await;
            }
        }
    }
}

/// Answers one request: finds the relay, then down, key, request and model are looked at in that order.
async fn handle(
    relays: &HashMap<String, Arc<Live>>,
    request: Request<Incoming>,
    reset: &Arc<AtomicBool>,
) -> Result<Response<Body>, Reset> {
    let (head, body) = request.into_parts();
    let (name, path) = split(head.uri.path());
    let Some(live) = relays.get(name) else {
        return Ok(reply::fault(Dialect::Chat, Fault::NotFound, 0));
    };
    let ticket = live.ticket();
    let dialect = live.relay().dialect;
    if !dialect.owns(path) {
        return Ok(reply::fault(dialect, Fault::NotFound, ticket.id));
    }
    if head.method != Method::POST {
        return Ok(reply::fault(dialect, Fault::MethodNotAllowed, ticket.id));
    }
    let Ok(body) = Limited::new(body, MAX_REQUEST).collect().await else {
        return Ok(reply::fault(dialect, Fault::Status(413), ticket.id));
    };
    let ask = dialect.ask(path, head.uri.query(), &body.to_bytes());
    let model = ask.as_ref().map_or("", |ask| ask.model.as_str());
    let (behaviour, latency) = live.meet(model, &ticket);
    if let Behaviour::Down(outage) = behaviour {
        return down(outage, reset).await;
    }
    if dialect.key(&head.headers, head.uri.query()) != Some(live.relay().key.as_str()) {
        live.count_unauthorized();
        return Ok(reply::fault(dialect, Fault::BadKey, ticket.id));
    }
    let ask = match ask {
        Ok(ask) => ask,
        Err(fault) => return Ok(reply::fault(dialect, fault, ticket.id)),
    };
    if !live.knows(&ask.model) {
        return Ok(reply::fault(dialect, Fault::UnknownModel, ticket.id));
    }
    if latency > Duration::ZERO {
        sleep(latency).await;
    }
    Ok(reply::Answer { live, ask: &ask, head: &head, ticket, latency, reset }.make(behaviour))
}

async fn down(outage: Outage, reset: &AtomicBool) -> Result<Response<Body>, Reset> {
    if outage == Outage::Silent {
        // Ends when the client gives up or the simulation stops: either drops this future.
        std::future::pending::<Infallible>().await;
    }
    reset.store(true, Ordering::Relaxed);
    Err(Reset)
}

/// Splits `/relay/rest` into `relay` and `/rest`.
fn split(path: &str) -> (&str, &str) {
    let path = path.strip_prefix('/').unwrap_or(path);
    path.find('/').map_or((path, ""), |slash| path.split_at(slash))
}
