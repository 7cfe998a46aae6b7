//! Hands a new configuration on to everything that runs by it.

use std::{sync::Arc, time::Duration};

use relay_api::Api;
use relay_config::{Published, Reloader};
use relay_core::{ports::Repository, schedule::MonitorSet};
use relay_events::{Dispatcher, EventRules};
use tokio::{
    sync::{Notify, watch},
    task::spawn_blocking,
    time::sleep,
};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::{
    app::{channels, events, http, notifications, probing::LiveProber},
    catalog::ConfigCatalog,
    telemetry::Logging,
};

/// How long to wait before trying again what the store could not do.
const RETRY: Duration = Duration::from_secs(10);

/// Everything that runs by the configuration.
pub(crate) struct Live {
    pub(crate) logging: Logging,
    pub(crate) rules: Arc<EventRules>,
    pub(crate) dispatcher: Dispatcher,
    pub(crate) catalog: Arc<ConfigCatalog>,
    pub(crate) prober: Arc<LiveProber>,
    pub(crate) sets: watch::Sender<Arc<MonitorSet>>,
    pub(crate) api: Api,
    pub(crate) repository: Arc<dyn Repository>,
}

impl Live {
    /// Puts a configuration in force. The scheduler learns of it last: history must have moved to channels that got a
    /// name, and the events' active models must be known, before the first probe of a new monitor is stored. Returns
    /// what [`channels::take_history_along`] does.
    pub(crate) async fn apply(&self, published: &Published) -> bool {
        let config = &published.config;
        self.logging.follow(config.log);
        let settled =
            channels::take_history_along(self.repository.as_ref(), &config.monitors, channels::SOON).await;
        self.rules.configure(events::options(&config.events), &config.monitors);
        match notifications::all(config) {
            Ok(notifications) => self.dispatcher.configure(notifications),
            Err(mistakes) => {
                for mistake in mistakes {
                    error!("notifications go on with the settings before: {mistake}");
                }
            }
        }
        if let Err(error) = self.prober.replace(&config.probe) {
            error!("probes go on with the settings before: {error:#}");
        }
        self.api.set_access(http::access(config));
        let (catalog, api, published) = (Arc::clone(&self.catalog), self.api.clone(), published.clone());
        // With very many monitors this takes longer than probes and requests should wait for a thread.
        let shown = spawn_blocking(move || {
            catalog.replace(&published);
            api.prepare();
        });
        if let Err(error) = shown.await {
            error!("the new configuration cannot be shown: {error}");
        }
        self.sets.send_replace(Arc::new(config.monitor_set()));
        settled
    }
}

/// Follows the configuration until `stop` is cancelled; `states` has seen what is in force, `settled` says whether all
/// of that could be applied, and each notice of `hangup` asks for a reload. Returns early only when nobody watches the
/// files any more, which is a crash.
pub(crate) async fn follow(
    live: Live,
    reloader: Reloader,
    mut states: watch::Receiver<Published>,
    hangup: Arc<Notify>,
    mut settled: bool,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = hangup.notified() => reloader.reload_now(),
            () = sleep(RETRY), if !settled => {
                let config = states.borrow().config.clone();
                let again =
                    channels::take_history_along(live.repository.as_ref(), &config.monitors, channels::LATER);
                tokio::select! {
                    () = stop.cancelled() => return,
                    moved = again => settled = moved,
                }
            }
            changed = states.changed() => match changed {
                Ok(()) => {
                    let published = states.borrow_and_update().clone();
                    settled = live.apply(&published).await;
                }
                Err(_) if stop.is_cancelled() => return,
                Err(_) => return error!("nobody watches the configuration any more"),
            },
        }
    }
}
