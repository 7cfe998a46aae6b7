//! Results on their way to standard output.

use std::{
    io::{self, Write},
    sync::Arc,
};

use relay_core::{Monitor, ProbeResult, SubStatus, UnixSeconds};
use serde_json::json;

use super::table::{self, Summary, Table};

/// What one probe found, and when it began.
#[derive(Debug)]
pub(crate) struct Found {
    pub(crate) started: UnixSeconds,
    pub(crate) result: ProbeResult,
}

/// How results are written.
#[derive(Debug)]
pub(crate) enum Form {
    /// For people.
    Table(Table),
    /// One JSON array, an object a line.
    Json,
}

/// Writes results as they come and remembers what the end needs.
#[derive(Debug)]
pub(crate) struct Report<W> {
    out: W,
    form: Form,
    names: Vec<String>,
    /// How many rounds were asked for, `None` when nobody spoke of rounds.
    rounds: Option<u32>,
    round: u32,
    written: u64,
    summaries: Vec<Summary>,
    red: bool,
}

impl<W: Write> Report<W> {
    /// Makes the report on `chosen`.
    pub(crate) fn new(out: W, form: Form, chosen: &[Arc<Monitor>], rounds: Option<u32>) -> Self {
        let names: Vec<String> = chosen.iter().map(|monitor| monitor.key.to_string()).collect();
        let summaries = vec![Summary::default(); names.len()];
        Self { out, form, names, rounds, round: 0, written: 0, summaries, red: false }
    }

    /// Tells whether any result was red.
    pub(crate) fn red(&self) -> bool {
        self.red
    }

    /// Begins a round.
    pub(crate) fn begin_round(&mut self) -> io::Result<()> {
        self.round += 1;
        if let Form::Table(table) = &self.form {
            if let Some(rounds) = self.rounds {
                let apart = if self.round == 1 { "" } else { "\n" };
                writeln!(self.out, "{apart}Round {} of {rounds}", self.round)?;
            }
            self.out.write_all(table.head().as_bytes())?;
        }
        self.out.flush()
    }

    /// Writes a result; `index` is the monitor's place among the chosen.
    pub(crate) fn add(&mut self, index: usize, monitor: &Monitor, found: &Found) -> io::Result<()> {
        self.red |= !found.result.status.is_available();
        self.summaries[index].add(&found.result);
        let text = match &self.form {
            Form::Table(table) => table.row(&self.names[index], &found.result),
            Form::Json => {
                let round = self.rounds.is_some().then_some(self.round);
                let before = if self.written == 0 { "[\n  " } else { ",\n  " };
                format!("{before}{}", object(monitor, found, round))
            }
        };
        self.written += 1;
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }

    /// Writes what comes last: the summary of several rounds, or the array's end.
    pub(crate) fn end(&mut self) -> io::Result<()> {
        let text = match &self.form {
            Form::Json if self.written == 0 => "[]\n".to_owned(),
            Form::Json => "\n]\n".to_owned(),
            Form::Table(_) if self.rounds.is_some() => {
                let rows: Vec<(String, Summary)> =
                    self.names.iter().cloned().zip(self.summaries.iter().cloned()).collect();
                format!("\nLatency of all rounds, ms\n{}", table::summary(&rows))
            }
            Form::Table(_) => String::new(),
        };
        self.out.write_all(text.as_bytes())?;
        self.out.flush()
    }
}

/// Returns a result with the API's names; the status is in words.
fn object(monitor: &Monitor, found: &Found, round: Option<u32>) -> serde_json::Value {
    let (key, Found { started, result }) = (&monitor.key, found);
    let timings = &result.timings;
    let mut object = json!({
        "provider": key.provider(),
        "service": key.service(),
        "channel": key.channel(),
        "model": key.model(),
        "timestamp": started,
        "status": result.status.to_string(),
        "sub_status": result.sub_status.map_or("", SubStatus::as_str),
        "http_code": result.http_code,
        "latency": result.latency_ms,
        "dns_ms": timings.dns_ms,
        "connect_ms": timings.connect_ms,
        "tls_ms": timings.tls_ms,
        "ttfb_ms": table::ttfb(result),
        "first_token_ms": timings.first_token_ms,
        "total_ms": timings.total_ms,
        "detail": result.detail,
    });
    if let Some(round) = round {
        object["round"] = round.into();
    }
    object
}
