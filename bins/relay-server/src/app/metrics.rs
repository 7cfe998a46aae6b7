//! The address of its own that metrics may have, which follows the configuration.

use std::{net::SocketAddr, time::Duration};

use relay_api::{Api, Server};
use relay_config::{Config, Metrics, Published};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info};

use super::http;
use crate::lifecycle::Lifecycle;

/// How long answers in flight may take when the address is given up.
const GRACE: Duration = Duration::from_secs(2);

/// Where metrics alone are served, from its first address on.
pub(crate) struct MetricsAddress {
    first: Option<Server>,
}

impl MetricsAddress {
    /// Binds the configured address, if there is one.
    ///
    /// # Errors
    /// What to do about an address that cannot be had.
    pub(crate) fn bind(config: &Config) -> anyhow::Result<Self> {
        Ok(Self { first: address(config).map(bind).transpose()? })
    }

    /// Serves until the soft token is cancelled, and moves when the configuration says so. An address that cannot be
    /// had then is an error in the log: the rest goes on.
    pub(crate) async fn serve(self, api: Api, mut states: watch::Receiver<Published>, lifecycle: Lifecycle) {
        let Lifecycle { soft, hard, .. } = lifecycle;
        let mut first = self.first;
        let mut current: Option<Running> = None;
        loop {
            let wanted = address(&states.borrow_and_update().config);
            if current.as_ref().map(|running| running.address) != wanted {
                if let Some(running) = current.take() {
                    running.stop().await;
                }
                let server = wanted.map(|address| (address, first.take().map_or_else(|| bind(address), Ok)));
                current = match server {
                    Some((address, Ok(server))) => Some(Running::start(address, server, &api, &soft, &hard)),
                    Some((_, Err(error))) => {
                        error!("metrics are not served: {error:#}");
                        None
                    }
                    None => None,
                };
            }
            tokio::select! {
                () = soft.cancelled() => break,
                changed = states.changed() => if changed.is_err() {
                    soft.cancelled().await;
                    break;
                },
            }
        }
        if let Some(running) = current {
            running.stop().await;
        }
    }
}

/// A server under way.
struct Running {
    address: SocketAddr,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl Running {
    fn start(
        address: SocketAddr,
        server: Server,
        api: &Api,
        soft: &CancellationToken,
        hard: &CancellationToken,
    ) -> Self {
        info!(address = %server.local_addr(), "serving metrics");
        let running = Self { address, stop: soft.child_token(), tasks: TaskTracker::new() };
        running.tasks.spawn(server.run(api.only_metrics(), running.stop.clone(), hard.clone()));
        running.tasks.close();
        running
    }

    async fn stop(self) {
        self.stop.cancel();
        self.tasks.wait().await;
    }
}

fn address(config: &Config) -> Option<SocketAddr> {
    match config.server.metrics {
        Metrics::Listen(address) => Some(address),
        Metrics::Off | Metrics::Loopback | Metrics::Public => None,
    }
}

fn bind(address: SocketAddr) -> anyhow::Result<Server> {
    http::listen(
        relay_api::Options { listen: address, grace: GRACE, ..relay_api::Options::default() },
        "server.metrics",
    )
}
