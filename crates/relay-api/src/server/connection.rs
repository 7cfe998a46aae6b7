//! One connection from its first byte to its last.

use std::{
    convert::Infallible,
    net::SocketAddr,
    pin::pin,
    sync::{Arc, atomic::Ordering},
};

use http::{HeaderValue, Request, header};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until},
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
            let (api, activity, soft) = (&api, &activity, &soft);
            async move {
                let mut response = api.handle(request, peer).await.map(|body| Sent::new(body, activity));
                if soft.is_cancelled() {
                    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
                }
                Ok::<_, Infallible>(response)
            }
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
        let mut watchdog = pin!(sleep_until(activity.deadline(&limits)));
        let mut stopping = false;
        loop {
            tokio::select! {
                result = serving.as_mut() => {
                    if let Err(error) = result {
                        tracing::debug!(client.address = %peer.ip(), %error, "connection ended");
                    }
                    break;
                }
                () = &mut watchdog => {
                    let deadline = activity.deadline(&limits);
                    if deadline <= Instant::now() {
                        tracing::debug!(client.address = %peer.ip(), "connection closed: the client is too slow");
                        break;
                    }
                    watchdog.as_mut().reset(deadline);
                }
                () = soft.cancelled(), if !stopping => {
                    stopping = true;
                    serving.as_mut().graceful_shutdown();
                }
                () = place.evicted() => break,
                () = hard.cancelled() => break,
            }
        }
        metrics.connections.fetch_sub(1, Ordering::Relaxed);
    }
}
