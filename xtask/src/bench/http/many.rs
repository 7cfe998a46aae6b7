//! What very many monitors take of the program's memory, once everything was asked for.

use std::path::Path;

use anyhow::{Result, ensure};
use relay_core::timeline::Period;

use super::{ENCODINGS, mebibytes};
use crate::bench::{
    Scale,
    figure::Figure,
    fixture,
    generator::Generator,
    server::{self, Server},
    usage, wire,
};

/// What the spec allows.
const TARGET: u64 = 250_000_000;

/// Asks for every period in every encoding. The history is young: how much of it there is does not change the size of an
/// answer, since every bucket is written, with data or without.
pub(super) fn figures(program: &Path, scale: Scale) -> Result<Vec<Figure>> {
    let generator = Generator {
        seed: 1,
        monitors: scale.pick(10_000, 500),
        records: scale.pick(12, 4),
        interval: 600,
        end: fixture::now(),
    };
    let folder = tempfile::tempdir()?;
    server::configure(folder.path(), &generator.keys(), "60s")?;
    fixture::fill(&server::database(folder.path()), &generator)?;
    let server = Server::start_idle(program, folder.path())?;
    let started = usage::resident_bytes(server.process())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut sent = 0;
    for period in Period::ALL {
        for encoding in ENCODINGS {
            let path = format!("/api/status?period={}", period.as_str());
            let (code, bytes) = runtime.block_on(wire::drain(server.addr(), &path, encoding))?;
            ensure!(code == 200, "{path} in {encoding} is answered with {code}");
            sent += bytes;
        }
    }
    let served = usage::resident_bytes(server.process())?;
    let most = usage::most_resident_bytes(server.process())?;
    Ok(vec![
        Figure::new(
            format!("memory after every period in every encoding, {} monitors", generator.monitors),
            mebibytes(served),
        )
        .target("≤ 250 MB", served <= TARGET)
        .beside(format!(
            "before: {}; at the most: {}; {} sent",
            mebibytes(started),
            mebibytes(most),
            mebibytes(sent)
        )),
    ])
}
