//! How many records are stored in one transaction.

use std::collections::BTreeMap;

use relay_core::{MonitorKey, StoredRecord, UnixSeconds, ports::repository::ImportedDay};

use crate::rollup::slot_of;

/// Cuts the records of a day into pieces. A piece ends with a slot where it can, so that each slot is stored once, and
/// never in the middle of a second: whether two records are the same can only be told with all others of their second.
#[derive(Debug)]
pub(super) struct Chunks {
    piece: Vec<StoredRecord>,
    limit: usize,
}

impl Chunks {
    /// Makes pieces of about `limit` records, twice as many at most, but for a second that has more.
    pub(super) fn of(limit: usize) -> Self {
        Self { piece: Vec::new(), limit: limit.max(1) }
    }

    /// Takes a record; returns the piece that it no longer belongs to.
    pub(super) fn push(&mut self, stored: StoredRecord) -> Option<Vec<StoredRecord>> {
        let is_whole = self.piece.last().is_some_and(|last| {
            let ends = |at: fn(&StoredRecord) -> UnixSeconds| {
                at(last) != at(&stored) || service(last) != service(&stored)
            };
            let length = self.piece.len();
            (length >= self.limit && ends(|one| slot_of(one.record.timestamp)))
                || (length >= 2 * self.limit && ends(|one| one.record.timestamp))
        });
        let whole = is_whole.then(|| std::mem::take(&mut self.piece));
        self.piece.push(stored);
        whole
    }

    /// Returns the last piece, which may be empty.
    pub(super) fn rest(self) -> Vec<StoredRecord> {
        self.piece
    }
}

/// Sources hand over the time of one service after the other, or of all at once.
fn service(stored: &StoredRecord) -> (&str, &str) {
    let key = &stored.record.key;
    (key.provider(), key.service())
}

/// Puts the records of a piece together by monitor.
pub(super) fn by_monitor(day: UnixSeconds, piece: Vec<StoredRecord>) -> Vec<ImportedDay> {
    let mut monitors: BTreeMap<MonitorKey, Vec<StoredRecord>> = BTreeMap::new();
    for stored in piece {
        match monitors.get_mut(&stored.record.key) {
            Some(records) => records.push(stored),
            None => drop(monitors.insert(stored.record.key.clone(), vec![stored])),
        }
    }
    monitors.into_iter().map(|(key, records)| ImportedDay { key, day, records }).collect()
}

#[cfg(test)]
mod tests {
    use relay_testkit::{key, record};

    use super::*;

    fn pieces(limit: usize, records: &[(&str, i64)]) -> Vec<usize> {
        let mut chunks = Chunks::of(limit);
        let mut sizes = Vec::new();
        for (name, at) in records {
            let stored = StoredRecord { id: 0, record: record(&key(name), *at).build() };
            sizes.extend(chunks.push(stored).map(|piece| piece.len()));
        }
        sizes.push(chunks.rest().len());
        sizes
    }

    #[test]
    fn a_piece_ends_with_a_slot_or_else_with_a_second() {
        let in_slots: Vec<_> = (0..8).map(|index| ("a/s", index * 600)).collect();
        assert_eq!(pieces(2, &in_slots), [3, 3, 2]);
        let in_one_slot: Vec<_> = (0..8).map(|index| ("a/s", index / 2)).collect();
        assert_eq!(pieces(2, &in_one_slot), [4, 4]);
        let in_one_second: Vec<_> = (0..8).map(|_| ("a/s", 7)).collect();
        assert_eq!(pieces(2, &in_one_second), [8]);
    }

    #[test]
    fn a_piece_ends_with_a_service_that_was_handed_over() {
        assert_eq!(pieces(2, &[("a/s", 1), ("a/s", 2), ("b/s", 2), ("b/s", 3)]), [2, 2]);
    }
}
