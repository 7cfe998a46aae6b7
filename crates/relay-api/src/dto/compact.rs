//! The points of a timeline as short arrays, for pages with a thousand monitors.
//!
//! A point is `[timestamp, status, latency, availability, counts]`; places from the end that would say nothing are
//! left out, so an empty bucket is `[timestamp]`. Counts are pairs of a place in [`COUNT_FIELDS`] and a number, zeros
//! left out; the last place holds the breakdown of HTTP codes. Availability has two decimals.

use relay_core::{
    Status, SubStatus, UnixSeconds,
    timeline::{Series, Tally},
};
use serde::{Serialize, Serializer, ser::SerializeSeq};

use crate::dto::point::{Breakdown, availability, breakdown, sample_availability, sample_breakdown};

/// What the places of a point mean.
pub(crate) const POINT_FIELDS: [&str; 5] =
    ["timestamp", "status", "latency", "availability", "status_counts"];

/// What the numbers in counts mean.
pub(crate) const COUNT_FIELDS: [&str; 13] = [
    "available",
    "degraded",
    "unavailable",
    "missing",
    "slow_latency",
    "rate_limit",
    "server_error",
    "client_error",
    "auth_error",
    "invalid_request",
    "network_error",
    "content_mismatch",
    "http_code_breakdown",
];

const FIRST_CAUSE: usize = 4;
const BREAKDOWN: usize = 12;

/// Writes a series as a list of short arrays.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CompactPoints<'a> {
    pub(crate) series: &'a Series,
    pub(crate) degraded_weight: f64,
}

impl Serialize for CompactPoints<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.series {
            Series::Samples(samples) => serializer.collect_seq(samples.iter().map(|sample| {
                let mut counts = Counts::default();
                counts.set(status_place(sample.status), 1);
                if let Some(cause) = sample.sub_status {
                    counts.set(FIRST_CAUSE + cause.index(), 1);
                }
                counts.breakdown = sample_breakdown(sample);
                let rate = sample_availability(sample.status, self.degraded_weight).rounded();
                (sample.timestamp, sample.status.code(), sample.latency_ms, rate, counts)
            })),
            Series::Buckets(buckets) => serializer.collect_seq(buckets.iter().map(|bucket| {
                let tally = &bucket.tally;
                CompactBucket { start: bucket.start, tally, degraded_weight: self.degraded_weight }
            })),
        }
    }
}

struct CompactBucket<'a> {
    start: UnixSeconds,
    tally: &'a Tally,
    degraded_weight: f64,
}

impl Serialize for CompactBucket<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let tally = self.tally;
        if tally.total() == 0 {
            return [self.start].serialize(serializer);
        }
        let mut counts = Counts::default();
        for (place, count) in [tally.green, tally.yellow, tally.red, tally.missing].into_iter().enumerate() {
            counts.set(place, count);
        }
        for cause in SubStatus::ALL {
            counts.set(FIRST_CAUSE + cause.index(), tally.causes[cause.index()]);
        }
        counts.breakdown = breakdown(&tally.codes);
        let rate = availability(tally, self.degraded_weight).rounded();
        (self.start, tally.status().code(), tally.mean_latency(), rate, counts).serialize(serializer)
    }
}

#[derive(Default)]
struct Counts {
    counts: [u32; BREAKDOWN],
    breakdown: Option<Breakdown>,
}

impl Counts {
    fn set(&mut self, place: usize, count: u32) {
        self.counts[place] = count;
    }
}

impl Serialize for Counts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut list = serializer.serialize_seq(None)?;
        for (place, count) in self.counts.iter().enumerate().filter(|(_, count)| **count > 0) {
            list.serialize_element(&place)?;
            list.serialize_element(count)?;
        }
        if let Some(breakdown) = &self.breakdown {
            list.serialize_element(&BREAKDOWN)?;
            list.serialize_element(breakdown)?;
        }
        list.end()
    }
}

const fn status_place(status: Status) -> usize {
    match status {
        Status::Green => 0,
        Status::Yellow => 1,
        Status::Red => 2,
        Status::Missing => 3,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_sit_where_the_list_of_names_says() {
        for cause in SubStatus::ALL {
            assert_eq!(COUNT_FIELDS[FIRST_CAUSE + cause.index()], cause.as_str());
        }
        assert_eq!(COUNT_FIELDS[BREAKDOWN], "http_code_breakdown");
    }
}
