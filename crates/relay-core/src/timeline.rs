//! Periods, windows and buckets: how history is cut, and what is counted in each piece. All pure.
//!
//! Borders are half-open `[start, end)` everywhere, in slots, buckets and daily filters alike, so they fit without
//! overlap; the one exception is the end of the window, whose last second belongs to the last bucket.

mod filter;
mod plan;
mod sketch;
mod tally;

pub use filter::{DailyFilter, FilterError};
pub use plan::{Align, Period, Plan, Shape, Whole, Window};
pub use sketch::Sketch;
pub use tally::{Sample, Tally};

use crate::{UnixSeconds, record::LatestRecord};

/// Length of a rollup slot in seconds: half an hour, on the UTC half hours.
pub const SLOT_SECS: i64 = 1800;

/// The history of one monitor, cut as a [`Plan`] says.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Timeline {
    /// The pieces, oldest first.
    pub series: Series,
    /// Everything in the window counted together.
    pub whole: Tally,
    /// The newest record of all, also when it lies outside the window.
    pub latest: Option<LatestRecord>,
}

/// The pieces of a timeline, oldest first.
#[derive(Debug, Clone, PartialEq)]
pub enum Series {
    /// Each record by itself, ordered by (timestamp, id).
    Samples(Vec<Sample>),
    /// One per bucket of the plan, empty ones included.
    Buckets(Vec<Bucket>),
}

impl Default for Series {
    fn default() -> Self {
        Self::Samples(Vec::new())
    }
}

/// One window of a timeline.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bucket {
    /// Its first second.
    pub start: UnixSeconds,
    /// What was counted in it.
    pub tally: Tally,
}
