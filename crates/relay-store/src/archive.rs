//! The archive: one CSV file per UTC day, written before retention deletes the day's records.
//!
//! [`Archiver`] writes what is missing when it starts and daily at 03:00 UTC. A file gets its name only when it is
//! complete and on disk, so whatever has such a name is done and is never written again. Several instances may archive:
//! each day has a lock, and each instance its own folder or the same one. [`hold`] tells the cleaner which days it must
//! not delete yet, and [`read`] reads a file back.

mod days;
mod file;
mod format;
mod hold;
mod metrics;
mod read;

use std::{
    io,
    sync::{Arc, Mutex, PoisonError},
};

use relay_core::{
    StoredRecord,
    ports::{
        Clock,
        repository::{Error, ExportQuery, Job, Retention},
    },
};
use tokio::time::{Duration, Instant, sleep};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use self::{
    days::{Day, DayWindow, is_expired, next_due},
    file::{Found, PartFile},
    metrics::Counts,
};
use crate::options::ArchiveOptions;

pub(crate) use hold::hold;
pub use read::{ReadError, Records, read};

/// Records that are in memory at a time.
const PAGE: u32 = 2_000;

/// How soon it is tried again after a failure.
const RETRY: Duration = Duration::from_secs(15 * 60);

/// The longest sleep without a look at the clock, which may be set meanwhile.
const LOOK: Duration = Duration::from_secs(60);

/// What an archiver works with.
pub struct ArchiverDeps {
    /// Where the records are.
    pub store: Arc<dyn Retention>,
    /// Says which day it is.
    pub clock: Arc<dyn Clock>,
}

/// Writes days to files; see the module. Start it with [`Archiver::run`].
pub struct Archiver {
    options: ArchiveOptions,
    store: Arc<dyn Retention>,
    clock: Arc<dyn Clock>,
    counts: Counts,
    /// What is wrong, as long as something is.
    trouble: Mutex<Option<String>>,
}

impl std::fmt::Debug for Archiver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Archiver").field("options", &self.options).finish_non_exhaustive()
    }
}

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("cannot write to {folder}: {source}")]
    Folder { folder: String, source: io::Error },
    #[error(transparent)]
    Store(#[from] Error),
}

/// What a run did.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Done {
    files: u64,
    records: u64,
    removed: u64,
}

impl Archiver {
    /// Makes an archiver.
    #[must_use]
    pub fn new(options: ArchiveOptions, deps: ArchiverDeps) -> Arc<Self> {
        let ArchiverDeps { store, clock } = deps;
        Arc::new(Self { options, store, clock, counts: Counts::default(), trouble: Mutex::default() })
    }

    /// Archives now and daily, until `stop` is cancelled. A file that is being written then is given up, and written
    /// again after the next start.
    pub async fn run(&self, stop: CancellationToken) {
        while !stop.is_cancelled() {
            let worked = self.archive(&stop).await;
            let due = next_due(self.clock.now().as_secs());
            let begun = Instant::now();
            let is_due = || self.clock.now().as_secs() >= due || !worked && begun.elapsed() >= RETRY;
            while !is_due() && !stop.is_cancelled() {
                tokio::select! {
                    () = stop.cancelled() => {}
                    () = sleep(LOOK) => {}
                }
            }
        }
    }

    /// Writes the files that are missing and removes those that are too old, once. Returns whether everything worked;
    /// what did not is in the log.
    pub async fn archive(&self, stop: &CancellationToken) -> bool {
        let (begun, mut done) = (Instant::now(), Done::default());
        let outcome = self.try_archive(stop, &mut done).await;
        self.counts.ran(&done, outcome.is_ok(), self.clock.now());
        if done != Done::default() {
            info!(
                files = done.files,
                records = done.records,
                removed = done.removed,
                duration_ms = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
                "archived"
            );
        }
        let trouble = outcome.as_ref().err().map(ToString::to_string);
        let mut known = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        match &trouble {
            Some(text) if known.as_ref() != Some(text) => {
                error!(error = %text, "cannot archive; it is tried again, and records that are to be archived stay");
            }
            None if known.is_some() => info!("archiving works again"),
            _ => {}
        }
        *known = trouble;
        outcome.is_ok()
    }

    async fn try_archive(&self, stop: &CancellationToken, done: &mut Done) -> Result<(), Trouble> {
        let now = self.clock.now().as_secs();
        let found = self.scan().await?;
        self.remove_leftovers(&found).await?;
        for name in found.files.iter().filter(|name| !name.part && is_expired(name.day, now, &self.options)) {
            let name = *name;
            self.block(move |folder| file::remove(folder, name)).await?;
            done.removed += 1;
        }
        for day in DayWindow::at(now, &self.options).days() {
            if stop.is_cancelled() {
                break;
            }
            if !found.archived.contains(&day) {
                let records = self.archive_day(day, stop).await?;
                done.files += u64::from(records > 0);
                done.records += records;
            }
        }
        Ok(())
    }

    /// Removes what an instance left behind that was killed while it wrote.
    async fn remove_leftovers(&self, found: &Found) -> Result<(), Trouble> {
        for name in found.files.iter().copied().filter(|name| name.part) {
            // Whoever holds the lock may be writing it just now.
            if let Some(_lock) = self.store.lock_job(Job::Archive(name.day.start())).await? {
                self.block(move |folder| file::remove(folder, name)).await?;
            }
        }
        Ok(())
    }

    /// Writes the file of a day and returns how many records are in it; without any there is no file.
    async fn archive_day(&self, day: Day, stop: &CancellationToken) -> Result<u64, Trouble> {
        let Some(_lock) = self.store.lock_job(Job::Archive(day.start())).await? else { return Ok(0) };
        // Whoever had the lock before may have written it.
        if self.scan().await?.archived.contains(&day) {
            return Ok(0);
        }
        let mut query = ExportQuery { from: day.start(), until: day.end(), after: None, limit: PAGE };
        let (mut part, mut count) = (None, 0);
        loop {
            let page = self.store.export(&query).await?;
            if stop.is_cancelled() {
                return Ok(0);
            }
            count += page.records.len() as u64;
            if !page.records.is_empty() {
                part = Some(self.write(part, day, page.records).await?);
            }
            match page.next {
                Some(next) => query.after = Some(next),
                None => break,
            }
        }
        if let Some(part) = part {
            self.block(move |_| part.finish()).await?;
        }
        Ok(count)
    }

    async fn write(
        &self,
        part: Option<PartFile>,
        day: Day,
        records: Vec<StoredRecord>,
    ) -> Result<PartFile, Trouble> {
        let compressed = self.options.compressed;
        self.block(move |folder| {
            let mut part = match part {
                Some(part) => part,
                None => {
                    file::prepare(folder)?;
                    PartFile::create(folder, day, compressed)?
                }
            };
            part.write(&records)?;
            Ok(part)
        })
        .await
    }

    async fn scan(&self) -> Result<Found, Trouble> {
        self.block(file::scan).await
    }

    /// Does something with the folder on a thread that may block.
    async fn block<T: Send + 'static>(
        &self,
        work: impl FnOnce(&std::path::Path) -> io::Result<T> + Send + 'static,
    ) -> Result<T, Trouble> {
        let folder = self.options.folder.clone();
        let outcome = tokio::task::spawn_blocking(move || work(&folder)).await;
        outcome
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(|source| Trouble::Folder { folder: self.options.folder.display().to_string(), source })
    }
}
