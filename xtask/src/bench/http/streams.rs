//! What an open live stream takes of the program's memory.

use std::{net::SocketAddr, path::Path};

use anyhow::{Context as _, Result, ensure};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpStream,
};

use super::prepare;
use crate::bench::{
    Scale,
    encrypted::Encrypted,
    figure::Figure,
    fixture::Fixture,
    server::{Server, configure_more},
    usage, wire,
};

/// What is listened to.
const STREAM: &str = "/api/stream";
/// How a stream begins.
const HELLO: &[u8] = b"retry: 3000";
/// Lets one address hold all streams.
const LIMITS: &str = "  limits: {streams: 5000, streams_per_address: 5000, connections_per_address: 10000}\n";
/// File descriptors of this process beside the streams'.
const OTHER_FILES: u64 = 256;

/// Opens streams in clear, and as many over TLS.
pub(super) fn figures(program: &Path, fixture: &Fixture, scale: Scale) -> Result<Vec<Figure>> {
    let count: u32 = scale.pick(1_000, 100);
    let_files_be_open(u64::from(count) + OTHER_FILES)?;
    let folder = prepare(fixture, "10m")?;
    configure_more(folder.path(), &format!("server:\n{LIMITS}"))?;
    let plain = per_stream(&Server::start(program, folder.path())?, None, count)?;
    let folder = prepare(fixture, "10m")?;
    let tls = Encrypted::install(folder.path())?;
    configure_more(folder.path(), LIMITS)?;
    let server = Server::start_encrypted(program, folder.path(), tls.clone())?;
    let encrypted = per_stream(&server, Some(&tls), count)?;
    Ok(vec![
        Figure::new(format!("memory per stream, {count} open (`{STREAM}`)"), format!("{plain:.1} kB"))
            .beside(format!("over its own TLS: {encrypted:.1} kB")),
    ])
}

/// Returns how many kB each stream takes.
fn per_stream(server: &Server, tls: Option<&Encrypted>, count: u32) -> Result<f64> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // The first one starts what all share.
        let first = open(server.addr(), tls).await?;
        let before = usage::resident_bytes(server.process())?;
        let mut streams = vec![first];
        for _ in 0..count {
            streams.push(open(server.addr(), tls).await?);
        }
        let after = usage::resident_bytes(server.process())?;
        let metrics = wire_metrics(server, tls).await?;
        let line = format!("relay_http_streams {}", streams.len());
        ensure!(metrics.lines().any(|found| found == line), "not all streams are open: no {line:?}");
        #[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^52")]
        let grown = after.saturating_sub(before) as f64;
        Ok(grown / 1e3 / f64::from(count))
    })
}

/// Either kind of connection.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

async fn connect(addr: SocketAddr, tls: Option<&Encrypted>) -> Result<Box<dyn Stream>> {
    Ok(match tls {
        Some(tls) => Box::new(tls.connect(addr).await?),
        None => Box::new(TcpStream::connect(addr).await.context("cannot connect")?),
    })
}

/// Opens a stream and reads its beginning.
async fn open(addr: SocketAddr, tls: Option<&Encrypted>) -> Result<Box<dyn Stream>> {
    let mut stream = connect(addr, tls).await?;
    stream.write_all(&wire::get(STREAM, "identity")).await?;
    let mut read = Vec::new();
    while !read.windows(HELLO.len()).any(|part| part == HELLO) {
        ensure!(stream.read_buf(&mut read).await? > 0, "no stream: {}", String::from_utf8_lossy(&read));
    }
    Ok(stream)
}

async fn wire_metrics(server: &Server, tls: Option<&Encrypted>) -> Result<String> {
    let mut connection = wire::Connection::over(connect(server.addr(), tls).await?);
    let answer = connection.fetch(&wire::get("/metrics", "identity")).await?;
    String::from_utf8(answer.body).context("metrics are text")
}

/// Lets this process hold so many files open, as far as the system permits.
fn let_files_be_open(wanted: u64) -> Result<()> {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        let current = Some(limit.maximum.map_or(wanted, |most| most.min(wanted)));
        setrlimit(Resource::Nofile, Rlimit { current, ..limit }).context("too few files may be open")?;
    }
    Ok(())
}
