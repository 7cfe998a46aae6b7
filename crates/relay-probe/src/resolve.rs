//! Name resolution.

use std::{
    fmt, io,
    net::{SocketAddr, ToSocketAddrs},
    sync::Arc,
};

use async_trait::async_trait;
use tokio::sync::Semaphore;

/// Turns a name into addresses. Whatever comes back is still checked against the egress rules, and the very address
/// that was checked is dialled.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// Returns the addresses of `host` with `port`, best first.
    ///
    /// # Errors
    /// Any: the message becomes part of the probe's detail.
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>>;
}

/// Asks the system (`getaddrinfo`), with a bound on simultaneous questions.
pub(crate) struct SystemResolver {
    permits: Arc<Semaphore>,
}

impl SystemResolver {
    /// Allows `max_lookups` questions at a time, at least one.
    pub(crate) fn new(max_lookups: usize) -> Self {
        Self { permits: Arc::new(Semaphore::new(max_lookups.clamp(1, Semaphore::MAX_PERMITS))) }
    }
}

impl fmt::Debug for SystemResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SystemResolver").finish_non_exhaustive()
    }
}

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        let permit = Arc::clone(&self.permits).acquire_owned().await.map_err(io::Error::other)?;
        let host = host.to_owned();
        // The permit moves into the thread: `getaddrinfo` cannot be interrupted, and an abandoned question must
        // still count until it is over.
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            (host.as_str(), port).to_socket_addrs().map(Iterator::collect)
        })
        .await
        .map_err(io::Error::other)?
    }
}
