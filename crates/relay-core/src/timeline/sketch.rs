use std::sync::LazyLock;

/// A mergeable latency histogram from which any quantile can be read with a relative error of at most 5 %.
///
/// Bucket `i` holds the values `[BOUNDS[i], BOUNDS[i + 1])`, where each bound is 1.1 times the one before, rounded
/// down, and at least one more: the logarithmic buckets of `DDSketch` (Masson, Rim, Lee, VLDB 2019) on whole
/// milliseconds. Values below 20 ms are exact. Merging adds counts, so it loses nothing and order does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sketch {
    /// (bucket, count), buckets rising, counts positive.
    entries: Vec<(u8, u32)>,
}

/// Lower bounds of the buckets; `BOUNDS[0]` is 0. The last bucket has no upper bound.
static BOUNDS: LazyLock<Vec<u32>> = LazyLock::new(|| {
    let mut bounds = vec![0u32];
    while bounds.len() < 256 {
        let last = bounds[bounds.len() - 1];
        let next = (last / 10 * 11 + last % 10 * 11 / 10).max(last + 1);
        if next > 1_000_000_000 {
            break;
        }
        bounds.push(next);
    }
    bounds
});

/// The buckets of the values that latencies usually have: looking one up is several times faster than searching.
static BUCKETS: LazyLock<Vec<u8>> = LazyLock::new(|| (0..8192).map(search).collect());

fn search(millis: u32) -> u8 {
    let bucket = BOUNDS.partition_point(|bound| *bound <= millis) - 1;
    u8::try_from(bucket).unwrap_or(u8::MAX)
}

impl Sketch {
    /// Counts one value, in milliseconds.
    pub fn add(&mut self, millis: u32) {
        self.add_count(Self::bucket_of(millis), 1);
    }

    /// Returns the bucket of a value, for those who count many values before they build a sketch.
    #[must_use]
    pub fn bucket_of(millis: u32) -> u8 {
        match BUCKETS.get(millis as usize) {
            Some(bucket) => *bucket,
            None => search(millis),
        }
    }

    /// Counts everything that `other` counted.
    pub fn merge(&mut self, other: &Self) {
        if self.entries.is_empty() {
            self.entries.clone_from(&other.entries);
            return;
        }
        for &(bucket, count) in &other.entries {
            self.add_count(bucket, count);
        }
    }

    /// Counts `count` values of one bucket; for reading stored sketches back.
    pub fn add_count(&mut self, bucket: u8, count: u32) {
        match self.entries.binary_search_by_key(&bucket, |entry| entry.0) {
            Ok(at) => self.entries[at].1 = self.entries[at].1.saturating_add(count),
            Err(at) if count > 0 => self.entries.insert(at, (bucket, count)),
            Err(_) => {}
        }
    }

    /// Returns the (bucket, count) pairs, buckets rising; for storing.
    #[must_use]
    pub fn entries(&self) -> &[(u8, u32)] {
        &self.entries
    }

    /// Returns the value below or at which the share `q` (0–1) of all values lies, in milliseconds; `None` when
    /// nothing was counted. Off by at most 5 % of the true value at rank `⌈q · n⌉`.
    #[must_use]
    pub fn quantile(&self, q: f64) -> Option<u32> {
        let total: u64 = self.entries.iter().map(|entry| u64::from(entry.1)).sum();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 1 and total")]
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let rank = (q.clamp(0.0, 1.0) * total as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        self.entries.iter().find_map(|&(bucket, count)| {
            seen += u64::from(count);
            (seen >= rank).then(|| middle(bucket))
        })
    }
}

/// The value that stands for a bucket: its middle, off by at most half its width.
fn middle(bucket: u8) -> u32 {
    let low = BOUNDS.get(usize::from(bucket)).copied().unwrap_or(u32::MAX);
    let high = BOUNDS.get(usize::from(bucket) + 1).map_or(low, |next| next - 1);
    low + (high - low) / 2
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn an_empty_sketch_has_no_quantile() {
        assert_eq!(Sketch::default().quantile(0.5), None);
    }

    #[test]
    fn buckets_looked_up_and_searched_are_the_same_and_rise() {
        for millis in 0..10_000 {
            assert_eq!(Sketch::bucket_of(millis), search(millis));
            assert!(Sketch::bucket_of(millis) <= Sketch::bucket_of(millis + 1));
        }
    }

    proptest! {
        /// The stated error, against sorting the values.
        #[test]
        fn quantiles_are_within_five_percent(
            mut values in prop::collection::vec(0u32..700_000, 1..300),
            split in 0usize..300,
            q in 0.0f64..=1.0,
        ) {
            let (mut left, mut right) = (Sketch::default(), Sketch::default());
            for (index, value) in values.iter().enumerate() {
                if index < split { left.add(*value) } else { right.add(*value) }
            }
            left.merge(&right);
            values.sort_unstable();
            let rank = ((q * values.len() as f64).ceil() as usize).max(1);
            let exact = f64::from(values[rank - 1]);
            let read = f64::from(left.quantile(q).expect("values were added"));
            prop_assert!((read - exact).abs() <= exact * 0.05, "{read} for {exact}");
        }
    }
}
