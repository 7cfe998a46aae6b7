//! HTTP/1.1 as bytes: just enough of a client to press a server harder than a full client could.

use std::net::SocketAddr;

use anyhow::{Context as _, Result, bail, ensure};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};

/// A connection that is kept alive, in clear unless it is said otherwise.
#[derive(Debug)]
pub(crate) struct Connection<S = TcpStream> {
    stream: S,
    buffer: Vec<u8>,
}

/// An answer as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The status code.
    pub(crate) code: u16,
    /// The headers, names as sent.
    pub(crate) headers: Vec<(String, String)>,
    /// The body, still encoded.
    pub(crate) body: Vec<u8>,
}

/// Where an answer in a buffer ends, and its code.
struct Extent {
    code: u16,
    head: usize,
    body: usize,
}

/// Returns the bytes of a GET of `path` that accepts `encoding`, of a local client, as those of `/metrics` must be.
pub(crate) fn get(path: &str, encoding: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: localhost\r\naccept-encoding: {encoding}\r\n\r\n").into_bytes()
}

impl Connection {
    /// Connects to `addr`.
    ///
    /// # Errors
    /// When nobody listens there.
    pub(crate) async fn open(addr: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect(addr).await.with_context(|| format!("cannot connect to {addr}"))?;
        stream.set_nodelay(true)?;
        Ok(Self::over(stream))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Speaks HTTP over what is open already.
    pub(crate) fn over(stream: S) -> Self {
        Self { stream, buffer: Vec::with_capacity(64 * 1024) }
    }

    /// Sends a request and reads its answer, of which only the code and the number of bytes are told.
    ///
    /// # Errors
    /// When the connection breaks, or the answer has no `content-length`.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<(u16, usize)> {
        let extent = self.read_answer(request).await?;
        let size = extent.head + extent.body;
        self.buffer.drain(..size);
        Ok((extent.code, size))
    }

    /// Sends a request and returns its answer.
    ///
    /// # Errors
    /// As for [`Connection::exchange`].
    pub(crate) async fn fetch(&mut self, request: &[u8]) -> Result<Answer> {
        let extent = self.read_answer(request).await?;
        let bytes: Vec<u8> = self.buffer.drain(..extent.head + extent.body).collect();
        let head = String::from_utf8_lossy(&bytes[..extent.head]).into_owned();
        let headers = head
            .lines()
            .skip(1)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned()))
            .collect();
        Ok(Answer { code: extent.code, headers, body: bytes[extent.head..].to_vec() })
    }

    async fn read_answer(&mut self, request: &[u8]) -> Result<Extent> {
        self.stream.write_all(request).await?;
        loop {
            if let Some(extent) = extent(&self.buffer)?
                && self.buffer.len() >= extent.head + extent.body
            {
                return Ok(extent);
            }
            ensure!(self.stream.read_buf(&mut self.buffer).await? > 0, "the server closed the connection");
        }
    }
}

/// Asks once, over a connection of its own, and reads to the end without keeping anything: for answers of any length.
/// Returns the code and the number of bytes.
///
/// # Errors
/// When the connection breaks, or what comes is no answer.
pub(crate) async fn drain(addr: SocketAddr, path: &str, encoding: &str) -> Result<(u16, u64)> {
    let mut stream = TcpStream::connect(addr).await.with_context(|| format!("cannot connect to {addr}"))?;
    let request = get(path, encoding);
    // Before the empty line at the end.
    stream.write_all(&request[..request.len() - 2]).await?;
    stream.write_all(b"connection: close\r\n\r\n").await?;
    let mut buffer = vec![0; 256 * 1024];
    let mut code = None;
    let mut bytes = 0;
    loop {
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        if bytes == 0 {
            let line = String::from_utf8_lossy(&buffer[..read.min(32)]).into_owned();
            code = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        }
        bytes += read as u64;
    }
    Ok((code.context("no answer")?, bytes))
}

/// Returns where the answer at the start of `bytes` ends; `None` as long as its head is incomplete.
fn extent(bytes: &[u8]) -> Result<Option<Extent>> {
    let Some(head) = bytes.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4) else {
        return Ok(None);
    };
    let text = std::str::from_utf8(&bytes[..head]).context("the head is no text")?;
    let mut lines = text.lines();
    let code = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let length = lines
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
        .and_then(|(_, value)| value.trim().parse().ok());
    match (code, length) {
        (Some(code), Some(body)) => Ok(Some(Extent { code, head, body })),
        _ => bail!("an answer without code or content-length: {}", text.trim_end()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_an_answer_is_found() {
        let bytes = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhelloHTTP/1.1";
        let found = extent(bytes).expect("an answer").expect("a whole head");
        assert_eq!((found.code, found.head, found.body), (200, 38, 5));
        assert!(extent(b"HTTP/1.1 200 OK\r\nContent-").expect("a start").is_none());
        assert!(extent(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").is_err());
    }
}
