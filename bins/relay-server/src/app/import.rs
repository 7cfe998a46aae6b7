//! What an import takes from the configuration, and how it is told of.

use std::time::Duration;

use relay_core::{UnixSeconds, time::DAY_SECS};
use relay_store::ImportOptions;

/// Returns how an import of this name goes into a store with this retention.
pub(crate) fn options(retention: &relay_config::Retention, name: String, now: UnixSeconds) -> ImportOptions {
    let back = |days: u32| now - i64::from(days) * DAY_SECS;
    let defaults = ImportOptions::new(name);
    if !retention.enabled {
        return defaults;
    }
    ImportOptions {
        records_from: back(retention.days),
        counts_from: back(retention.rollup_days.max(retention.days)),
        ..defaults
    }
}

/// Returns the UTC day that a second lies in, as `YYYY-MM-DD`.
pub(crate) fn date(at: UnixSeconds) -> String {
    let at = jiff::Timestamp::from_second(at).unwrap_or_default();
    at.strftime("%Y-%m-%d").to_string()
}

/// Returns how many there were in a second.
pub(crate) fn rate(count: u64, time: Duration) -> u64 {
    u64::try_from(u128::from(count) * 1000 / time.as_millis().max(1)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_and_rates_are_told() {
        assert_eq!(date(1_773_156_000), "2026-03-10");
        assert_eq!(date(i64::MAX), "1970-01-01");
        assert_eq!(rate(500, Duration::from_millis(250)), 2000);
        assert_eq!(rate(500, Duration::ZERO), 500_000);
    }
}
