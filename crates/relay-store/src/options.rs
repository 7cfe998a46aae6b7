//! What a caller decides about the store.

mod url;

use std::{path::PathBuf, time::Duration};

use relay_core::Secret;

pub use url::UrlError;

/// Where the data is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Options {
    /// In an SQLite file that this process owns.
    Sqlite(SqliteOptions),
    /// In a PostgreSQL database that several processes may write.
    Postgres(PostgresOptions),
}

/// How the SQLite file is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SqliteOptions {
    /// The file. It is made when it does not exist, in a folder that does. `<path>.lock`, `<path>-wal` and `<path>-shm` stand
    /// beside it. Never on a network file system.
    pub path: PathBuf,
    /// How many readers may work at once, at least 1. Each is a connection, open from start to end.
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

/// How PostgreSQL is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresOptions {
    /// The server: a name, an address, or the folder of its socket.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Who connects.
    pub user: String,
    /// The password; may be empty.
    pub password: Secret,
    /// The database. Everything is kept in its schema `relay`, which is made when there is none.
    pub database: String,
    /// How connections are protected.
    pub ssl_mode: SslMode,
    /// A PEM file with the authorities to trust instead of the system's.
    pub ssl_root_cert: Option<PathBuf>,
    /// The most connections, at least 1.
    pub max_open: usize,
    /// Connections that stay open without work; more are closed after a minute.
    pub max_idle: usize,
    /// The age at which a connection is replaced; zero for never.
    pub max_lifetime: Duration,
    /// How long to wait for what.
    pub timeouts: PostgresTimeouts,
}

impl PostgresOptions {
    /// Uses the database at `host`, port 5432, as `user` without password, not encrypted, with up to 25 connections of
    /// which 5 stay, each for an hour at most.
    #[must_use]
    pub fn new(host: impl Into<String>, user: impl Into<String>, database: impl Into<String>) -> Self {
        Self {
            host: host.into(),
            port: 5432,
            user: user.into(),
            password: Secret::default(),
            database: database.into(),
            ssl_mode: SslMode::Disable,
            ssl_root_cert: None,
            max_open: 25,
            max_idle: 5,
            max_lifetime: Duration::from_secs(3600),
            timeouts: PostgresTimeouts::default(),
        }
    }
}

/// How a connection to PostgreSQL is protected, in libpq's words. Sockets of the same machine are never encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SslMode {
    /// Not at all.
    #[default]
    Disable,
    /// Encrypted when the server can, whoever it is.
    Prefer,
    /// Encrypted; the certificate is not checked.
    Require,
    /// Encrypted, with a certificate of a known authority.
    VerifyCa,
    /// Encrypted, with a certificate of a known authority that names the host.
    VerifyFull,
}

/// How long PostgreSQL may take; each at least a millisecond.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostgresTimeouts {
    /// To connect, and to wait for a free connection.
    pub connect: Duration,
    /// To wait for a lock that another process holds.
    pub lock: Duration,
    /// For one statement.
    pub statement: Duration,
    /// Until the server gives up a transaction whose client went silent, and the client a server that does.
    pub silence: Duration,
}

/// 5 s to connect, 10 s for a lock, 30 s for a statement, 15 s of silence.
impl Default for PostgresTimeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(5),
            lock: Duration::from_secs(10),
            statement: Duration::from_secs(30),
            silence: Duration::from_secs(15),
        }
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
