//! `probe`: probes now, without a server and without a database.

mod report;
mod select;
mod table;

use std::{
    io::{self, IsTerminal as _, Write},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context as _, bail};
use relay_config::{Environment, Severity};
use relay_core::{
    Monitor,
    ports::{Clock, Prober, clock::SystemClock},
    schedule::Concurrency,
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    task::JoinSet,
};

use super::{block_on, load};
use crate::{
    app::probing::LiveProber,
    cli::{ProbeArgs, USAGE, complain},
    environment,
};
use report::{Form, Found, Report};
use table::Table;

/// Probes and prints. Fails when a result is red or Ctrl-C kept some from coming.
///
/// # Errors
/// What kept it from probing at all.
pub(crate) fn run(args: &ProbeArgs) -> anyhow::Result<ExitCode> {
    let env = environment::of_process();
    let loaded = load(&args.config.config, &env)?;
    for notice in loaded.notices.iter().filter(|notice| notice.severity == Severity::Warning) {
        complain(&format!("{}: {notice}", notice.severity.as_str()));
    }
    let selection = match select::select(&loaded.config.monitors, &args.globs) {
        Ok(selection) => selection,
        Err(lost) => {
            for glob in lost {
                complain(&format!("relay-server: {glob}"));
            }
            return Ok(ExitCode::from(USAGE));
        }
    };
    if let Some(line) = select::tell_skipped(&selection.skipped) {
        complain(&format!("relay-server: {line}"));
    }
    let chosen = selection.chosen;
    if chosen.is_empty() {
        bail!("there is nothing to probe: no monitor is active");
    }
    let prober = LiveProber::new(&loaded.config.probe, |name| env.get(name).map(str::to_owned))?;
    let limit = match loaded.config.concurrency {
        Concurrency::Limit(limit) => limit,
        Concurrency::PerMonitor => chosen.len(),
    };
    let report = Report::new(io::stdout(), form(args.json, &chosen, &env), &chosen, args.repeat);
    let session = Session { prober: Arc::new(prober), clock: Arc::new(SystemClock), chosen, limit };
    block_on(async move { session.run(report, args.repeat.unwrap_or(1)).await })
}

/// Returns how to write to this standard output.
fn form(json: bool, chosen: &[Arc<Monitor>], env: &Environment) -> Form {
    if json {
        return Form::Json;
    }
    let names: Vec<String> = chosen.iter().map(|monitor| monitor.key.to_string()).collect();
    let terminal = io::stdout().is_terminal();
    let set = |name: &str| env.get(name).is_some_and(|value| !value.is_empty());
    let colour = terminal && !set("NO_COLOR") && env.get("TERM") != Some("dumb");
    let width = if terminal { terminal_width() } else { None };
    Form::Table(Table::new(names.iter().map(String::as_str), width, colour))
}

/// Returns the columns of the terminal that standard output is; a terminal that does not know has none.
fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then_some(usize::from(size.ws_col))
}

/// What probing takes.
struct Session {
    prober: Arc<dyn Prober>,
    clock: Arc<dyn Clock>,
    /// Never empty.
    chosen: Vec<Arc<Monitor>>,
    /// The most probes in flight, at least 1.
    limit: usize,
}

/// How a round ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Complete,
    Interrupted,
}

impl Session {
    /// Probes round after round, and reports.
    async fn run<W: Write + Send>(&self, mut report: Report<W>, rounds: u32) -> anyhow::Result<ExitCode> {
        let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen to signals")?;
        let mut end = End::Complete;
        for _ in 0..rounds {
            report.begin_round().context(UNWRITABLE)?;
            end = self.round(&mut report, &mut interrupt).await?;
            if end == End::Interrupted {
                complain("relay-server: interrupted, not everything was probed");
                break;
            }
        }
        report.end().context(UNWRITABLE)?;
        let fine = end == End::Complete && !report.red();
        Ok(if fine { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// Probes every monitor once, at most `limit` at a time, and writes results in configuration order as soon as
    /// those before them are there.
    async fn round<W: Write + Send>(
        &self,
        report: &mut Report<W>,
        interrupt: &mut Signal,
    ) -> anyhow::Result<End> {
        let mut waiting = self.chosen.iter().cloned().enumerate();
        let mut found: Vec<Option<Found>> = self.chosen.iter().map(|_| None).collect();
        let mut next = 0;
        let mut tasks = JoinSet::new();
        loop {
            while tasks.len() < self.limit
                && let Some((index, monitor)) = waiting.next()
            {
                let (prober, clock) = (self.prober.clone(), self.clock.clone());
                tasks.spawn(async move {
                    let started = clock.now().as_secs();
                    (index, Found { started, result: prober.probe(&monitor.probe).await })
                });
            }
            tokio::select! {
                _ = interrupt.recv() => {
                    // What came out of turn is told too.
                    for (index, found) in found.iter().enumerate().skip(next) {
                        if let Some(found) = found {
                            report.add(index, &self.chosen[index], found).context(UNWRITABLE)?;
                        }
                    }
                    return Ok(End::Interrupted);
                }
                ended = tasks.join_next() => {
                    let Some(ended) = ended else { return Ok(End::Complete) };
                    let (index, result) = ended.context("a probe crashed")?;
                    found[index] = Some(result);
                    while let Some(result) = found.get_mut(next).and_then(Option::take) {
                        report.add(next, &self.chosen[next], &result).context(UNWRITABLE)?;
                        next += 1;
                    }
                }
            }
        }
    }
}

const UNWRITABLE: &str = "cannot write to standard output";
