//! Daily filters and periods of the API's questions: any text is one or none, and what is read prints as it was read.

use relay_core::timeline::{DailyFilter, Period};

/// Reads `data` as a daily filter and as a period.
///
/// # Panics
/// When what was read is printed and read differently.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Ok(filter) = DailyFilter::parse(text) {
        assert_eq!(DailyFilter::parse(&filter.to_string()), Ok(filter), "{text:?}");
        let inside = (0..48).filter(|half| filter.contains(half * 1800)).count();
        assert!((1..=48).contains(&inside), "{text:?} takes {inside} half hours of a day");
    }
    if let Some(period) = Period::parse(text) {
        assert_eq!(Period::parse(period.as_str()), Some(period), "{text:?}");
    }
}
