//! TLS and HTTP/2.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Response, Version};
use http_body_util::Full;
use relay_core::{Status, ports::Prober, target::Header};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::support::{
    Server, get, probe, response, shown,
    tls::{Identity, https},
};

#[tokio::test]
async fn http2_is_chosen_and_one_connection_serves_all() {
    let identity = Identity::new();
    let server = identity
        .serve_h2(|request, body| {
            assert_eq!(request.version(), Version::HTTP_2);
            assert_eq!(request.headers().get("content-length").expect("a length"), "4");
            assert!(request.headers().get("host").is_none());
            let authority = request.uri().authority().expect("an authority").to_string();
            Response::new(Full::from(Bytes::from([authority.as_bytes(), b" ", &body].concat())))
        })
        .await;
    let mut spec = get(&https(&server, "/v1"));
    spec.method = Method::POST;
    spec.body = Bytes::from_static(b"ping");
    spec.headers.push(Header {
        name: http::header::HOST,
        value: HeaderValue::from_static("api.example.com"),
        holds_key: false,
    });
    spec.success_contains = Some("api.example.com ping".to_owned());
    let prober = identity.prober();
    let first = prober.probe(&spec).await;
    assert_eq!(shown(&first), "green - 200 | -");
    assert!(first.timings.dns_ms.is_some() && first.timings.tls_ms.is_some());
    let probes = futures_util::future::join_all((0..20).map(|_| prober.probe(&spec))).await;
    for probe in probes {
        assert_eq!((probe.status, probe.timings.tls_ms), (Status::Green, None));
    }
    assert_eq!(server.connections(), 1);
    prober.close().await;
}

#[tokio::test]
async fn http1_over_tls_is_reused_and_fresh_connections_are_not() {
    let identity = Identity::new();
    let server = identity
        .serve(&[b"http/1.1"], |mut tls| async move {
            let mut buffer = [0; 4096];
            while tls.read(&mut buffer).await.is_ok_and(|length| length > 0) {
                if tls.write_all(&response("200 OK", "", "pong")).await.is_err() {
                    return;
                }
            }
        })
        .await;
    let prober = identity.prober();
    let mut spec = get(&https(&server, "/"));
    for _ in 0..3 {
        assert_eq!(prober.probe(&spec).await.status, Status::Green);
    }
    assert_eq!(server.connections(), 1);
    spec.connection = relay_core::target::Connection::Fresh;
    for _ in 0..3 {
        assert!(prober.probe(&spec).await.timings.tls_ms.is_some());
    }
    assert_eq!(server.connections(), 4);
}

#[tokio::test]
async fn a_certificate_nobody_vouches_for_is_a_tls_failure() {
    let identity = Identity::new();
    let server = identity.serve_h2(|_, _| Response::default()).await;
    let result = Identity::new().prober().probe(&get(&https(&server, "/"))).await;
    assert!(
        shown(&result).starts_with("red network_error 0 | tls: invalid peer certificate: "),
        "{}",
        shown(&result)
    );
    let by_address = get(&format!("https://{}/", server.address));
    let result = identity.prober().probe(&by_address).await;
    assert!(shown(&result).contains("| tls: invalid peer certificate: "), "{}", shown(&result));
}

#[tokio::test]
async fn a_handshake_that_stalls_or_is_no_tls_fails_in_time() {
    let silent = Server::start(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let mut spec = get(&https(&silent, "/"));
    spec.timeout = Duration::from_millis(100);
    assert_eq!(
        shown(&probe(&spec).await),
        "red network_error 0 | timeout: the TLS handshake did not end within 100 ms"
    );
    let plain = Server::answering("HTTP/1.1 400 Bad Request\r\n\r\n").await;
    let garbage = Server::start(|mut stream| async move {
        let _ = stream.write_all(b"this is no TLS at all").await;
        std::future::pending::<()>().await;
    })
    .await;
    for server in [&plain, &garbage] {
        let mut spec = get(&https(server, "/"));
        spec.timeout = Duration::from_millis(2_000);
        let shown = shown(&probe(&spec).await);
        assert!(shown.starts_with("red network_error 0 | t"), "{shown}");
    }
}
