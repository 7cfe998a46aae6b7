//! The least server there is: hyper, one answer for every request. What it reaches is the most that any server built
//! on hyper can reach on this machine.

use std::{convert::Infallible, net::SocketAddr, thread::JoinHandle};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Full;
use hyper::{server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::{net::TcpListener, task::JoinSet};
use tokio_util::sync::CancellationToken;

use super::wire::Answer;

/// A running server; dropping it stops it.
#[derive(Debug)]
pub(crate) struct BareServer {
    addr: SocketAddr,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl BareServer {
    /// Starts a server with a runtime of its own, as many workers as there are processors.
    ///
    /// # Errors
    /// When it cannot listen on loopback.
    pub(crate) fn start(answer: Answer) -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).context("cannot listen")?;
        let addr = listener.local_addr()?;
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let response = response(answer)?;
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let mut connections = JoinSet::new();
                let served =
                    stopped.run_until_cancelled(accept(&listener, &response, &mut connections)).await;
                drop((served, connections));
            });
        });
        Ok(Self { addr, stop, thread: Some(thread) })
    }

    /// Returns where it listens.
    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic of the server showed itself as failed requests already.
            let _ = thread.join();
        }
    }
}

/// Returns the answer with its own headers; those that hyper writes itself are left to it.
fn response(answer: Answer) -> Result<Response<Full<Bytes>>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = StatusCode::from_u16(answer.code)?;
    let kept = answer.headers.iter().filter(|(name, _)| {
        !["content-length", "connection", "date"].iter().any(|own| name.eq_ignore_ascii_case(own))
    });
    for (name, value) in kept {
        let name = http::HeaderName::from_bytes(name.as_bytes())?;
        response.headers_mut().append(name, http::HeaderValue::from_str(value)?);
    }
    Ok(response)
}

async fn accept(listener: &TcpListener, response: &Response<Full<Bytes>>, connections: &mut JoinSet<()>) {
    while let Ok((stream, _)) = listener.accept().await {
        if stream.set_nodelay(true).is_err() {
            continue;
        }
        let response = response.clone();
        connections.spawn(async move {
            let service = service_fn(move |_| {
                let response = response.clone();
                async move { Ok::<_, Infallible>(response) }
            });
            // A client that goes away ends its connection; there is nobody to tell.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        });
        while connections.try_join_next().is_some() {}
    }
}
