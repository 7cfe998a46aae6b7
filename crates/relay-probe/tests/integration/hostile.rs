//! Upstreams that do harm: every probe ends by its deadline, with bounded memory and a documented verdict.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use relay_core::{ProbeSpec, Status, ports::Prober};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::Instant,
};

use crate::support::{
    Server, get, probe, prober, read_request, response, shown,
    tls::{Identity, https},
};

/// Writes the head, then the same bytes until the prober hangs up.
async fn endless(mut stream: TcpStream, head: &'static [u8], piece: &'static [u8], pause: Duration) {
    read_request(&mut stream).await;
    if stream.write_all(head).await.is_err() {
        return;
    }
    while stream.write_all(piece).await.is_ok() {
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
}

/// Starts a server that never stops talking.
async fn talkative(head: &'static [u8], piece: &'static [u8], pause: Duration) -> Server {
    Server::start(move |stream| endless(stream, head, piece, pause)).await
}

fn within(server: &Server, timeout: Duration) -> ProbeSpec {
    let mut spec = server.spec("/");
    spec.timeout = timeout;
    spec
}

#[tokio::test]
async fn an_endless_body_is_read_to_the_cap_and_judged() {
    const PIECE: [u8; 4096] = [b'a'; 4096];
    for head in [
        b"HTTP/1.1 200 OK\r\n\r\n".as_slice(),
        b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: ",
    ] {
        let server = talkative(head, &PIECE, Duration::ZERO).await;
        let mut spec = server.spec("/");
        spec.success_contains = Some("aaa".to_owned());
        assert_eq!(shown(&probe(&spec).await), "green - 200 | -");
        spec.success_contains = Some("b".to_owned());
        let shown = shown(&probe(&spec).await);
        assert!(shown.starts_with("red content_mismatch 200 | \"b\" is not in the answer: aaa"), "{shown}");
    }
}

#[tokio::test]
async fn an_endless_event_stream_is_read_to_the_cap() {
    const FRAME: &[u8] = b"data: {\"choices\":[{\"delta\":{\"content\":\"pong \"}}]}\n\n";
    let head = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n";
    let server = talkative(head, FRAME, Duration::ZERO).await;
    let mut spec = server.spec("/");
    spec.success_contains = Some("pong pong".to_owned());
    let result = probe(&spec).await;
    assert_eq!(shown(&result), "green - 200 | -");
    assert!(
        result.timings.first_token_ms.is_some() && result.timings.first_token_ms <= result.timings.total_ms
    );
}

#[tokio::test]
async fn the_cap_does_not_poison_the_pool() {
    let server = Server::start(|mut stream| async move {
        while let Some(request) = read_request(&mut stream).await {
            let body = if request.starts_with("GET /big") { vec![b'x'; 100_000] } else { b"small".to_vec() };
            if stream.write_all(&response("200 OK", "", body)).await.is_err() {
                return;
            }
        }
    })
    .await;
    let prober = prober();
    for round in 0..5 {
        let mut big = server.spec("/big");
        big.max_response_bytes = 1_000;
        assert_eq!(prober.probe(&big).await.status, Status::Green);
        let mut small = server.spec("/small");
        small.success_contains = Some("small".to_owned());
        assert_eq!(shown(&prober.probe(&small).await), "green - 200 | -", "round {round}");
    }
}

#[tokio::test]
async fn a_slow_trickle_ends_at_the_deadline_at_every_stage() {
    let pause = Duration::from_millis(20);
    for (head, words, code) in [
        (b"HTTP/1.1 200 OK\r\n\r\n".as_slice(), "body did not end", 200),
        (b"HTTP/1.1 200 OK\r\nX: ", "response headers did not come", 0),
        (b"H", "protocol", 0),
        (b"HTTP/1.1 503 Busy\r\n\r\n", "body did not end", 503),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nX: ", "response headers did not come", 0),
    ] {
        let server = talkative(head, b"a", pause).await;
        let begin = Instant::now();
        let result = probe(&within(&server, Duration::from_millis(300))).await;
        assert!(begin.elapsed() < Duration::from_secs(5));
        let shown = shown(&result);
        assert!(
            shown.starts_with(&format!("red network_error {code} | ")) && shown.contains(words),
            "{shown}"
        );
    }
}

#[tokio::test]
async fn floods_of_headers_are_malformed() {
    const LINES: &[u8] = b"X-Flood: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n";
    for piece in [LINES, b"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] {
        let server = talkative(b"HTTP/1.1 200 OK\r\nX: ", piece, Duration::ZERO).await;
        let shown = shown(&probe(&server.spec("/")).await);
        assert!(shown.starts_with("red network_error 0 | protocol: "), "{shown}");
    }
    // Interim answers without end are bounded by the deadline.
    let server = talkative(b"", b"HTTP/1.1 100 Continue\r\n\r\n", Duration::ZERO).await;
    let shown = shown(&probe(&within(&server, Duration::from_millis(300))).await);
    assert!(shown.starts_with("red network_error 0 | timeout: "), "{shown}");
}

#[tokio::test]
async fn garbage_is_malformed_and_an_early_end_is_a_reset() {
    for (answer, kind) in [
        ("SSH-2.0-OpenSSH_9\r\n", "protocol"),
        ("HTTP/1.1 abc OK\r\n\r\n", "protocol"),
        ("HTTP/1.1 20\r\n\r\n", "protocol"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello", "protocol"),
        ("HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "protocol"),
        ("HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n", "protocol"),
        ("", "reset"),
        ("HTTP/1.1 200", "reset"),
        ("HTTP/1.1 200 OK\r\nX: y\r\n", "reset"),
    ] {
        let server = Server::answering_and_closing(answer).await;
        let shown = shown(&probe(&server.spec("/")).await);
        assert!(shown.starts_with(&format!("red network_error 0 | {kind}: ")), "{answer:?}: {shown}");
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_judged_by_what_came() {
    let gzip_cut = b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 12\r\n\r\n\x1f\x8b\x08\0\0\0\0\0\0\x03pong";
    for answer in [
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npong".to_vec(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npong\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npong\r\nzz\r\n".to_vec(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npong\r\nfffffffffffffffff\r\n".to_vec(),
    ] {
        let server = Server::answering_and_closing(answer.clone()).await;
        let mut spec = server.spec("/");
        spec.success_contains = Some("pong".to_owned());
        let shown_full = shown(&probe(&spec).await);
        let answer = String::from_utf8_lossy(&answer);
        assert!(shown_full.starts_with("green - 200 | body: "), "{answer}: {shown_full}");
        spec.success_contains = Some("missing".to_owned());
        let shown_missing = shown(&probe(&spec).await);
        assert!(shown_missing.starts_with("red content_mismatch 200 | body: "), "{answer}: {shown_missing}");
    }
    let server = Server::answering_and_closing(gzip_cut.to_vec()).await;
    let mut spec = server.spec("/");
    assert!(
        shown(&probe(&spec).await).starts_with("green - 200 | body: the gzip encoding of the body is broken")
    );
    spec.success_contains = Some("pong".to_owned());
    assert!(shown(&probe(&spec).await).starts_with("red content_mismatch 200 | body: the gzip encoding"));
}

#[tokio::test]
async fn endless_chunk_extensions_and_trailers_end() {
    for head in [
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4;x=".as_slice(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npong\r\n0\r\nX: ",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffffff",
    ] {
        let server = talkative(head, &[b'0'; 512], Duration::ZERO).await;
        let shown = shown(&probe(&within(&server, Duration::from_secs(10))).await);
        assert!(shown.starts_with("green - 200 | body: "), "{shown}");
    }
    // A chunk size of nothing but noughts is never wrong, so the deadline ends it.
    let head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0";
    let server = talkative(head, &[b'0'; 512], Duration::ZERO).await;
    let shown = shown(&probe(&within(&server, Duration::from_millis(300))).await);
    assert!(shown.starts_with("red network_error 200 | timeout: "), "{shown}");
}

#[tokio::test]
async fn a_bomb_stops_at_the_cap() {
    let zeroes = vec![0; 64 * 1024 * 1024];
    let bomb = zstd::stream::encode_all(zeroes.as_slice(), 1).expect("encoded");
    let server = Server::answering(response("200 OK", "Content-Encoding: zstd\r\n", bomb)).await;
    let mut spec = server.spec("/");
    spec.success_contains = Some("x".to_owned());
    assert_eq!(probe(&spec).await.http_code, 200);
}

#[tokio::test]
async fn a_reset_is_a_network_error_before_the_headers_and_a_broken_body_after() {
    for (answer, expected) in [
        (b"".as_slice(), "red network_error 0 | reset: "),
        (b"HTTP/1.1 200 OK\r\n", "red network_error 0 | reset: "),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\npong", "green - 200 | body: "),
    ] {
        let server = Server::start(move |mut stream| async move {
            // Half of the request is read, so that closing the socket resets it.
            let mut half = [0; 10];
            let _ = stream.read_exact(&mut half).await;
            let _ = stream.write_all(answer).await;
            if !answer.is_empty() {
                // What was written must be on its way before the reset overtakes it.
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await;
        let shown = shown(&probe(&server.spec("/")).await);
        assert!(shown.starts_with(expected), "{shown}");
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_while_idle_is_replaced() {
    let server = Server::start(|mut stream| async move {
        read_request(&mut stream).await;
        let _ = stream.write_all(&response("200 OK", "", "once")).await;
    })
    .await;
    let prober = prober();
    for _ in 0..10 {
        assert_eq!(shown(&prober.probe(&server.spec("/")).await), "green - 200 | -");
    }
}

#[tokio::test]
async fn a_get_on_a_connection_that_dies_is_sent_again_and_a_post_is_not() {
    for (method, expected) in
        [(http::Method::GET, "green - 200 | -"), (http::Method::POST, "red network_error 0 | reset: ")]
    {
        // The first connection answers once, then takes a request and closes without a word.
        let server = Server::start(|mut stream| async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(&response("200 OK", "", "once")).await;
            read_request(&mut stream).await;
        })
        .await;
        let prober = prober();
        let mut spec = server.spec("/");
        spec.method = method;
        spec.body = Bytes::from_static(b"x");
        assert_eq!(shown(&prober.probe(&spec).await), "green - 200 | -");
        let shown = shown(&prober.probe(&spec).await);
        assert!(shown.starts_with(expected), "{} {shown}", spec.method);
    }
}

#[tokio::test]
async fn http2_that_is_garbage_or_says_goodbye_is_a_network_error() {
    let identity = Identity::new();
    const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
    // GOAWAY with the last stream 0 and ENHANCE_YOUR_CALM; RST_STREAM of stream 1 with INTERNAL_ERROR.
    const GOAWAY: &[u8] = &[0, 0, 8, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 11];
    const RESET: &[u8] = &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 2];
    for last in [GOAWAY, RESET, b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff".as_slice(), b""] {
        let server = identity
            .serve(&[b"h2"], move |mut tls| async move {
                let mut buffer = [0; 4096];
                let _ = tls.write_all(SETTINGS).await;
                // The preface, then the request.
                let mut seen = 0;
                while seen < 24 + 9 + 9 {
                    match tls.read(&mut buffer).await {
                        Ok(length) if length > 0 => seen += length,
                        _ => return,
                    }
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
                let _ = tls.write_all(last).await;
                let _ = tls.flush().await;
                if !last.is_empty() {
                    let _ = tls.read(&mut buffer).await;
                }
            })
            .await;
        let mut spec = get(&https(&server, "/"));
        spec.timeout = Duration::from_secs(5);
        let shown = shown(&identity.prober().probe(&spec).await);
        assert!(shown.starts_with("red network_error 0 | "), "{last:?}: {shown}");
        assert!(!shown.contains("timeout"), "{last:?}: {shown}");
    }
}

#[tokio::test]
async fn a_large_request_body_that_nobody_reads_ends_at_the_deadline() {
    let server = Server::start(|stream| async move {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;
    let mut spec = within(&server, Duration::from_millis(300));
    spec.method = http::Method::POST;
    spec.body = Bytes::from(vec![b'x'; 32 * 1024 * 1024]);
    let prober = prober();
    assert!(shown(&prober.probe(&spec).await).starts_with("red network_error 0 | timeout: "));
    // The connection's task is gone with the probe: closing does not wait for the upstream.
    tokio::time::timeout(Duration::from_secs(5), prober.close()).await.expect("closed in time");
}

#[tokio::test]
async fn an_endless_http2_body_is_read_to_the_cap_and_the_connection_stays() {
    let identity = Identity::new();
    let server = identity
        .serve_h2(|_, _| http::Response::new(Full::from(Bytes::from(vec![b'a'; 8 * 1024 * 1024]))))
        .await;
    let prober = identity.prober();
    for _ in 0..3 {
        let mut spec = get(&https(&server, "/"));
        spec.success_contains = Some("aaa".to_owned());
        assert_eq!(shown(&prober.probe(&spec).await), "green - 200 | -");
    }
    assert_eq!(server.connections(), 1);
}
