//! Hands a new configuration on to everything that runs by it.

use std::sync::Arc;

use relay_api::Api;
use relay_config::{Published, Reloader};
use relay_core::schedule::MonitorSet;
use relay_events::EventRules;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tracing::error;

use crate::{
    app::{events, http, probing::LiveProber},
    catalog::ConfigCatalog,
};

/// Everything that runs by the configuration.
pub(crate) struct Live {
    pub(crate) rules: Arc<EventRules>,
    pub(crate) catalog: Arc<ConfigCatalog>,
    pub(crate) prober: Arc<LiveProber>,
    pub(crate) sets: watch::Sender<Arc<MonitorSet>>,
    pub(crate) api: Api,
}

impl Live {
    /// Puts a configuration in force. The events' active models come first: they must be known before the first probe
    /// of a new monitor is stored.
    pub(crate) fn apply(&self, published: &Published) {
        let config = &published.config;
        self.rules.configure(events::options(&config.events), &config.monitors);
        if let Err(error) = self.prober.replace(&config.probe) {
            error!("probes go on with the settings before: {error:#}");
        }
        self.api.set_access(http::access(config));
        self.catalog.replace(published);
        self.sets.send_replace(Arc::new(config.monitor_set()));
    }
}

/// Follows the configuration until `stop` is cancelled; `states` has seen what is in force, and each notice of `hangup`
/// asks for a reload. Returns early only when nobody watches the files any more, which is a crash.
pub(crate) async fn follow(
    live: Live,
    reloader: Reloader,
    mut states: watch::Receiver<Published>,
    hangup: Arc<Notify>,
    stop: CancellationToken,
) {
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = hangup.notified() => reloader.reload_now(),
            changed = states.changed() => match changed {
                Ok(()) => {
                    let published = states.borrow_and_update().clone();
                    live.apply(&published);
                }
                Err(_) if stop.is_cancelled() => return,
                Err(_) => return error!("nobody watches the configuration any more"),
            },
        }
    }
}
