//! What a caller decides about the store.

use std::{path::PathBuf, time::Duration};

/// Where the data is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Options {
    /// In an SQLite file that this process owns.
    Sqlite(SqliteOptions),
}

/// How the SQLite file is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The file. It is made when it does not exist, in a folder that does. `<path>.lock`, `<path>-wal` and `<path>-shm` stand
    /// beside it. Never on a network file system.
    pub path: PathBuf,
    /// How many readers may work at once, at least 1.
    pub readers: u32,
    /// How long to wait for a lock that somebody else holds, such as an operator with the sqlite3 shell.
    pub busy_timeout: Duration,
}

impl SqliteOptions {
    /// Uses the file at `path`, with 4 readers and a busy timeout of 5 s.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), readers: 4, busy_timeout: Duration::from_secs(5) }
    }
}

/// How the writer groups and queues records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriterOptions {
    /// How long the first record of a group waits for others.
    pub window: Duration,
    /// A group of this many records is written at once.
    pub batch: usize,
    /// How many records wait while the store is away; then the oldest are dropped.
    pub queue: usize,
    /// The longest pause between two tries while the store is away.
    pub retry_pause: Duration,
}

/// 100 ms, 1,000 records, a queue of 100,000, at most 5 s between tries.
impl Default for WriterOptions {
    fn default() -> Self {
        Self {
            window: Duration::from_millis(100),
            batch: 1_000,
            queue: 100_000,
            retry_pause: Duration::from_secs(5),
        }
    }
}
