//! What a process holds at one moment, and whether it holds ever more.

use std::{fs, time::Duration};

use anyhow::{Context as _, Result};

use crate::bench::config::lateness::Lateness;

/// What is held at a moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Sample {
    /// Seconds since the beginning.
    pub(super) at: f64,
    /// Resident memory in MiB: what follows, and the pages of the program that were run so far.
    pub(super) memory: f64,
    /// What the process itself asked for of that, in MiB.
    pub(super) own: f64,
    /// Open file descriptors.
    pub(super) files: f64,
    pub(super) threads: f64,
    /// Probes in flight, and connections and streams of clients: what tasks are there for.
    pub(super) tasks: f64,
    /// The least bound, in milliseconds, within which 99 of 100 probes started since the look before; 0 without probes.
    pub(super) late: f64,
    /// Probes since the look before.
    pub(super) probes: u64,
}

/// What is measured, and how much more of it the last quarter may hold than the third.
pub(super) struct Measure {
    pub(super) name: &'static str,
    pub(super) of: fn(&Sample) -> f64,
    /// As a share of what it was.
    share: f64,
    /// Besides.
    besides: f64,
    /// And for each record of a quarter: the store keeps the records of the open half hours in memory, about as many
    /// bytes each as a sample takes in a list that doubles. At the end of a half hour they go.
    record: f64,
}

const fn measure(name: &'static str, of: fn(&Sample) -> f64, share: f64, besides: f64) -> Measure {
    Measure { name, of, share, besides, record: 0.0 }
}

/// One record in the open half hours, in MiB.
const RECORD: f64 = 64.0 / 1024.0 / 1024.0;

/// Memory may follow a database that grows, a little; the others have a level that they swing about.
pub(super) const MEASURES: [Measure; 6] = [
    Measure { record: RECORD, ..measure("memory, MiB", |sample| sample.memory, 0.06, 3.0) },
    Measure { record: RECORD, ..measure("its own, MiB", |sample| sample.own, 0.06, 2.0) },
    measure("descriptors", |sample| sample.files, 0.1, 12.0),
    measure("threads", |sample| sample.threads, 0.1, 4.0),
    measure("tasks", |sample| sample.tasks, 0.2, 20.0),
    measure("p99 late, ms", |sample| sample.late, 1.0, 250.0),
];

impl Sample {
    /// Looks at a process and at what it tells of itself.
    ///
    /// # Errors
    /// When it is gone or does not tell.
    pub(super) fn of(process: u32, at: Duration, metrics: &str, late: &Lateness) -> Result<Self> {
        let count = |what: &str| -> Result<f64> {
            let path = format!("/proc/{process}/{what}");
            let entries = fs::read_dir(&path).with_context(|| format!("cannot list {path}"))?.count();
            Ok(f64::from(u32::try_from(entries)?))
        };
        let status = fs::read_to_string(format!("/proc/{process}/status")).context("the server is gone")?;
        let mebibytes = |what: &str| -> Result<f64> {
            let kibibytes =
                status.lines().find_map(|line| line.strip_prefix(what)?.trim().strip_suffix("kB"));
            let kibibytes: f64 = kibibytes.with_context(|| format!("no {what}"))?.trim().parse()?;
            Ok(kibibytes / 1024.0)
        };
        let gauges = ["relay_probes_in_flight", "relay_http_connections", "relay_http_streams"];
        Ok(Self {
            at: at.as_secs_f64(),
            memory: mebibytes("VmRSS:")?,
            own: mebibytes("RssAnon:")?,
            files: count("fd")?,
            threads: count("task")?,
            tasks: gauges.iter().map(|name| gauge(metrics, name)).sum(),
            // Beyond all bounds counts as the last of them, a minute.
            late: if late.count() == 0 { 0.0 } else { late.bound(0.99).unwrap_or(60.0) * 1000.0 },
            probes: late.count(),
        })
    }
}

fn gauge(metrics: &str, name: &str) -> f64 {
    let value = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    value.and_then(|value| value.parse().ok()).unwrap_or_default()
}

/// Returns what grew, as sentences. The rule: the median of the last quarter is compared with that of the third; the
/// first half fills pools and caches.
pub(super) fn growth(samples: &[Sample]) -> Vec<String> {
    let quarter = samples.len() / 4;
    if quarter == 0 {
        return vec!["there are too few samples to compare".to_owned()];
    }
    let (third, last) = (&samples[2 * quarter..3 * quarter], &samples[3 * quarter..]);
    let records = records(last);
    let grew = MEASURES.iter().filter_map(|Measure { name, of, share, besides, record }| {
        let (before, after) = (median(third, *of), median(last, *of));
        let most = before * (1.0 + share) + besides + records * record;
        (after > most).then(|| format!("{name} grew from {before:.1} to {after:.1}, beyond {most:.1}"))
    });
    grew.collect()
}

/// Seconds.
const HALF_HOUR: f64 = 1800.0;

/// Returns how many records came in these samples, at most as many as in half an hour.
fn records(samples: &[Sample]) -> f64 {
    let span = samples.last().map_or(0.0, |last| last.at) - samples.first().map_or(0.0, |first| first.at);
    let all: f64 =
        samples.iter().map(|sample| f64::from(u32::try_from(sample.probes).unwrap_or(u32::MAX))).sum();
    all * (HALF_HOUR / span.max(HALF_HOUR))
}

fn median(samples: &[Sample], of: fn(&Sample) -> f64) -> f64 {
    let mut values: Vec<f64> = samples.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns about twelve lines, evenly spread, as a Markdown table, and the medians that [`growth`] compares.
pub(super) fn table(samples: &[Sample]) -> String {
    let mut table = "| seconds | probes/s |".to_owned();
    for Measure { name, .. } in MEASURES {
        table += &format!(" {name} |");
    }
    table += &format!("\n|{}\n", " ---: |".repeat(MEASURES.len() + 2));
    let step = samples.len().div_ceil(12).max(1);
    for (at, sample) in samples.iter().enumerate().skip(1).step_by(step) {
        let span = sample.at - samples[at - 1].at;
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let rate = sample.probes as f64 / span.max(0.001);
        table += &format!("| {:.0} | {rate:.0} |", sample.at);
        for Measure { of, .. } in MEASURES {
            table += &format!(" {:.0} |", of(sample));
        }
        table.push('\n');
    }
    let quarter = samples.len() / 4;
    if quarter > 0 {
        for (name, part) in [
            ("third quarter, median", &samples[2 * quarter..3 * quarter]),
            ("last quarter, median", &samples[3 * quarter..]),
        ] {
            table += &format!("| {name} | |");
            for Measure { of, .. } in MEASURES {
                table += &format!(" {:.1} |", median(part, of));
            }
            table.push('\n');
        }
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(of: impl Fn(f64) -> Sample) -> Vec<Sample> {
        (0..120).map(|n| Sample { at: 5.0 * f64::from(n), probes: 300, ..of(f64::from(n)) }).collect()
    }

    fn calm(n: f64) -> Sample {
        let swing = n % 7.0;
        Sample {
            memory: 30.0 + n.min(50.0) / 2.0 + swing / 5.0,
            own: 16.0 + n.min(50.0) / 2.0,
            files: 90.0 + swing,
            threads: 9.0,
            tasks: 60.0 + swing,
            late: 50.0,
            ..Sample::default()
        }
    }

    #[test]
    fn filling_up_and_swinging_is_no_growth() {
        assert_eq!(growth(&samples(calm)), [""; 0]);
        // 300 records in 5 s: 9,000 in a quarter, of 64 bytes each.
        let held = |n: f64| Sample { own: 16.0 + n * 300.0 * RECORD, ..calm(n) };
        assert_eq!(growth(&samples(held)), [""; 0]);
        assert_eq!(growth(&[]).len(), 1);
    }

    #[test]
    fn a_leak_of_each_kind_is_found() {
        let leaks: [fn(f64) -> Sample; 6] = [
            |n| Sample { memory: 30.0 + n / 2.0, ..calm(n) },
            |n| Sample { own: 16.0 + n / 4.0, ..calm(n) },
            |n| Sample { files: 90.0 + n, ..calm(n) },
            |n| Sample { threads: 9.0 + n / 4.0, ..calm(n) },
            |n| Sample { tasks: 60.0 + 4.0 * n, ..calm(n) },
            |n| Sample { late: 50.0 + n * n * n, ..calm(n) },
        ];
        for leak in leaks {
            assert_eq!(growth(&samples(leak)).len(), 1, "{:?}", leak(1.0));
        }
    }

    #[test]
    fn the_table_has_a_line_for_each_part_of_the_time_and_the_medians() {
        let table = table(&samples(calm));
        assert!((14..=17).contains(&table.lines().count()), "{table}");
        assert!(table.contains("last quarter, median"), "{table}");
        assert!(table.lines().nth(2).is_some_and(|line| line.starts_with("| 5 | 60 |")), "{table}");
    }
}
