//! Opens connections: name, TCP, proxy, TLS, each phase timed, each address checked just before it is dialled.

use std::{
    collections::VecDeque,
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use futures_util::{StreamExt, stream::FuturesUnordered};
use relay_core::egress::{PrivateNetworks, Refused};
use rustls::{ClientConfig, pki_types::ServerName};
use socket2::{SockRef, TcpKeepalive};
use tokio::{net::TcpStream, time::Instant};
use tokio_rustls::{TlsConnector, client::TlsStream};
use url::Host;

use crate::{
    failure::{Failure, Kind, find_source},
    origin::{Origin, Proxy, ProxyKind, Route},
    proxy::{Credentials, host_of, http_connect, socks5},
    resolve::Resolver,
    trace::{Stage, Trace},
};

/// How long one address may keep the next one waiting (RFC 8305, "Connection Attempt Delay").
const ATTEMPT_DELAY: Duration = Duration::from_millis(250);

/// How long a connection may be silent until the system asks whether the peer still lives, how often it asks again,
/// and how many unanswered questions end the connection.
const KEEPALIVE_TIME: Duration = Duration::from_secs(15);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;

/// The most addresses of one name that are tried.
const MAX_ADDRESSES: usize = 16;

/// Makes connections; shared by all probes.
pub(crate) struct Dialer {
    resolver: Arc<dyn Resolver>,
    tls: TlsConnector,
}

/// A new connection, ready for HTTP.
pub(crate) enum Stream {
    /// Without TLS.
    Plain(TcpStream),
    /// With TLS, and the protocol that ALPN chose.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Tells whether ALPN chose HTTP/2.
    pub(crate) fn speaks_h2(&self) -> bool {
        match self {
            Self::Plain(_) => false,
            Self::Tls(stream) => stream.get_ref().1.alpn_protocol() == Some(b"h2"),
        }
    }
}

impl Dialer {
    /// Makes a dialer.
    pub(crate) fn new(resolver: Arc<dyn Resolver>, tls: Arc<ClientConfig>) -> Self {
        Self { resolver, tls: TlsConnector::from(tls) }
    }

    /// Opens a connection along `route`.
    pub(crate) async fn dial(&self, route: &Route, trace: &mut Trace) -> Result<Stream, Failure> {
        let origin = &route.origin;
        let tcp = match &route.proxy {
            None => {
                let addresses = self.resolve(&origin.host, origin.port, trace).await?;
                let addresses = allowed(addresses, route.private_networks)?;
                connect(addresses, trace).await?
            }
            Some(proxy) => self.dial_through(proxy, route, trace).await?,
        };
        if !origin.https {
            return Ok(Stream::Plain(tcp));
        }
        trace.stage = Stage::Tls;
        let from = Instant::now();
        let name = server_name(origin)?;
        let stream = self.tls.connect(name, tcp).await.map_err(|error| tls_failure(&error))?;
        trace.finish_stage(from);
        Ok(Stream::Tls(Box::new(stream)))
    }

    async fn resolve(
        &self,
        host: &Host<String>,
        port: u16,
        trace: &mut Trace,
    ) -> Result<Vec<SocketAddr>, Failure> {
        let name = match host {
            Host::Ipv4(v4) => return Ok(vec![SocketAddr::new(IpAddr::V4(*v4), port)]),
            Host::Ipv6(v6) => return Ok(vec![SocketAddr::new(IpAddr::V6(*v6), port)]),
            Host::Domain(name) => name,
        };
        trace.stage = Stage::Dns;
        let from = Instant::now();
        let found = self.resolver.resolve(name, port).await;
        trace.finish_stage(from);
        let addresses = found.map_err(|error| Failure::new(Kind::Dns, format!("{name}: {error}")))?;
        if addresses.is_empty() {
            return Err(Failure::new(Kind::Dns, format!("{name} has no address")));
        }
        Ok(addresses)
    }

    /// Opens a connection to the target through a proxy. The proxy's own address is the operator's choice and exempt
    /// from the egress rules; the target is checked as a literal and by what this machine resolves it to. A SOCKS5
    /// proxy is then given the checked address, so that it cannot resolve the name to another one.
    async fn dial_through(
        &self,
        proxy: &Proxy,
        route: &Route,
        trace: &mut Trace,
    ) -> Result<TcpStream, Failure> {
        let origin = &route.origin;
        let mut target = origin.host.clone();
        if route.private_networks == PrivateNetworks::Deny {
            let addresses = self.resolve(&origin.host, origin.port, trace).await?;
            for address in &addresses {
                route.private_networks.check(address.ip())?;
            }
            if let (ProxyKind::Socks5, Some(first)) = (proxy.kind, addresses.first()) {
                target = host_of(*first);
            }
        }
        let (host, port) = proxy.endpoint();
        let addresses = self.resolve(&host, port, trace).await?;
        let mut tcp = connect(addresses, trace).await?;
        let credentials = Credentials::of(&proxy.url);
        let from = Instant::now();
        match proxy.kind {
            ProxyKind::Http if route.wants_absolute_form() => {}
            ProxyKind::Http => http_connect(&mut tcp, &origin.authority(), credentials.as_ref()).await?,
            ProxyKind::Socks5 => socks5(&mut tcp, &target, origin.port, credentials.as_ref()).await?,
        }
        trace.finish_stage(from);
        Ok(tcp)
    }
}

/// Keeps the addresses that may be dialled; an error when none is left.
fn allowed(addresses: Vec<SocketAddr>, rule: PrivateNetworks) -> Result<Vec<SocketAddr>, Refused> {
    let mut kept = Vec::with_capacity(addresses.len());
    let mut refused = None;
    for address in addresses {
        match rule.check(address.ip()) {
            Ok(()) => kept.push(address),
            Err(error) => refused = Some(error),
        }
    }
    match refused {
        Some(refused) if kept.is_empty() => Err(refused),
        _ => Ok(kept),
    }
}

/// Connects to the first address that answers: one after another, a slow one does not hold up the next for longer
/// than [`ATTEMPT_DELAY`], families take turns (RFC 8305 in small).
async fn connect(addresses: Vec<SocketAddr>, trace: &mut Trace) -> Result<TcpStream, Failure> {
    trace.stage = Stage::Connect;
    let from = Instant::now();
    let mut waiting = take_turns(addresses);
    let mut running = FuturesUnordered::new();
    let mut last_error = None;
    let stream = loop {
        if let Some(address) = waiting.pop_front() {
            running.push(async move { (address, TcpStream::connect(address).await) });
        }
        let delay = tokio::time::sleep(ATTEMPT_DELAY);
        let attempt = tokio::select! {
            attempt = running.next() => attempt,
            () = delay, if !waiting.is_empty() => continue,
        };
        match attempt {
            Some((_, Ok(stream))) => break stream,
            Some((address, Err(error))) => last_error = Some((address, error)),
            None => return Err(connect_failure(last_error)),
        }
    };
    trace.finish_stage(from);
    tune(&stream);
    Ok(stream)
}

/// Sets the socket's options. What the system refuses is done without: it costs speed, not the probe.
fn tune(stream: &TcpStream) {
    // Requests are written whole: waiting for an acknowledgement only adds latency.
    let nodelay = stream.set_nodelay(true);
    // A path that died silently is noticed while the connection is idle, before a probe would fail on it.
    let keepalive = SockRef::from(stream).set_tcp_keepalive(
        &TcpKeepalive::new()
            .with_time(KEEPALIVE_TIME)
            .with_interval(KEEPALIVE_INTERVAL)
            .with_retries(KEEPALIVE_RETRIES),
    );
    if let Err(error) = nodelay.and(keepalive) {
        tracing::debug!(%error, "a socket option was refused");
    }
}

fn connect_failure(last_error: Option<(SocketAddr, io::Error)>) -> Failure {
    match last_error {
        Some((address, error)) => Failure::new(Kind::Connect, format!("{address}: {error}")),
        None => Failure::new(Kind::Connect, "there is no address to connect to"),
    }
}

/// Interleaves the families, starting with the one the resolver prefers.
fn take_turns(addresses: Vec<SocketAddr>) -> VecDeque<SocketAddr> {
    let Some(first) = addresses.first().copied() else { return VecDeque::new() };
    let (mut same, mut other): (VecDeque<_>, VecDeque<_>) =
        addresses.into_iter().partition(|address| address.is_ipv4() == first.is_ipv4());
    let mut order = VecDeque::new();
    while !(same.is_empty() && other.is_empty()) {
        order.extend(same.pop_front());
        order.extend(other.pop_front());
    }
    order.truncate(MAX_ADDRESSES);
    order
}

fn server_name(origin: &Origin) -> Result<ServerName<'static>, Failure> {
    match &origin.host {
        Host::Domain(name) => ServerName::try_from(name.clone())
            .map_err(|_| Failure::new(Kind::Tls, format!("{name} cannot be the name of a certificate"))),
        Host::Ipv4(v4) => Ok(ServerName::from(IpAddr::V4(*v4))),
        Host::Ipv6(v6) => Ok(ServerName::from(IpAddr::V6(*v6))),
    }
}

fn tls_failure(error: &io::Error) -> Failure {
    match find_source::<rustls::Error>(error) {
        Some(tls) => Failure::new(Kind::Tls, tls.to_string()),
        None => Failure::new(Kind::Tls, format!("the handshake broke off: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(texts: &[&str]) -> Vec<SocketAddr> {
        texts.iter().map(|text| text.parse().expect("an address")).collect()
    }

    #[test]
    fn families_take_turns_and_the_number_is_bounded() {
        let order = take_turns(addresses(&["[::1]:1", "[::2]:1", "[::3]:1", "1.1.1.1:1", "2.2.2.2:1"]));
        assert_eq!(order, addresses(&["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "[::3]:1"]));
        let many = (0..100u8).map(|n| SocketAddr::from(([1, 1, 1, n], 1))).collect();
        assert_eq!(take_turns(many).len(), MAX_ADDRESSES);
    }

    #[test]
    fn only_allowed_addresses_are_dialled() {
        let mixed = addresses(&["10.0.0.1:1", "1.1.1.1:1"]);
        assert_eq!(allowed(mixed.clone(), PrivateNetworks::Deny), Ok(addresses(&["1.1.1.1:1"])));
        assert_eq!(allowed(mixed.clone(), PrivateNetworks::Allow), Ok(mixed));
        assert!(allowed(addresses(&["10.0.0.1:1", "[::1]:1"]), PrivateNetworks::Deny).is_err());
    }
}
