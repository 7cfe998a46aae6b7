//! Keeps a flood from one upstream from keeping everything else waiting.

use std::{
    future::Future,
    io,
    pin::{Pin, pin},
    task::{Context, Poll, ready},
};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// How much is read in a row until other tasks and timers get their turn, in bytes. The runtime looks at its timers
/// only every few dozen turns, and what hyper skips without end (interim answers, the noughts of a chunk size) it
/// skips in one turn: unpaced, a deadline would be noticed seconds late.
const TURN: usize = 64 * 1024;

/// A stream that yields after each [`TURN`] of bytes read.
pub(crate) struct Paced<T> {
    inner: T,
    in_this_turn: usize,
}

impl<T> Paced<T> {
    /// Paces `inner`.
    pub(crate) fn new(inner: T) -> Self {
        Self { inner, in_this_turn: 0 }
    }
}

impl<T: AsyncRead + Unpin> AsyncRead for Paced<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.in_this_turn >= TURN {
            self.in_this_turn = 0;
            // Unlike waking at once, this wakes the task only after timers and sockets were looked at; one poll is
            // enough to ask for it.
            return pin!(tokio::task::yield_now()).poll(cx).map(Ok);
        }
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.inner).poll_read(cx, buf);
        if polled.is_pending() {
            self.in_this_turn = 0;
        }
        ready!(polled)?;
        self.in_this_turn += buf.filled().len() - before;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsyncWrite + Unpin> AsyncWrite for Paced<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(cx, buf)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(cx, bufs)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn a_flood_yields_and_loses_nothing() {
        let mut flood = Paced::new(tokio::io::repeat(b'x').take(10 * TURN as u64));
        let mut turns = 0;
        let mut length = 0;
        let mut buffer = vec![0; 8 * 1024];
        loop {
            let mut read = std::pin::pin!(flood.read(&mut buffer));
            let got = std::future::poll_fn(|cx| {
                let polled = read.as_mut().poll(cx);
                turns += usize::from(polled.is_pending());
                polled
            });
            match got.await.expect("it does not fail") {
                0 => break,
                more => length += more,
            }
        }
        assert_eq!((turns, length), (10, 10 * TURN));
    }
}
