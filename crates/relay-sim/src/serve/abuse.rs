//! Connections that are abused below HTTP.

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    time::{sleep, timeout},
};
use tokio_rustls::TlsAcceptor;

use super::{HANDSHAKE, socket::Socket};
use crate::abuse::{Abuse, Chunks, Http2};

/// Bytes of a flood handed over at a time.
const BLOCK: usize = 16 << 10;

/// Largest request read before the abuse begins, bytes.
const MAX_REQUEST: usize = 64 << 10;

/// How long written bytes get to leave before a reset discards what has not.
const AHEAD_OF_RESET: Duration = Duration::from_millis(5);

/// The client's connection preface of HTTP/2 (RFC 9113, 3.4) is this long.
const PREFACE: usize = 24;

/// What is sent once the request is there.
struct Script {
    head: Vec<u8>,
    then: Then,
}

/// How it goes on.
enum Then {
    /// The regular end.
    Close,
    /// A reset.
    Reset,
    /// Nothing more, and no end either.
    Hang,
    /// The same for ever, with a pause after each.
    Repeat(Vec<u8>, Duration),
}

/// Abuses one connection until the client hangs up or the script is over.
pub(super) async fn inflict(
    abuse: Abuse,
    mut socket: Socket,
    tls: Option<Arc<rustls::ServerConfig>>,
    reset: &AtomicBool,
) {
    if let Abuse::ResetAtAccept | Abuse::ResetInTls | Abuse::StalledTls = abuse {
        let hello = abuse != Abuse::ResetAtAccept;
        if hello && socket.read(&mut [0; 1024]).await.is_err() {
            return;
        }
        if abuse == Abuse::StalledTls {
            wait_for_end(&mut socket).await;
        } else {
            reset.store(true, Ordering::Relaxed);
        }
        return;
    }
    // Errors are the client's hanging up, which is what it should do.
    let _hung_up = match tls {
        None => play(abuse, socket, reset).await,
        Some(tls) => match timeout(HANDSHAKE, TlsAcceptor::from(tls).accept(socket)).await {
            Ok(Ok(stream)) => play(abuse, stream, reset).await,
            _ => return,
        },
    };
}

async fn play<S>(abuse: Abuse, mut stream: S, reset: &AtomicBool) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    if let Abuse::Http2(_) = abuse {
        stream.write_all(&frame(SETTINGS, 0, 0, b"")).await?;
        stream.flush().await?;
        read_until(&mut stream, has_h2_headers).await?;
    } else {
        read_until(&mut stream, |seen| seen.windows(4).any(|window| window == b"\r\n\r\n")).await?;
    }
    let Script { head, then } = script(abuse);
    stream.write_all(&head).await?;
    stream.flush().await?;
    match then {
        Then::Close => stream.shutdown().await,
        Then::Reset => {
            sleep(AHEAD_OF_RESET).await;
            reset.store(true, Ordering::Relaxed);
            Ok(())
        }
        Then::Hang => {
            wait_for_end(&mut stream).await;
            Ok(())
        }
        Then::Repeat(piece, pause) => loop {
            if !pause.is_zero() {
                sleep(pause).await;
            }
            stream.write_all(&piece).await?;
            stream.flush().await?;
        },
    }
}

async fn wait_for_end(stream: &mut (impl AsyncRead + Unpin)) {
    let mut ignored = [0; 1024];
    while stream.read(&mut ignored).await.is_ok_and(|length| length > 0) {}
}

/// Reads until enough has come, or a bound.
async fn read_until<S>(stream: &mut S, enough: impl Fn(&[u8]) -> bool) -> io::Result<()>
where
    S: AsyncRead + Unpin,
{
    let mut seen = Vec::new();
    while !enough(&seen) && seen.len() < MAX_REQUEST {
        if stream.read_buf(&mut seen).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    Ok(())
}

/// Tells whether a client of HTTP/2 has sent the headers of a request.
fn has_h2_headers(seen: &[u8]) -> bool {
    let mut rest = seen.get(PREFACE..).unwrap_or_default();
    while let [a, b, c, kind, ..] = *rest {
        if kind == HEADERS {
            return true;
        }
        let length = (usize::from(a) << 16) | (usize::from(b) << 8) | usize::from(c);
        rest = rest.get(9 + length..).unwrap_or_default();
    }
    false
}

fn script(abuse: Abuse) -> Script {
    let script = |head: &str, then| Script { head: head.as_bytes().to_vec(), then };
    let flood = |line: &str| Then::Repeat(line.repeat(BLOCK / line.len()).into_bytes(), Duration::ZERO);
    match abuse {
        // Dealt with before there was a request.
        Abuse::ResetAtAccept | Abuse::ResetInTls | Abuse::StalledTls => script("", Then::Reset),
        Abuse::ResetInHeaders => script("HTTP/1.1 200 OK\r\nContent-Type: appli", Then::Reset),
        Abuse::EndlessHeaders(pause) => {
            script("HTTP/1.1 200 OK\r\nX-Endless: ", Then::Repeat(b"x".to_vec(), pause))
        }
        Abuse::HeaderFlood => script("HTTP/1.1 200 OK\r\n", flood("X-Flood: water\r\n")),
        Abuse::LongHeader => script("HTTP/1.1 200 OK\r\nX-Long: ", flood("long")),
        Abuse::InterimFlood => script("", flood("HTTP/1.1 100 Continue\r\n\r\n")),
        Abuse::Garbage => script("220 mail.example ESMTP ready\r\n", Then::Close),
        Abuse::Chunks(chunks) => {
            let (more, then) = match chunks {
                Chunks::NoNumber => ("zz\r\n", Then::Close),
                Chunks::Overflow => ("fffffffffffffffff\r\n", Then::Hang),
                Chunks::Promised => ("1000000000000000\r\nmore", Then::Close),
                Chunks::EndlessSize => ("0", flood("0")),
                Chunks::EndlessExtension => ("4;x=", flood("y")),
                Chunks::EndlessTrailers => ("0\r\n", flood("X-Trailer: water\r\n")),
                Chunks::Crumbs => ("", flood(&format!("1;{}\r\nx\r\n", "y".repeat(1024)))),
            };
            let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n4\r\npong\r\n";
            script(&[head, more].concat(), then)
        }
        Abuse::Http2(http2) => h2_script(http2),
    }
}

// Types and flags of frames, RFC 9113, 6.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_HEADERS: u8 = 4;

/// `INTERNAL_ERROR` and `ENHANCE_YOUR_CALM`, RFC 9113, 7.
const INTERNAL_ERROR: [u8; 4] = [0, 0, 0, 2];
const CALM: [u8; 4] = [0, 0, 0, 11];

/// `:status: 200` in HPACK's static table (RFC 7541, appendix A).
const STATUS_200: &[u8] = &[0x88];

fn h2_script(abuse: Http2) -> Script {
    let headers = || frame(HEADERS, END_HEADERS, 1, STATUS_200);
    let pong = || [headers(), frame(DATA, 0, 1, b"pong")].concat();
    let goaway = |last: u8, code: [u8; 4]| frame(GOAWAY, 0, 0, &[&[0, 0, 0, last], &code[..]].concat());
    let flood = |frame: Vec<u8>| Then::Repeat(frame.repeat(BLOCK / frame.len()), Duration::ZERO);
    let (head, then) = match abuse {
        Http2::ResetBeforeHeaders => (frame(RST_STREAM, 0, 1, &INTERNAL_ERROR), Then::Hang),
        Http2::ResetInBody => ([pong(), frame(RST_STREAM, 0, 1, &INTERNAL_ERROR)].concat(), Then::Hang),
        Http2::GoAwayBeforeHeaders => (goaway(0, CALM), Then::Hang),
        Http2::GoAwayInBody => ([pong(), goaway(1, INTERNAL_ERROR)].concat(), Then::Close),
        Http2::Garbage => (vec![0xff; 64], Then::Hang),
        // A header `a: a`, literal and not indexed (RFC 7541, 6.2.2), over and over.
        Http2::EndlessHeaders => (
            frame(HEADERS, 0, 1, STATUS_200),
            flood(frame(CONTINUATION, 0, 1, &b"\x00\x01a\x01a".repeat(100))),
        ),
        Http2::PingFlood => (Vec::new(), flood(frame(PING, 0, 0, &[0; 8]))),
        Http2::SettingsFlood => (Vec::new(), flood(frame(SETTINGS, 0, 0, b""))),
        Http2::EmptyData => (headers(), flood(frame(DATA, 0, 1, b""))),
    };
    Script { head, then }
}

/// Frames a payload of less than 64 KiB.
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(payload.len()).unwrap_or(u16::MAX).to_be_bytes();
    [&[0, high, low, kind, flags, 0, 0, 0, stream], payload].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_headers_of_a_request_are_found_behind_other_frames() {
        let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        let before = [preface.clone(), frame(SETTINGS, 0, 0, &[0; 12])].concat();
        assert!(!has_h2_headers(b"PRI") && !has_h2_headers(&preface) && !has_h2_headers(&before));
        assert!(has_h2_headers(&[before, frame(HEADERS, 4, 1, b"\x88")].concat()));
    }
}
