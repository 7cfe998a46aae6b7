use crate::{
    Timestamp, UnixSeconds,
    time::DAY_SECS,
    timeline::{DailyFilter, SLOT_SECS},
};

const HOUR_SECS: i64 = 3600;

/// A period a reader can ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// The last 90 minutes, record by record.
    Minutes90,
    /// The last day by hours.
    Hours24,
    /// The last week by days.
    Days7,
    /// The last 30 days by days.
    Days30,
    /// The last 90 days by days.
    Days90,
    /// The last 52 weeks by weeks.
    Year1,
}

impl Period {
    /// All periods, shortest first.
    pub const ALL: [Self; 6] =
        [Self::Minutes90, Self::Hours24, Self::Days7, Self::Days30, Self::Days90, Self::Year1];

    /// Returns the name that clients use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Minutes90 => "90m",
            Self::Hours24 => "24h",
            Self::Days7 => "7d",
            Self::Days30 => "30d",
            Self::Days90 => "90d",
            Self::Year1 => "1y",
        }
    }

    /// Reads a name; `1d` is another word for `24h`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "1d" {
            return Some(Self::Hours24);
        }
        Self::ALL.into_iter().find(|period| period.as_str() == text)
    }

    /// Tells whether a daily filter may restrict it: the week and the 30 days.
    #[must_use]
    pub const fn takes_filter(self) -> bool {
        matches!(self, Self::Days7 | Self::Days30)
    }
}

/// Where a sliding window ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Align {
    /// Now.
    #[default]
    Now,
    /// At the next full UTC hour; matters for 24h only.
    Hour,
}

/// A span of time whose last second still belongs to it: `[start, end]`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Window {
    /// The first second.
    pub start: UnixSeconds,
    /// The last second.
    pub end: UnixSeconds,
}

/// How a window is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shape {
    /// Not at all: each record by itself.
    Samples,
    /// Into `count` buckets of `width` seconds, counted back from the window's end.
    Buckets {
        /// Seconds of one bucket.
        width: i64,
        /// How many there are; `count · width` is the window's length.
        count: u32,
    },
}

/// Which records count, and into which bucket each of them falls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Plan {
    /// The whole window.
    pub window: Window,
    /// How it is cut.
    pub shape: Shape,
    /// Which time of day counts.
    pub filter: Option<DailyFilter>,
    /// Whether buckets carry latency sketches of their own; the whole window always does.
    pub bucket_sketches: bool,
}

impl Plan {
    /// Plans `period` as seen at `now`. `align` matters for 24h only; `filter` is dropped where
    /// [`Period::takes_filter`] says no.
    #[must_use]
    pub fn new(period: Period, align: Align, filter: Option<DailyFilter>, now: Timestamp) -> Self {
        let now = now.as_secs();
        let next = |unit: i64| (now.div_euclid(unit) + 1) * unit;
        let (end, shape) = match period {
            Period::Minutes90 => (now, Shape::Samples),
            Period::Hours24 => {
                let end = match align {
                    Align::Now => now,
                    Align::Hour => next(HOUR_SECS),
                };
                (end, Shape::Buckets { width: HOUR_SECS, count: 24 })
            }
            Period::Days7 => (next(DAY_SECS), Shape::Buckets { width: DAY_SECS, count: 7 }),
            Period::Days30 => (next(DAY_SECS), Shape::Buckets { width: DAY_SECS, count: 30 }),
            Period::Days90 => (next(DAY_SECS), Shape::Buckets { width: DAY_SECS, count: 90 }),
            Period::Year1 => (next(DAY_SECS), Shape::Buckets { width: 7 * DAY_SECS, count: 52 }),
        };
        let length = match shape {
            Shape::Samples => 90 * 60,
            Shape::Buckets { width, count } => width * i64::from(count),
        };
        Self {
            window: Window { start: end - length, end },
            shape,
            filter: filter.filter(|_| period.takes_filter()),
            bucket_sketches: false,
        }
    }

    /// Asks for a latency sketch in every bucket.
    #[must_use]
    pub fn with_bucket_sketches(self) -> Self {
        Self { bucket_sketches: true, ..self }
    }

    /// Tells whether a record of this moment counts at all.
    #[must_use]
    pub fn counts(&self, at: UnixSeconds) -> bool {
        (self.window.start..=self.window.end).contains(&at)
            && self.filter.is_none_or(|filter| filter.contains(at))
    }

    /// Returns the number of buckets, 0 when each record stands by itself.
    #[must_use]
    pub fn bucket_count(&self) -> usize {
        match self.shape {
            Shape::Samples => 0,
            Shape::Buckets { count, .. } => count as usize,
        }
    }

    /// Returns the bucket of a moment inside the window; the window's very end belongs to the last one. `None`
    /// outside the window and where records stand by themselves.
    #[must_use]
    pub fn bucket_of(&self, at: UnixSeconds) -> Option<usize> {
        let Shape::Buckets { width, count } = self.shape else { return None };
        if !(self.window.start..=self.window.end).contains(&at) {
            return None;
        }
        let index = usize::try_from((at - self.window.start) / width).ok()?;
        Some(index.min(count as usize - 1))
    }

    /// Returns the first second of a bucket.
    #[must_use]
    pub fn bucket_start(&self, index: usize) -> UnixSeconds {
        match self.shape {
            Shape::Samples => self.window.start,
            Shape::Buckets { width, .. } => {
                self.window.start + width * i64::try_from(index).unwrap_or(i64::MAX / width)
            }
        }
    }

    /// Returns the bucket that takes all records of `[start, start + length)`, when one does and the filter lets all
    /// of them count or none; `length` is [`SLOT_SECS`] or a day, on its own UTC grid.
    ///
    /// `Whole::Into(i)`: the piece lies inside bucket `i`. `Whole::Nothing`: none of its records count.
    /// `Whole::Split`: its records must be looked at one by one, or in smaller pieces.
    #[must_use]
    pub fn place(&self, start: UnixSeconds, length: i64) -> Whole {
        let last = start + length - 1;
        if last < self.window.start || start > self.window.end {
            return Whole::Nothing;
        }
        if let Some(filter) = self.filter {
            let slots = length / SLOT_SECS;
            let passing = (0..slots).filter(|slot| filter.contains(start + slot * SLOT_SECS)).count();
            if passing == 0 {
                return Whole::Nothing;
            }
            if i64::try_from(passing).ok() != Some(slots) {
                return Whole::Split;
            }
        }
        match (self.bucket_of(start), self.bucket_of(last)) {
            (Some(first), Some(second)) if first == second => Whole::Into(first),
            _ => Whole::Split,
        }
    }
}

/// Where all records of a piece of time go; see [`Plan::place`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Whole {
    /// Into one bucket.
    Into(usize),
    /// Nowhere.
    Nothing,
    /// Into several, or only some of them count.
    Split,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// 2026-03-01 12:34:56 UTC.
    const NOW: Timestamp = Timestamp::from_secs(1_772_368_496);

    fn plan(period: Period, align: Align) -> Plan {
        Plan::new(period, align, None, NOW)
    }

    #[test]
    fn sliding_windows_end_now() {
        assert_eq!(plan(Period::Minutes90, Align::Now).window.end, NOW.as_secs());
        let day = plan(Period::Hours24, Align::Now);
        assert_eq!(day.window, Window { start: NOW.as_secs() - 86_400, end: NOW.as_secs() });
    }

    #[test]
    fn aligned_windows_end_at_the_next_full_unit() {
        assert_eq!(plan(Period::Hours24, Align::Hour).window.end % 3600, 0);
        assert!(plan(Period::Hours24, Align::Hour).window.end > NOW.as_secs());
        let month = plan(Period::Days30, Align::Now);
        assert_eq!(month.window.end % DAY_SECS, 0);
        assert_eq!(month.bucket_of(NOW.as_secs()), Some(29));
        assert_eq!(plan(Period::Year1, Align::Now).bucket_count(), 52);
    }

    #[test]
    fn the_very_end_belongs_to_the_last_bucket_and_one_second_later_to_none() {
        let day = plan(Period::Hours24, Align::Now);
        assert_eq!(day.bucket_of(day.window.end), Some(23));
        assert_eq!(day.bucket_of(day.window.end + 1), None);
        assert_eq!(day.bucket_of(day.window.start), Some(0));
        assert_eq!(day.bucket_of(day.window.start - 1), None);
        assert_eq!(day.bucket_of(day.window.start + 3600), Some(1));
    }

    #[test]
    fn names_read_back_and_1d_is_24h() {
        for period in Period::ALL {
            assert_eq!(Period::parse(period.as_str()), Some(period));
        }
        assert_eq!(Period::parse("1d"), Some(Period::Hours24));
        assert_eq!(Period::parse("2d"), None);
    }

    proptest! {
        /// `place` agrees with asking for every record of the piece.
        #[test]
        fn place_agrees_with_record_by_record(
            period in prop::sample::select(&Period::ALL[1..4]),
            offset in 0i64..200_000,
            slot in -60i64..1600,
            day in any::<bool>(),
            filter in prop::option::of((0u16..48, 0u16..=48)),
        ) {
            let filter = filter.and_then(|(start, end)| {
                let text = |half: u16| format!("{:02}:{:02}", half / 2, half % 2 * 30);
                DailyFilter::parse(&format!("{}-{}", text(start), text(end))).ok()
            });
            let now = Timestamp::from_secs(NOW.as_secs() + offset);
            let plan = Plan::new(period, Align::Now, filter, now);
            let length = if day { DAY_SECS } else { SLOT_SECS };
            let start = (plan.window.start + slot * SLOT_SECS).div_euclid(length) * length;
            let targets: std::collections::BTreeSet<Option<usize>> = (start..start + length)
                .step_by(60)
                .chain([start + length - 1])
                .map(|at| plan.bucket_of(at).filter(|_| plan.counts(at)))
                .collect();
            match plan.place(start, length) {
                Whole::Into(bucket) => prop_assert_eq!(targets, [Some(bucket)].into()),
                Whole::Nothing => prop_assert_eq!(targets, [None].into()),
                Whole::Split => {}
            }
        }
    }
}
