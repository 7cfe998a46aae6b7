//! The listener: binding, limits on connections, stopping.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use relay_api::{BindError, Limits, Options, Server};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{Running, monitor, site, snapshot};

/// Far more than anything here takes: it only ends a test that hangs.
const LONG: Duration = Duration::from_secs(60);

async fn connect(running: &Running) -> TcpStream {
    TcpStream::connect(running.address).await.expect("a connection")
}

/// Sends bytes and reads until the server closes.
async fn exchange(stream: &mut TcpStream, bytes: &[u8]) -> String {
    // The server may close before it has read everything.
    let _ = stream.write_all(bytes).await;
    until_closed(stream).await
}

async fn until_closed(stream: &mut TcpStream) -> String {
    let mut read = Vec::new();
    // A reset also ends the connection; what came before it counts.
    let _ = timeout(LONG, stream.read_to_end(&mut read)).await.expect("the server closes");
    String::from_utf8_lossy(&read).into_owned()
}

#[tokio::test]
async fn a_port_in_use_is_a_clear_error() {
    let running = site(snapshot(Vec::new())).start(Limits::default());
    let error = Server::bind(Options { listen: running.address, ..Options::default() }).expect_err("in use");
    assert!(matches!(error, BindError::InUse { address } if address == running.address), "{error}");
    assert!(error.to_string().contains("is in use: stop the other program"), "{error}");
}

#[tokio::test]
async fn the_unspecified_v6_address_takes_v4_too() {
    let site = site(snapshot(Vec::new()));
    let options = Options { listen: "[::]:0".parse().expect("an address"), ..Options::default() };
    let server = Server::bind(options).expect("a port");
    let address = SocketAddr::from(([127, 0, 0, 1], server.local_addr().port()));
    let mut running = site.start(Limits::default());
    running.address = address;
    let tasks = tokio_util::task::TaskTracker::new();
    tasks.spawn(server.run(site.api.clone(), running.soft.clone(), running.hard.clone()));
    assert_eq!(running.get("/health").await.status, 200);
}

#[tokio::test]
async fn silent_slow_and_idle_clients_are_closed() {
    let limits = Limits {
        header_timeout: Duration::from_millis(50),
        idle_timeout: Duration::from_millis(500),
        ..Limits::default()
    };
    let running = site(snapshot(Vec::new())).start(limits);
    let mut silent = connect(&running).await;
    assert_eq!(until_closed(&mut silent).await, "");
    let mut slow = connect(&running).await;
    assert_eq!(exchange(&mut slow, b"GET /health HTTP/1.1\r\nhost: x\r\nx-slow").await, "");
    let mut idle = connect(&running).await;
    let answer = exchange(&mut idle, b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK"), "{answer}");
}

#[tokio::test]
async fn too_long_and_malformed_requests_are_refused() {
    let limits = Limits { header_bytes: 16 * 1024, uri_bytes: 1024, ..Limits::default() };
    let site = crate::support::site_with(snapshot(Vec::new()), limits.clone(), Default::default());
    let running = site.start(limits);
    let long_uri = format!("GET /{} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n", "a".repeat(2000));
    let long_headers = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(20_000));
    for (request, status) in [
        (&*long_uri, "HTTP/1.1 414"),
        (&*long_headers, "HTTP/1.1 431"),
        ("NONSENSE\r\n\r\n", "HTTP/1.1 400"),
        ("GET / HTTP/1.1\r\nbad header\r\n\r\n", "HTTP/1.1 400"),
    ] {
        let answer = exchange(&mut connect(&running).await, request.as_bytes()).await;
        assert!(answer.starts_with(status), "{answer}");
    }
    assert_eq!(running.get("/health").await.status, 200);
}

#[tokio::test]
async fn at_the_cap_a_new_connection_takes_the_place_of_the_idlest() {
    let running = site(snapshot(Vec::new())).start(Limits { connections: 2, ..Limits::default() });
    let (mut first, mut second) = (connect(&running).await, connect(&running).await);
    for stream in [&mut second, &mut first] {
        stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
        let mut start = [0; 12];
        timeout(LONG, stream.read_exact(&mut start)).await.expect("in time").expect("an answer");
        assert_eq!(&start, b"HTTP/1.1 200");
    }
    let mut third = connect(&running).await;
    let answer = exchange(&mut third, b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    until_closed(&mut second).await;
    let answer = exchange(&mut first, b"GET /health HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await;
    assert!(answer.contains("HTTP/1.1 200"), "{answer}");
}

#[tokio::test]
async fn an_address_has_so_many_connections_and_no_more() {
    let running =
        site(snapshot(Vec::new())).start(Limits { connections_per_address: 1, ..Limits::default() });
    let mut first = connect(&running).await;
    first.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    let mut start = [0; 12];
    timeout(LONG, first.read_exact(&mut start)).await.expect("in time").expect("an answer");
    let mut second = connect(&running).await;
    assert_eq!(until_closed(&mut second).await, "");
}

#[tokio::test]
async fn a_stop_finishes_what_is_in_flight_and_closes_the_rest() {
    let site = site(snapshot(vec![monitor("acme/cc//")]));
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    *site.store.gate.lock().expect("no panic under the lock") = Some(Arc::clone(&gate));
    let running = site.start(Limits::default());
    let mut idle = connect(&running).await;
    let stop = async {
        while site.store.questions.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        running.soft.cancel();
        assert_eq!(until_closed(&mut idle).await, "");
        gate.add_permits(1);
    };
    let (reply, ()) = tokio::join!(running.get("/api/status"), stop);
    assert_eq!(reply.status, 200);
    timeout(LONG, running.tasks.wait()).await.expect("the server ends");
    assert!(TcpStream::connect(running.address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_hard_stop_drops_what_is_in_flight() {
    let site = site(snapshot(vec![monitor("acme/cc//")]));
    *site.store.gate.lock().expect("no panic under the lock") =
        Some(Arc::new(tokio::sync::Semaphore::new(0)));
    let running = site.start(Limits::default());
    let mut waiting = connect(&running).await;
    waiting.write_all(b"GET /api/status HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    while site.store.questions.load(Ordering::Relaxed) == 0 {
        tokio::task::yield_now().await;
    }
    running.hard.cancel();
    assert_eq!(until_closed(&mut waiting).await, "");
    timeout(LONG, running.tasks.wait()).await.expect("the server ends");
}

#[tokio::test]
async fn a_client_that_takes_nothing_of_its_answer_is_closed() {
    let monitors = (0..450).map(|n| monitor(&format!("p{n}/cc//"))).collect();
    let limits =
        Limits { cache_bytes: Some(100_000), write_timeout: Duration::from_millis(50), ..Limits::default() };
    let site = crate::support::site_with(snapshot(monitors), limits.clone(), Default::default());
    let running = site.start(limits);
    let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(4096).expect("a small buffer");
    let mut greedy = socket.connect(running.address).await.expect("a connection");
    greedy.write_all(b"GET /api/status?period=90d HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    let open = async {
        while site.store.questions.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        // The client that asks here is the only one left.
        while !running.get("/metrics").await.text().contains("relay_http_connections 1\n") {}
    };
    timeout(LONG, open).await.expect("the server closes");
    let answer = until_closed(&mut greedy).await;
    assert!(answer.starts_with("HTTP/1.1 200") && !answer.ends_with("0\r\n\r\n"), "{} bytes", answer.len());
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_408() {
    let limits = Limits { header_timeout: Duration::from_millis(50), ..Limits::default() };
    let site = crate::support::site_with(snapshot(Vec::new()), limits.clone(), Default::default());
    let running = site.start(limits);
    let mut slow = connect(&running).await;
    let request = b"POST /api/status/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\n{";
    let answer = exchange(&mut slow, request).await;
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(answer.ends_with(r#""code":"body_timeout"}"#), "{answer}");
}
