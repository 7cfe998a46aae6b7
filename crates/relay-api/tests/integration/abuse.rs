//! Clients that mean no good: others are served all the same.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use http::Method;
use relay_api::{Access, EventsAccess, Limits};
use relay_core::Secret;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::support::{NOW, Running, green, monitor, site, site_with, snapshot};

/// Far more than anything here takes: it only ends a test that hangs.
const LONG: Duration = Duration::from_secs(60);
/// What a client may reach; whatever stands beside it is nobody's.
const ASSET: &str = "/assets/js/app.js";

/// Sends bytes as they are and reads the answer.
async fn raw(running: &Running, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(running.address).await.expect("a connection");
    // The server may close before it has read everything.
    let _ = stream.write_all(request).await;
    let _ = stream.shutdown().await;
    let mut read = Vec::new();
    let _ = timeout(LONG, stream.read_to_end(&mut read)).await.expect("the server closes");
    String::from_utf8_lossy(&read).into_owned()
}

/// As many connections as the test may open files for, both ends counted.
fn as_many_as_possible() -> usize {
    let files = rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(10_000);
    usize::try_from(files.saturating_sub(500) / 2).map_or(10_000, |room| room.min(10_000))
}

/// Begins a request whose body is as large as it may be, and returns when the server waits for the body.
async fn begin_body(running: &Running, bytes: usize) -> TcpStream {
    let mut stream = TcpStream::connect(running.address).await.expect("a connection");
    let head = format!(
        "POST /api/status/batch HTTP/1.1\r\nhost: x\r\nconnection: close\r\nexpect: 100-continue\r\n\
         content-length: {bytes}\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.expect("sent");
    let mut go_on = [0; b"HTTP/1.1 100 Continue\r\n\r\n".len()];
    timeout(LONG, stream.read_exact(&mut go_on)).await.expect("in time").expect("an answer");
    assert!(go_on.starts_with(b"HTTP/1.1 100"), "{}", String::from_utf8_lossy(&go_on));
    stream
}

#[tokio::test]
async fn bodies_that_never_end_take_room_from_other_bodies_only() {
    let limits = Limits { header_timeout: LONG * 10, ..Limits::default() };
    let bytes = limits.body_bytes;
    let running = site(snapshot(vec![monitor("acme/cc//")])).start(limits);
    let mut slow = Vec::new();
    for _ in 0..(16 * 1024 * 1024 / bytes) {
        slow.push(begin_body(&running, bytes).await);
    }
    let refused = running.send(Method::POST, "/api/status/batch", &[], "{}").await;
    assert_eq!((refused.status.as_u16(), refused.header("retry-after")), (503, "5"));
    assert_eq!(running.get("/api/status").await.status, 200);
    let mut last = slow.pop().expect("one of them");
    last.write_all(&vec![b' '; bytes]).await.expect("sent");
    let mut answer = String::new();
    timeout(LONG, last.read_to_string(&mut answer)).await.expect("in time").expect("an answer");
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    assert_ne!(running.send(Method::POST, "/api/status/batch", &[], "{}").await.status, 503);
}

#[tokio::test]
async fn a_crowd_of_idle_and_slow_clients_stops_nobody() {
    let limits = Limits {
        connections: 20_000,
        connections_per_address: 20_000,
        header_timeout: LONG * 10,
        idle_timeout: LONG * 10,
        ..Limits::default()
    };
    let site = site_with(snapshot(vec![monitor("acme/cc//")]), limits.clone(), Access::default());
    let running = site.start(limits);
    let mut crowd = Vec::new();
    for number in 0..as_many_as_possible() {
        let mut stream = TcpStream::connect(running.address).await.expect("a connection");
        if number % 2 == 0 {
            stream.write_all(b"GET /api/status HTTP/1.1\r\nhost: x\r\nx-slow: ").await.expect("sent");
        }
        crowd.push(stream);
        if number % 500 == 0 {
            let reply = timeout(LONG, running.get("/api/status")).await.expect("in time");
            assert_eq!(reply.status, 200);
        }
    }
    let reply = timeout(LONG, running.get("/api/status?period=7d")).await.expect("in time");
    assert_eq!(reply.status, 200);
    let metrics = running.get("/metrics").await;
    let open = metrics.text().lines().find_map(|line| line.strip_prefix("relay_http_connections "));
    let open: usize = open.and_then(|count| count.parse().ok()).expect("a count");
    assert!(open >= crowd.len(), "{open} of {}", crowd.len());
    running.soft.cancel();
    drop(crowd);
    timeout(LONG, running.tasks.wait()).await.expect("the server ends");
}

#[tokio::test]
async fn malformed_and_oversized_requests_are_refused_one_by_one() {
    let running = site(snapshot(Vec::new())).start(Limits::default());
    let long = "a".repeat(100_000);
    let many: String = (0..300).map(|number| format!("x-{number}: y\r\n")).collect();
    for (request, statuses) in [
        ("\0\0\0\0\r\n\r\n".to_owned(), &["400"][..]),
        ("GET / HTTP/9.9\r\nhost: x\r\n\r\n".to_owned(), &["400", "505"]),
        ("GET  / HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &["400"]),
        ("GET / HTTP/1.1\r\nhost: x\r\nbad\0name: x\r\n\r\n".to_owned(), &["400"]),
        (format!("GET /{long} HTTP/1.1\r\nhost: x\r\n\r\n"), &["414", "431"]),
        (format!("GET / HTTP/1.1\r\nhost: {long}\r\n\r\n"), &["431"]),
        (format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n"), &["431", "400"]),
        ("POST /api/status/batch HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n".to_owned(), &["400"]),
        (
            "POST /api/status/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\n{}"
                .to_owned(),
            &["400"],
        ),
        (
            "POST /api/status/batch HTTP/1.1\r\nhost: x\r\ncontent-length: 99999999999\r\n\r\n".to_owned(),
            &["413"],
        ),
        (
            "POST /api/status/batch HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n"
                .to_owned(),
            &["400"],
        ),
        ("GET /health HTTP/1.1\r\n\r\n".to_owned(), &["400"]),
        ("GET /health HTTP/1.0\r\n\r\n".to_owned(), &["200"]),
        ("CONNECT x:80 HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), &["400", "404", "405"]),
        // HTTP/2 without TLS is not spoken: the connection is closed without a word.
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_owned(), &[""]),
    ] {
        let answer = raw(&running, request.as_bytes()).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        let start: String = request.chars().take(60).collect();
        assert!(statuses.contains(&status), "{start:?}: {}", answer.lines().next().unwrap_or_default());
    }
    assert_eq!(running.get("/health").await.status, 200);
}

#[tokio::test]
async fn nothing_beside_the_files_of_the_page_is_served() {
    let running = site(snapshot(Vec::new())).start(Limits::default());
    for path in [
        "/assets/../Cargo.toml",
        "/assets/js/../js/app.js",
        "/assets/js/%2e%2e/%2e%2e/etc/passwd",
        "/assets/..%2f..%2fetc/passwd",
        "/assets//etc/passwd",
        "/assets/js/app.js%00.css",
        "/assets/js\\app.js",
        "/assets/JS/app.js",
        "//etc/passwd",
        "/../../etc/passwd",
        "/p/../../etc/passwd",
        "/api/../metrics",
        "/api//status",
    ] {
        let answer = raw(&running, format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {}", answer.lines().next().unwrap_or_default());
        assert!(!answer.contains("root:"), "{path}");
    }
    assert_eq!(running.get(ASSET).await.status, 200);
}

#[tokio::test]
async fn what_clients_send_never_becomes_a_header() {
    let site = site(snapshot(vec![monitor("acme/cc//")]));
    let running = site.start(Limits::default());
    for path in [
        "/en?x=%0d%0aset-cookie:%20a=b",
        "/en?%0d%0aset-cookie:%20a=b",
        "/api/status?provider=%0d%0aset-cookie:%20a=b",
        "/api/history?provider=acme&service=cc&cursor=%0d%0aset-cookie:%20a",
        "/badge.svg?provider=acme&service=cc&metric=%0aset-cookie",
    ] {
        let request =
            format!("GET {path} HTTP/1.1\r\nhost: x\r\nx-request-id: a\tb\r\nconnection: close\r\n\r\n");
        let answer = raw(&running, request.as_bytes()).await;
        let head = answer.split("\r\n\r\n").next().unwrap_or_default().to_lowercase();
        assert!(!head.contains("\nset-cookie"), "{path}: {head}");
        assert!(!head.contains("a\tb"), "{path}: {head}");
    }
    let origin = [("origin", "https://evil.example"), ("x-forwarded-proto", "https")];
    let reply = running.send(Method::GET, "/api/status", &origin, "").await;
    assert_eq!(reply.header("access-control-allow-origin"), "");
    assert_eq!(reply.header("strict-transport-security"), "");
}

#[tokio::test]
async fn varying_parameters_fills_no_memory_and_is_rationed() {
    let limits = Limits { requests_per_second: 1, burst: 50, ..Limits::default() };
    let site = site_with(snapshot(vec![monitor("acme/cc//")]), limits.clone(), Access::default());
    let running = site.start(limits);
    // Whatever is unknown is one question, and free once it is answered.
    for number in 0..200 {
        let path = format!("/api/status?provider=p{number}&service=s{number}&x={number}&board=all");
        assert_eq!(running.get(&path).await.status, 200, "{path}");
    }
    assert_eq!(site.store.questions.load(Ordering::Relaxed), 0, "about nothing the store is not asked");
    let metrics = running.get("/metrics").await;
    assert!(metrics.text().contains("relay_cache_entries 1\n"), "{}", metrics.text());
    // What exists can be asked in many ways; each costs.
    let mut refused = 0;
    for hour in 0..24 {
        for end in 0..5 {
            let end = (hour + end + 1) % 24;
            let path = format!("/api/status?period=30d&time_filter={hour:02}:00-{end:02}:00");
            let reply = running.get(&path).await;
            assert!([200, 400, 429].contains(&reply.status.as_u16()), "{path} {}", reply.status);
            refused += usize::from(reply.status == 429);
        }
    }
    assert!(refused >= 60, "{refused} refused");
    assert_eq!(running.get(ASSET).await.status, 200, "files stay free");
}

#[tokio::test]
async fn a_flood_of_streams_is_bounded_and_leaves_the_rest_alone() {
    let limits = Limits { streams: 100, streams_per_address: 100, ..Limits::default() };
    let access = Access { events: EventsAccess::Token(Secret::new("token")), ..Access::default() };
    let only = monitor("acme/cc//");
    let site = site_with(snapshot(vec![only.clone()]), limits.clone(), access);
    let running = site.start(limits);
    let mut flood = Vec::new();
    for number in 0..150 {
        let path = if number % 2 == 0 { "/api/stream" } else { "/api/events/stream?token=token" };
        let mut listener = running.listen(path, "").await;
        let head = listener.until("\r\n").await;
        assert!(
            head.starts_with(if number < 100 { "HTTP/1.1 200" } else { "HTTP/1.1 429" }),
            "{number}: {head}"
        );
        flood.push(listener);
    }
    let before = site.store.questions.load(Ordering::Relaxed);
    for _ in 0..50 {
        site.append(&only, NOW, green(1));
        assert_eq!(running.get("/api/status").await.status, 200);
    }
    let asked = site.store.questions.load(Ordering::Relaxed) - before;
    assert!(asked < 50, "{asked} questions for a hundred streams");
    drop(flood);
}

#[tokio::test]
async fn during_an_outage_kept_answers_go_on_and_a_stop_does_not_hang() {
    let site = site(snapshot(vec![monitor("acme/cc//")]));
    let running = site.start(Limits::default());
    for path in
        ["/api/status", "/api/timeline?provider=acme&service=cc", "/badge.svg?provider=acme&service=cc"]
    {
        assert_eq!(running.get(path).await.status, 200);
    }
    site.store.away.store(true, Ordering::Relaxed);
    for path in ["/api/status", "/api/timeline?provider=acme&service=cc", "/health", "/", ASSET] {
        assert_eq!(running.get(path).await.status, 200, "{path}");
    }
    for path in ["/api/status?period=7d", "/api/history?provider=acme&service=cc", "/ready"] {
        let reply = running.get(path).await;
        assert_eq!(reply.status, 503, "{path}");
        assert!(!reply.text().contains("secret-host"), "{path}: {}", reply.text());
    }
    site.store.away.store(false, Ordering::Relaxed);
    // The store neither answers nor fails: a stop waits for as long as it is told to.
    *site.store.gate.lock().expect("no panic under the lock") =
        Some(Arc::new(tokio::sync::Semaphore::new(0)));
    let asked = site.store.questions.load(Ordering::Relaxed);
    let stuck = running.listen("/api/status?period=90d", "").await;
    while site.store.questions.load(Ordering::Relaxed) == asked {
        tokio::task::yield_now().await;
    }
    running.soft.cancel();
    // It has begun to stop when nobody can come in any more.
    while TcpStream::connect(running.address).await.is_ok() {
        tokio::task::yield_now().await;
    }
    running.hard.cancel();
    assert_eq!(stuck.rest().await, "");
    timeout(LONG, running.tasks.wait()).await.expect("the server ends");
}
