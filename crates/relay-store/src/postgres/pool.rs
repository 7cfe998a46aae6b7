//! The connections.

use std::time::Duration;

use deadpool_postgres::{Hook, HookError, Manager, ManagerConfig, Object, RecyclingMethod, Runtime};
use relay_core::ports::repository::Error;
use tokio::{task::JoinSet, time::interval};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{
    error::{no_connection, refused},
    tls,
};
use crate::options::{PostgresOptions, PostgresTimeouts};

const SESSION: &str = include_str!("sql/store/session.sql");

/// A connection that idled for longer is closed, unless it is one of those that stay.
const IDLE_FOR: Duration = Duration::from_secs(60);
/// The system counts nothing shorter.
const SECOND: Duration = Duration::from_secs(1);
/// How often idle connections are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(15);

/// Connections that are made when they are needed, and kept.
pub(super) struct Pool {
    pool: deadpool_postgres::Pool,
    config: tokio_postgres::Config,
    tls: MakeRustlsConnect,
    /// Closes idle connections; ends with the pool.
    _upkeep: JoinSet<()>,
}

impl Pool {
    /// Makes the pool of the repository, without a connection yet.
    pub(super) fn new(options: &PostgresOptions) -> Result<Self, Error> {
        Self::of(options, SESSION)
    }

    /// Makes a pool whose connections begin with `session`, after the bounds of the options.
    pub(super) fn of(options: &PostgresOptions, session: &str) -> Result<Self, Error> {
        let (tls, ssl_mode) = tls::connector(options)?;
        let mut config = tokio_postgres::Config::new();
        let PostgresTimeouts { connect, silence, .. } = options.timeouts;
        config
            .host(&options.host)
            .port(options.port)
            .user(&options.user)
            .dbname(&options.database)
            .application_name("relay-pulse")
            .ssl_mode(ssl_mode)
            .connect_timeout(connect)
            // A peer that vanished without a word is noticed within the silence, idle or not.
            .keepalives(true)
            .keepalives_idle((silence / 3).max(SECOND))
            .keepalives_interval((silence / 6).max(SECOND))
            .keepalives_retries(4)
            .tcp_user_timeout(silence);
        if !options.password.is_empty() {
            config.password(options.password.expose());
        }
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Fast };
        let manager = Manager::from_config(config.clone(), tls.clone(), recycling);
        let session = format!("{};{session}", bounds(options.timeouts));
        let lifetime = Some(options.max_lifetime).filter(|lifetime| !lifetime.is_zero());
        let pool = deadpool_postgres::Pool::builder(manager)
            .max_size(options.max_open.max(1))
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(connect))
            // The driver's own timeout is for each address of the host; this one is for all of it.
            .create_timeout(Some(connect * 2))
            .recycle_timeout(Some(connect))
            .post_create(Hook::async_fn(move |client, _| {
                let session = session.clone();
                Box::pin(async move { client.batch_execute(&session).await.map_err(HookError::Backend) })
            }))
            .pre_recycle(Hook::sync_fn(move |_, metrics| match lifetime {
                Some(lifetime) if metrics.age() >= lifetime => Err(HookError::message("too old")),
                _ => Ok(()),
            }))
            .build()
            .map_err(|error| Error::Unavailable { reason: error.to_string(), source: None })?;
        let mut upkeep = JoinSet::new();
        upkeep.spawn(close_idle(pool.clone(), options.max_idle, lifetime));
        Ok(Self { pool, config, tls, _upkeep: upkeep })
    }

    /// Returns the first connection; says what to do when there is none to be had.
    pub(super) async fn first(&self, options: &PostgresOptions) -> Result<Object, Error> {
        self.pool.get().await.map_err(|error| refused(options, error))
    }

    /// Returns a connection.
    pub(super) async fn get(&self) -> Result<Object, Error> {
        self.pool.get().await.map_err(no_connection)
    }

    /// Returns what makes a connection that does not belong to the pool.
    pub(super) fn dial(&self) -> (tokio_postgres::Config, MakeRustlsConnect) {
        (self.config.clone(), self.tls.clone())
    }

    /// Closes all connections, those in use when they are given back.
    pub(super) fn close(&self) {
        self.pool.close();
    }
}

/// Returns what tells the server how long it may take.
fn bounds(timeouts: PostgresTimeouts) -> String {
    let PostgresTimeouts { lock, statement, silence, .. } = timeouts;
    let millis = |duration: Duration| duration.as_millis().clamp(1, 0x7fff_ffff);
    format!(
        "SET statement_timeout = {};SET lock_timeout = {};SET idle_in_transaction_session_timeout = {}",
        millis(statement),
        millis(lock),
        millis(silence),
    )
}

async fn close_idle(pool: deadpool_postgres::Pool, keep: usize, lifetime: Option<Duration>) {
    let mut look = interval(LOOK_EVERY);
    while !pool.is_closed() {
        look.tick().await;
        let mut kept = 0;
        pool.retain(|_, metrics| {
            let young = lifetime.is_none_or(|lifetime| metrics.age() < lifetime);
            let stays = young && may_stay(metrics.last_used(), kept, keep);
            kept += usize::from(stays);
            stays
        });
    }
}

/// Tells whether a connection that idles for so long stays, beside so many others.
fn may_stay(idle: Duration, others: usize, keep: usize) -> bool {
    others < keep || idle < IDLE_FOR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn idle_connections_beyond_those_that_stay_are_closed_after_a_minute() {
        let (short, long) = (Duration::from_secs(59), Duration::from_secs(61));
        assert!(may_stay(long, 4, 5));
        assert!(may_stay(short, 5, 5));
        assert!(!may_stay(long, 5, 5));
        assert!(!may_stay(long, 0, 0));
    }

    #[test]
    fn every_bound_reaches_the_server() {
        let timeouts = PostgresTimeouts {
            connect: Duration::from_secs(1),
            lock: Duration::from_millis(1500),
            statement: Duration::ZERO,
            silence: Duration::MAX,
        };
        let session = bounds(timeouts);
        assert!(session.contains("SET lock_timeout = 1500;"), "{session}");
        // To the server 0 would mean for ever.
        assert!(session.contains("SET statement_timeout = 1;"), "{session}");
        assert!(session.ends_with("= 2147483647"), "{session}");
    }
}
