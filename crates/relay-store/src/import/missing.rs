//! What an import adds to what is there. Shared by all drivers, and pure.

use std::collections::HashMap;

use relay_core::{StoredRecord, UnixSeconds, timeline::Sample};

/// What makes two records of one monitor the same: columns that every age of a source has.
fn identity(sample: &Sample) -> (UnixSeconds, i8, u32) {
    (sample.timestamp, sample.status.code(), sample.latency_ms)
}

/// Returns those of `records` that are not among `present`; of several same ones, those that are more than there are.
pub(crate) fn missing<'a>(
    present: impl Iterator<Item = &'a Sample>,
    mut records: Vec<StoredRecord>,
) -> Vec<StoredRecord> {
    let mut known: HashMap<_, u32> = HashMap::new();
    present.for_each(|sample| *known.entry(identity(sample)).or_default() += 1);
    records.retain(|stored| match known.get_mut(&identity(&Sample::of(stored))) {
        Some(count) if *count > 0 => {
            *count -= 1;
            false
        }
        _ => true,
    });
    records
}

#[cfg(test)]
mod tests {
    use relay_testkit::{key, record};

    use super::*;

    fn stored(id: i64, at: i64, latency: u32) -> StoredRecord {
        StoredRecord { id, record: record(&key("a/b"), at).latency(latency).build() }
    }

    #[test]
    fn of_same_records_as_many_stay_as_the_fuller_side_has() {
        let present = [stored(1, 10, 5), stored(2, 10, 5), stored(3, 11, 5)].map(|one| Sample::of(&one));
        let records = vec![stored(7, 10, 5), stored(8, 11, 5), stored(9, 11, 5), stored(10, 11, 6)];
        let ids: Vec<_> = missing(present.iter(), records).iter().map(|one| one.id).collect();
        assert_eq!(ids, [9, 10]);
    }
}
