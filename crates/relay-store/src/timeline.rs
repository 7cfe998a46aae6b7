//! Folding rollups and samples into timelines. Shared by all drivers, and pure: a driver reads the rows that
//! [`Pieces`] names, in any order, and hands each to the [`Fold`].

use std::collections::HashMap;

use relay_core::{
    UnixSeconds,
    record::LatestRecord,
    time::DAY_SECS,
    timeline::{Bucket, Plan, SLOT_SECS, Sample, Series, Shape, Sketch, Tally, Timeline, Whole},
};

use crate::rollup::{Held, Malformed, MonitorId, day_of, each_sample, fold_tally, slot_of};

/// The largest pieces of time that a plan can be answered from.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Pieces {
    /// Whole days that fall into one bucket, with that bucket.
    pub(crate) days: Vec<(UnixSeconds, usize)>,
    /// Whole slots that fall into one bucket, with that bucket.
    pub(crate) slots: Vec<(UnixSeconds, usize)>,
    /// Slots whose records must be looked at one by one, with where they go.
    pub(crate) samples: Vec<(UnixSeconds, Cuts)>,
}

/// Where the records of one slot go: from each of these seconds on, rising, into that place. The first is the slot's
/// own first second.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Cuts(Vec<(UnixSeconds, Place)>);

/// Where a record goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Nowhere,
    Bucket(usize),
    ByItself,
}

impl Cuts {
    /// Cuts a slot where the plan does. A filter has its borders on those of slots, so the window and the buckets are
    /// all that can cut one.
    fn of(plan: &Plan, slot: UnixSeconds) -> Self {
        let inside = |at: &UnixSeconds| (slot..slot + SLOT_SECS).contains(at);
        let first = plan.bucket_of(slot.max(plan.window.start)).unwrap_or_default();
        let borders = (first..=first + 2).map(|bucket| plan.bucket_start(bucket));
        let mut cuts: Vec<UnixSeconds> = [slot, plan.window.start, plan.window.end + 1]
            .into_iter()
            .chain(borders)
            .filter(inside)
            .collect();
        cuts.sort_unstable();
        cuts.dedup();
        let place = |at: UnixSeconds| match (plan.counts(at), plan.bucket_of(at)) {
            (false, _) => Place::Nowhere,
            (true, Some(bucket)) => Place::Bucket(bucket),
            (true, None) => Place::ByItself,
        };
        Self(cuts.into_iter().map(|at| (at, place(at))).collect())
    }

    #[inline]
    fn place(&self, at: UnixSeconds) -> Place {
        self.0.iter().rev().find(|(from, _)| at >= *from).map_or(Place::Nowhere, |(_, place)| *place)
    }
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
                Whole::Split => self.samples.push((slot, Cuts::of(plan, slot))),
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
    /// Whether buckets have sketches of their own.
    sketches: bool,
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
                    sketches: plan.bucket_sketches,
                    latest,
                });
            }
        }
        fold
    }

    /// Takes over the newest record of a monitor.
    pub(crate) fn latest(&mut self, monitor: MonitorId, latest: LatestRecord) {
        if let Some(line) = self.line(monitor) {
            line.latest = Some(latest);
        }
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
        let plan = self.plan;
        let Some(line) = self.line(monitor) else { return Ok(()) };
        let Some(tally) = line.buckets.get_mut(bucket) else { return Ok(()) };
        let latencies = &mut line.latencies;
        if plan.bucket_sketches {
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
        if let Some(into) = self.line(monitor).and_then(|line| line.buckets.get_mut(bucket)) {
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
        pieces.samples.retain(|(slot, cuts)| {
            let Some(open) = held.slot(*slot) else { return true };
            for (monitor, open) in monitors.iter().filter_map(|id| Some((*id, open.get(id)?))) {
                if let Some(line) = self.line(monitor) {
                    open.samples.iter().for_each(|sample| line.sample(cuts, sample));
                }
            }
            false
        });
    }

    /// Counts the packed records of a stored slot one by one.
    pub(crate) fn packed_samples(
        &mut self,
        monitor: MonitorId,
        slot: UnixSeconds,
        cuts: &Cuts,
        packed: &[u8],
    ) -> Result<(), Malformed> {
        match self.line(monitor) {
            Some(line) => each_sample(packed, slot, |sample| line.sample(cuts, sample)),
            None => Ok(()),
        }
    }

    fn line(&mut self, monitor: MonitorId) -> Option<&mut Line> {
        self.places.get(&monitor).and_then(|place| self.lines.get_mut(*place))
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
        let (samples, latencies) = (Vec::new(), Box::new([0; 256]));
        Self { buckets, samples, latencies, sketches: plan.bucket_sketches, latest: None }.finish(plan)
    }

    #[inline]
    fn sample(&mut self, cuts: &Cuts, sample: &Sample) {
        match cuts.place(sample.timestamp) {
            Place::Nowhere => {}
            Place::ByItself => self.samples.push(*sample),
            Place::Bucket(bucket) if self.sketches => self.buckets[bucket].add(sample),
            Place::Bucket(bucket) => {
                self.buckets[bucket].add_counts(sample);
                if sample.status.is_available() {
                    let count = &mut self.latencies[usize::from(Sketch::bucket_of(sample.latency_ms))];
                    *count = count.saturating_add(1);
                }
            }
        }
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
    use proptest::prelude::*;
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

    proptest! {
        /// Second by second, the pieces say what the plan says, and each second is in one piece at most.
        #[test]
        fn pieces_place_every_second_as_the_plan_does(
            period in prop::sample::select(&Period::ALL[..4]),
            hourly in any::<bool>(),
            offset in 0i64..200_000,
            filter in prop::option::of((0u16..48, 0u16..=48)),
            around in -100i64..2000,
        ) {
            let half = |half: u16| format!("{:02}:{:02}", half / 2, half % 2 * 30);
            let filter = filter.and_then(|(start, end)| DailyFilter::parse(&format!("{}-{}", half(start), half(end))).ok());
            let align = if hourly { Align::Hour } else { Align::Now };
            let plan = Plan::new(period, align, filter, Timestamp::from_secs(NOW.as_secs() + offset));
            let pieces = Pieces::of(&plan);
            let start = slot_of(plan.window.start + around * SLOT_SECS);
            for at in (start..start + SLOT_SECS).chain([plan.window.start - 1, plan.window.start, plan.window.end, plan.window.end + 1]) {
                let (slot, day) = (slot_of(at), day_of(at));
                let whole = |list: &[(UnixSeconds, usize)], start: UnixSeconds| {
                    list.iter().filter(|piece| piece.0 == start).map(|piece| Place::Bucket(piece.1)).collect::<Vec<_>>()
                };
                let mut found = whole(&pieces.days, day);
                found.extend(whole(&pieces.slots, slot));
                found.extend(pieces.samples.iter().filter(|piece| piece.0 == slot).map(|piece| piece.1.place(at)));
                let expected = match (plan.counts(at), plan.bucket_of(at)) {
                    (false, _) => Place::Nowhere,
                    (true, Some(bucket)) => Place::Bucket(bucket),
                    (true, None) => Place::ByItself,
                };
                prop_assert!(found.len() <= 1);
                prop_assert_eq!(found.first().copied().unwrap_or(Place::Nowhere), expected);
            }
        }
    }
}
