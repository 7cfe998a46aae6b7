use crate::{ProbeRecord, Status, StoredRecord, SubStatus, UnixSeconds, record::RecordId, timeline::Sketch};

/// What a timeline needs of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Sample {
    /// When the probe started.
    pub timestamp: UnixSeconds,
    /// The record's number; the higher one is newer at equal times.
    pub id: RecordId,
    /// Its status.
    pub status: Status,
    /// Its cause.
    pub sub_status: Option<SubStatus>,
    /// Its HTTP code, 0 when there was no answer.
    pub http_code: u16,
    /// Its latency in milliseconds.
    pub latency_ms: u32,
}

impl Sample {
    /// Returns what a timeline needs of `stored`.
    #[must_use]
    pub fn of(stored: &StoredRecord) -> Self {
        let ProbeRecord { timestamp, result, .. } = &stored.record;
        Self {
            timestamp: *timestamp,
            id: stored.id,
            status: result.status,
            sub_status: result.sub_status,
            http_code: result.http_code,
            latency_ms: result.latency_ms,
        }
    }
}

/// Everything that is counted over some records: the content of a bucket and of a stored rollup. Adding and merging
/// are exact and do not depend on order.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tally {
    /// Green records.
    pub green: u32,
    /// Yellow records.
    pub yellow: u32,
    /// Red records.
    pub red: u32,
    /// Records of no known status (imported ones only).
    pub missing: u32,
    /// Records by cause, at [`SubStatus::index`].
    pub causes: [u32; 8],
    /// Red records with a code, by cause and code: (cause, code, count), rising.
    pub codes: Vec<(SubStatus, u16, u32)>,
    /// Sum of the latencies of available records, in milliseconds.
    pub available_latency_sum: u64,
    /// Sum of the latencies of all records whose latency is above 0.
    pub positive_latency_sum: u64,
    /// How many records have a latency above 0.
    pub positive_latency_count: u32,
    /// Latencies of available records.
    pub latencies: Sketch,
    /// Time, number and status of the newest record.
    pub newest: Option<(UnixSeconds, RecordId, Status)>,
}

impl Tally {
    /// Counts one record.
    pub fn add(&mut self, sample: &Sample) {
        self.add_counts(sample);
        if sample.status.is_available() {
            self.latencies.add(sample.latency_ms);
        }
    }

    /// Counts one record but for its place in the latency sketch.
    pub fn add_counts(&mut self, sample: &Sample) {
        match sample.status {
            Status::Green => self.green += 1,
            Status::Yellow => self.yellow += 1,
            Status::Red => self.red += 1,
            Status::Missing => self.missing += 1,
        }
        if let Some(cause) = sample.sub_status {
            self.causes[cause.index()] += 1;
            if sample.status == Status::Red && sample.http_code > 0 {
                self.add_code(cause, sample.http_code, 1);
            }
        }
        if sample.status.is_available() {
            self.available_latency_sum += u64::from(sample.latency_ms);
        }
        if sample.latency_ms > 0 {
            self.positive_latency_sum += u64::from(sample.latency_ms);
            self.positive_latency_count += 1;
        }
        self.see_newest(Some((sample.timestamp, sample.id, sample.status)));
    }

    /// Counts everything that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        self.merge_counts(other);
        self.latencies.merge(&other.latencies);
    }

    /// Counts everything that `other` counted but for the latency sketch.
    pub fn merge_counts(&mut self, other: &Self) {
        self.green += other.green;
        self.yellow += other.yellow;
        self.red += other.red;
        self.missing += other.missing;
        for (mine, theirs) in self.causes.iter_mut().zip(other.causes) {
            *mine += theirs;
        }
        for &(cause, code, count) in &other.codes {
            self.add_code(cause, code, count);
        }
        self.available_latency_sum += other.available_latency_sum;
        self.positive_latency_sum += other.positive_latency_sum;
        self.positive_latency_count += other.positive_latency_count;
        self.see_newest(other.newest);
    }

    /// Counts `count` red records of one cause and code.
    pub fn add_code(&mut self, cause: SubStatus, code: u16, count: u32) {
        match self.codes.binary_search_by_key(&(cause, code), |entry| (entry.0, entry.1)) {
            Ok(at) => self.codes[at].2 += count,
            Err(at) => self.codes.insert(at, (cause, code, count)),
        }
    }

    /// Remembers the newer of what was seen and `other`, by (timestamp, id).
    pub fn see_newest(&mut self, other: Option<(UnixSeconds, RecordId, Status)>) {
        let Some(theirs) = other else { return };
        if self.newest.is_none_or(|mine| (theirs.0, theirs.1) > (mine.0, mine.1)) {
            self.newest = Some(theirs);
        }
    }

    /// Returns the number of records.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.green + self.yellow + self.red + self.missing
    }

    /// Returns the number of available records.
    #[must_use]
    pub fn available(&self) -> u32 {
        self.green + self.yellow
    }

    /// Returns `(green + weight · yellow) / total · 100`, `None` when there are no records.
    #[must_use]
    pub fn availability(&self, degraded_weight: f64) -> Option<f64> {
        let total = self.total();
        (total > 0).then(|| {
            (f64::from(self.green) + degraded_weight * f64::from(self.yellow)) / f64::from(total) * 100.0
        })
    }

    /// Returns the mean latency in milliseconds, rounded half up: of the available records, else of all records whose
    /// latency is above 0, else 0.
    #[must_use]
    pub fn mean_latency(&self) -> u32 {
        let mean = |sum: u64, count: u32| {
            let count = u64::from(count);
            u32::try_from((2 * sum + count) / (2 * count)).unwrap_or(u32::MAX)
        };
        match (self.available(), self.positive_latency_count) {
            (0, 0) => 0,
            (0, count) => mean(self.positive_latency_sum, count),
            (count, _) => mean(self.available_latency_sum, count),
        }
    }

    /// Returns the status of the newest record, [`Status::Missing`] when there are none.
    #[must_use]
    pub fn status(&self) -> Status {
        self.newest.map_or(Status::Missing, |(_, _, status)| status)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(id: i64, timestamp: i64, status: Status, latency_ms: u32) -> Sample {
        Sample { timestamp, id, status, sub_status: None, http_code: 200, latency_ms }
    }

    fn tally(samples: &[Sample]) -> Tally {
        let mut tally = Tally::default();
        samples.iter().for_each(|sample| tally.add(sample));
        tally
    }

    #[test]
    fn yellow_counts_by_its_weight() {
        let counted = tally(&[sample(1, 1, Status::Green, 10), sample(2, 2, Status::Yellow, 10)]);
        assert_eq!(counted.availability(0.7), Some(85.0));
        assert_eq!(Tally::default().availability(0.7), None);
    }

    #[test]
    fn latency_prefers_available_records_and_rounds_half_up() {
        let red = sample(3, 3, Status::Red, 900);
        assert_eq!(
            tally(&[sample(1, 1, Status::Green, 1), sample(2, 2, Status::Green, 2), red]).mean_latency(),
            2
        );
        assert_eq!(tally(&[red, sample(4, 4, Status::Red, 0)]).mean_latency(), 900);
        assert_eq!(Tally::default().mean_latency(), 0);
    }

    #[test]
    fn the_newest_wins_and_at_equal_times_the_higher_id() {
        let counted = tally(&[sample(2, 5, Status::Red, 1), sample(1, 5, Status::Green, 1)]);
        assert_eq!(counted.status(), Status::Red);
    }

    fn any_sample() -> impl Strategy<Value = Sample> {
        (0i64..50, 0i64..50, -1i64..3, prop::option::of(0usize..8), 0u16..600, 0u32..5000).prop_map(
            |(timestamp, id, status, cause, http_code, latency_ms)| Sample {
                timestamp,
                id,
                status: Status::from_code(status),
                sub_status: cause.and_then(SubStatus::from_index),
                http_code,
                latency_ms,
            },
        )
    }

    proptest! {
        #[test]
        fn merging_parts_equals_counting_the_whole(
            samples in prop::collection::vec(any_sample(), 0..40),
            split in 0usize..40,
        ) {
            let split = split.min(samples.len());
            let (left, right) = samples.split_at(split);
            let mut merged = tally(right);
            merged.merge(&tally(left));
            let whole = tally(&samples);
            // Two records of one (timestamp, id) cannot exist; random ones may, and then either may be the newest.
            prop_assert_eq!(
                Tally { newest: None, ..merged.clone() },
                Tally { newest: None, ..whole.clone() }
            );
            prop_assert_eq!(merged.newest.map(|n| (n.0, n.1)), whole.newest.map(|n| (n.0, n.1)));
        }
    }
}
