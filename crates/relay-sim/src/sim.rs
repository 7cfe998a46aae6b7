//! Starting, steering and stopping a simulation.

use std::{
    collections::HashMap,
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use tokio::net::{TcpListener, TcpSocket};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    abuse::Abuse,
    behaviour::{Behaviour, Outage},
    relay::Relay,
    serve::{self, Live},
};

/// Tells the time as Unix seconds.
pub type TimeSource = Arc<dyn Fn() -> i64 + Send + Sync>;

/// The HTTP version spoken on clear-text connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 by prior knowledge.
    Http2,
}

/// How to start a [`Sim`].
#[derive(Clone)]
pub struct Options {
    /// Where to listen; default `127.0.0.1:0`, a free port.
    pub addr: SocketAddr,
    /// Decides every random draw; default 0.
    pub seed: u64,
    /// The time; decides daily peaks, incidents and `created` fields. Default: always the epoch.
    pub now: TimeSource,
    /// The relays to serve; default none.
    pub relays: Vec<Relay>,
    /// The protocol without TLS; default HTTP/1.1.
    pub protocol: Protocol,
    /// Serves TLS with this configuration; ALPN decides between HTTP/2 (`h2`) and HTTP/1.1. Default: none.
    pub tls: Option<Arc<rustls::ServerConfig>>,
    /// Abuses every connection below HTTP instead of serving the relays; default: none.
    pub abuse: Option<Abuse>,
}

/// Why a simulation did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The address cannot be listened on; choose another.
    #[error("cannot listen on {addr}")]
    Bind {
        /// The address asked for.
        addr: SocketAddr,
        /// The system's reason.
        #[source]
        source: io::Error,
    },
    /// Two relays have the same name, or a name is not of `[a-z0-9-]`; rename one.
    #[error("relay name {0:?} is taken or not of [a-z0-9-]")]
    Name(String),
    /// A relay has no model; give it one.
    #[error("relay {0:?} has no model")]
    NoModel(String),
}

/// A running simulation. Dropping it stops it at once; [`Sim::stop`] lets answers finish.
#[derive(Debug)]
pub struct Sim {
    addr: SocketAddr,
    scheme: &'static str,
    handle: Handle,
    stop: CancellationToken,
    tasks: TaskTracker,
    /// Bound, never listened on: connections to it are refused, and nobody else gets the port.
    _refusing: TcpSocket,
    refused_addr: SocketAddr,
}

/// Steers a running simulation; cheap to clone, usable from any task.
#[derive(Clone)]
pub struct Handle {
    relays: Arc<HashMap<String, Arc<Live>>>,
}

/// What a relay has seen so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests that arrived.
    pub requests: u64,
    /// Of these, those with a missing or wrong key.
    pub unauthorized: u64,
    /// Of these, those answered as a healthy relay answers.
    pub answered: u64,
}

// === impl Options ===

impl Default for Options {
    fn default() -> Self {
        Self {
            addr: (Ipv4Addr::LOCALHOST, 0).into(),
            seed: 0,
            now: Arc::new(|| 0),
            relays: Vec::new(),
            protocol: Protocol::Http1,
            tls: None,
            abuse: None,
        }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("addr", &self.addr)
            .field("seed", &self.seed)
            .field("relays", &self.relays.len())
            .field("protocol", &self.protocol)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

// === impl Sim ===

impl Sim {
    /// Listens and serves.
    ///
    /// # Errors
    /// [`Error::Bind`] when the address is not to be had, [`Error::Name`] and [`Error::NoModel`] for
    /// relays that cannot be served.
    pub async fn start(options: Options) -> Result<Self, Error> {
        let mut relays = HashMap::new();
        for relay in options.relays {
            let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
            let name = relay.name.clone();
            if relay.models.is_empty() {
                return Err(Error::NoModel(name));
            }
            let live = Arc::new(Live::new(relay, options.seed, Arc::clone(&options.now)));
            if name.is_empty() || !name.bytes().all(fits) || relays.insert(name.clone(), live).is_some() {
                return Err(Error::Name(name));
            }
        }
        let failed = |addr| move |source| Error::Bind { addr, source };
        let listener = TcpListener::bind(options.addr).await.map_err(failed(options.addr))?;
        let addr = listener.local_addr().map_err(failed(options.addr))?;
        let anywhere = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let refusing = TcpSocket::new_v4().map_err(failed(anywhere))?;
        refusing.bind(anywhere).map_err(failed(anywhere))?;
        let refused_addr = refusing.local_addr().map_err(failed(anywhere))?;

        let handle = Handle { relays: Arc::new(relays) };
        let (stop, tasks) = (CancellationToken::new(), TaskTracker::new());
        let scheme = if options.tls.is_some() { "https" } else { "http" };
        let server = serve::Server {
            relays: Arc::clone(&handle.relays),
            protocol: options.protocol,
            tls: options.tls,
            abuse: options.abuse,
            stop: stop.clone(),
            tasks: tasks.clone(),
        };
        tasks.spawn(server.run(listener));
        Ok(Self { addr, scheme, handle, stop, tasks, _refusing: refusing, refused_addr })
    }

    /// Returns the address it listens on.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Returns the base URL of a relay, without a final slash; [`crate::Template::path`] goes behind it.
    /// A relay that was started as [`Outage::Refused`] gets one that refuses connections for good.
    #[must_use]
    pub fn url(&self, relay: &str) -> Option<String> {
        let live = self.handle.relays.get(relay)?;
        let refused = live.relay().behaviour == Behaviour::Down(Outage::Refused);
        let addr = if refused { self.refused_addr } else { self.addr };
        Some(format!("{}://{addr}/{relay}", self.scheme))
    }

    /// Returns the handle that steers it.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Stops accepting, lets running answers finish for up to a second, and returns when all is closed.
    pub async fn stop(self) {
        self.stop.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }
}

impl Drop for Sim {
    fn drop(&mut self) {
        self.stop.cancel();
        self.tasks.close();
    }
}

// === impl Handle ===

impl Handle {
    /// Makes a relay behave like this from now on, with all its models, whatever it was or has planned.
    /// Returns whether the relay exists.
    pub fn set_behaviour(&self, relay: &str, behaviour: Behaviour) -> bool {
        self.relays.get(relay).inspect(|live| live.force(Some(behaviour))).is_some()
    }

    /// Lets a relay behave as it was started. Returns whether the relay exists.
    pub fn reset_behaviour(&self, relay: &str) -> bool {
        self.relays.get(relay).inspect(|live| live.force(None)).is_some()
    }

    /// Returns what a relay has seen so far.
    #[must_use]
    pub fn counts(&self, relay: &str) -> Option<Counts> {
        self.relays.get(relay).map(|live| live.counts())
    }

    /// Returns the number of requests that reached any relay.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.relays.values().map(|live| live.counts().requests).sum()
    }
}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handle").field("relays", &self.relays.len()).finish()
    }
}
