//! The span of the day in which nothing is sent.

use jiff::{
    Span, Timestamp as Instant,
    civil::Time,
    tz::{TimeZone, TimeZoneDatabase},
};
use relay_core::Timestamp;

/// A span of the day in a time zone; it goes over midnight when it ends earlier than it starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QuietHours {
    from: Time,
    to: Time,
    zone: TimeZone,
}

/// A time zone that is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no time zone {0}")]
pub struct UnknownZone(String);

impl QuietHours {
    /// Makes the span. The zone is an IANA name such as `Europe/Berlin`; the rules of zones are those the program was
    /// built with.
    ///
    /// # Errors
    /// [`UnknownZone`].
    pub fn new(from: Time, to: Time, zone: &str) -> Result<Self, UnknownZone> {
        let zone = TimeZoneDatabase::bundled().get(zone).map_err(|_| UnknownZone(zone.to_owned()))?;
        Ok(Self { from, to, zone })
    }

    /// Returns when the span that `at` lies in ends, `None` when it lies in none. The start belongs to the span, the
    /// end does not. An end that a change of the clock leaves out is when the clock is past it; one that comes twice
    /// is the first.
    #[must_use]
    pub fn end(&self, at: Timestamp) -> Option<Timestamp> {
        let instant = Instant::from_millisecond(at.as_millis()).ok()?;
        let local = instant.to_zoned(self.zone.clone()).datetime();
        let (now, midnight_between) = (local.time(), self.from > self.to);
        let inside = if midnight_between {
            now >= self.from || now < self.to
        } else {
            now >= self.from && now < self.to
        };
        if !inside {
            return None;
        }
        let mut day = local.date();
        if midnight_between && now >= self.from {
            day = day.checked_add(Span::new().days(1)).ok()?;
        }
        let end = day.to_datetime(self.to).to_zoned(self.zone.clone()).ok()?;
        let end = Timestamp::from_millis(end.timestamp().as_millisecond());
        // Where the clock was set back over the end, it is the second time that the hours are past.
        (end > at).then_some(end)
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil::time;
    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp::from_millis(text.parse::<Instant>().expect("a time").as_millisecond())
    }

    fn quiet(from: i8, to: i8, zone: &str) -> QuietHours {
        QuietHours::new(time(from, 0, 0, 0), time(to, 0, 0, 0), zone).expect("a zone")
    }

    #[test]
    fn the_start_belongs_to_it_and_the_end_does_not() {
        let night = quiet(23, 7, "UTC");
        assert_eq!(night.end(at("2026-03-10T22:59:59Z")), None);
        assert_eq!(night.end(at("2026-03-10T23:00:00Z")), Some(at("2026-03-11T07:00:00Z")));
        assert_eq!(night.end(at("2026-03-11T06:59:59Z")), Some(at("2026-03-11T07:00:00Z")));
        assert_eq!(night.end(at("2026-03-11T07:00:00Z")), None);
        let noon = quiet(12, 14, "Asia/Shanghai");
        assert_eq!(noon.end(at("2026-03-10T04:30:00Z")), Some(at("2026-03-10T06:00:00Z")));
        assert_eq!(noon.end(at("2026-03-10T06:00:00Z")), None);
    }

    #[test]
    fn changes_of_the_clock_are_followed() {
        let night = quiet(23, 7, "Europe/Berlin");
        assert_eq!(night.end(at("2026-03-28T23:00:00Z")), Some(at("2026-03-29T05:00:00Z")), "summer time");
        assert_eq!(night.end(at("2026-10-24T23:00:00Z")), Some(at("2026-10-25T06:00:00Z")), "winter time");
        let gap = quiet(1, 2, "Europe/Berlin");
        assert_eq!(gap.end(at("2026-03-29T00:30:00Z")), Some(at("2026-03-29T01:00:00Z")), "02:00 is 03:00");
    }

    #[test]
    fn zones_are_known_by_name() {
        let unknown = QuietHours::new(time(1, 0, 0, 0), time(2, 0, 0, 0), "Mars/Olympus");
        assert_eq!(
            unknown.map_err(|error| error.to_string()),
            Err("there is no time zone Mars/Olympus".to_owned())
        );
    }

    proptest! {
        #[test]
        fn the_end_is_later_and_outside(
            secs in 1_700_000_000i64..1_900_000_000,
            from in 0i8..24, to in 0i8..24,
            zone in prop::sample::select(vec!["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"]),
        ) {
            prop_assume!(from != to);
            let hours = quiet(from, to, zone);
            let now = Timestamp::from_secs(secs);
            if let Some(end) = hours.end(now) {
                prop_assert!(end > now && end.since(now) <= std::time::Duration::from_hours(25));
                // Clocks that are set back may enter the hours again; that is the next span then.
                let settled = hours.end(end).is_none_or(|again| again.since(end) <= std::time::Duration::from_hours(2));
                prop_assert!(settled, "{end:?}");
            }
        }
    }
}
