//! The program with a certificate of its own: both versions of HTTP, and files that are replaced while it runs.

use std::{fs, net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::{BodyExt as _, Empty};
use hyper::{
    Request, Response, Version,
    body::{Bytes, Incoming},
    client::conn::{http1, http2},
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use relay_sim::Behaviour;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, ServerName},
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::task::TaskTracker;

use crate::support::{PATIENCE, Server, Site, program};

/// The host that the certificates are for.
const HOST: &str = "status.example.com";

/// Writes a new pair as tools that renew certificates do: each file whole, and moved into its place.
fn renew(site: &Site) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed([HOST.to_owned()]).expect("a certificate");
    put(site, "key.pem", &made.signing_key.serialize_pem());
    put(site, "cert.pem", &made.cert.pem());
    made.cert.der().clone()
}

fn put(site: &Site, name: &str, content: &str) {
    let whole = site.path("pem.new");
    fs::write(&whole, content).expect("written");
    fs::rename(whole, site.path(name)).expect("moved");
}

/// Starts the program with a certificate, and returns both.
async fn start(site: &Site) -> (Server, CertificateDer<'static>) {
    let certificate = renew(site);
    let mut config = site.config(1);
    config["server"]["tls"] = json!({ "cert": "cert.pem", "key": "key.pem" });
    site.write(&config);
    let mut command = program(site.dir.path());
    command.args(["run", "--no-probe"]);
    (Server::start(command).await, certificate)
}

/// Shakes hands as somebody who trusts nothing but `certificate` and speaks these protocols.
async fn connect(
    address: SocketAddr,
    certificate: &CertificateDer<'static>,
    protocols: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("a root");
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from(HOST).expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// A connection that can be asked again and again.
enum Client {
    One(http1::SendRequest<Empty<Bytes>>),
    Two(http2::SendRequest<Empty<Bytes>>),
}

impl Client {
    /// Speaks what was agreed on.
    async fn new(stream: TlsStream<TcpStream>, tasks: &TaskTracker) -> Self {
        let two = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let io = TokioIo::new(stream);
        if two {
            let (sender, connection) =
                http2::handshake(TokioExecutor::new(), io).await.expect("a connection");
            tasks.spawn(connection);
            Self::Two(sender)
        } else {
            let (sender, connection) = http1::handshake(io).await.expect("a connection");
            tasks.spawn(connection);
            Self::One(sender)
        }
    }

    async fn get(&mut self, path: &str) -> (Response<()>, Bytes) {
        let response: Response<Incoming> = match self {
            Self::One(sender) => {
                sender.ready().await.expect("an open connection");
                let request = Request::get(path).header("host", HOST).body(Empty::new());
                sender.send_request(request.expect("a request")).await
            }
            Self::Two(sender) => {
                sender.ready().await.expect("an open connection");
                let request = Request::get(format!("https://{HOST}{path}")).version(Version::HTTP_2);
                sender.send_request(request.body(Empty::new()).expect("a request")).await
            }
        }
        .expect("a response");
        let (head, body) = response.into_parts();
        (Response::from_parts(head, ()), body.collect().await.expect("a body").to_bytes())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_choose_the_version_and_are_told_to_stay_encrypted() {
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    let (server, certificate) = start(&site).await;
    let tasks = TaskTracker::new();
    for (protocols, version) in [
        (&["h2", "http/1.1"][..], Version::HTTP_2),
        (&["http/1.1"], Version::HTTP_11),
        (&["h2"], Version::HTTP_2),
        (&[], Version::HTTP_11),
    ] {
        let stream = connect(server.address, &certificate, protocols).await.expect("a handshake");
        let mut client = Client::new(stream, &tasks).await;
        for (path, code, kind) in [
            ("/api/status", 200, "application/json; charset=utf-8"),
            ("/en/", 200, "text/html; charset=utf-8"),
            ("/p/good", 200, "text/html; charset=utf-8"),
            ("/feed.atom", 200, "application/atom+xml; charset=utf-8"),
            // Whoever asks for the site by its name is no local client.
            ("/metrics", 404, "application/json; charset=utf-8"),
        ] {
            let (head, body) = client.get(path).await;
            assert_eq!((head.status().as_u16(), head.version()), (code, version), "{protocols:?} {path}");
            assert_eq!(head.headers()["content-type"], kind, "{path}");
            assert_eq!(head.headers()["strict-transport-security"], "max-age=31536000", "{path}");
            assert!(!body.is_empty(), "{path}");
        }
    }
    let other = connect(server.address, &certificate, &["acme-tls/1"]).await.expect_err("nothing in common");
    assert!(other.to_string().contains("NoApplicationProtocol"), "{other}");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn plain_http_to_the_encrypted_port_is_closed_and_hinders_nobody() {
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    let (server, certificate) = start(&site).await;
    let tasks = TaskTracker::new();
    let stream = connect(server.address, &certificate, &["h2"]).await.expect("a handshake");
    let mut before = Client::new(stream, &tasks).await;
    for words in ["GET / HTTP/1.1\r\nHost: x\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"] {
        let mut stream = TcpStream::connect(server.address).await.expect("a connection");
        stream.write_all(words.as_bytes()).await.expect("sent");
        let mut answer = Vec::new();
        // The connection ends well or by a reset, since the server does not read what is no handshake to its end.
        let ended = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        assert!(ended.is_ok(), "nobody is left waiting");
        // At most an alert of TLS: seven bytes, the first of which says that it is one.
        assert!(answer.is_empty() || (answer.len() == 7 && answer[0] == 21), "{answer:?}");
    }
    assert_eq!(before.get("/health").await.0.status(), 200);
    server.stop().await;
}

/// Returns the log lines that hold some words.
fn lines(server: &Server, words: &str) -> Vec<Value> {
    let lines = server.log();
    let found = lines.iter().filter(|line| line.contains(words));
    found.map(|line| serde_json::from_str(line).expect("JSON")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_renewed_certificate_is_served_and_a_broken_one_is_not() {
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    let (server, first) = start(&site).await;
    let address = server.address;
    let tasks = TaskTracker::new();
    let stream = connect(address, &first, &["http/1.1"]).await.expect("a handshake");
    let mut old = Client::new(stream, &tasks).await;

    // A key that belongs to no certificate here.
    let stranger = rcgen::generate_simple_self_signed([HOST.to_owned()]).expect("a certificate");
    let secret = stranger.signing_key.serialize_pem();
    put(&site, "key.pem", &secret);
    server.says("the certificate stays as it was").await;
    connect(address, &first, &["h2"]).await.expect("as before");
    let said = &lines(&server, "the certificate stays as it was")[0];
    assert_eq!(said["level"], "WARN");
    let why = said["fields"]["error"].as_str().expect("a reason");
    assert!(why.contains("cert.pem") && why.contains("key.pem") && why.contains("cannot be used"), "{why}");

    let second = renew(&site);
    server.says("took over a new certificate").await;
    connect(address, &second, &["h2"]).await.expect("the new one");
    let refused = connect(address, &first, &["h2"]).await.expect_err("nobody gets the one before");
    assert!(refused.to_string().contains("certificate"), "{refused}");
    let (head, _) = timeout(Duration::from_secs(10), old.get("/health")).await.expect("an answer");
    assert_eq!(head.status(), 200, "connections outlive the certificate they began with");

    let line = secret.lines().nth(1).expect("a line of the key");
    assert!(server.log().iter().all(|said| !said.contains(line)), "keys are not logged");
    server.stop().await;
}
