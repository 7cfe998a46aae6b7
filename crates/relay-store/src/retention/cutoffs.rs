//! What is too old, and when to look again. All pure.

use std::time::Duration;

use relay_core::{UnixSeconds, time::DAY_SECS};

use crate::{
    options::RetentionOptions,
    rollup::{day_of, slot_of},
};

/// What is deleted: everything of a kind that ends at or before its moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cutoffs {
    /// Raw records, by whole slots.
    pub(super) records: UnixSeconds,
    /// Counts of slots: a day later than their records.
    pub(super) slots: UnixSeconds,
    /// Counts of days: never earlier than the slots in them.
    pub(super) days: UnixSeconds,
}

impl Cutoffs {
    /// Returns the cutoffs of a moment; records from `keep_from` on stay, with all that is made of them.
    pub(super) fn at(now: UnixSeconds, options: &RetentionOptions, keep_from: UnixSeconds) -> Self {
        let ago = |days: u32| now.saturating_sub(i64::from(days.max(1)).saturating_mul(DAY_SECS));
        let records = slot_of(ago(options.days).min(keep_from));
        let slots = records.saturating_sub(DAY_SECS);
        let days = day_of(ago(options.rollup_days).min(slots));
        Self { records, slots, days }
    }
}

/// Returns the time until the next run; `draw` is a random number in [0, 1).
pub(super) fn pause(options: &RetentionOptions, draw: f64) -> Duration {
    let jitter = if options.jitter.is_finite() { options.jitter.clamp(0.0, 1.0) } else { 0.0 };
    let factor = 1.0 + jitter * (2.0 * draw.clamp(0.0, 1.0) - 1.0);
    // Also with a jitter of 1, two runs do not follow each other at once.
    options.interval.mul_f64(factor).max(Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn nothing_goes_too_early_and_all_of_it_at_last(
            now in 1_000_000_000i64..3_000_000_000,
            days in 1u32..500,
            rollup_days in 1u32..1_000,
            held in prop::option::of(0i64..600 * DAY_SECS),
        ) {
            let options = RetentionOptions { days, rollup_days, ..RetentionOptions::default() };
            let keep_from = held.map_or(i64::MAX, |ago| now - ago);
            let cutoffs = Cutoffs::at(now, &options, keep_from);
            let wanted = (now - i64::from(days) * DAY_SECS).min(keep_from);
            prop_assert!(cutoffs.records <= wanted && wanted - cutoffs.records < 1800);
            prop_assert_eq!(cutoffs.records % 1800, 0);
            prop_assert_eq!(cutoffs.slots, cutoffs.records - DAY_SECS);
            prop_assert!(cutoffs.days <= cutoffs.slots && cutoffs.days % DAY_SECS == 0);
            prop_assert!(cutoffs.days <= now - i64::from(rollup_days) * DAY_SECS);
            let least = (now - i64::from(rollup_days) * DAY_SECS).min(cutoffs.slots);
            prop_assert!(least - cutoffs.days < DAY_SECS);
        }

        #[test]
        fn jitter_stays_within_its_bounds(
            seconds in 10u64..100_000, jitter in 0.0f64..=1.0, draw in 0.0f64..1.0,
        ) {
            let interval = Duration::from_secs(seconds);
            let options = RetentionOptions { interval, jitter, ..RetentionOptions::default() };
            let pause = pause(&options, draw).as_secs_f64();
            let (low, high) = (seconds as f64 * (1.0 - jitter), seconds as f64 * (1.0 + jitter));
            prop_assert!(pause >= low - 1e-6 && pause <= high.max(1.0) + 1e-6);
        }
    }

    #[test]
    fn without_jitter_the_interval_is_exact() {
        let options = RetentionOptions { jitter: 0.0, ..RetentionOptions::default() };
        assert_eq!(pause(&options, 0.999), Duration::from_secs(3600));
    }
}
