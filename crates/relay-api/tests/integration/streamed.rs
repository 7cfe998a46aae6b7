//! Answers of `/api/status` that are too large to be kept.

use std::sync::{Arc, atomic::Ordering};

use http::Method;
use relay_api::{Access, Limits};
use relay_core::Monitor;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    sync::Semaphore,
};

use crate::{
    status::decode,
    support::{NOW, TestSite, green, monitor, site, site_with, snapshot},
};

/// Enough for several pieces, the last entries in groups of two.
fn monitors(groups: usize) -> Vec<Monitor> {
    let singles = (0..450).map(|n| monitor(&format!("p{n}/cc//")));
    let groups = (0..groups).flat_map(|n| {
        let child = Monitor { is_child: true, ..monitor(&format!("g{n}/cc//small")) };
        [monitor(&format!("g{n}/cc//large")), child]
    });
    singles.chain(groups).collect()
}

fn small_cache(monitors: Vec<Monitor>) -> TestSite {
    let limits = Limits { cache_bytes: Some(100_000), ..Limits::default() };
    site_with(snapshot(monitors), limits, Access::default())
}

#[tokio::test]
async fn a_streamed_answer_is_the_same_in_every_coding() {
    for groups in [0, 120] {
        let monitors = monitors(groups);
        let whole = site(snapshot(monitors.clone()));
        let streamed = small_cache(monitors.clone());
        for site in [&whole, &streamed] {
            site.append(&monitors[7], NOW - 60, green(100));
        }
        let path = "/api/status?period=7d";
        let expected = whole.start(Limits::default()).get(path).await;
        let running = streamed.start(Limits::default());
        for coding in ["identity", "gzip", "br", "zstd"] {
            let reply = running.send(Method::GET, path, &[("accept-encoding", coding)], "").await;
            assert_eq!(reply.status, 200);
            assert_eq!((reply.header("etag"), reply.header("content-length")), ("", ""), "{coding}");
            let text = if coding == "identity" { reply.body.to_vec() } else { decode(coding, &reply.body) };
            assert!(text == expected.body, "{coding}, {groups} groups");
        }
        assert!(streamed.store.questions.load(Ordering::Relaxed) > 4 * 2);
        let part = running.get("/api/status?period=7d&provider=p7").await;
        assert_ne!(part.header("etag"), "", "a part of it is small and kept");
    }
}

#[tokio::test]
async fn a_store_that_goes_away_is_a_503_before_and_a_break_after_the_first_piece() {
    let site = small_cache(monitors(0));
    let running = site.start(Limits::default());
    site.store.away.store(true, Ordering::Relaxed);
    assert_eq!(running.get("/api/status?period=7d").await.status, 503);

    site.store.away.store(false, Ordering::Relaxed);
    let gate = Arc::new(Semaphore::new(1));
    *site.store.gate.lock().expect("no panic under the lock") = Some(Arc::clone(&gate));
    let mut stream = TcpStream::connect(running.address).await.expect("a connection");
    stream.write_all(b"GET /api/status?period=7d HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("sent");
    let mut start = [0; 15];
    stream.read_exact(&mut start).await.expect("a first piece");
    assert_eq!(&start, b"HTTP/1.1 200 OK");
    site.store.away.store(true, Ordering::Relaxed);
    gate.add_permits(1);
    let mut rest = Vec::new();
    // A reset also tells the client that something is missing.
    let _ = stream.read_to_end(&mut rest).await;
    assert!(!rest.ends_with(b"0\r\n\r\n"), "the last chunk never comes");
}
