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

/// How long data is kept, and how it is deleted.
#[derive(Debug, Clone, PartialEq)]
pub struct RetentionOptions {
    /// Days that raw records stay, at least 1; half-hour counts stay one day longer.
    pub days: u32,
    /// Days that the counts of days stay; never shorter than those of half hours.
    pub rollup_days: u32,
    /// The time between two runs.
    pub interval: Duration,
    /// By what part of itself the interval varies, 0 to 1.
    pub jitter: f64,
    /// The time from the start to the first run.
    pub startup_delay: Duration,
    /// The most rows that are deleted in one transaction, about, at least 1; fewer when that takes long.
    pub batch: u32,
    /// How many times as many rows one run deletes at most, of each kind; what is left waits for the next run.
    pub max_batches: u32,
}

/// 36 and 400 days; every hour ± 20 %, first after a minute; 10,000 rows at a time, a million in a run.
impl Default for RetentionOptions {
    fn default() -> Self {
        Self {
            days: 36,
            rollup_days: 400,
            interval: Duration::from_secs(3600),
            jitter: 0.2,
            startup_delay: Duration::from_secs(60),
            batch: 10_000,
            max_batches: 100,
        }
    }
}

/// Which days are archived, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveOptions {
    /// The folder of the files. It is made when it does not exist, in a folder that does.
    pub folder: PathBuf,
    /// Whether files are compressed by gzip.
    pub compressed: bool,
    /// The age in days at which a day is archived, at least 1.
    pub days: u32,
    /// How many days are looked at, from that age on backwards, at least 1.
    pub backfill_days: u32,
    /// For how many days more a file stays; `None` is for ever.
    pub keep_days: Option<u32>,
}

impl ArchiveOptions {
    /// Archives into `folder`, compressed, days that are 35 days old, up to 7 days back, and keeps files for a year.
    #[must_use]
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), compressed: true, days: 35, backfill_days: 7, keep_days: Some(365) }
    }
}
