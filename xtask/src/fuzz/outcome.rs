//! What libFuzzer told of one run.

use std::fmt::Write as _;

/// How many lines of a log are shown when a target found something.
const END_LINES: usize = 40;

/// How one target ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Outcome {
    pub(super) name: String,
    pub(super) passed: bool,
    executions: u64,
    per_second: u64,
    /// Branches reached.
    coverage: u64,
    /// Branches, how often, and values compared: what libFuzzer collects inputs for.
    features: u64,
    peak_mib: u64,
    /// The file that holds the input that broke something.
    pub(super) artifact: Option<String>,
    /// The last lines of the log.
    pub(super) end: String,
}

impl Outcome {
    /// Reads a log; what it does not tell is zero.
    pub(super) fn read(name: &str, passed: bool, log: &str) -> Self {
        let lines: Vec<&str> = log.lines().collect();
        let stat = |name: &str| {
            let line = lines.iter().rev().find_map(|line| line.strip_prefix("stat::")?.strip_prefix(name));
            line.and_then(|rest| rest.trim_start_matches(':').trim().parse().ok()).unwrap_or(0)
        };
        let progress = lines.iter().rev().find(|line| line.starts_with('#') && line.contains(" cov: "));
        let reached = |name: &str| {
            let words = progress.map(|line| line.split_whitespace()).into_iter().flatten();
            words.skip_while(|word| *word != name).nth(1).and_then(|word| word.parse().ok()).unwrap_or(0)
        };
        let artifact = lines.iter().find_map(|line| line.split_once("Test unit written to "));
        Self {
            name: name.to_owned(),
            passed,
            executions: stat("number_of_executed_units"),
            per_second: stat("average_exec_per_sec"),
            coverage: reached("cov:"),
            features: reached("ft:"),
            peak_mib: stat("peak_rss_mb"),
            artifact: artifact.map(|(_, path)| path.trim().to_owned()),
            end: lines[lines.len().saturating_sub(END_LINES)..].join("\n"),
        }
    }
}

/// Writes a line per target.
pub(super) fn table(outcomes: &[Outcome]) -> String {
    let mut text = String::from("target        result  executions  per second  coverage  features  peak MiB");
    for outcome in outcomes {
        let Outcome { name, executions, per_second, coverage, features, peak_mib, .. } = outcome;
        let word = if outcome.passed { "ok" } else { "FOUND" };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "\n{name:<13} {word:<6} {executions:>11} {per_second:>11} {coverage:>9} {features:>9} {peak_mib:>9}"
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = "INFO: Seed: 1\n#2\tINITED cov: 1 ft: 2 corp: 1/1b exec/s: 0 rss: 30Mb\n\
        #65536\tpulse  cov: 120 ft: 345 corp: 17/99b lim: 4096 exec/s: 32768 rss: 41Mb\n\
        stat::number_of_executed_units: 70001\nstat::average_exec_per_sec:     35000\n\
        stat::peak_rss_mb:              44\n";

    #[test]
    fn a_run_is_read_from_its_log() {
        let outcome = Outcome::read("decode", true, LOG);
        assert_eq!((outcome.executions, outcome.per_second, outcome.peak_mib), (70_001, 35_000, 44));
        assert_eq!((outcome.coverage, outcome.features, &outcome.artifact), (120, 345, &None));
        assert_eq!(
            table(&[outcome]),
            "target        result  executions  per second  coverage  features  peak MiB\n\
             decode        ok           70001       35000       120       345        44"
        );
    }

    #[test]
    fn a_find_names_its_file() {
        let log = format!("{LOG}artifact_prefix='x/'; Test unit written to x/crash-1\n");
        let outcome = Outcome::read("decode", false, &log);
        assert_eq!(outcome.artifact.as_deref(), Some("x/crash-1"));
        assert!(table(std::slice::from_ref(&outcome)).contains("FOUND"));
        assert_eq!(Outcome::read("decode", false, "").executions, 0);
    }
}
