//! The repository on SQLite: one file, one owning process.
//!
//! One thread owns the only writing connection; readers use a small pool of read-only ones. Rollups of open slots live
//! in memory (`head`), so a commit of some records dirties a page or two however many monitors they belong to.
//!
//! **One picture for readers.** A reader holds the head's lock while it opens its read transaction and copies what it
//! needs from memory; the writer holds the same lock while it commits and moves records into the head or out of it.
//! So rows and memory always fit together: a record is in exactly one of them.

mod connection;
mod error;
mod events;
mod lock;
mod maintenance;
mod migrate;
mod pool;
mod records;
mod row;
mod timelines;
mod write;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use relay_core::ports::{Clock, repository::Error};

use crate::{head::Head, options::SqliteOptions};

/// A SQLite database that this process owns.
pub struct SqliteRepository {
    readers: pool::Readers,
    writer: write::Writer,
    head: Arc<SharedHead>,
}

impl std::fmt::Debug for SqliteRepository {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteRepository").finish_non_exhaustive()
    }
}

impl SqliteRepository {
    /// Opens the database, made when it does not exist, brings its schema up to date and takes ownership. Blocks while
    /// it reads the open tail, a fraction of a second.
    ///
    /// # Errors
    /// [`Error::Conflict`] when another process owns it; [`Error::Unsupported`] when it is no database of ours or of a
    /// newer version; [`Error::Unavailable`] when the file cannot be opened or written; [`Error::Corrupt`].
    pub fn open(options: &SqliteOptions, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let lock = lock::OwnerLock::take(&options.path)?;
        let mut connection = connection::open_writer(options)?;
        migrate::run(&mut connection, &options.path, clock.now())?;
        let loaded = write::load(&connection)?;
        let head = Arc::new(SharedHead(RwLock::new(loaded.head)));
        let state = write::WriteSide {
            connection,
            head: Arc::clone(&head),
            clock,
            states: loaded.states,
            changed_states: HashMap::new(),
            next_id: loaded.next_id,
            _lock: lock,
        };
        Ok(Self { readers: pool::Readers::open(options)?, writer: write::Writer::start(state)?, head })
    }
}

/// The head behind its lock. Held for moments only, never across an await.
#[derive(Debug)]
struct SharedHead(RwLock<Head>);

impl SharedHead {
    fn read(&self) -> RwLockReadGuard<'_, Head> {
        // Writers change the head by infallible steps only, so a poisoned lock still guards a whole head.
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Head> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
