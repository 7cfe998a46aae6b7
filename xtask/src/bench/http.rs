//! What the HTTP API of the real program reaches, beside a bare server that sends the same bytes.

mod many;
mod streams;
mod tls;

use std::{fs, path::Path, time::Duration};

use anyhow::{Context as _, Result, ensure};
use relay_core::timeline::Period;
use tokio::time::Instant;

use super::{
    Scale,
    bare::BareServer,
    encrypted::Encrypted,
    figure::{self, Figure, median, millis},
    fixture::Fixture,
    load::{Load, Throughput},
    server::{self, Server},
    usage, wire,
};

/// What is pressed.
const STATUS: &str = "/api/status?period=30d";

/// How many clients press at once.
const CONNECTIONS: usize = 64;

const ENCODINGS: [&str; 4] = ["identity", "gzip", "br", "zstd"];

/// Measures the start, cached and uncached answers, and memory.
///
/// # Errors
/// When the program does not build, start or answer.
pub(crate) fn figures(scale: Scale) -> Result<Vec<Figure>> {
    let program = server::build()?;
    let fixture = Fixture::obtain(scale)?;
    Ok([
        start(&program, &fixture, scale)?,
        uncached(&program, &fixture, scale)?,
        cached(&program, &fixture, scale)?,
        tls::figures(&program, &fixture, scale)?,
        streams::figures(&program, &fixture, scale)?,
        many::figures(&program, scale)?,
    ]
    .concat())
}

fn start(program: &Path, fixture: &Fixture, scale: Scale) -> Result<Vec<Figure>> {
    let runs = scale.pick(9, 3);
    let mut empty = Vec::new();
    for _ in 0..runs {
        let folder = tempfile::tempdir()?;
        server::configure(folder.path(), &fixture.generator.keys(), "60s")?;
        empty.push(millis(Server::start(program, folder.path())?.first_answer));
    }
    let folder = prepare(fixture, "60s")?;
    let mut full = Vec::new();
    for _ in 0..runs {
        full.push(millis(Server::start(program, folder.path())?.first_answer));
    }
    let (empty, full) = (median(empty), median(full));
    Ok(vec![
        Figure::new("start to first served request, empty database", format!("{empty:.0} ms"))
            .target("≤ 100 ms", empty <= 100.0),
        Figure::new(format!("the same, {}", fixture.words()), format!("{full:.0} ms"))
            .target("≤ 200 ms", full <= 200.0),
    ])
}

/// Asks for 30 days with a cache that forgets at once, so that every answer is made anew.
fn uncached(program: &Path, fixture: &Fixture, scale: Scale) -> Result<Vec<Figure>> {
    let folder = prepare(fixture, "1us")?;
    let server = Server::start(program, folder.path())?;
    let mut times = Vec::new();
    for _ in 0..scale.pick(50, 5) {
        let start = Instant::now();
        server.fetch(STATUS, "identity")?;
        times.push(millis(start.elapsed()));
    }
    let took = median(times);
    Ok(vec![
        Figure::new(format!("`{STATUS}` uncached, identity, {}", fixture.words()), format!("{took:.1} ms"))
            .target("≤ 20 ms", took <= 20.0),
    ])
}

fn cached(program: &Path, fixture: &Fixture, scale: Scale) -> Result<Vec<Figure>> {
    let folder = prepare(fixture, "10m")?;
    let server = Server::start(program, folder.path())?;
    for period in Period::ALL {
        for encoding in ENCODINGS {
            server.fetch(&format!("/api/status?period={}", period.as_str()), encoding)?;
        }
    }
    let served = usage::resident_bytes(server.process())?;
    let answer = server.fetch(STATUS, "gzip")?;
    let gzipped = answer
        .headers
        .iter()
        .any(|(name, value)| name.eq_ignore_ascii_case("content-encoding") && value == "gzip");
    ensure!(gzipped, "the answer is not compressed");
    let bytes = answer.body.len();
    let bare = BareServer::start(answer)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..scale.pick(5, 2) {
        theirs.push(press(bare.addr(), None, scale)?);
        ours.push(press(server.addr(), None, scale)?);
    }
    let (ours, theirs) = (middle(&ours), middle(&theirs));
    let ratio = ours.per_second / theirs.per_second;
    let pressed = usage::resident_bytes(server.process())?;
    Ok(vec![
        Figure::new(
            format!("`{STATUS}` cached, gzip ({bytes} bytes), {CONNECTIONS} connections"),
            figure::rate(ours.per_second),
        )
        .target("≥ 0.8 of bare hyper", ratio >= 0.8)
        .beside(format!("bare hyper, same bytes: {} (ratio {ratio:.2})", figure::rate(theirs.per_second))),
        Figure::new("its p50 and p99", format!("{:.2} ms, {:.2} ms", millis(ours.p50), millis(ours.p99)))
            .target("p99 ≤ 5 ms", ours.p99 <= Duration::from_millis(5))
            .beside(format!("bare hyper: {:.2} ms, {:.2} ms", millis(theirs.p50), millis(theirs.p99))),
        Figure::new("memory after every period in every encoding", mebibytes(served))
            .target("≤ 40 MB", served <= 40_000_000)
            .beside(format!("after the load: {}", mebibytes(pressed))),
    ])
}

/// Makes a folder with a copy of the database, so that the kept one stays as it is.
fn prepare(fixture: &Fixture, ttl: &str) -> Result<tempfile::TempDir> {
    let folder = tempfile::tempdir()?;
    server::configure(folder.path(), &fixture.generator.keys(), ttl)?;
    fs::copy(&fixture.path, server::database(folder.path())).context("cannot copy the database")?;
    Ok(folder)
}

fn press(addr: std::net::SocketAddr, tls: Option<Encrypted>, scale: Scale) -> Result<Throughput> {
    Load {
        addr,
        tls,
        request: wire::get(STATUS, "gzip"),
        connections: CONNECTIONS,
        duration: scale.pick(Duration::from_secs(3), Duration::from_millis(500)),
    }
    .press()
}

fn middle(runs: &[Throughput]) -> Throughput {
    let of = |part: fn(&Throughput) -> f64| median(runs.iter().map(part).collect());
    Throughput {
        per_second: of(|run| run.per_second),
        p50: Duration::from_secs_f64(of(|run| run.p50.as_secs_f64())),
        p99: Duration::from_secs_f64(of(|run| run.p99.as_secs_f64())),
    }
}

#[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^52")]
fn mebibytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / 1e6)
}
