//! Loading a large configuration, and replacing it while the real program probes and answers.

pub(crate) mod file;
pub(crate) mod lateness;
mod watch;

use std::{path::Path, time::Duration};

use anyhow::{Result, anyhow, ensure};
use relay_config::Environment;
use tokio::time::Instant;

use self::{
    file::LargeFile,
    watch::{ASKED, Seen, Watch},
};
use super::{
    Scale,
    figure::{Figure, median, millis, quantile, thousands},
    relay::SimulatedRelay,
    server::{self, Server},
};

/// What a person does not notice; the longest answer may take this much longer with reloads than without.
const HICCUP: Duration = Duration::from_millis(50);

/// Measures the time to load, and what a reload does to answers and probes.
///
/// # Errors
/// When the program does not build, start, answer or reload.
pub(crate) fn figures(scale: Scale) -> Result<Vec<Figure>> {
    let relay = SimulatedRelay::start()?;
    let file = LargeFile { spec: relay.spec(), monitors: scale.pick(10_000, 1_000) };
    let mut figures = load(&file, scale)?;
    figures.extend(reload(&server::build()?, &file, scale)?);
    Ok(figures)
}

fn load(file: &LargeFile<'_>, scale: Scale) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    let path = file::put(folder.path(), &file.text(0))?;
    let mut times = Vec::new();
    for _ in 0..scale.pick(9, 3) {
        let start = Instant::now();
        let loaded =
            relay_config::load(&path, &Environment::new()).map_err(|problems| anyhow!("{problems}"))?;
        times.push(millis(start.elapsed()));
        ensure!(loaded.config.monitors.len() == file.monitors, "not all monitors were loaded");
    }
    let took = median(times);
    let bytes = file.text(0).len() / 1000;
    Ok(vec![
        Figure::new(
            format!("load and validate {} monitors, {bytes} kB", count(file.monitors)),
            format!("{took:.0} ms"),
        )
        .target("≤ 1 s", took <= 1000.0),
    ])
}

fn reload(program: &Path, file: &LargeFile<'_>, scale: Scale) -> Result<Vec<Figure>> {
    let folder = tempfile::tempdir()?;
    file::put(folder.path(), &file.text(0))?;
    let server = Server::start_probing(program, folder.path())?;
    let rounds = scale.pick(10, 2);
    let files: Vec<String> = (1..=rounds).map(|round| file.text(round)).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (quiet, busy) = runtime.block_on(async {
        let mut watch = Watch::open(&server, folder.path()).await?;
        watch.until_probing().await?;
        let quiet = watch.quietly(files.len()).await?;
        Ok::<_, anyhow::Error>((quiet, watch.reloading(files).await?))
    })?;
    let mut figures = vec![Figure::new(
        format!("reload of {} monitors, from the replaced file to the new generation", count(file.monitors)),
        format!("{:.0} ms (200 ms of them waiting for the last change)", median(busy.reloads.clone())),
    )];
    figures.extend(
        ASKED
            .iter()
            .enumerate()
            .map(|(which, path)| answers(path, &quiet.answers[which], &busy.answers[which])),
    );
    figures.push(probes(&quiet, &busy));
    Ok(figures)
}

fn answers(path: &str, quiet: &[Duration], busy: &[Duration]) -> Figure {
    let show = |times: &[Duration]| {
        let [p50, p99, max] = [0.5, 0.99, 1.0].map(|q| millis(quantile(times, q)));
        format!("{p50:.2}, {p99:.2}, {max:.1} ms of {}", count(times.len()))
    };
    let reached = quantile(busy, 1.0) <= quantile(quiet, 1.0) + HICCUP;
    Figure::new(format!("`{path}` during reloads: p50, p99, longest"), show(busy))
        .target("longest ≤ 50 ms more", reached)
        .beside(format!("without reloads: {}", show(quiet)))
}

fn probes(quiet: &Seen, busy: &Seen) -> Figure {
    let late = |seen: &Seen| seen.probes.later_than(HICCUP.as_secs_f64());
    Figure::new(
        "probe starts during reloads: 99 of 100 at most so late; later than 50 ms",
        busy.probes.to_string(),
    )
    .target("none later", late(busy) <= late(quiet))
    .beside(format!("without reloads: {}", quiet.probes))
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn count(number: usize) -> String {
    thousands(number as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_large_file_loads_and_differs_from_round_to_round() {
        let relay = SimulatedRelay::start().expect("a relay");
        let file = LargeFile { spec: relay.spec(), monitors: 300 };
        let figures = load(&file, Scale::Quick).expect("loads");
        // How long it takes here is not the question: tests are not optimised, and not alone.
        assert!(figures[0].what.starts_with("load and validate 300 monitors"), "{figures:?}");
        assert_ne!(file.text(1), file.text(2));
    }

    #[test]
    fn a_hiccup_misses_the_target() {
        let calm = vec![Duration::from_millis(1); 100];
        let mut hiccup = calm.clone();
        hiccup.push(Duration::from_millis(52));
        assert!(answers("/x", &calm, &calm).target.ends_with("reached"));
        assert!(answers("/x", &calm, &hiccup).target.ends_with("missed"));
    }
}
