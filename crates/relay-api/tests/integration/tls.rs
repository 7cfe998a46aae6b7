//! The server's own certificate.

use std::{fs, net::SocketAddr, path::Path, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{Request, Version};
use http_body_util::{BodyExt, Empty};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use relay_api::{BindError, Limits, Options, Server, TlsFiles};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::support::{Reply, TestSite, monitor, site, snapshot};

/// Writes a new certificate for `localhost` and returns it.
fn write_certificate(dir: &Path) -> CertificateDer<'static> {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).expect("a certificate");
    fs::write(dir.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
    fs::write(dir.join("cert.pem"), made.cert.pem()).expect("written");
    made.cert.der().clone()
}

fn options(dir: &Path, limits: Limits) -> Options {
    let tls = TlsFiles { cert: dir.join("cert.pem"), key: dir.join("key.pem") };
    let listen = SocketAddr::from(([127, 0, 0, 1], 0));
    Options { listen, limits, grace: Duration::from_secs(10), tls: Some(tls) }
}

struct Encrypted {
    address: SocketAddr,
    soft: CancellationToken,
    tasks: TaskTracker,
}

fn start(site: &TestSite, options: Options) -> Encrypted {
    let server = Server::bind(options).expect("a port");
    let running =
        Encrypted { address: server.local_addr(), soft: CancellationToken::new(), tasks: TaskTracker::new() };
    running.tasks.spawn(server.run(site.api.clone(), running.soft.clone(), CancellationToken::new()));
    running.tasks.close();
    running
}

/// Connects as somebody who trusts nothing but `certificate`.
async fn connect(
    address: SocketAddr,
    certificate: &CertificateDer<'static>,
    protocol: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).expect("a root");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("versions")
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![protocol.as_bytes().to_vec()];
    let stream = TcpStream::connect(address).await?;
    let name = ServerName::try_from("localhost").expect("a name");
    TlsConnector::from(Arc::new(config)).connect(name, stream).await
}

/// Sends a GET over a new connection.
async fn get(
    address: SocketAddr,
    certificate: &CertificateDer<'static>,
    version: Version,
    path: &str,
) -> Reply {
    let protocol = if version == Version::HTTP_2 { "h2" } else { "http/1.1" };
    let io = TokioIo::new(connect(address, certificate, protocol).await.expect("a handshake"));
    let request = |uri: String| {
        Request::get(uri).version(version).header("host", "localhost").body(Empty::<Bytes>::new())
    };
    let tasks = TaskTracker::new();
    let response = if version == Version::HTTP_2 {
        let (mut sender, connection) =
            http2::handshake(TokioExecutor::new(), io).await.expect("a connection");
        tasks.spawn(connection);
        let request = Request::get(format!("https://localhost{path}")).version(version);
        sender.send_request(request.body(Empty::<Bytes>::new()).expect("a request")).await
    } else {
        let (mut sender, connection) = http1::handshake(io).await.expect("a connection");
        tasks.spawn(connection);
        sender.send_request(request(path.to_owned()).expect("a request")).await
    };
    let (head, body) = response.expect("a response").into_parts();
    assert_eq!(head.version, version);
    let body = body.collect().await.expect("a body").to_bytes();
    Reply { status: head.status, headers: head.headers, body }
}

#[tokio::test]
async fn both_versions_are_served_and_marked_as_encrypted() {
    let dir = tempfile::tempdir().expect("a directory");
    let certificate = write_certificate(dir.path());
    let site = site(snapshot((0..100).map(|n| monitor(&format!("p{n}/cc//"))).collect()));
    let running = start(&site, options(dir.path(), Limits::default()));
    let mut answers = Vec::new();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let reply = get(running.address, &certificate, version, "/api/status?period=30d").await;
        assert_eq!(reply.status, 200, "{version:?}");
        assert_eq!(reply.header("strict-transport-security"), "max-age=31536000");
        answers.push(reply.body);
    }
    assert_eq!(answers[0], answers[1]);
    assert!(answers[0].len() > 100_000);
    running.soft.cancel();
    running.tasks.wait().await;
}

#[tokio::test]
async fn many_requests_share_a_connection_and_a_stop_ends_their_streams() {
    let dir = tempfile::tempdir().expect("a directory");
    let certificate = write_certificate(dir.path());
    let site = site(snapshot(vec![monitor("acme/cc//")]));
    let running = start(&site, options(dir.path(), Limits::default()));
    let io = TokioIo::new(connect(running.address, &certificate, "h2").await.expect("a handshake"));
    let (sender, connection) =
        http2::handshake::<_, _, Empty<Bytes>>(TokioExecutor::new(), io).await.expect("a connection");
    let tasks = TaskTracker::new();
    tasks.spawn(connection);
    let ask = |path: &str| {
        let request = Request::get(format!("https://localhost{path}")).body(Empty::new()).expect("a request");
        let mut sender = sender.clone();
        async move { sender.send_request(request).await.expect("a response") }
    };
    let mut stream = ask("/api/stream").await.into_body();
    let hello = stream.frame().await.expect("a frame").expect("bytes");
    assert_eq!(hello.into_data().expect("data"), "retry: 3000\n\n");
    let replies = futures_util::future::join_all((0..50).map(|_| ask("/api/status"))).await;
    assert!(replies.iter().all(|reply| reply.status() == 200));
    drop(replies);
    running.soft.cancel();
    let rest = stream.collect().await.expect("a clean end").to_bytes();
    assert!(rest.is_empty(), "{rest:?}");
    drop(sender);
    running.tasks.wait().await;
}

#[tokio::test(start_paused = true)]
async fn a_new_certificate_is_taken_over_and_a_broken_one_is_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let first = write_certificate(dir.path());
    let site = site(snapshot(Vec::new()));
    let running = start(&site, options(dir.path(), Limits::default()));
    connect(running.address, &first, "http/1.1").await.expect("the first one");
    let second = write_certificate(dir.path());
    assert!(connect(running.address, &second, "http/1.1").await.is_err(), "not looked at yet");
    tokio::time::sleep(Duration::from_secs(6)).await;
    connect(running.address, &second, "http/1.1").await.expect("the second one");
    assert!(connect(running.address, &first, "http/1.1").await.is_err());
    fs::write(dir.path().join("cert.pem"), "no certificate").expect("written");
    tokio::time::sleep(Duration::from_secs(6)).await;
    connect(running.address, &second, "http/1.1").await.expect("it stays");
}

#[tokio::test]
async fn what_cannot_be_served_is_refused_at_the_start() {
    let dir = tempfile::tempdir().expect("a directory");
    let refused = || {
        let error = Server::bind(options(dir.path(), Limits::default())).expect_err("no certificate");
        let BindError::Tls(cause) = &error else { panic!("{error}") };
        assert_eq!(error.to_string(), "server.tls", "the cause says the rest");
        cause.to_string()
    };
    assert!(refused().contains("cert.pem: cannot be read"), "{}", refused());
    write_certificate(dir.path());
    let key = fs::read_to_string(dir.path().join("key.pem")).expect("a key");
    fs::write(dir.path().join("key.pem"), "-----BEGIN PRIVATE KEY-----\nsecret\n").expect("written");
    assert!(refused().contains("key.pem: it holds no private key"), "{}", refused());
    write_certificate(dir.path());
    fs::write(dir.path().join("key.pem"), key).expect("written");
    assert!(refused().contains("cannot be used"), "of another certificate: {}", refused());
    fs::write(dir.path().join("cert.pem"), "").expect("written");
    assert!(refused().contains("cert.pem: it holds no certificate"), "{}", refused());
}

#[tokio::test]
async fn who_does_not_shake_hands_is_closed() {
    let dir = tempfile::tempdir().expect("a directory");
    let certificate = write_certificate(dir.path());
    let limits = Limits {
        header_timeout: Duration::from_millis(50),
        idle_timeout: Duration::from_millis(50),
        ..Limits::default()
    };
    let site = site(snapshot(Vec::new()));
    let running = start(&site, options(dir.path(), limits));
    for bytes in [&b""[..], b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", &[22, 3, 1]] {
        let mut stream = TcpStream::connect(running.address).await.expect("a connection");
        stream.write_all(bytes).await.expect("sent");
        let mut read = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(60), stream.read_to_end(&mut read)).await;
        assert!(ended.is_ok(), "the server closes after {bytes:?}");
    }
    for protocol in ["h2", "http/1.1"] {
        let mut idle = connect(running.address, &certificate, protocol).await.expect("a handshake");
        let mut read = Vec::new();
        let ended = tokio::time::timeout(Duration::from_secs(60), idle.read_to_end(&mut read)).await;
        assert!(ended.is_ok(), "nor does one stay that asks for nothing over {protocol}");
    }
}
