//! Bodies that misuse the protocol, all made while they are read: none costs this side memory.

use std::{
    convert::Infallible,
    io,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http_body_util::{BodyExt, StreamBody, combinators::UnsyncBoxBody};
use hyper::body::Frame;
use tokio::time::sleep;

use crate::encode::{Encoder, Encoding};

/// A body made while it is read.
pub(super) type Made = UnsyncBoxBody<Bytes, io::Error>;

/// Bytes handed over at a time.
const CHUNK: usize = 16 << 10;
/// Bytes compressed at a time.
const BLOCK: usize = 1 << 20;

/// Repeats a piece for ever.
pub(super) fn endless(piece: &[u8]) -> Made {
    let pieces = Bytes::from(piece.repeat((CHUNK / piece.len().max(1)).max(1)));
    made(stream::repeat(pieces))
}

/// Puts bytes that are no UTF-8 around every `text` in a body.
pub(super) fn garbled(body: &[u8], text: &str) -> Bytes {
    let text = text.as_bytes();
    let mut out = Vec::with_capacity(body.len() + 16);
    let mut rest = body;
    while let Some(at) = rest.windows(text.len().max(1)).position(|window| window == text) {
        let (before, after) = (&rest[..at], &rest[at + text.len()..]);
        out.extend_from_slice(&[before, b"\xff\xc3", text, b"\xed\xa0\x80\xf8"].concat());
        rest = after;
    }
    out.extend_from_slice(rest);
    out.into()
}

/// Sends exactly so many bytes of `x`.
pub(super) fn huge(bytes: u64) -> Made {
    let piece = Bytes::from(vec![b'x'; CHUNK]);
    made(stream::unfold((bytes, piece), |(left, piece)| async move {
        let now = left.min(CHUNK as u64);
        (now > 0).then(|| (piece.slice(..now as usize), (left - now, piece)))
    }))
}

/// Sends the compressed form of so many zero bytes.
pub(super) fn bomb(encoding: Encoding, bytes: u64) -> Made {
    let zeros = Bytes::from(vec![0; BLOCK]);
    let state = Some((Encoder::new(encoding), bytes, zeros));
    made(stream::unfold(state, |state| async move {
        let (mut encoder, left, zeros) = state?;
        let now = left.min(BLOCK as u64);
        if now == 0 {
            return Some((encoder.finish(), None));
        }
        let out = encoder.push(&zeros[..now as usize]);
        Some((out, Some((encoder, left - now, zeros))))
    }))
}

/// Sends a body byte by byte, with a pause before each.
pub(super) fn drip(body: Bytes, pause: Duration) -> Made {
    made(stream::unfold(body, move |mut rest| async move {
        if rest.is_empty() {
            return None;
        }
        sleep(pause).await;
        Some((rest.split_to(1), rest))
    }))
}

/// Sends the first bytes of a body, then breaks the connection with a reset.
pub(super) fn cut(mut body: Bytes, after: usize, reset: Arc<AtomicBool>) -> Made {
    body.truncate(after);
    let first = stream::once(async { Ok(Frame::data(body)) });
    let last = stream::once(async move {
        // The first bytes must have left the buffers before the reset discards what has not.
        sleep(Duration::from_millis(5)).await;
        reset.store(true, Ordering::Relaxed);
        Err(io::Error::from(io::ErrorKind::ConnectionReset))
    });
    StreamBody::new(first.chain(last)).boxed_unsync()
}

fn made<S>(pieces: S) -> Made
where
    S: Stream<Item = Bytes> + Send + 'static,
{
    let frames = pieces.map(|piece| Ok::<_, Infallible>(Frame::data(piece)));
    StreamBody::new(frames).map_err(|never| match never {}).boxed_unsync()
}
