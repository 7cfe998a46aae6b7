//! Keeps idle connections for the next probe of the same route.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::{
    body::Incoming,
    client::conn::{TrySendError, http1, http2},
};
use tokio::{task::AbortHandle, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{options::PoolOptions, origin::Route};

/// How long a connection may take after its last answer until it can take a request again.
const READY_TIMEOUT: Duration = Duration::from_secs(1);

/// The body of requests: known length, never chunked.
pub(crate) type RequestBody = Full<Bytes>;

/// The outcome of sending: the request comes back when it was certainly not processed.
pub(crate) type Sent = Result<Response<Incoming>, TrySendError<Request<RequestBody>>>;

/// Ends the task that drives a connection when the last holder of the connection is gone, so that no upstream can
/// keep a task alive that nobody waits for.
pub(crate) struct Driver(AbortHandle);

impl Driver {
    /// Takes charge of a task.
    pub(crate) fn new(task: AbortHandle) -> Self {
        Self(task)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connection that requests can be sent on.
pub(crate) enum Connection {
    /// One request at a time; exclusively held while in use.
    H1 {
        /// Takes requests.
        sender: http1::SendRequest<RequestBody>,
        /// Dropped after the sender.
        _driver: Driver,
    },
    /// Many requests at a time; shared.
    H2 {
        /// Takes requests.
        sender: http2::SendRequest<RequestBody>,
        /// Dropped after the sender.
        driver: Arc<Driver>,
    },
}

impl Connection {
    /// Tells whether requests are HTTP/2.
    pub(crate) fn is_h2(&self) -> bool {
        matches!(self, Self::H2 { .. })
    }

    /// Sends a request and waits for the headers of its answer.
    pub(crate) async fn send(&mut self, request: Request<RequestBody>) -> Sent {
        match self {
            Self::H1 { sender, .. } => sender.try_send_request(request).await,
            Self::H2 { sender, .. } => sender.try_send_request(request).await,
        }
    }

    fn is_usable(&self) -> bool {
        match self {
            Self::H1 { sender, .. } => sender.is_ready(),
            Self::H2 { sender, .. } => !sender.is_closed(),
        }
    }
}

struct Idle {
    connection: Connection,
    since: Instant,
}

/// The idle connections of one route: either HTTP/1.1 ones, the last used at the end, or the one of HTTP/2.
type Slot = Vec<Idle>;

/// Idle connections by route. The lock is held for moves in and out only, never across an await.
pub(crate) struct Pool {
    options: PoolOptions,
    slots: Mutex<Slots>,
    tasks: TaskTracker,
    closed: CancellationToken,
    reaping: AtomicBool,
}

#[derive(Default)]
struct Slots {
    by_route: HashMap<Route, Slot>,
    idle: usize,
}

impl Pool {
    /// Makes an empty pool that runs its tasks on `tasks`.
    pub(crate) fn new(options: PoolOptions, tasks: TaskTracker) -> Arc<Self> {
        Arc::new(Self {
            options,
            slots: Mutex::default(),
            tasks,
            closed: CancellationToken::new(),
            reaping: AtomicBool::new(false),
        })
    }

    /// Takes the most recently used connection of `route` that is still open.
    pub(crate) fn take(&self, route: &Route) -> Option<Connection> {
        let mut slots = self.lock();
        let slot = slots.by_route.get_mut(route)?;
        let mut taken = 0;
        let mut found = None;
        while let Some(mut idle) = slot.pop() {
            taken += 1;
            if idle.since.elapsed() >= self.options.idle_timeout || !idle.connection.is_usable() {
                continue;
            }
            if let Connection::H2 { sender, driver } = &idle.connection {
                found = Some(Connection::H2 { sender: sender.clone(), driver: Arc::clone(driver) });
                idle.since = Instant::now();
                slot.push(idle);
                taken -= 1;
            } else {
                found = Some(idle.connection);
            }
            break;
        }
        slots.idle -= taken;
        found
    }

    /// Keeps `connection` for the next probe of `route`, unless the bounds say no. An HTTP/1.1 connection that has not
    /// yet noticed the end of its last answer is waited for in the background.
    pub(crate) fn put(self: &Arc<Self>, route: Route, mut connection: Connection) {
        if connection.is_usable() {
            self.keep(route, connection);
            return;
        }
        let pool = Arc::downgrade(self);
        self.tasks.spawn(async move {
            let Connection::H1 { sender, .. } = &mut connection else { return };
            let ready = tokio::time::timeout(READY_TIMEOUT, sender.ready()).await;
            if let (Ok(Ok(())), Some(pool)) = (ready, Weak::upgrade(&pool)) {
                pool.keep(route, connection);
            }
        });
    }

    fn keep(self: &Arc<Self>, route: Route, connection: Connection) {
        {
            let mut slots = self.lock();
            if self.closed.is_cancelled() || slots.idle >= self.options.max_idle {
                return;
            }
            let slot = slots.by_route.entry(route).or_default();
            let has_shared = slot.iter().any(|idle| idle.connection.is_h2() && idle.connection.is_usable());
            if has_shared || slot.len() >= self.options.max_idle_per_origin {
                return;
            }
            slot.push(Idle { connection, since: Instant::now() });
            slots.idle += 1;
        }
        if !self.reaping.swap(true, Ordering::AcqRel) {
            self.tasks.spawn(reap(Arc::downgrade(self), self.closed.clone(), self.options.idle_timeout));
        }
    }

    /// Drops the connections that are closed or were idle for too long; tells whether any are left.
    fn sweep(&self) -> bool {
        let mut slots = self.lock();
        let timeout = self.options.idle_timeout;
        slots.by_route.retain(|_, slot| {
            slot.retain(|idle| idle.since.elapsed() < timeout && idle.connection.is_usable());
            !slot.is_empty()
        });
        slots.idle = slots.by_route.values().map(Vec::len).sum();
        slots.idle > 0
    }

    /// Drops all idle connections and keeps no more.
    pub(crate) fn close(&self) {
        self.closed.cancel();
        *self.lock() = Slots::default();
    }

    /// Returns how many connections are idle.
    pub(crate) fn idle(&self) -> usize {
        self.lock().idle
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Slots> {
        // A panic cannot leave the map half changed in a way that matters: at worst a connection is lost.
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Sweeps until the pool is empty, closed or gone. [`Pool::keep`] starts it again.
async fn reap(pool: Weak<Pool>, closed: CancellationToken, idle_timeout: Duration) {
    let period = (idle_timeout / 4).clamp(Duration::from_millis(100), Duration::from_secs(30));
    loop {
        let stop = closed.run_until_cancelled(tokio::time::sleep(period)).await.is_none();
        let Some(pool) = pool.upgrade() else { return };
        if stop {
            return;
        }
        if !pool.sweep() {
            pool.reaping.store(false, Ordering::Release);
            // A connection kept between the sweep and the line above found a reaper running: look once more.
            if pool.idle() == 0 || pool.reaping.swap(true, Ordering::AcqRel) {
                return;
            }
        }
    }
}
