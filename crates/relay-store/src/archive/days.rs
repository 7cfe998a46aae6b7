//! Days, the names of their files, and when they are due. All pure.

use std::fmt;

use jiff::{ToSpan as _, civil::Date};
use relay_core::{UnixSeconds, time::DAY_SECS};

use crate::options::ArchiveOptions;

const PREFIX: &str = "probe_history_";
const PLAIN: &str = ".csv";
const COMPRESSED: &str = ".csv.gz";
/// What a file is called while it is written: hidden, and with this at its end.
const PART: &str = ".part";

/// The second of the UTC day at which the archiver runs: 03:00.
const DUE: i64 = 3 * 3600;

/// A UTC day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Day(i64);

impl Day {
    /// Returns the day of a moment.
    pub(crate) fn of(at: UnixSeconds) -> Self {
        Self(at.div_euclid(DAY_SECS))
    }

    /// Returns its first second.
    pub(crate) fn start(self) -> UnixSeconds {
        self.0.saturating_mul(DAY_SECS)
    }

    /// Returns the first second of the next day.
    pub(crate) fn end(self) -> UnixSeconds {
        self.next().start()
    }

    /// Returns the next day.
    pub(crate) fn next(self) -> Self {
        self.minus(-1)
    }

    /// Returns the day so many days earlier.
    pub(crate) fn minus(self, days: i64) -> Self {
        Self(self.0.saturating_sub(days))
    }

    fn parse(text: &str) -> Option<Self> {
        let date: Date = text.parse().ok()?;
        // Other forms of the same date are not ours.
        (date.to_string() == text).then(|| Self(i64::from((date - EPOCH).get_days())))
    }
}

const EPOCH: Date = jiff::civil::date(1970, 1, 1);

/// `YYYY-MM-DD`.
impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = 0.days().try_days(self.0);
        let date = span.and_then(|span| EPOCH.checked_add(span));
        write!(f, "{}", date.unwrap_or(if self.0 < 0 { Date::MIN } else { Date::MAX }))
    }
}

/// A file of the archive by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FileName {
    /// The day whose records are in it.
    pub(crate) day: Day,
    /// Whether it is compressed.
    pub(crate) compressed: bool,
    /// Whether it is still being written, or was when the process died.
    pub(crate) part: bool,
}

impl FileName {
    /// Reads a name; `None` for any file that is not of the archive.
    pub(crate) fn parse(name: &str) -> Option<Self> {
        let hidden = name.strip_prefix('.').and_then(|name| name.strip_suffix(PART));
        let rest = hidden.unwrap_or(name).strip_prefix(PREFIX)?;
        let (date, compressed) = match rest.strip_suffix(COMPRESSED) {
            Some(date) => (date, true),
            None => (rest.strip_suffix(PLAIN)?, false),
        };
        Some(Self { day: Day::parse(date)?, compressed, part: hidden.is_some() })
    }
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ending = if self.compressed { COMPRESSED } else { PLAIN };
        let (dot, part) = if self.part { (".", PART) } else { ("", "") };
        write!(f, "{dot}{PREFIX}{}{ending}{part}", self.day)
    }
}

/// The days that are archived on a day: those of the age that the options say and older, as far back as they say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DayWindow {
    /// The oldest day.
    pub(crate) first: Day,
    /// The newest day.
    pub(crate) last: Day,
}

impl DayWindow {
    /// Returns the window as of a moment.
    pub(crate) fn at(now: UnixSeconds, options: &ArchiveOptions) -> Self {
        let last = Day::of(now).minus(i64::from(options.days.max(1)));
        Self { first: last.minus(i64::from(options.backfill_days.max(1)) - 1), last }
    }

    /// Returns its days, the oldest first.
    pub(crate) fn days(self) -> impl Iterator<Item = Day> {
        (self.first.0..=self.last.0).map(Day)
    }
}

/// Tells whether the file of a day is to be removed.
pub(crate) fn is_expired(day: Day, now: UnixSeconds, options: &ArchiveOptions) -> bool {
    options.keep_days.is_some_and(|keep| {
        let age = Day::of(now).0.saturating_sub(day.0);
        age > i64::from(options.days.max(1)) + i64::from(keep)
    })
}

/// Returns the next time at which the archiver is due: the next 03:00 UTC after `now`.
pub(crate) fn next_due(now: UnixSeconds) -> UnixSeconds {
    let today = Day::of(now).start().saturating_add(DUE);
    if now < today { today } else { today.saturating_add(DAY_SECS) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-03-10 12:34:56 UTC.
    const NOW: UnixSeconds = 1_773_146_096;

    #[test]
    fn names_are_those_of_the_go_version() {
        let day = Day::of(NOW);
        let name = |compressed, part| FileName { day, compressed, part }.to_string();
        assert_eq!(name(false, false), "probe_history_2026-03-10.csv");
        assert_eq!(name(true, false), "probe_history_2026-03-10.csv.gz");
        assert_eq!(name(true, true), ".probe_history_2026-03-10.csv.gz.part");
    }

    #[test]
    fn names_of_other_files_are_not_ours() {
        for name in [
            "",
            "probe_history_.csv",
            "probe_history_2026-3-10.csv",
            "probe_history_20260310.csv",
            "probe_history_2026-02-30.csv",
            "probe_history_2026-03-10.csv.bz2",
            "probe_history_2026-03-10.csv.part",
            ".probe_history_2026-03-10.csv",
            "probe_history_2026-03-10 (copy).csv",
            "probe_history_2026-03-10T00:00.csv",
            "old_probe_history_2026-03-10.csv",
            "notes.txt",
        ] {
            assert_eq!(FileName::parse(name), None, "{name}");
        }
    }

    #[test]
    fn the_window_is_that_of_the_spec() {
        let options = ArchiveOptions::new("x");
        let DayWindow { first, last } = DayWindow::at(NOW, &options);
        // [today - archive_days - backfill_days + 1, today - archive_days]
        assert_eq!((first.to_string(), last.to_string()), ("2026-01-28".to_owned(), "2026-02-03".to_owned()));
        assert_eq!(DayWindow { first, last }.days().count(), 7);
    }

    #[test]
    fn files_stay_as_long_as_they_are_told_to() {
        let options = ArchiveOptions { days: 35, keep_days: Some(10), ..ArchiveOptions::new("x") };
        assert!(!is_expired(Day::of(NOW).minus(45), NOW, &options));
        assert!(is_expired(Day::of(NOW).minus(46), NOW, &options));
        let forever = ArchiveOptions { keep_days: None, ..options };
        assert!(!is_expired(Day::of(0), NOW, &forever));
    }

    proptest! {
        #[test]
        fn names_read_back(day in -700_000i64..2_900_000, compressed: bool, part: bool) {
            let name = FileName { day: Day(day), compressed, part };
            prop_assert_eq!(FileName::parse(&name.to_string()), Some(name).filter(|_| day >= -719_528));
        }

        #[test]
        fn any_moment_has_a_name_and_any_name_is_read(at: i64, name in "\\PC{0,40}") {
            let _ = Day::of(at).to_string();
            let _ = FileName::parse(&name);
        }

        #[test]
        fn a_moment_lies_in_its_day(at in -1_000_000_000_000i64..1_000_000_000_000) {
            let day = Day::of(at);
            prop_assert!(day.start() <= at && at < day.end());
            prop_assert_eq!(Day::of(day.start()), day);
            prop_assert_eq!(Day::of(day.end()), day.next());
        }

        #[test]
        fn every_day_is_in_the_window_for_as_many_days_as_are_made_up_for(
            days in 1u32..50, backfill_days in 1u32..20, day in 15_000i64..25_000,
        ) {
            let options = ArchiveOptions { days, backfill_days, ..ArchiveOptions::new("x") };
            let seen: Vec<i64> = (0..100)
                .filter(|age| DayWindow::at(Day(day + age).start() + 5, &options).days().any(|one| one == Day(day)))
                .collect();
            let expected: Vec<i64> = (i64::from(days)..i64::from(days + backfill_days)).collect();
            prop_assert_eq!(seen, expected);
        }

        #[test]
        fn it_is_due_within_a_day_at_three(now in 0i64..4_000_000_000) {
            let due = next_due(now);
            prop_assert!(due > now && due <= now + DAY_SECS);
            prop_assert_eq!(due % DAY_SECS, 10_800);
        }
    }
}
