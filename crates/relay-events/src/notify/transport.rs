//! The way out: connections over HTTP, checked against the egress rules, bounded in time and size.

use std::{
    error::Error as StdError,
    future::Future,
    io,
    net::{IpAddr, SocketAddr},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Request, StatusCode, header::RETRY_AFTER};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{ConfigBuilderExt as _, HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::Name},
    },
    rt::{TokioExecutor, TokioTimer},
};
use relay_core::{Timestamp, egress::PrivateNetworks};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::CertificateDer};
use tokio::time::timeout;
use tower_service::Service;

/// The longest a delivery may take, from the name to the last byte of the answer.
pub const TOTAL: Duration = Duration::from_secs(15);

/// The most bytes of an answer that are read.
pub const MAX_ANSWER: usize = 64 * 1024;

/// How long the rest of an answer is read when its code has said everything.
const LEISURE: Duration = Duration::from_secs(2);

/// How long connecting may take.
const CONNECT: Duration = Duration::from_secs(8);

/// How long a connection is kept for the next message.
const IDLE: Duration = Duration::from_secs(30);

type HttpClient = Client<HttpsConnector<HttpConnector<Guarded>>, Full<Bytes>>;

/// What all deliveries share.
pub struct Transport {
    pub(super) tls: Arc<ClientConfig>,
    /// Extra roots, for those who make their own TLS configuration.
    pub(super) extra_roots: Vec<CertificateDer<'static>>,
    open: HttpClient,
    guarded: HttpClient,
}

impl std::fmt::Debug for Transport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Transport").finish_non_exhaustive()
    }
}

/// TLS that cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("TLS cannot be set up: {0}")]
pub struct TlsError(#[from] rustls::Error);

/// What came back.
#[derive(Debug)]
pub(super) struct HttpAnswer {
    pub(super) code: StatusCode,
    pub(super) retry_after: Option<Duration>,
    pub(super) body: Bytes,
}

impl Transport {
    /// Makes the transport: receivers are trusted by the machine's root certificates, or a compiled-in list when it has
    /// none, and by `extra_roots` (DER).
    ///
    /// # Errors
    /// [`TlsError`].
    pub fn new(extra_roots: Vec<Vec<u8>>) -> Result<Self, TlsError> {
        let extra_roots: Vec<_> = extra_roots.into_iter().map(CertificateDer::from).collect();
        let tls = Arc::new(tls_config(&extra_roots)?);
        let open = client(&tls, PrivateNetworks::Allow);
        let guarded = client(&tls, PrivateNetworks::Deny);
        Ok(Self { tls, extra_roots, open, guarded })
    }

    /// Sends a request and reads its answer: not more than [`MAX_ANSWER`] bytes of it, and with `code_is_all` not for
    /// longer than a moment. Redirects are not followed.
    ///
    /// # Errors
    /// What went wrong, without the address.
    pub(super) async fn send(
        &self,
        request: Request<Full<Bytes>>,
        egress: PrivateNetworks,
        code_is_all: bool,
        now: Timestamp,
    ) -> Result<HttpAnswer, String> {
        if let Some(address) = literal(&request) {
            egress.check(address).map_err(|refused| refused.to_string())?;
        }
        let client = match egress {
            PrivateNetworks::Allow => &self.open,
            PrivateNetworks::Deny => &self.guarded,
        };
        let exchange = async {
            let answer = client.request(request).await.map_err(|error| reasons(&error))?;
            let (head, mut body) = answer.into_parts();
            let mut read = BytesMut::new();
            let whole = async {
                while read.len() < MAX_ANSWER {
                    match body.frame().await {
                        None => break,
                        Some(Ok(frame)) => {
                            let data = frame.into_data().unwrap_or_default();
                            read.extend_from_slice(&data[..data.len().min(MAX_ANSWER - read.len())]);
                        }
                        Some(Err(error)) => return Err(format!("the answer broke off: {}", reasons(&error))),
                    }
                }
                Ok(())
            };
            if code_is_all || !head.status.is_success() {
                // The code says it all; the rest only helps to keep the connection, or a person to understand.
                let _ = timeout(LEISURE, whole).await;
            } else {
                whole.await?;
            }
            let retry_after = retry_after(&head.headers, now);
            Ok(HttpAnswer { code: head.status, retry_after, body: read.freeze() })
        };
        timeout(TOTAL, exchange).await.unwrap_or_else(|_| Err(too_slow()))
    }
}

/// Says that the time was over.
pub(super) fn too_slow() -> String {
    format!("no answer within {} s", TOTAL.as_secs())
}

/// Opens a connection to a host, to an address that `egress` allows.
pub(super) async fn connect(
    host: &str,
    port: u16,
    egress: PrivateNetworks,
) -> Result<tokio::net::TcpStream, String> {
    let found = tokio::net::lookup_host((host, port)).await;
    let addresses: Vec<SocketAddr> = found.map_err(|error| format!("the server's name: {error}"))?.collect();
    let addresses = allowed(addresses, egress).map_err(|error| error.to_string())?;
    let stream = tokio::net::TcpStream::connect(addresses.as_slice()).await;
    stream.map_err(|error| format!("cannot connect: {error}"))
}

fn client(tls: &Arc<ClientConfig>, egress: PrivateNetworks) -> HttpClient {
    let mut connector = HttpConnector::new_with_resolver(Guarded { egress });
    connector.enforce_http(false);
    connector.set_connect_timeout(Some(CONNECT));
    connector.set_nodelay(true);
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(ClientConfig::clone(tls))
        .https_or_http()
        .enable_http1()
        .wrap_connector(connector);
    Client::builder(TokioExecutor::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(2)
        .build(connector)
}

fn tls_config(extra_roots: &[CertificateDer<'static>]) -> Result<ClientConfig, TlsError> {
    let builder = || {
        ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
    };
    if extra_roots.is_empty() {
        return Ok(match builder()?.with_native_roots() {
            Ok(config) => config.with_no_client_auth(),
            Err(error) => {
                tracing::debug!(%error, "no root certificates on this machine: trusting the compiled-in list");
                builder()?.with_webpki_roots().with_no_client_auth()
            }
        });
    }
    let mut roots = RootCertStore::empty();
    for root in extra_roots {
        roots.add(root.clone())?;
    }
    Ok(builder()?.with_root_certificates(roots).with_no_client_auth())
}

/// Resolves names, and gives only the addresses that may be dialled. Addresses that stand in the place of a name never
/// come here: they are checked with the request.
#[derive(Debug, Clone)]
struct Guarded {
    egress: PrivateNetworks,
}

impl Service<Name> for Guarded {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let egress = self.egress;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            allowed(found, egress).map(Vec::into_iter)
        })
    }
}

/// Keeps the addresses that may be dialled; an error when none is left.
fn allowed(addresses: Vec<SocketAddr>, egress: PrivateNetworks) -> io::Result<Vec<SocketAddr>> {
    let mut kept = Vec::new();
    let mut refused = None;
    for address in addresses {
        match egress.check(address.ip()) {
            Ok(()) => kept.push(address),
            Err(error) => refused = Some(error),
        }
    }
    match refused {
        Some(refused) if kept.is_empty() => Err(io::Error::other(refused)),
        _ => Ok(kept),
    }
}

fn literal<B>(request: &Request<B>) -> Option<IpAddr> {
    let host = request.uri().host()?;
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Returns when the receiver wants to be asked again (RFC 9110, section 10.2.3): seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(Timestamp::from_millis(date.timestamp().as_millisecond()).since(now))
}

/// Returns an error with its causes; none of them holds an address's path or a header.
fn reasons(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let said = cause.to_string();
        if !text.contains(&said) {
            text = format!("{text}: {said}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = Timestamp::from_secs(1_773_146_096);
        let of = |text: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(RETRY_AFTER, http::HeaderValue::from_static(text));
            retry_after(&headers, now).map(|span| span.as_secs())
        };
        assert_eq!(of("120"), Some(120));
        assert_eq!(of("Tue, 10 Mar 2026 12:35:56 GMT"), Some(60));
        assert_eq!(of("Tue, 10 Mar 2026 12:00:00 GMT"), Some(0), "in the past");
        assert_eq!(of("soon"), None);
        assert_eq!(of("-5"), None);
        assert_eq!(retry_after(&HeaderMap::new(), now), None);
    }

    #[test]
    fn addresses_in_the_place_of_names_are_found() {
        let request = |uri: &str| Request::builder().uri(uri).body(()).expect("a request");
        assert_eq!(literal(&request("http://[::1]:80/x")), Some(IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])));
        assert_eq!(literal(&request("http://127.0.0.1/x")), Some(IpAddr::from([127, 0, 0, 1])));
        assert_eq!(literal(&request("http://localhost/x")), None);
    }
}
