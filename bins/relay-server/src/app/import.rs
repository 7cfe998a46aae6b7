//! What an import takes from the configuration, and how it is told of.

use std::{
    collections::{BTreeSet, HashSet},
    sync::Arc,
    time::Duration,
};

use relay_core::{Monitor, MonitorKey, UnixSeconds, time::DAY_SECS};
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

/// Monitors that are named in one sentence.
const NAMES: usize = 5;

/// Says whose history was brought in and is shown by no monitor of the configuration; `None` when all is shown. Groups
/// that are configured come first: there only the model is missing, or is another one.
pub(crate) fn unshown(brought_in: &BTreeSet<MonitorKey>, configured: &[Arc<Monitor>]) -> Option<String> {
    let shown: HashSet<&MonitorKey> = configured.iter().map(|monitor| &monitor.key).collect();
    let groups: HashSet<_> = configured.iter().map(|monitor| monitor.key.psc()).collect();
    let mut unshown: Vec<_> = brought_in.iter().filter(|key| !shown.contains(key)).collect();
    unshown.sort_by_key(|key| !groups.contains(key.psc()));
    let name = |key: &&MonitorKey| {
        let is_bare = key.model().is_empty() && groups.contains(key.psc());
        format!("{key}{}", if is_bare { " without a model" } else { "" })
    };
    let names = unshown.iter().take(NAMES).map(name).collect::<Vec<_>>().join(", ");
    let more = match unshown.len().saturating_sub(NAMES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    (!unshown.is_empty()).then(|| format!("{}: {names}{more}", count_of(unshown.len() as u64, "monitor")))
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
    fn history_that_nobody_shows_is_named() {
        let common = "category: public, sponsor: x, url: 'https://example.com', method: GET";
        let text = format!("monitors:\n  - {{provider: a, service: s, channel: vip, model: m, {common}}}\n");
        let loaded = relay_config::load_str(&text, "test.yaml", &relay_config::Environment::new());
        let configured = loaded.expect("a configuration").config.monitors;
        let key = |model: &str| MonitorKey::from_parts("a", "s", "vip", model);
        let said = |keys: &[MonitorKey]| unshown(&keys.iter().cloned().collect(), &configured);
        assert_eq!(said(&[key("m")]), None);
        let mut keys: Vec<_> =
            (0..6).map(|at| MonitorKey::from_parts("A", &at.to_string(), "", "")).collect();
        keys.extend([key("m"), key(""), key("old")]);
        assert_eq!(
            said(&keys).as_deref(),
            Some("8 monitors: a/s/vip without a model, a/s/vip/old, A/0, A/1, A/2 and 3 more")
        );
        assert_eq!(said(&[key("")]).as_deref(), Some("1 monitor: a/s/vip without a model"));
    }

    #[test]
    fn days_and_rates_are_told() {
        assert_eq!(date(1_773_156_000), "2026-03-10");
        assert_eq!(date(i64::MAX), "1970-01-01");
        assert_eq!(rate(500, Duration::from_millis(250)), 2000);
        assert_eq!(rate(500, Duration::ZERO), 500_000);
    }
}
