//! How late probes started, from the program's metrics.

use std::fmt;

use anyhow::{Context as _, Result};

const METRIC: &str = "relay_probe_start_lateness_seconds";

/// How many probes started how late.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Lateness {
    /// Upper bounds in seconds, and how many probes started at most so late.
    buckets: Vec<(f64, u64)>,
    /// How many probes started.
    count: u64,
}

impl Lateness {
    /// Reads what a server tells of all probes since its start.
    ///
    /// # Errors
    /// When it does not tell.
    pub(crate) fn parse(metrics: &str) -> Result<Self> {
        let mut lateness = Self::default();
        for line in metrics.lines().filter_map(|line| line.strip_prefix(METRIC)) {
            let Some((name, value)) = line.rsplit_once(' ') else { continue };
            if name == "_count" {
                lateness.count = value.parse().context("not a count")?;
            } else if let Some(bound) =
                name.strip_prefix("_bucket{le=\"").and_then(|rest| rest.strip_suffix("\"}"))
                && bound != "+Inf"
            {
                lateness.buckets.push((bound.parse()?, value.parse()?));
            }
        }
        anyhow::ensure!(!lateness.buckets.is_empty(), "the metrics do not tell how late probes start");
        Ok(lateness)
    }

    /// Returns how many probes started.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Returns what came after `earlier`.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let less =
            |((bound, now), (_, then)): (&(f64, u64), &(f64, u64))| (*bound, now.saturating_sub(*then));
        Self {
            buckets: self.buckets.iter().zip(&earlier.buckets).map(less).collect(),
            count: self.count.saturating_sub(earlier.count),
        }
    }

    /// Returns the least bound, in seconds, within which the share `q` (0–1) of the probes started.
    pub(crate) fn bound(&self, q: f64) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let found = self.buckets.iter().find(|(_, within)| *within as f64 >= self.count as f64 * q);
        found.map(|(bound, _)| *bound)
    }

    /// Returns how many probes started more than `seconds` late, which is one of the bounds.
    pub(crate) fn later_than(&self, seconds: f64) -> u64 {
        let within = self.buckets.iter().take_while(|(bound, _)| *bound <= seconds).last();
        self.count - within.map_or(0, |(_, count)| *count).min(self.count)
    }
}

impl fmt::Display for Lateness {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.bound(0.99) {
            Some(bound) => write!(f, "{} ms", bound * 1000.0)?,
            None => write!(f, "more than all bounds")?,
        }
        write!(f, "; {} of {}", self.later_than(0.05), self.count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_are_read_and_subtracted() {
        let text = |fast: u64, all: u64| {
            format!(
                "# HELP {METRIC} x\n{METRIC}_bucket{{le=\"0.001\"}} {fast}\n{METRIC}_bucket{{le=\"0.05\"}} {all}\n\
                 {METRIC}_bucket{{le=\"+Inf\"}} {}\n{METRIC}_sum 1.5\n{METRIC}_count {}\n",
                all + 1,
                all + 1
            )
        };
        let (first, second) = (Lateness::parse(&text(10, 11)), Lateness::parse(&text(200, 210)));
        let between = second.expect("reads").since(&first.expect("reads"));
        assert_eq!((between.count(), between.later_than(0.001), between.later_than(0.05)), (199, 9, 0));
        assert_eq!(between.to_string(), "50 ms; 0 of 199");
        assert!(Lateness::parse("nothing").is_err());
    }
}
