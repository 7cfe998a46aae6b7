//! Ageing of records: first the record goes and is only counted in its slot, then in its day, then not at all.

use std::collections::BTreeSet;

use async_trait::async_trait;
use relay_core::{
    MonitorKey, StoredRecord, UnixSeconds,
    ports::repository::{Error, ExportMark, ExportPage, ExportQuery, Job, JobLock, Retention},
    time::DAY_SECS,
    timeline::SLOT_SECS,
};

use super::{MemoryRepository, day_of};

/// A record that is only counted any more.
pub(super) struct Aged {
    pub(super) stored: StoredRecord,
    /// Whether its slot is still known, or only its day.
    pub(super) in_slot: bool,
}

impl Aged {
    /// Returns start and length of the piece of time it is counted in.
    pub(super) fn piece(&self) -> (UnixSeconds, i64) {
        let at = self.stored.record.timestamp;
        if self.in_slot { (slot_of(at), SLOT_SECS) } else { (day_of(at), DAY_SECS) }
    }
}

pub(super) fn slot_of(at: UnixSeconds) -> UnixSeconds {
    at.div_euclid(SLOT_SECS).saturating_mul(SLOT_SECS)
}

impl MemoryRepository {
    /// Returns the border up to which nothing is counted live: the slot before the present one.
    fn live_from(&self) -> UnixSeconds {
        slot_of(self.clock.now().as_secs()) - SLOT_SECS
    }
}

#[async_trait]
impl Retention for MemoryRepository {
    async fn lock_job(&self, job: Job) -> Result<Option<JobLock>, Error> {
        drop(self.working()?);
        Ok(self.jobs.take(job))
    }

    async fn oldest_record(&self) -> Result<Option<UnixSeconds>, Error> {
        Ok(self.working()?.records.iter().map(|stored| stored.record.timestamp).min())
    }

    async fn export(&self, query: &ExportQuery) -> Result<ExportPage, Error> {
        let state = self.working()?;
        let place = |stored: &StoredRecord| ExportMark { at: stored.record.timestamp, id: stored.id };
        let mut records: Vec<StoredRecord> = state
            .records
            .iter()
            .filter(|stored| (query.from..query.until).contains(&stored.record.timestamp))
            .filter(|stored| query.after.is_none_or(|after| place(stored) > after))
            .cloned()
            .collect();
        records.sort_by_key(place);
        let more = records.len() > query.limit.max(1) as usize;
        records.truncate(query.limit.max(1) as usize);
        let next = records.last().filter(|_| more).map(place);
        Ok(ExportPage { records, next })
    }

    async fn delete_records(&self, before: UnixSeconds, limit: u32) -> Result<u64, Error> {
        let before = slot_of(before).min(self.live_from());
        let mut state = self.working()?;
        let mut pieces: Vec<(UnixSeconds, MonitorKey)> = state
            .records
            .iter()
            .map(|stored| (slot_of(stored.record.timestamp), stored.record.key.clone()))
            .filter(|(slot, _)| *slot < before)
            .collect();
        pieces.sort();
        // Whole pieces of one monitor and slot, until there are enough.
        let enough = pieces.get((limit.max(1) as usize).min(pieces.len()).saturating_sub(1)).cloned();
        let Some(last) = enough else { return Ok(0) };
        let (gone, kept): (Vec<_>, Vec<_>) = std::mem::take(&mut state.records)
            .into_iter()
            .partition(|stored| (slot_of(stored.record.timestamp), &stored.record.key) <= (last.0, &last.1));
        state.records = kept;
        let count = gone.len() as u64;
        state.aged.extend(gone.into_iter().map(|stored| Aged { stored, in_slot: true }));
        state.raw_horizon = state.raw_horizon.max(Some(last.0 + SLOT_SECS));
        Ok(count)
    }

    async fn delete_slots(&self, before: UnixSeconds, limit: u32) -> Result<u64, Error> {
        let before = slot_of(before).min(day_of(self.live_from()));
        let mut state = self.working()?;
        let old: BTreeSet<(UnixSeconds, MonitorKey)> = state
            .aged
            .iter()
            .filter(|aged| aged.in_slot)
            .map(|aged| (aged.piece().0, aged.stored.record.key.clone()))
            .filter(|(slot, _)| *slot < before)
            .collect();
        let doomed: BTreeSet<_> = old.into_iter().take(limit.max(1) as usize).collect();
        for aged in &mut state.aged {
            aged.in_slot &= !doomed.contains(&(aged.piece().0, aged.stored.record.key.clone()));
        }
        Ok(doomed.len() as u64)
    }

    async fn delete_days(&self, before: UnixSeconds, limit: u32) -> Result<u64, Error> {
        let before = day_of(before).min(day_of(self.live_from()));
        let mut state = self.working()?;
        let aged = state
            .aged
            .iter()
            .map(|aged| (day_of(aged.stored.record.timestamp), aged.stored.record.key.clone()));
        let imported = state.imported.keys().map(|(key, day)| (*day, key.clone()));
        let old: BTreeSet<_> = aged.chain(imported).filter(|(day, _)| *day < before).collect();
        let doomed: BTreeSet<_> = old.into_iter().take(limit.max(1) as usize).collect();
        state.aged.retain(|aged| {
            let record = &aged.stored.record;
            !doomed.contains(&(day_of(record.timestamp), record.key.clone()))
        });
        state.imported.retain(|(key, day), _| !doomed.contains(&(*day, key.clone())));
        Ok(doomed.len() as u64)
    }

    async fn reclaim(&self, _bytes: u64) -> Result<u64, Error> {
        self.working().map(|_| 0)
    }

    async fn raw_horizon(&self) -> Result<Option<UnixSeconds>, Error> {
        Ok(self.working()?.raw_horizon)
    }
}
