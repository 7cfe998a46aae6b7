use std::{
    collections::BTreeSet,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use async_trait::async_trait;

use crate::{StoredRecord, UnixSeconds, ports::repository::Error, record::RecordId};

/// What deleting and archiving old data needs of a backend: steps that are small, so that the caller can pace them,
/// and locks between the instances that share a database.
///
/// Raw records are deleted by whole half-hour slots: a border that is none is rounded down to one. Events, event
/// states and newest records are never deleted, and counts only by the methods that say so: deleting raw records
/// changes no timeline that is made of counts.
#[async_trait]
pub trait Retention: Send + Sync {
    /// Takes the lock of a job, or returns `None` while somebody else holds it, in this process or another one that
    /// uses the same database. Never waits for it.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn lock_job(&self, job: Job) -> Result<Option<JobLock>, Error>;

    /// Returns the timestamp of the oldest raw record, `None` when there is none. Where rows were deleted by hand it
    /// may be earlier, but never later.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    async fn oldest_record(&self) -> Result<Option<UnixSeconds>, Error>;

    /// Returns one page of the raw records of all monitors in a range of time, slot by slot, oldest slot first; inside
    /// of a slot the order is the backend's. Each page is read for itself: a record that comes in between is found
    /// when it lies after the pages that were read.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Corrupt`].
    async fn export(&self, query: &ExportQuery) -> Result<ExportPage, Error>;

    /// Deletes raw records of slots that end at or before `before`, the oldest slots first, in one transaction: about
    /// `limit` of them, and more only by what one monitor has in one slot. Returns how many were deleted; 0 means that
    /// none are left. `before` is at most the beginning of what live records are still counted into; later ones are
    /// taken for that.
    ///
    /// # Errors
    /// [`Error::Unavailable`], [`Error::Conflict`] when others write the same rows: the same can be asked again.
    async fn delete_records(&self, before: UnixSeconds, limit: u32) -> Result<u64, Error>;

    /// Deletes the counts of at most `limit` (slot, monitor) whose slots end at or before `before`, oldest first, in
    /// one transaction, and returns how many were deleted. The raw records of these slots must have been deleted
    /// before. `before` is at most the beginning of a day that live records are still counted into.
    ///
    /// # Errors
    /// As [`Retention::delete_records`].
    async fn delete_slots(&self, before: UnixSeconds, limit: u32) -> Result<u64, Error>;

    /// Deletes the counts of at most `limit` (UTC day, monitor) whose days end at or before `before`, as
    /// [`Retention::delete_slots`] does. Records and slots of these days must have been deleted before.
    ///
    /// # Errors
    /// As [`Retention::delete_records`].
    async fn delete_days(&self, before: UnixSeconds, limit: u32) -> Result<u64, Error>;

    /// Gives at most `bytes` of free space back to the system, in a step of its own, and returns how many it gave; 0
    /// when there is nothing worth it: space that new records will soon fill again is kept, and a backend that sees to
    /// its space itself always returns 0.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn reclaim(&self, bytes: u64) -> Result<u64, Error>;

    /// Returns the moment from which on raw records were never deleted by this port, and counts never brought in without
    /// records, a slot's border; `None` when there was neither. Counts of slots that begin at or after it can be made again from the raw records, earlier ones cannot.
    ///
    /// # Errors
    /// [`Error::Unavailable`].
    async fn raw_horizon(&self) -> Result<Option<UnixSeconds>, Error>;
}

/// Something that only one instance at a time should do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Job {
    /// Deleting what is too old.
    Clean,
    /// Writing the archive of the UTC day with this first second.
    Archive(UnixSeconds),
}

/// Holds a job until it is dropped.
#[must_use = "the job is let go of when this is dropped"]
pub struct JobLock {
    _held: Box<dyn Send + Sync>,
}

impl JobLock {
    /// Makes a lock of whatever holds it in the backend and lets go when dropped.
    pub fn new(held: impl Send + Sync + 'static) -> Self {
        Self { _held: Box::new(held) }
    }
}

impl fmt::Debug for JobLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JobLock").finish_non_exhaustive()
    }
}

/// The jobs of a database that one process has for itself.
#[derive(Debug, Clone, Default)]
pub struct LocalJobs(Arc<Mutex<BTreeSet<Job>>>);

impl LocalJobs {
    /// Takes a job, or returns `None` while somebody has it.
    #[must_use]
    pub fn take(&self, job: Job) -> Option<JobLock> {
        let free = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(job);
        free.then(|| JobLock::new(Taken { jobs: self.clone(), job }))
    }
}

struct Taken {
    jobs: LocalJobs,
    job: Job,
}

impl Drop for Taken {
    fn drop(&mut self) {
        self.jobs.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.job);
    }
}

/// Which raw records are to be exported.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExportQuery {
    /// The first second that counts.
    pub from: UnixSeconds,
    /// The first second that counts no more.
    pub until: UnixSeconds,
    /// Where the page before ended, `None` for the first page.
    pub after: Option<ExportMark>,
    /// At most this many records.
    pub limit: u32,
}

/// Some exported records.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ExportPage {
    /// The records; may be empty although more follow.
    pub records: Vec<StoredRecord>,
    /// Where to go on, `None` at the end.
    pub next: Option<ExportMark>,
}

/// Where a page of an export ended. Only the backend that gave it understands it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ExportMark {
    /// The time it ended at.
    pub at: UnixSeconds,
    /// The record it ended at.
    pub id: RecordId,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_is_dyn_compatible() {
        fn takes(_: Option<&dyn Retention>) {}
        takes(None);
    }

    #[test]
    fn a_job_is_free_again_when_its_lock_is_gone() {
        let jobs = LocalJobs::default();
        let lock = jobs.take(Job::Clean).expect("free");
        assert!(jobs.clone().take(Job::Clean).is_none());
        assert!(jobs.take(Job::Archive(0)).is_some());
        drop(lock);
        assert!(jobs.take(Job::Clean).is_some());
    }
}
