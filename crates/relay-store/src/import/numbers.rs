//! The numbers under which records of a source are stored. Shared by all drivers, and pure.

use std::collections::HashSet;

use relay_core::{StoredRecord, record::RecordId};

/// Gives a new number, from `reserved` on, to each record whose own is in `taken`, that of one before it, or not below
/// `reserved`, the first that the store would give itself. Returns the next free one.
pub(crate) fn settle_numbers(
    records: &mut [StoredRecord],
    mut taken: HashSet<RecordId>,
    reserved: RecordId,
) -> RecordId {
    let mut next = reserved;
    for stored in records {
        let is_free = stored.id > 0 && stored.id < reserved && taken.insert(stored.id);
        if !is_free {
            stored.id = next;
            next += 1;
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use relay_testkit::{key, record};

    use super::*;

    #[test]
    fn a_record_keeps_a_number_that_is_reserved_and_nobodys() {
        let stored = |id| StoredRecord { id, record: record(&key("a/b"), 10).build() };
        let mut records = [3, 4, 4, 0, -1, 9, 10, 5].map(stored);
        let next = settle_numbers(&mut records, HashSet::from([5]), 10);
        assert_eq!(records.map(|one| one.id), [3, 4, 10, 11, 12, 9, 13, 14]);
        assert_eq!(next, 15);
    }
}
