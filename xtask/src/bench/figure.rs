//! What was measured, and how it is shown.

use std::{fmt::Write as _, time::Duration};

/// One line of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Figure {
    /// What was done.
    pub(crate) what: String,
    /// What came out: the median of the runs.
    pub(crate) measured: String,
    /// What is aimed at, empty when there is no aim.
    pub(crate) target: String,
    /// What the same question costs otherwise, measured in the same run; empty when nothing was compared.
    pub(crate) beside: String,
}

impl Figure {
    /// Makes a figure without target and comparison.
    pub(crate) fn new(what: impl Into<String>, measured: impl Into<String>) -> Self {
        Self { what: what.into(), measured: measured.into(), target: String::new(), beside: String::new() }
    }

    /// Adds what is aimed at, and whether it was reached.
    pub(crate) fn target(mut self, target: &str, reached: bool) -> Self {
        self.target = format!("{target}: {}", if reached { "reached" } else { "missed" });
        self
    }

    /// Adds what it was compared with.
    pub(crate) fn beside(mut self, beside: impl Into<String>) -> Self {
        self.beside = beside.into();
        self
    }
}

/// Returns the figures as a Markdown table.
pub(crate) fn table(figures: &[Figure]) -> String {
    let mut out =
        String::from("| figure | measured | target | beside, in the same run |\n| --- | --- | --- | --- |\n");
    for Figure { what, measured, target, beside } in figures {
        // Writing to a string cannot fail.
        let _ = writeln!(out, "| {what} | {measured} | {target} | {beside} |");
    }
    out
}

/// Returns the middle of the values, 0 when there is none; of an even number, the upper middle.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

/// Returns the value at or below which the share `q` (0–1) lies; `values` are sorted.
pub(crate) fn quantile(values: &[Duration], q: f64) -> Duration {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a rank between 0 and the number of values"
    )]
    let rank = (q * values.len() as f64).ceil() as usize;
    values.get(rank.clamp(1, values.len().max(1)) - 1).copied().unwrap_or_default()
}

/// Returns a duration in milliseconds.
pub(crate) fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// Returns how often something happens in a second.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub(crate) fn per_second(count: u64, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// Returns a rate with thousands apart.
pub(crate) fn rate(per_second: f64) -> String {
    format!("{}/s", thousands(per_second))
}

/// Returns a number without fraction, in groups of three digits.
pub(crate) fn thousands(value: f64) -> String {
    let digits = format!("{:.0}", value.max(0.0));
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_a_line_per_figure() {
        let figures = [
            Figure::new("appends", "61,000/s").target("≥ 60,000/s", true).beside("Go schema: 9,000/s"),
            Figure::new("size", "21 bytes"),
        ];
        let table = table(&figures);
        assert_eq!(
            table.lines().skip(2).collect::<Vec<_>>(),
            [
                "| appends | 61,000/s | ≥ 60,000/s: reached | Go schema: 9,000/s |",
                "| size | 21 bytes |  |  |"
            ]
        );
    }

    #[test]
    fn middles_and_quantiles() {
        assert_eq!(median(vec![3.0, 1.0, 2.0]).to_bits(), 2.0f64.to_bits());
        assert_eq!(median(Vec::new()).to_bits(), 0.0f64.to_bits());
        let values: Vec<Duration> = (1..=100).map(Duration::from_millis).collect();
        assert_eq!(quantile(&values, 0.5), Duration::from_millis(50));
        assert_eq!(quantile(&values, 0.99), Duration::from_millis(99));
        assert_eq!(quantile(&values, 1.0), Duration::from_millis(100));
        assert_eq!(quantile(&[], 0.5), Duration::ZERO);
    }

    #[test]
    fn numbers_are_readable() {
        assert_eq!(rate(1_234_567.4), "1,234,567/s");
        assert_eq!(rate(999.0), "999/s");
        assert_eq!(rate(per_second(500, Duration::from_millis(250))), "2,000/s");
    }
}
