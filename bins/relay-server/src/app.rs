//! The server as a whole: the one place that knows all crates.
//!
//! [`App::open`] takes what can be refused (the address first, then the database), so that a start that fails leaves
//! nothing half done; [`App::serve`] starts the long tasks and stops them again:
//!
//! 1. The scheduler starts no more probes and waits for those in flight; the server finishes its requests.
//! 2. When the scheduler has ended, the writer stores what it holds and ends.
//! 3. When all tasks have ended, the database is closed.

pub(crate) mod channels;
pub(crate) mod events;
pub(crate) mod feed;
pub(crate) mod http;
pub(crate) mod import;
pub(crate) mod maintenance;
pub(crate) mod metrics;
pub(crate) mod notifications;
pub(crate) mod probing;
pub(crate) mod storage;
pub(crate) mod upgrade;

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::Context as _;
use relay_api::{Api, Deps, Server};
use relay_config::{Environment, Loaded, Reloader, WatchDeps, WatchOptions};
use relay_core::{
    ports::{Clock, Health, MetricSource, Repository, clock::SystemClock},
    schedule::MonitorSet,
};
use relay_events::{Dispatcher, EventRules};
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use crate::{
    catalog::ConfigCatalog,
    lifecycle::Lifecycle,
    pages::SitePages,
    reload::{self, Live},
    telemetry::Logging,
};
use feed::LocalFeed;
use maintenance::Maintenance;
use metrics::MetricsAddress;
use probing::LiveProber;
use storage::Storage;
use upgrade::Upgrade;

/// What to start with.
pub(crate) struct Start {
    /// The configuration.
    pub(crate) loaded: Loaded,
    /// Its file, which is watched.
    pub(crate) path: PathBuf,
    /// The variables it was loaded with.
    pub(crate) env: Environment,
    /// The logging, which follows the configuration.
    pub(crate) logging: Logging,
    /// Whether to probe, or only to serve what others store.
    pub(crate) probe: bool,
    /// Whether a database of the Go version at the configured place is taken over, or refused.
    pub(crate) upgrade: bool,
    /// Whether everything shown is simulated.
    pub(crate) demo: bool,
}

/// A server that holds its address and its database and does nothing yet.
pub(crate) struct App {
    start: Start,
    server: Server,
    metrics: MetricsAddress,
    storage: Storage,
    upgrade: Option<Upgrade>,
    rules: Arc<EventRules>,
    dispatcher: Dispatcher,
    clock: Arc<dyn Clock>,
    hangup: Arc<Notify>,
    lifecycle: Lifecycle,
}

impl App {
    /// Binds the address, opens the database and begins to listen to signals.
    ///
    /// # Errors
    /// What is in the way, and what to do about it.
    pub(crate) async fn open(start: Start) -> anyhow::Result<Self> {
        raise_file_limit();
        let config = &start.loaded.config;
        let server = http::bind(config)?;
        let metrics = MetricsAddress::bind(config)?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let rules = Arc::new(EventRules::default());
        let taken = upgrade::take_over(&config.storage, &start.path, clock.as_ref(), start.upgrade).await?;
        let storage = Storage::open(&config.storage, rules.clone(), clock.clone()).await?;
        let dispatcher =
            notifications::dispatcher(storage.repository(), storage.is_exclusive(), clock.clone())?;
        let upgrade = match taken {
            Some(left) => Upgrade::begin(left, config, storage.repository(), clock.clone()).await?,
            None => None,
        };
        let lifecycle = Lifecycle::default();
        let hangup = Arc::new(Notify::new());
        let notice = hangup.clone();
        lifecycle.watch_signals(move || notice.notify_one()).context("cannot listen to signals")?;
        Ok(Self { start, server, metrics, storage, upgrade, rules, dispatcher, clock, hangup, lifecycle })
    }

    /// Returns the address that is bound.
    pub(crate) fn address(&self) -> SocketAddr {
        self.server.local_addr()
    }

    /// Returns the database.
    pub(crate) fn repository(&self) -> Arc<dyn Repository> {
        self.storage.repository()
    }

    /// Returns the tokens and tasks, to stop with.
    pub(crate) fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }

    /// Probes and serves until a signal comes, then stops gracefully.
    ///
    /// # Errors
    /// When a task crashed, or the last records could not be written.
    pub(crate) async fn serve(self) -> anyhow::Result<()> {
        let Self {
            start,
            server,
            metrics: metrics_address,
            storage,
            upgrade,
            rules,
            dispatcher,
            clock,
            hangup,
            lifecycle,
        } = self;
        let Start { loaded, path, env, logging, probe, demo, .. } = start;
        let prober =
            Arc::new(LiveProber::new(&loaded.config.probe, |name| env.get(name).map(str::to_owned))?);
        let watch_deps = WatchDeps {
            path,
            env,
            clock: clock.clone(),
            tracker: lifecycle.tasks.clone(),
            stop: lifecycle.soft.clone(),
        };
        let reloader = Reloader::start(loaded, WatchOptions::default(), watch_deps);
        let mut states = reloader.subscribe();
        let published = states.borrow_and_update().clone();
        let catalog = Arc::new(ConfigCatalog::new(&published, demo));
        let (sets, set) = watch::channel(Arc::new(published.config.monitor_set()));
        let scheduler = probing::scheduler(prober.clone(), storage.sink(), clock.clone());

        let (repository, feed) = (storage.repository(), LocalFeed::default());
        let maintenance = Maintenance::new(&published.config.storage, &storage.retention(), &clock)?;
        let state = reloader.state();
        let (counted, told) = (Arc::new(scheduler.clone()), Arc::new(dispatcher.clone()));
        let own: [Arc<dyn MetricSource>; 4] =
            [state.clone(), counted, told.clone(), Arc::new(prober.counters())];
        let metrics = own.into_iter().chain(storage.metrics()).chain(maintenance.metrics()).collect();
        let own: [Arc<dyn Health>; 2] = [state, told];
        let upgrading = upgrade.as_ref().map(Upgrade::health);
        let health = own.into_iter().chain(storage.health()).chain(upgrading).collect();
        let deps = Deps {
            catalog: catalog.clone(),
            timelines: repository.clone(),
            records: repository.clone(),
            events: repository.clone(),
            feed: Arc::new(feed.clone()),
            pages: Arc::new(SitePages::new(catalog.clone())),
            health,
            metrics,
            clock,
            build: http::build_info(),
        };
        let limits = http::limits(&published.config.server.limits);
        let api = Api::new(deps, limits, http::access(&published.config));
        info!(address = %server.local_addr(), monitors = published.config.monitors.len(), probe, "serving");

        events::tell_who_reads(&published.config.events);

        let notifier = dispatcher.clone();
        let live = Live { logging, rules, dispatcher, catalog, prober, sets, api: api.clone(), repository };
        let settled = live.apply(&published).await;
        let (soft, hard) = (lifecycle.soft.clone(), lifecycle.hard.clone());
        let imported = upgrade::start(upgrade, storage.repository(), reloader.subscribe(), &lifecycle);
        lifecycle.spawn_essential("feed", feed.run(storage.commits(), storage.repository(), soft.clone()));
        let metrics = metrics_address.serve(api.clone(), reloader.subscribe(), lifecycle.clone());
        lifecycle.spawn_essential("metrics", metrics);
        lifecycle.spawn_essential("http", server.run(api, soft.clone(), hard));
        lifecycle
            .spawn_essential("reload", reload::follow(live, reloader, states, hangup, settled, soft.clone()));
        maintenance.start(&lifecycle, imported);
        notifications::start(notifier, storage.commits(), &lifecycle);
        storage.start(&lifecycle, async move {
            if probe {
                scheduler.run(set, soft).await;
            } else {
                keep(set, soft).await;
            }
        });
        let outcome = lifecycle.finish().await;
        let closed = storage.close().await;
        info!("stopped");
        outcome.map_err(Into::into).and(closed)
    }
}

/// Stands in the scheduler's place on a server that does not probe.
async fn keep(_set: watch::Receiver<Arc<MonitorSet>>, stop: tokio_util::sync::CancellationToken) {
    stop.cancelled().await;
}

/// Asks the system for as many open files as it allows: each probe and each client takes one, and the usual soft bound
/// of 1,024 is from a time without either.
fn raise_file_limit() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current != maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })
    {
        warn!(%error, "cannot raise the bound on open files");
    }
}
