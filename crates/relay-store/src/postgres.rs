//! The repository in a PostgreSQL database, in the schema `relay`, which several processes may read and write.
//!
//! Nothing is held in memory that others cannot see. What is remembered, to be read less often, is the numbers of
//! monitors ([`names`]), which every statement that uses them checks, and what the last appends wrote ([`kept`]), which
//! every append checks. Every change is one transaction that first locks the row of `store_state` ([`change`]): so
//! record and event numbers become visible in their order, and rollups are read, grown and written back without races
//! ([`append`]).

mod append;
mod change;
mod channels;
mod commits;
mod doubt;
mod error;
mod events;
mod imports;
mod kept;
mod maintenance;
mod migrate;
mod names;
mod outbox;
mod pool;
mod rebuild;
mod records;
mod relay_pulse;
mod retention;
mod rollups;
mod row;
mod states;
mod takeover;
mod timelines;
mod tls;

use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use deadpool_postgres::Object;
use relay_core::ports::{Clock, repository::Error};
use tokio::{
    sync::Mutex,
    time::{Duration, error::Elapsed, timeout},
};

pub(crate) use self::relay_pulse::RelayPulseTables;
pub use self::takeover::{OldTables, Turn};
use self::{
    append::Appending,
    doubt::Batches,
    error::{closed, is_cut},
    kept::Kept,
    names::Names,
    pool::Pool,
};
use crate::options::PostgresOptions;

/// The repository on PostgreSQL. Dropping it lets go of its connections.
pub struct PgRepository {
    pool: Pool,
    names: Names,
    clock: Arc<dyn Clock>,
    /// Held from the beginning to the end of an append: what one leaves in doubt the next one settles.
    appending: Mutex<Appending>,
    closed: AtomicBool,
    /// How long the server may need for anything: more than by its own bounds.
    patience: Duration,
}

impl fmt::Debug for PgRepository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PgRepository").finish_non_exhaustive()
    }
}

impl PgRepository {
    /// Connects, makes the schema when there is none, and brings it up to date. Must be called on a Tokio runtime, which
    /// then closes idle connections. `clock` stamps events and tells which day it is.
    ///
    /// # Errors
    /// [`Error::Unsupported`] when the database was made by a newer version, or the server is too old;
    /// [`Error::Corrupt`] when a migration is not the one that made it; [`Error::Unavailable`] when it cannot be reached
    /// or used. The sentence says what to do, without the password.
    pub async fn open(options: &PostgresOptions, clock: Arc<dyn Clock>) -> Result<Self, Error> {
        let pool = Pool::new(options)?;
        let mut client = pool.first(options).await?;
        migrate::to_newest(&mut client, options).await?;
        let batches = Batches::new(doubt::register(&client).await?);
        drop(client);
        let timeouts = options.timeouts;
        Ok(Self {
            pool,
            names: Names::default(),
            clock,
            appending: Mutex::new(Appending { batches, kept: Kept::default() }),
            closed: AtomicBool::new(false),
            patience: timeouts.lock.saturating_add(timeouts.statement * 2).saturating_add(timeouts.silence),
        })
    }

    fn check_open(&self) -> Result<(), Error> {
        if self.closed.load(Ordering::SeqCst) { Err(closed()) } else { Ok(()) }
    }

    async fn client(&self) -> Result<Object, Error> {
        self.check_open()?;
        self.pool.get().await
    }

    /// Reads with a connection; with another one, once, when it turns out that the first was cut before.
    async fn read<T, F>(&self, read: impl Fn(Arc<Object>) -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Error>>,
    {
        let mut tries = 0;
        loop {
            tries += 1;
            let client = Arc::new(self.client().await?);
            match timeout(self.patience, read(Arc::clone(&client))).await {
                Ok(Err(error)) if is_cut(&error) && tries < 2 => {
                    Arc::into_inner(client).map(Object::take);
                }
                Ok(answer) => return answer,
                Err(_) => {
                    Arc::into_inner(client).map(Object::take);
                    return Err(silent());
                }
            }
        }
    }
}

/// Gives a connection back, unless what it was asked was never answered: nobody should wait behind that.
fn answered<T>(client: Object, answer: Result<Result<T, Error>, Elapsed>) -> Result<T, Error> {
    answer.unwrap_or_else(|_| {
        drop(Object::take(client));
        Err(silent())
    })
}

fn silent() -> Error {
    Error::Unavailable { reason: "the server does not answer".to_owned(), source: None }
}
