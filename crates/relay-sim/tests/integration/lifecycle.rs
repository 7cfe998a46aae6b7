//! Start, protocols, TLS, stop.

use std::sync::Arc;

use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use relay_sim::{Behaviour, Dialect, Error, Fleet, Options, Outage, Protocol, Relay, Sim};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use tokio::{net::TcpStream, task::JoinSet};
use tokio_rustls::TlsConnector;

use crate::client::{ask, open, read, request, sim};

#[tokio::test]
async fn bad_options_are_refused() {
    let start = |relays| Sim::start(Options { relays, ..Options::default() });
    let relay = Relay::new("r", Dialect::Chat);
    assert!(matches!(start(vec![relay.clone(), relay.clone()]).await, Err(Error::Name(_))));
    assert!(matches!(start(vec![Relay::new("A b", Dialect::Chat)]).await, Err(Error::Name(_))));
    let bare = Relay { models: Vec::new(), ..relay };
    assert!(matches!(start(vec![bare]).await, Err(Error::NoModel(_))));
    let first = start(Vec::new()).await.unwrap();
    let second = Sim::start(Options { addr: first.addr(), ..Options::default() }).await;
    assert!(matches!(second, Err(Error::Bind { .. })));
}

#[tokio::test]
async fn http2_by_prior_knowledge() {
    let relay = Relay::new("r", Dialect::Messages);
    let options = Options { relays: vec![relay.clone()], protocol: Protocol::Http2, ..Options::default() };
    let sim = Sim::start(options).await.unwrap();
    let request = request(&sim.url("r").unwrap(), &relay.template(), &relay.key, "sim-1");
    let (response, _connection) = open(request, true).await.unwrap();
    assert!(read(response, usize::MAX).await.text().contains("pong"));
    sim.stop().await;
}

#[tokio::test]
async fn tls_with_both_protocols() {
    let signed = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(signed.signing_key.serialize_der().into());
    let provider = || Arc::new(rustls::crypto::ring::default_provider());
    let mut server = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![signed.cert.der().clone()], key)
        .unwrap();
    server.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let relay = Relay::new("r", Dialect::Chat);
    let options = Options { relays: vec![relay.clone()], tls: Some(Arc::new(server)), ..Options::default() };
    let sim = Sim::start(options).await.unwrap();
    assert!(sim.url("r").unwrap().starts_with("https://"));

    let mut roots = rustls::RootCertStore::empty();
    roots.add(signed.cert.der().clone()).unwrap();
    for alpn in ["h2", "http/1.1"] {
        let mut client = rustls::ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        client.alpn_protocols = vec![alpn.into()];
        let tcp = TcpStream::connect(sim.addr()).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let tls = TlsConnector::from(Arc::new(client)).connect(name, tcp).await.unwrap();
        assert_eq!(tls.get_ref().1.alpn_protocol(), Some(alpn.as_bytes()));
        let request = request("https://localhost/r", &relay.template(), &relay.key, "sim-1");
        let mut tasks = JoinSet::new();
        let response = if alpn == "h2" {
            let executor = hyper_util::rt::TokioExecutor::new();
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(executor, TokioIo::new(tls)).await.unwrap();
            tasks.spawn(async move { drop(connection.await) });
            sender.send_request(request).await.unwrap()
        } else {
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(TokioIo::new(tls)).await.unwrap();
            tasks.spawn(async move { drop(connection.await) });
            sender.send_request(request).await.unwrap()
        };
        assert_eq!(response.status(), 200);
        let body = response.into_body().collect().await.unwrap().to_bytes();
        assert!(String::from_utf8_lossy(&body).contains("pong"));
    }
    sim.stop().await;
}

#[tokio::test]
async fn stopping_ends_requests_that_nobody_will_answer() {
    let relay = Relay { behaviour: Behaviour::Down(Outage::Silent), ..Relay::new("r", Dialect::Chat) };
    let sim = sim(relay.clone()).await;
    let handle = sim.handle();
    let addr = sim.addr();
    let url = sim.url("r").unwrap();
    let template = relay.template();
    let asked = open(request(&url, &template, &relay.key, "sim-1"), false);
    let stopped = async {
        while handle.requests() == 0 {
            tokio::task::yield_now().await;
        }
        sim.stop().await;
    };
    let (asked, ()) = tokio::join!(asked, stopped);
    assert!(asked.is_err());
    assert!(TcpStream::connect(addr).await.is_err());
}

#[tokio::test]
async fn the_whole_fleet_answers_as_it_is_cast() {
    let now = 1_772_366_400;
    let mut fleet = Fleet::demo(now);
    for listing in &mut fleet.listings {
        // Tokens at once: this test is about what is answered, not when.
        listing.relay.latency = relay_sim::Latency::ZERO;
        listing.relay.incidents = None;
    }
    let options = Options { relays: fleet.relays(), now: Arc::new(move || now), ..Options::default() };
    let sim = Sim::start(options).await.unwrap();
    for listing in &fleet.listings {
        let relay = &listing.relay;
        if relay.behaviour == Behaviour::Healthy {
            let answer = ask(&sim, relay).await.unwrap();
            assert_eq!(answer.code, 200, "{}", relay.name);
            assert!(sim.handle().counts(&relay.name).unwrap().answered == 1, "{}", relay.name);
        }
    }
    assert!(sim.handle().requests() > 8);
    sim.stop().await;
}
