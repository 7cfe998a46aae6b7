//! Relays and a receiver in one server on loopback: it answers the probes, takes the webhooks, and knows when.

use std::{
    convert::Infallible,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{net::TcpListener, task::JoinSet, time::Instant};

/// The server; it ends with the runtime that it was started on, or when it is dropped.
#[derive(Debug)]
pub(super) struct Witness {
    addr: SocketAddr,
    channels: Arc<Channels>,
    _serving: JoinSet<()>,
}

/// What is known of each channel. Locked for a look or a change only.
#[derive(Debug)]
struct Channels(Mutex<Vec<Seen>>);

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    /// A probe was answered well.
    probed: bool,
    /// Probes are answered with an error from now on.
    down: bool,
    /// When the first error was given out.
    failed_at: Option<Instant>,
    /// When the first webhook was there as a whole.
    told_at: Option<Instant>,
}

/// Returns how a channel is called.
pub(super) fn name(channel: usize) -> String {
    format!("c{channel}")
}

impl Witness {
    /// Starts a server of so many channels, all of them well.
    ///
    /// # Errors
    /// When it cannot listen on loopback.
    pub(super) async fn start(channels: usize) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.context("cannot listen on loopback")?;
        let addr = listener.local_addr()?;
        let channels = Arc::new(Channels(Mutex::new(vec![Seen::default(); channels])));
        let mut serving = JoinSet::new();
        serving.spawn(accept(listener, Arc::clone(&channels)));
        Ok(Self { addr, channels, _serving: serving })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(super) fn channels(&self) -> usize {
        self.channels.lock().len()
    }

    /// Tells whether each channel was probed and found well.
    pub(super) fn all_probed(&self) -> bool {
        self.channels.lock().iter().all(|seen| seen.probed)
    }

    /// Lets the next probe of a channel, and all after it, fail.
    pub(super) fn take_down(&self, channel: usize) {
        if let Some(seen) = self.channels.lock().get_mut(channel) {
            seen.down = true;
        }
    }

    /// Tells whether a webhook about each channel has arrived.
    pub(super) fn all_told(&self) -> bool {
        self.channels.lock().iter().all(|seen| seen.told_at.is_some())
    }

    /// Returns how long it took from the failing answer to the webhook, of each channel that was told of.
    pub(super) fn delays(&self) -> Vec<Duration> {
        let channels = self.channels.lock();
        channels.iter().filter_map(|seen| Some(seen.told_at?.duration_since(seen.failed_at?))).collect()
    }
}

impl Channels {
    fn lock(&self) -> MutexGuard<'_, Vec<Seen>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Answers a probe of a channel, or takes a webhook about one.
    async fn answer(&self, request: Request<Incoming>) -> Result<StatusCode> {
        let (head, body) = request.into_parts();
        let body = body.collect().await?.to_bytes();
        let now = Instant::now();
        let path = head.uri.path();
        let channel = path.strip_prefix("/probe/");
        let called = channel.map_or_else(|| String::from_utf8_lossy(&body).into_owned(), str::to_owned);
        let number: usize = called.trim_start_matches('c').parse().context("no such channel")?;
        let mut channels = self.lock();
        let seen = channels.get_mut(number).context("no such channel")?;
        if channel.is_none() {
            seen.told_at.get_or_insert(now);
            return Ok(StatusCode::OK);
        }
        if seen.down {
            // A moment before the probe has all of it: the delay is rather said to be too long than too short.
            seen.failed_at.get_or_insert(now);
            return Ok(StatusCode::SERVICE_UNAVAILABLE);
        }
        seen.probed = true;
        Ok(StatusCode::OK)
    }
}

async fn accept(listener: TcpListener, channels: Arc<Channels>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        let channels = Arc::clone(&channels);
        connections.spawn(async move {
            let service = service_fn(move |request| {
                let channels = Arc::clone(&channels);
                async move {
                    let code = channels.answer(request).await.unwrap_or(StatusCode::NOT_FOUND);
                    let mut response = Response::new(Full::new(Bytes::from_static(b"seen")));
                    *response.status_mut() = code;
                    Ok::<_, Infallible>(response)
                }
            });
            // A client that goes away ends its connection; there is nobody to tell.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
        while connections.try_join_next().is_some() {}
    }
}
