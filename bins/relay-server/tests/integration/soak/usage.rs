//! What a process holds of the machine, over many rounds.

use std::{fs, io};

/// What is held after a round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) round: u64,
    /// Open file descriptors.
    pub(crate) files: u64,
    pub(crate) threads: u64,
    /// Resident memory in KiB.
    pub(crate) memory: u64,
}

impl Usage {
    /// Asks the system what a process holds now.
    pub(crate) fn of(process: u32, round: u64) -> io::Result<Self> {
        let count =
            |what: &str| Ok::<_, io::Error>(fs::read_dir(format!("/proc/{process}/{what}"))?.count() as u64);
        let status = fs::read_to_string(format!("/proc/{process}/status"))?;
        let memory = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix("kB")?.trim().parse().ok())
            .ok_or_else(|| io::Error::other("no VmRSS"))?;
        Ok(Self { round, files: count("fd")?, threads: count("task")?, memory })
    }
}

/// How much more may be held at the end than after the warm-up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) files: u64,
    pub(crate) threads: u64,
    /// KiB.
    pub(crate) memory: u64,
}

/// Returns what grew beyond its bound, as sentences: the median of the last fifth is compared with that of the second
/// fifth, because the first fills pools and caches, and single values go up and down.
pub(crate) fn growth(samples: &[Usage], bounds: Bounds) -> Vec<String> {
    let fifth = samples.len() / 5;
    assert!(fifth > 0, "too few samples to compare");
    let (early, late) = (&samples[fifth..2 * fifth], &samples[samples.len() - fifth..]);
    let of = |what: &str, part: fn(&Usage) -> u64, bound: u64| {
        let (early, late) = (median(early, part), median(late, part));
        (late > early + bound).then(|| format!("{what} grew from {early} to {late}, by more than {bound}"))
    };
    [
        of("open files", |usage| usage.files, bounds.files),
        of("threads", |usage| usage.threads, bounds.threads),
        of("memory in KiB", |usage| usage.memory, bounds.memory),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn median(samples: &[Usage], part: fn(&Usage) -> u64) -> u64 {
    let mut values: Vec<u64> = samples.iter().map(part).collect();
    values.sort_unstable();
    values[values.len() / 2]
}

/// Returns ten lines, evenly spread over the rounds, and the first, as a Markdown table.
pub(crate) fn table(samples: &[Usage]) -> String {
    let step = (samples.len() / 10).max(1);
    let head = "| round | open files | threads | memory, KiB |\n| ---: | ---: | ---: | ---: |\n".to_owned();
    let shown = samples.iter().enumerate().filter(|(at, _)| *at == 0 || (at + 1) % step == 0);
    shown.fold(head, |table, (_, Usage { round, files, threads, memory })| {
        format!("{table}| {round} | {files} | {threads} | {memory} |\n")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { files: 8, threads: 4, memory: 1000 };

    fn samples(of: impl Fn(u64) -> (u64, u64, u64)) -> Vec<Usage> {
        let sample = |round| {
            let (files, threads, memory) = of(round);
            Usage { round, files, threads, memory }
        };
        (1..=60).map(sample).collect()
    }

    #[test]
    fn warming_up_and_going_up_and_down_is_no_growth() {
        let calm =
            samples(|round| (20 + round.min(10) + round % 3, 8 + round % 4, 9000 + 500 * round.min(11)));
        assert_eq!(growth(&calm, BOUNDS), Vec::<String>::new());
    }

    #[test]
    fn a_leak_of_each_kind_is_found() {
        let leaks = [
            growth(&samples(|round| (20 + round, 8, 9000)), BOUNDS),
            growth(&samples(|round| (20, 8 + round / 4, 9000)), BOUNDS),
            growth(&samples(|round| (20, 8, 9000 + 50 * round)), BOUNDS),
        ];
        assert_eq!(leaks.map(|leak| leak.len()), [1, 1, 1]);
    }

    #[test]
    fn this_process_holds_something() {
        let usage = Usage::of(std::process::id(), 1).expect("told");
        assert!(usage.files > 0 && usage.threads > 0 && usage.memory > 0, "{usage:?}");
        assert_eq!(table(&[usage]).lines().count(), 3);
    }
}
