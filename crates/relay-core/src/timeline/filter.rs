use thiserror::Error;

use crate::{UnixSeconds, time::DAY_SECS};

/// A time of day, UTC, that restricts which records count: `[start, end)`, across midnight when the end is earlier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct DailyFilter {
    start_minute: u16,
    end_minute: u16,
}

/// Why a text is no daily filter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum FilterError {
    /// Not of the form.
    #[error("expected HH:MM-HH:MM, such as 09:00-17:30")]
    Form,
    /// An hour above 23 (24:00 only as the end) or minutes other than 00 and 30.
    #[error("times run from 00:00 to 24:00 in half hours: minutes are 00 or 30")]
    Border,
    /// Start and end are the same.
    #[error("start and end are the same")]
    Empty,
}

impl DailyFilter {
    /// Reads `HH:MM-HH:MM`.
    ///
    /// # Errors
    /// [`FilterError`] says which rule was broken.
    pub fn parse(text: &str) -> Result<Self, FilterError> {
        let (start, end) = text.split_once('-').ok_or(FilterError::Form)?;
        let (start_minute, end_minute) = (minute_of_day(start)?, minute_of_day(end)?);
        if start_minute == 24 * 60 {
            return Err(FilterError::Border);
        }
        if start_minute == end_minute {
            return Err(FilterError::Empty);
        }
        Ok(Self { start_minute, end_minute })
    }

    /// Tells whether a moment lies in the daily window.
    #[must_use]
    pub fn contains(&self, at: UnixSeconds) -> bool {
        let second = at.rem_euclid(DAY_SECS);
        let (start, end) = (i64::from(self.start_minute) * 60, i64::from(self.end_minute) * 60);
        if start < end { (start..end).contains(&second) } else { second >= start || second < end }
    }
}

/// Prints the form that [`DailyFilter::parse`] reads.
impl std::fmt::Display for DailyFilter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (start, end) = (self.start_minute, self.end_minute);
        write!(f, "{:02}:{:02}-{:02}:{:02}", start / 60, start % 60, end / 60, end % 60)
    }
}

fn minute_of_day(text: &str) -> Result<u16, FilterError> {
    let bytes = text.as_bytes();
    let digits =
        |at: usize| bytes.get(at).filter(|byte| byte.is_ascii_digit()).map(|byte| u16::from(byte - b'0'));
    if bytes.len() != 5 || bytes[2] != b':' {
        return Err(FilterError::Form);
    }
    let (Some(h1), Some(h0), Some(m1), Some(m0)) = (digits(0), digits(1), digits(3), digits(4)) else {
        return Err(FilterError::Form);
    };
    let (hour, minute) = (h1 * 10 + h0, m1 * 10 + m0);
    if !matches!(minute, 0 | 30) || hour > 24 || (hour == 24 && minute != 0) {
        return Err(FilterError::Border);
    }
    Ok(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn contains(filter: &str, hour: i64, minute: i64) -> bool {
        DailyFilter::parse(filter).expect("a filter").contains(hour * 3600 + minute * 60)
    }

    #[test]
    fn borders_are_half_open() {
        assert!(contains("09:00-17:30", 9, 0));
        assert!(contains("09:00-17:30", 17, 29));
        assert!(!contains("09:00-17:30", 17, 30));
        assert!(!contains("09:00-17:30", 8, 59));
        assert!(contains("09:00-24:00", 23, 59));
    }

    #[test]
    fn a_window_may_cross_midnight() {
        assert!(contains("22:00-06:00", 23, 0));
        assert!(contains("22:00-06:00", 5, 59));
        assert!(!contains("22:00-06:00", 6, 0));
        assert!(!contains("22:00-06:00", 12, 0));
        assert!(contains("22:00-00:00", 23, 59));
        assert!(!contains("22:00-00:00", 0, 0));
    }

    #[test]
    fn every_other_form_is_refused() {
        for (text, error) in [
            ("", FilterError::Form),
            ("09:00", FilterError::Form),
            ("9:00-10:00", FilterError::Form),
            ("09:00-10:00-11:00", FilterError::Form),
            ("09:15-10:00", FilterError::Border),
            ("25:00-10:00", FilterError::Border),
            ("24:00-10:00", FilterError::Border),
            ("10:00-24:30", FilterError::Border),
            ("10:00-10:00", FilterError::Empty),
            ("１0:00-11:00", FilterError::Form),
        ] {
            assert_eq!(DailyFilter::parse(text), Err(error), "{text}");
        }
    }

    #[test]
    fn display_reads_back() {
        let filter = DailyFilter::parse("22:30-06:00").expect("a filter");
        assert_eq!(filter.to_string(), "22:30-06:00");
    }
}
