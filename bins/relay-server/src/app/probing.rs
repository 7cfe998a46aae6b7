//! The prober and its scheduler.

use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context as _;
use async_trait::async_trait;
use relay_core::{
    ProbeResult, ProbeSpec,
    ports::{Clock, Prober, RecordSink},
};
use relay_probe::{
    Counters, HttpProber, Options, ProxySettings,
    scheduler::{self, Scheduler},
};

/// A prober whose settings follow the configuration.
pub(crate) struct LiveProber {
    proxies: ProxySettings,
    /// Shared by all probers that follow each other, so that no number falls back.
    counters: Counters,
    /// The user agent in force and the prober that sends it. Locked for a look or an exchange only.
    current: RwLock<(String, Arc<HttpProber>)>,
}

impl LiveProber {
    /// Makes the prober of a configuration. `variable` gives the usual proxy variables.
    ///
    /// # Errors
    /// When the user agent cannot be sent, or the machine's certificates cannot be used.
    pub(crate) fn new(
        config: &relay_config::Probe,
        variable: impl Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let proxies = ProxySettings::from_variables(variable);
        let counters = Counters::default();
        let prober = make(config, &proxies, &counters)?;
        Ok(Self { proxies, counters, current: RwLock::new((config.user_agent.clone(), Arc::new(prober))) })
    }

    /// Returns what all its probers count.
    pub(crate) fn counters(&self) -> Counters {
        self.counters.clone()
    }

    /// Takes over a new configuration; probes in flight finish as they began.
    ///
    /// # Errors
    /// As [`LiveProber::new`]; the prober stays as it was then.
    pub(crate) fn replace(&self, config: &relay_config::Probe) -> anyhow::Result<()> {
        if self.current.read().unwrap_or_else(PoisonError::into_inner).0 == config.user_agent {
            return Ok(());
        }
        let prober = Arc::new(make(config, &self.proxies, &self.counters)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = (config.user_agent.clone(), prober);
        Ok(())
    }
}

#[async_trait]
impl Prober for LiveProber {
    async fn probe(&self, spec: &ProbeSpec) -> ProbeResult {
        let prober = self.current.read().unwrap_or_else(PoisonError::into_inner).1.clone();
        prober.probe(spec).await
    }
}

fn make(
    config: &relay_config::Probe,
    proxies: &ProxySettings,
    counters: &Counters,
) -> anyhow::Result<HttpProber> {
    let mut seed = [0; 8];
    getrandom::fill(&mut seed).context("the system gives no random numbers")?;
    let options = Options {
        user_agent: config.user_agent.clone(),
        proxies: proxies.clone(),
        seed: u64::from_ne_bytes(seed),
        counters: counters.clone(),
        ..Options::default()
    };
    HttpProber::new(options).context("cannot make the prober")
}

/// Makes the scheduler that probes with `prober` into `sink`.
pub(crate) fn scheduler(
    prober: Arc<LiveProber>,
    sink: Arc<dyn RecordSink>,
    clock: Arc<dyn Clock>,
) -> Scheduler {
    Scheduler::new(scheduler::Options::default(), scheduler::Deps { prober, sink, clock })
}
