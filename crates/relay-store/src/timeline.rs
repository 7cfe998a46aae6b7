//! Folding rollups and samples into timelines. Shared by all drivers, and pure: a driver reads the rows that
//! [`Pieces`] names, in any order, and hands each to the [`Fold`].

use std::collections::HashMap;

use relay_core::{
    UnixSeconds,
    record::LatestRecord,
    time::DAY_SECS,
    timeline::{Bucket, Plan, SLOT_SECS, Sample, Series, Shape, Sketch, Tally, Timeline, Whole},
};

use crate::rollup::{Held, Malformed, MonitorId, day_of, fold_tally, slot_of, unpack_samples};

/// The largest pieces of time that a plan can be answered from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Pieces {
    /// Whole days that fall into one bucket, with that bucket.
    pub(crate) days: Vec<(UnixSeconds, usize)>,
    /// Whole slots that fall into one bucket, with that bucket.
    pub(crate) slots: Vec<(UnixSeconds, usize)>,
    /// Slots whose records must be looked at one by one.
    pub(crate) samples: Vec<UnixSeconds>,
}

impl Pieces {
    /// Cuts the window of a plan, oldest first.
    pub(crate) fn of(plan: &Plan) -> Self {
        let mut pieces = Self::default();
        let mut day = day_of(plan.window.start);
        while day <= plan.window.end {
            match plan.place(day, DAY_SECS) {
                Whole::Into(bucket) => pieces.days.push((day, bucket)),
                Whole::Nothing => {}
                Whole::Split => pieces.cut_day(plan, day),
            }
            day += DAY_SECS;
        }
        pieces
    }

    fn cut_day(&mut self, plan: &Plan, day: UnixSeconds) {
        let mut slot = day.max(slot_of(plan.window.start));
        while slot < day + DAY_SECS && slot <= plan.window.end {
            match plan.place(slot, SLOT_SECS) {
                Whole::Into(bucket) => self.slots.push((slot, bucket)),
                Whole::Nothing => {}
                Whole::Split => self.samples.push(slot),
            }
            slot += SLOT_SECS;
        }
    }
}

/// Timelines in the making, one for each monitor asked for.
#[derive(Debug)]
pub(crate) struct Fold<'a> {
    plan: &'a Plan,
    lines: Vec<Line>,
    /// Where a monitor's line is, by its number; numbers are dense.
    places: HashMap<MonitorId, usize>,
}

#[derive(Debug)]
struct Line {
    buckets: Vec<Tally>,
    samples: Vec<Sample>,
    /// The latencies of whole pieces, by sketch bucket: the sum over them is built without searching.
    latencies: Box<[u32; 256]>,
    latest: Option<LatestRecord>,
}

impl<'a> Fold<'a> {
    /// Starts with empty timelines, with the newest record of each monitor; doubles are left out.
    pub(crate) fn new(
        plan: &'a Plan,
        monitors: impl Iterator<Item = (MonitorId, Option<LatestRecord>)>,
    ) -> Self {
        let mut fold = Self { plan, lines: Vec::new(), places: HashMap::new() };
        for (monitor, latest) in monitors {
            let place = fold.lines.len();
            if *fold.places.entry(monitor).or_insert(place) == place {
                fold.lines.push(Line {
                    buckets: vec![Tally::default(); plan.bucket_count()],
                    samples: Vec::new(),
                    latencies: Box::new([0; 256]),
                    latest,
                });
            }
        }
        fold
    }

    /// Returns the monitors asked for.
    pub(crate) fn monitors(&self) -> impl ExactSizeIterator<Item = MonitorId> {
        self.places.keys().copied()
    }

    /// Counts a stored day or slot that starts at `start` and falls into `bucket`.
    pub(crate) fn packed(
        &mut self,
        monitor: MonitorId,
        bucket: usize,
        start: UnixSeconds,
        packed: &[u8],
    ) -> Result<(), Malformed> {
        let Some(line) = self.places.get(&monitor).and_then(|place| self.lines.get_mut(*place)) else {
            return Ok(());
        };
        let Some(tally) = line.buckets.get_mut(bucket) else { return Ok(()) };
        let latencies = &mut line.latencies;
        if self.plan.bucket_sketches {
            let mut own = std::mem::take(&mut tally.latencies);
            fold_tally(packed, start, tally, |index, count| own.add_count(index, count))?;
            tally.latencies = own;
            return Ok(());
        }
        fold_tally(packed, start, tally, |index, count| {
            let sum = &mut latencies[usize::from(index)];
            *sum = sum.saturating_add(count);
        })
    }

    /// Counts a held day or slot that falls into `bucket`.
    pub(crate) fn tally(&mut self, monitor: MonitorId, bucket: usize, tally: &Tally) {
        if let Some(line) = self.places.get(&monitor).and_then(|place| self.lines.get_mut(*place))
            && let Some(into) = line.buckets.get_mut(bucket)
        {
            into.merge(tally);
        }
    }

    /// Counts the pieces that are held in memory, and takes them out of `pieces`: their stored rows count for nothing.
    pub(crate) fn take_held(&mut self, held: &Held, pieces: &mut Pieces) {
        let monitors: Vec<MonitorId> = self.monitors().collect();
        pieces.days.retain(|(day, bucket)| {
            let Some(tallies) = held.day(*day) else { return true };
            for (monitor, tally) in monitors.iter().filter_map(|id| Some((*id, tallies.get(id)?))) {
                self.tally(monitor, *bucket, tally);
            }
            false
        });
        pieces.slots.retain(|(slot, bucket)| {
            let Some(open) = held.slot(*slot) else { return true };
            for (monitor, open) in monitors.iter().filter_map(|id| Some((*id, open.get(id)?))) {
                self.tally(monitor, *bucket, &open.tally);
            }
            false
        });
        pieces.samples.retain(|slot| {
            let Some(open) = held.slot(*slot) else { return true };
            for (monitor, open) in monitors.iter().filter_map(|id| Some((*id, open.get(id)?))) {
                self.samples(monitor, &open.samples);
            }
            false
        });
    }

    /// Counts the packed records of a stored slot one by one.
    pub(crate) fn packed_samples(
        &mut self,
        monitor: MonitorId,
        slot: UnixSeconds,
        packed: &[u8],
    ) -> Result<(), Malformed> {
        if self.places.contains_key(&monitor) {
            self.samples(monitor, &unpack_samples(packed, slot)?);
        }
        Ok(())
    }

    /// Counts records one by one.
    pub(crate) fn samples(&mut self, monitor: MonitorId, samples: &[Sample]) {
        let Some(line) = self.places.get(&monitor).and_then(|place| self.lines.get_mut(*place)) else {
            return;
        };
        for sample in samples.iter().filter(|sample| self.plan.counts(sample.timestamp)) {
            match self.plan.bucket_of(sample.timestamp) {
                Some(bucket) => line.buckets[bucket].add(sample),
                None => line.samples.push(*sample),
            }
        }
    }

    /// Returns the timelines in the order of `wanted`; one that was not asked for at the start, such as `None`, is
    /// empty with all its buckets.
    pub(crate) fn finish(self, wanted: &[Option<MonitorId>]) -> Vec<Timeline> {
        let plan = self.plan;
        let mut uses = vec![0usize; self.lines.len()];
        let places: Vec<Option<usize>> =
            wanted.iter().map(|id| id.and_then(|id| self.places.get(&id).copied())).collect();
        places.iter().flatten().for_each(|place| uses[*place] += 1);
        let mut lines: Vec<Option<Timeline>> =
            self.lines.into_iter().map(|line| Some(line.finish(plan))).collect();
        places
            .into_iter()
            .map(|place| {
                let Some(place) = place else { return Line::empty(plan) };
                uses[place] -= 1;
                let line = if uses[place] == 0 { lines[place].take() } else { lines[place].clone() };
                line.unwrap_or_else(|| Line::empty(plan))
            })
            .collect()
    }
}

impl Line {
    fn empty(plan: &Plan) -> Timeline {
        let buckets = vec![Tally::default(); plan.bucket_count()];
        Self { buckets, samples: Vec::new(), latencies: Box::new([0; 256]), latest: None }.finish(plan)
    }

    fn finish(mut self, plan: &Plan) -> Timeline {
        let mut whole = Tally::default();
        for (bucket, count) in (0..=u8::MAX).zip(self.latencies.iter()).filter(|(_, count)| **count > 0) {
            whole.latencies.add_count(bucket, *count);
        }
        for tally in &mut self.buckets {
            whole.merge(tally);
            if !plan.bucket_sketches {
                tally.latencies = Sketch::default();
            }
        }
        self.samples.sort_unstable_by_key(|sample| (sample.timestamp, sample.id));
        self.samples.iter().for_each(|sample| whole.add(sample));
        let bucket = |(index, tally)| Bucket { start: plan.bucket_start(index), tally };
        let series = match plan.shape {
            Shape::Samples => Series::Samples(self.samples),
            Shape::Buckets { .. } => {
                Series::Buckets(self.buckets.into_iter().enumerate().map(bucket).collect())
            }
        };
        Timeline { series, whole, latest: self.latest }
    }
}

#[cfg(test)]
mod tests {
    use relay_core::{
        Timestamp,
        timeline::{Align, DailyFilter, Period},
    };

    use super::*;

    /// 2026-03-01 12:34:56 UTC.
    const NOW: Timestamp = Timestamp::from_secs(1_772_368_496);

    fn pieces(period: Period, align: Align, filter: Option<&str>) -> (usize, usize, usize) {
        let filter = filter.map(|text| DailyFilter::parse(text).expect("a filter"));
        let pieces = Pieces::of(&Plan::new(period, align, filter, NOW));
        (pieces.days.len(), pieces.slots.len(), pieces.samples.len())
    }

    #[test]
    fn the_largest_pieces_are_taken() {
        // The last second of the window is the first one of a slot that is not in it otherwise.
        assert_eq!(pieces(Period::Days30, Align::Now, None), (30, 0, 1));
        assert_eq!(pieces(Period::Year1, Align::Now, None), (364, 0, 1));
        assert_eq!(pieces(Period::Days7, Align::Now, Some("09:00-17:30")), (0, 7 * 17, 0));
        assert_eq!(pieces(Period::Hours24, Align::Hour, None), (0, 48, 1));
        // A sliding hour border splits every other slot.
        assert_eq!(pieces(Period::Hours24, Align::Now, None), (0, 24, 25));
        assert_eq!(pieces(Period::Minutes90, Align::Now, None), (0, 0, 4));
    }
}
