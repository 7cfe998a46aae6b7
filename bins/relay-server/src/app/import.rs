//! What an import takes from the configuration, and how it is told of.

use std::time::Duration;

use relay_core::{UnixSeconds, time::DAY_SECS};
use relay_store::{ImportOptions, ImportSummary, LeftOut};

use crate::count::count_of;

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

/// Says what an import left out: for each reason how many, and why.
pub(crate) fn left_out(summary: &ImportSummary) -> Vec<String> {
    let LeftOut { nameless, misnamed, timeless, future, too_old, unreadable } = summary.left_out;
    let ImportSummary { events_left_out, events_skipped, .. } = *summary;
    let reasons = [
        (nameless, "record", "without provider or service"),
        (
            misnamed,
            "record",
            "with a name that no monitor can have (over 1,024 bytes, or control characters)",
        ),
        (timeless, "record", "without a time or from before 1970"),
        (future, "record", "from the future"),
        (unreadable, "row", "of the archive that cannot be understood"),
        (too_old, "record", "older than storage.retention.rollup_days"),
        (events_left_out, "event", "whose number or cause another event has"),
        (events_skipped, "event", "that cannot be understood"),
    ];
    let told = reasons.into_iter().filter(|(count, ..)| *count > 0);
    told.map(|(count, noun, why)| format!("{} {why}", count_of(count, noun))).collect()
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
    fn each_reason_is_told_with_its_number() {
        let left_out_of = |rows| left_out(&ImportSummary { left_out: rows, ..ImportSummary::default() });
        assert!(left_out_of(LeftOut::default()).is_empty());
        let some = LeftOut { nameless: 1, misnamed: 2, timeless: 3, future: 4, too_old: 5, unreadable: 6 };
        assert_eq!(
            left_out_of(some),
            [
                "1 record without provider or service",
                "2 records with a name that no monitor can have (over 1,024 bytes, or control characters)",
                "3 records without a time or from before 1970",
                "4 records from the future",
                "6 rows of the archive that cannot be understood",
                "5 records older than storage.retention.rollup_days",
            ]
        );
        let summary = ImportSummary { events_left_out: 7, events_skipped: 8, ..ImportSummary::default() };
        assert_eq!(
            left_out(&summary),
            ["7 events whose number or cause another event has", "8 events that cannot be understood"]
        );
    }

    #[test]
    fn days_and_rates_are_told() {
        assert_eq!(date(1_773_156_000), "2026-03-10");
        assert_eq!(date(i64::MAX), "1970-01-01");
        assert_eq!(rate(500, Duration::from_millis(250)), 2000);
        assert_eq!(rate(500, Duration::ZERO), 500_000);
    }
}
