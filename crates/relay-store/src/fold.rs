//! Putting pieces of history together into timelines: the same for every backend.

use std::ops::Range;

use relay_core::{
    UnixSeconds,
    record::LatestRecord,
    time::DAY_SECS,
    timeline::{Bucket, Plan, SLOT_SECS, Sample, Series, Shape, Sketch, Tally, Timeline, Whole},
};

use crate::{
    head::{Head, MonitorId, day_of, slot_of},
    packing::{self, Malformed},
};

/// Which rows answer a plan, and which part of the answer is in memory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pieces {
    /// Closed days that lie inside one bucket.
    pub(crate) days: Vec<UnixSeconds>,
    /// Closed slots of days that do not.
    pub(crate) slots: Vec<UnixSeconds>,
    /// Days whose open counts are wanted as a whole.
    open_days: Range<UnixSeconds>,
    /// Times whose open samples are wanted one by one.
    open_samples: Range<UnixSeconds>,
}

impl Pieces {
    /// Chooses the largest pieces that fit: days where they lie inside a bucket, else slots.
    pub(crate) fn of(plan: &Plan, closed_before: UnixSeconds) -> Self {
        let (first, end) = (plan.window.start, plan.window.end + 1);
        let mut pieces = Self { days: Vec::new(), slots: Vec::new(), open_days: 0..0, open_samples: 0..0 };
        let by_day = matches!(plan.shape, Shape::Buckets { width, .. } if width % DAY_SECS == 0);
        if !by_day {
            pieces.slots = (slot_of(first)..end.min(closed_before)).step_by(SLOT_SECS as usize).collect();
            pieces.open_samples = first.max(closed_before)..end;
            return pieces;
        }
        let open_day = day_of(closed_before);
        for day in (day_of(first)..end.min(open_day)).step_by(DAY_SECS as usize) {
            match plan.place(day, DAY_SECS) {
                Whole::Into(_) => pieces.days.push(day),
                Whole::Nothing => {}
                Whole::Split => pieces.add_slots(plan, day..day + DAY_SECS),
            }
        }
        if plan.filter.is_none() {
            // Days are whole then, but for the window's last second, which begins a day that cannot have begun yet:
            // such a record from the future still counts, one by one.
            let split = day_of(plan.window.end);
            pieces.open_days = open_day.max(day_of(first))..split;
            pieces.add_slots(plan, split.max(open_day)..closed_before.min(end));
            pieces.open_samples = split.max(closed_before)..end;
        } else {
            pieces.add_slots(plan, open_day.max(day_of(first))..closed_before.min(end));
            pieces.open_samples = first.max(closed_before)..end;
        }
        pieces
    }

    fn add_slots(&mut self, plan: &Plan, range: Range<UnixSeconds>) {
        let slots = range.step_by(SLOT_SECS as usize);
        self.slots.extend(slots.filter(|slot| plan.place(*slot, SLOT_SECS) != Whole::Nothing));
    }
}

/// Timelines in the making, one per monitor asked for.
#[derive(Debug)]
pub(crate) struct Fold<'a> {
    plan: &'a Plan,
    timelines: Vec<Timeline>,
}

impl<'a> Fold<'a> {
    /// Starts with `count` empty timelines.
    pub(crate) fn new(plan: &'a Plan, count: usize) -> Self {
        let empty = || Timeline {
            series: match plan.shape {
                Shape::Samples => Series::Samples(Vec::new()),
                Shape::Buckets { .. } => Series::Buckets(
                    (0..plan.bucket_count())
                        .map(|index| Bucket { start: plan.bucket_start(index), tally: Tally::default() })
                        .collect(),
                ),
            },
            ..Timeline::default()
        };
        Self { plan, timelines: std::iter::repeat_with(empty).take(count).collect() }
    }

    /// Adds what is in memory of one monitor.
    pub(crate) fn add_open(&mut self, at: usize, head: &Head, id: MonitorId, pieces: &Pieces) {
        for (day, tally) in head.open_days(id) {
            if pieces.open_days.contains(day)
                && let Whole::Into(bucket) = self.plan.place(*day, DAY_SECS)
            {
                let Timeline { series, whole, .. } = &mut self.timelines[at];
                let Series::Buckets(buckets) = series else { continue };
                let into = &mut buckets[bucket].tally;
                into.merge_counts(tally);
                let sketch =
                    if self.plan.bucket_sketches { &mut into.latencies } else { &mut whole.latencies };
                sketch.merge(&tally.latencies);
            }
        }
        for (slot, samples) in head.open_slots(id) {
            if slot + SLOT_SECS <= pieces.open_samples.start {
                continue;
            }
            for sample in samples.iter().filter(|sample| pieces.open_samples.contains(&sample.timestamp)) {
                self.add_sample(at, sample);
            }
        }
    }

    /// Adds the row of a whole day.
    pub(crate) fn add_day(&mut self, at: usize, day: UnixSeconds, tally: &[u8]) -> Result<(), Malformed> {
        match self.plan.place(day, DAY_SECS) {
            Whole::Into(bucket) => self.add_tally(at, bucket, day, tally),
            Whole::Nothing | Whole::Split => Ok(()),
        }
    }

    /// Adds the row of a slot: its counts where it lies inside a bucket, else its samples one by one.
    pub(crate) fn add_slot(
        &mut self,
        at: usize,
        slot: UnixSeconds,
        tally: &[u8],
        samples: &[u8],
    ) -> Result<(), Malformed> {
        match self.plan.place(slot, SLOT_SECS) {
            Whole::Into(bucket) => self.add_tally(at, bucket, slot, tally),
            Whole::Nothing => Ok(()),
            Whole::Split => packing::read_samples(samples, slot, |sample| self.add_sample(at, &sample)),
        }
    }

    /// Returns the timelines, complete.
    pub(crate) fn finish(mut self, latest: impl Fn(usize) -> Option<LatestRecord>) -> Vec<Timeline> {
        for (at, timeline) in self.timelines.iter_mut().enumerate() {
            timeline.latest = latest(at);
            match &mut timeline.series {
                Series::Samples(samples) => {
                    samples.sort_unstable_by_key(|sample| (sample.timestamp, sample.id));
                    samples.iter().for_each(|sample| timeline.whole.add(sample));
                }
                Series::Buckets(buckets) => {
                    for bucket in buckets {
                        timeline.whole.merge(&bucket.tally);
                    }
                }
            }
        }
        self.timelines
    }

    fn add_tally(
        &mut self,
        at: usize,
        bucket: usize,
        base: UnixSeconds,
        blob: &[u8],
    ) -> Result<(), Malformed> {
        let Timeline { series, whole, .. } = &mut self.timelines[at];
        let Series::Buckets(buckets) = series else { return Ok(()) };
        let into = &mut buckets[bucket].tally;
        if self.plan.bucket_sketches {
            let mut sketch = std::mem::take(&mut into.latencies);
            let read = packing::add_tally(blob, base, into, &mut sketch);
            into.latencies = sketch;
            read
        } else {
            packing::add_tally(blob, base, into, &mut whole.latencies)
        }
    }

    fn add_sample(&mut self, at: usize, sample: &Sample) {
        if !self.plan.counts(sample.timestamp) {
            return;
        }
        let Timeline { series, whole, .. } = &mut self.timelines[at];
        match series {
            Series::Samples(samples) => samples.push(*sample),
            Series::Buckets(buckets) => {
                let Some(bucket) = self.plan.bucket_of(sample.timestamp) else { return };
                let into = &mut buckets[bucket].tally;
                into.add(sample);
                if !self.plan.bucket_sketches && sample.status.is_available() {
                    into.latencies = Sketch::default();
                    whole.latencies.add(sample.latency_ms);
                }
            }
        }
    }
}
