//! A simulated relay on threads of its own, and the request that probes it.

use std::{sync::mpsc, thread::JoinHandle};

use anyhow::{Context as _, Result};
use http::{HeaderName, HeaderValue, Method};
use relay_core::{ProbeSpec, target::Header};
use relay_sim::{Dialect, Options, Relay, Sim};
use tokio_util::sync::CancellationToken;

const NAME: &str = "bench";

/// A running relay that answers a chat completion at once; dropping it stops it.
#[derive(Debug)]
pub(crate) struct SimulatedRelay {
    spec: ProbeSpec,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl SimulatedRelay {
    /// Starts one.
    ///
    /// # Errors
    /// When it cannot listen on loopback.
    pub(crate) fn start() -> Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let (send, receive) = mpsc::channel();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let relay = Relay::new(NAME, Dialect::Chat);
                let template = relay.template();
                let key = relay.key.clone();
                let started = Sim::start(Options { relays: vec![relay], ..Options::default() }).await;
                let (sim, sent) = match started {
                    Ok(sim) => {
                        let spec = spec(&sim.url(NAME).unwrap_or_default(), &template, &key);
                        (Some(sim), send.send(spec))
                    }
                    Err(error) => (None, send.send(Err(error.into()))),
                };
                if let (Some(sim), Ok(())) = (sim, sent) {
                    stopped.cancelled().await;
                    sim.stop().await;
                }
            });
        });
        let spec = receive.recv().context("the simulated relay did not start")??;
        Ok(Self { spec, stop, thread: Some(thread) })
    }

    /// Returns what a monitor of it sends, and what it expects.
    pub(crate) fn spec(&self) -> &ProbeSpec {
        &self.spec
    }
}

impl Drop for SimulatedRelay {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic of the relay showed itself as failed probes already.
            let _ = thread.join();
        }
    }
}

fn spec(base: &str, template: &relay_sim::Template, key: &str) -> Result<ProbeSpec> {
    let model = template.models.first().map_or("", String::as_str);
    let fill = |text: &str| text.replace("{{API_KEY}}", key).replace("{{MODEL}}", model);
    let mut spec = ProbeSpec::get(fill(&format!("{base}{}", template.path)).parse()?);
    spec.method = Method::from_bytes(template.method.as_bytes())?;
    spec.body = fill(&template.body).into();
    spec.success_contains = Some(template.success_contains.clone());
    for (name, value) in &template.headers {
        spec.headers.push(Header {
            name: HeaderName::from_bytes(name.as_bytes())?,
            value: HeaderValue::from_str(&fill(value))?,
            holds_key: value.contains("{{API_KEY}}"),
        });
    }
    Ok(spec)
}
