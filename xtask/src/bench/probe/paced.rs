//! The whole program with very many monitors: how punctual it is, and how much memory it holds.

use std::{path::Path, time::Duration};

use anyhow::{Result, ensure};
use tokio::time::{Instant, sleep};

use super::super::{
    Scale,
    config::{
        file::{self, LargeFile},
        lateness::Lateness,
    },
    figure::{Figure, thousands},
    relay::SimulatedRelay,
    server::Server,
    usage, wire,
};

/// What is aimed at: 99 of 100 probes start at most so many seconds late.
const LATE: f64 = 0.02;

/// What is aimed at: bytes of memory.
const MEMORY: u64 = 250_000_000;

/// Between two looks at the memory.
const LOOK: Duration = Duration::from_secs(1);

/// What a server did.
#[derive(Debug)]
struct Paced {
    probes: Lateness,
    /// The most that was seen, in bytes.
    memory: u64,
}

/// Lets `program` probe 10,000 monitors, each once a minute.
///
/// # Errors
/// When the server does not start, or does not probe as often as it has to.
pub(super) fn figures(program: &Path, scale: Scale) -> Result<Vec<Figure>> {
    let (monitors, length) = (10_000, Duration::from_secs(scale.pick(90, 20)));
    let Paced { probes, memory } = run(program, monitors, length)?;
    let due = u128::try_from(monitors)? * length.as_millis() / 60_000;
    ensure!(u128::from(probes.count()) * 10 >= due * 8, "{} probes of {due} were made", probes.count());
    let (late, count) = (probes.later_than(LATE), probes.count());
    Ok(vec![
        Figure::new(
            format!(
                "10,000 monitors once a minute for {} s: 99 of 100 start at most so late",
                length.as_secs()
            ),
            probes
                .bound(0.99)
                .map_or_else(|| "more than all bounds".to_owned(), |bound| format!("{} ms", bound * 1000.0)),
        )
        .target("≤ 20 ms", late * 100 <= count)
        .beside(format!("{late} of {count} starts later than 20 ms")),
        Figure::new(
            "memory of the program meanwhile, at most",
            format!("{} MB", thousands(megabytes(memory))),
        )
        .target("≤ 250 MB", memory <= MEMORY),
    ])
}

fn run(program: &Path, monitors: usize, length: Duration) -> Result<Paced> {
    let relay = SimulatedRelay::start()?;
    let folder = tempfile::tempdir()?;
    file::put(folder.path(), &LargeFile { spec: relay.spec(), monitors }.text(0))?;
    let server = Server::start_probing(program, folder.path())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let memory = runtime.block_on(async {
        let (end, mut most) = (Instant::now() + length, 0);
        while Instant::now() < end {
            sleep(LOOK).await;
            most = most.max(usage::resident_bytes(server.process())?);
        }
        Ok::<_, anyhow::Error>(most)
    })?;
    let mut metrics = runtime.block_on(wire::Connection::open(server.addr()))?;
    let answer = runtime.block_on(metrics.fetch(&wire::get("/metrics", "identity")))?;
    Ok(Paced { probes: Lateness::parse(&String::from_utf8_lossy(&answer.body))?, memory })
}

#[expect(clippy::cast_precision_loss, reason = "memory stays far below 2^52 bytes")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
