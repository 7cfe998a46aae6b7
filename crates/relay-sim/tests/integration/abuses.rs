//! Each abuse below HTTP, as it arrives at a client without any library in between.

use std::time::Duration;

use relay_sim::{Abuse, Chunks, Dialect, Options, Relay, Sim};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::client::SOON;

/// More than any abuse that ends sends before its end.
const ENOUGH: usize = 100 << 10;

/// How a connection ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Regular,
    Reset,
    /// It had not ended after [`ENOUGH`] bytes.
    None,
    /// Nothing more came.
    Silence,
}

/// Sends a request and reads what comes.
async fn suffer(abuse: Abuse, request: &[u8], patience: Duration) -> (String, End) {
    let relays = vec![Relay::new("r", Dialect::Chat)];
    let sim = Sim::start(Options { relays, abuse: Some(abuse), ..Options::default() }).await.unwrap();
    let mut stream = TcpStream::connect(sim.addr()).await.unwrap();
    let mut seen = Vec::new();
    // A reset may come before the request is written; reading says so then.
    let _too_late = stream.write_all(request).await;
    let end = loop {
        match timeout(patience, stream.read_buf(&mut seen)).await {
            Err(_) => break End::Silence,
            Ok(Err(_)) => break End::Reset,
            Ok(Ok(0)) => break End::Regular,
            Ok(Ok(_)) if seen.len() >= ENOUGH => break End::None,
            Ok(Ok(_)) => {}
        }
    };
    drop(stream);
    timeout(SOON, sim.stop()).await.expect("nothing outlives the client");
    (String::from_utf8_lossy(&seen).into_owned(), end)
}

#[tokio::test]
async fn abuses_end_as_they_say() {
    let chunked = "4\r\npong\r\n";
    for (abuse, holds, expected) in [
        (Abuse::ResetAtAccept, "", End::Reset),
        (Abuse::ResetInTls, "", End::Reset),
        (Abuse::ResetInHeaders, "HTTP/1.1 200 OK\r\nContent-Type: appli", End::Reset),
        (Abuse::HeaderFlood, "X-Flood: water\r\nX-Flood: water\r\n", End::None),
        (Abuse::LongHeader, "X-Long: longlong", End::None),
        (Abuse::EndlessHeaders(Duration::ZERO), "X-Endless: xx", End::None),
        (Abuse::InterimFlood, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n", End::None),
        (Abuse::Garbage, "220 mail.example", End::Regular),
        (Abuse::Chunks(Chunks::NoNumber), chunked, End::Regular),
        (Abuse::Chunks(Chunks::Promised), chunked, End::Regular),
        (Abuse::Chunks(Chunks::EndlessSize), chunked, End::None),
        (Abuse::Chunks(Chunks::EndlessExtension), chunked, End::None),
        (Abuse::Chunks(Chunks::EndlessTrailers), chunked, End::None),
        (Abuse::Chunks(Chunks::Crumbs), chunked, End::None),
    ] {
        let (seen, end) = suffer(abuse, b"GET / HTTP/1.1\r\n\r\n", SOON).await;
        assert!(seen.contains(holds), "{abuse:?}: {}", &seen[..seen.len().min(200)]);
        assert_eq!(end, expected, "{abuse:?}");
    }
}

#[tokio::test]
async fn a_stalled_handshake_says_nothing() {
    let patience = Duration::from_millis(50);
    let silence = suffer(Abuse::StalledTls, b"\x16\x03\x01", patience).await;
    assert_eq!(silence, (String::new(), End::Silence));
    let (seen, end) = suffer(Abuse::Chunks(Chunks::Overflow), b"GET / HTTP/1.1\r\n\r\n", patience).await;
    assert!(seen.ends_with("fffffffffffffffff\r\n"), "{seen}");
    assert_eq!(end, End::Silence);
}
