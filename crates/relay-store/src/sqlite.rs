//! The repository in one SQLite file that this process owns.
//!
//! One thread writes ([`worker`], [`engine`]); readers have connections of their own ([`pool`]) and never wait for it.
//! Rollups of slots that records are still expected for are held in memory ([`memory`]) and written once, when their
//! slot is over; at start they are made again from the raw records that came after ([`load`]).

mod channels;
mod engine;
mod error;
mod events;
mod file;
#[cfg(test)]
mod guards;
mod imports;
mod load;
mod maintenance;
mod memory;
mod outbox;
mod pool;
mod rebuild;
mod records;
mod relay_pulse;
mod retention;
mod rollups;
mod row;
mod scratch;
mod states;
mod takeover;
mod timelines;
mod worker;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use relay_core::ports::{
    Clock,
    repository::{Error, LocalJobs},
};
use rusqlite::Connection;

pub use self::takeover::{TakenOver, is_relay_pulse, take_over};
use self::{
    error::closed,
    file::{Lock, Place},
    load::Damage,
    memory::Shared,
    pool::Readers,
    worker::Worker,
};
pub(crate) use self::{outbox::look as look_at_outbox, relay_pulse::RelayPulseFile, scratch::fill};
use crate::options::SqliteOptions;

/// The repository on SQLite. Dropping it closes the database in the background; [`Maintenance::close`] waits for it.
///
/// [`Maintenance::close`]: relay_core::ports::repository::Maintenance::close
pub struct SqliteRepository {
    worker: Worker,
    readers: Readers,
    reader_count: u32,
    shared: Arc<Shared>,
    jobs: LocalJobs,
    closed: AtomicBool,
}

impl fmt::Debug for SqliteRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteRepository").finish_non_exhaustive()
    }
}

impl SqliteRepository {
    /// Opens the database, makes it when there is none, and brings its schema and the memory up to date. Blocks the
    /// thread meanwhile. `clock` stamps events and tells which slots are the present ones.
    ///
    /// # Errors
    /// [`Error::Conflict`] when another process owns the database; [`Error::Unsupported`] when it was made by a newer
    /// version or by another program; [`Error::Corrupt`] when it is no database; [`Error::Unavailable`] when the path
    /// cannot be used. The sentence names the path, and nothing was changed.
    pub fn open(options: &SqliteOptions, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Self::open_with(options, clock, Damage::Refuse)
    }

    /// Opens it as [`SqliteRepository::open`] does, also when rollups that it needs at start cannot be read; for
    /// [`Maintenance::rebuild_rollups`] and nothing else: until then those are missing in answers.
    ///
    /// [`Maintenance::rebuild_rollups`]: relay_core::ports::repository::Maintenance::rebuild_rollups
    ///
    /// # Errors
    /// See [`SqliteRepository::open`].
    pub fn open_to_rebuild(options: &SqliteOptions, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        Self::open_with(options, clock, Damage::LeaveOut)
    }

    fn open_with(options: &SqliteOptions, clock: Arc<dyn Clock>, damage: Damage) -> Result<Self, Error> {
        file::prepare(&options.path)?;
        let lock = Lock::take(&options.path)?;
        let connection = pool::open_writer(options)?;
        let place = Place::of(&options.path)?;
        let engine = load::load(connection, clock, damage)?;
        let shared = Arc::clone(&engine.shared);
        let readers = Readers::new(options)?;
        place.check()?;
        let worker = Worker::start(engine, lock, place)?;
        Ok(Self {
            worker,
            readers,
            reader_count: options.readers,
            shared,
            jobs: LocalJobs::default(),
            closed: AtomicBool::new(false),
        })
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::SeqCst) { Err(closed()) } else { Ok(()) }
    }

    async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut Connection, &Shared) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.check_open()?;
        let shared = Arc::clone(&self.shared);
        self.readers.run(move |connection| read(connection, &shared)).await
    }
}
