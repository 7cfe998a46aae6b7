//! The listener and its connections.

mod connection;
mod io;
mod registry;
mod tls;

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use thiserror::Error;
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::sleep,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(crate) use registry::network;
pub use tls::{TlsError, check_tls};

use crate::{
    api::Api,
    options::Options,
    server::{connection::Connection, registry::Registry, tls::Certificate},
};

/// How many connections may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
const BACKLOG: u32 = 4096;
/// How long accepting rests when the process is out of file descriptors: the queue stays, the CPU does not spin.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// A bound listener that has not begun to accept.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    options: Options,
    certificate: Option<Arc<Certificate>>,
}

/// Why the server could not listen.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum BindError {
    /// Somebody else listens there.
    #[error(
        "{address} is in use: stop the other program, or listen elsewhere (server.listen, MONITOR_LISTEN)"
    )]
    InUse {
        /// The address.
        address: SocketAddr,
    },
    /// The system does not let this user listen there.
    #[error("no permission to listen on {address}: use a port above 1023, or grant CAP_NET_BIND_SERVICE")]
    Denied {
        /// The address.
        address: SocketAddr,
    },
    /// The certificate cannot be served.
    #[error("server.tls")]
    Tls(#[from] TlsError),
    /// Anything else.
    #[error("cannot listen on {address}")]
    Other {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

impl Server {
    /// Binds the address of the options. Connections queue up from here on, and are answered once [`Server::run`]
    /// runs. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`BindError`] says what to do.
    pub fn bind(options: Options) -> Result<Self, BindError> {
        let certificate = options.tls.clone().map(Certificate::load).transpose()?.map(Arc::new);
        let wanted = options.listen;
        let everywhere = wanted.is_ipv6() && wanted.ip().is_unspecified();
        let listener = match listen(wanted) {
            Err(error) if everywhere && is_without_ipv6(&error) => {
                listen(SocketAddr::from((Ipv4Addr::UNSPECIFIED, wanted.port())))
            }
            other => other,
        };
        let bound = listener.and_then(|listener| Ok((listener.local_addr()?, listener)));
        let (address, listener) = bound.map_err(|source| match source.kind() {
            ErrorKind::AddrInUse => BindError::InUse { address: wanted },
            ErrorKind::PermissionDenied => BindError::Denied { address: wanted },
            _ => BindError::Other { address: wanted, source },
        })?;
        Ok(Self { listener, address, options, certificate })
    }

    /// Returns the address that is listened on; tells the port when port 0 was asked for.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `soft` is cancelled, then finishes the requests in flight and returns. Returns early, dropping
    /// them, when `hard` is cancelled or the grace of the options is over.
    pub async fn run(self, api: Api, soft: CancellationToken, hard: CancellationToken) {
        let registry = Arc::new(Registry::new(&self.options.limits));
        let limits = Arc::new(self.options.limits);
        let connections = TaskTracker::new();
        let drop_all = hard.child_token();
        if let Some(certificate) = &self.certificate {
            connections.spawn(Arc::clone(certificate).follow(soft.clone()));
        }
        loop {
            let accepted = tokio::select! {
                biased;
                () = soft.cancelled() => break,
                () = hard.cancelled() => break,
                accepted = self.listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => {
                    let connection = Connection {
                        api: api.clone(),
                        limits: Arc::clone(&limits),
                        certificate: self.certificate.clone(),
                        soft: soft.clone(),
                        hard: drop_all.clone(),
                    };
                    admit(stream, peer, &registry, connection, &connections);
                }
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept connections");
                    sleep(ACCEPT_REST).await;
                }
            }
        }
        drop(self.listener);
        connections.close();
        // Answers under way in the background still hold the store; they end with the requests. An address for
        // metrics alone comes and goes without them.
        let background = if api.is_whole() { api.state().tasks.clone() } else { TaskTracker::new() };
        background.close();
        if api.is_whole() {
            api.state().closing.cancel();
        }
        let all = async {
            connections.wait().await;
            background.wait().await;
        };
        tokio::select! {
            () = all => return,
            () = hard.cancelled() => {}
            () = sleep(self.options.grace) => {}
        }
        drop_all.cancel();
        connections.wait().await;
    }
}

fn admit(
    stream: TcpStream,
    peer: SocketAddr,
    registry: &Arc<Registry>,
    connection: Connection,
    connections: &TaskTracker,
) {
    let metrics = &connection.api.state().metrics;
    let trusted = {
        let access = connection.api.state().access.load();
        access.trusted_proxies.iter().any(|net| net.contains(&peer.ip().to_canonical()))
    };
    let Some(place) = registry.admit(peer.ip(), trusted) else {
        metrics.refused.fetch_add(1, Ordering::Relaxed);
        return;
    };
    metrics.accepted.fetch_add(1, Ordering::Relaxed);
    metrics.evicted.fetch_add(u64::from(place.evicted_another()), Ordering::Relaxed);
    // Small answers go out at once; hyper writes each response in one piece where it can.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "TCP_NODELAY");
    }
    connections.spawn(connection.serve(stream, peer, place));
}

fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    // A restarted server may take the port while connections of the old one linger in TIME_WAIT.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

fn is_without_ipv6(error: &std::io::Error) -> bool {
    /// `EAFNOSUPPORT` on Linux: the kernel was booted without IPv6.
    const ADDRESS_FAMILY_NOT_SUPPORTED: i32 = 97;
    error.kind() == ErrorKind::AddrNotAvailable || error.raw_os_error() == Some(ADDRESS_FAMILY_NOT_SUPPORTED)
}

/// Tells errors of a connection that was gone before it was accepted from errors of the listener.
fn is_of_one_connection(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused
    )
}
