//! A simulated relay and a prober on threads of their own, so that what is counted is the prober's memory alone, and
//! tests that run at the same time do not disturb each other.

use std::{
    sync::{Arc, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use relay_core::{ProbeResult, ProbeSpec, Secret, SubStatus, ports::Prober, target::Header};
use relay_probe::{HttpProber, Options, Roots};
use relay_sim::{Abuse, Behaviour, Dialect, Encoding, Mode, Relay, Sim};
use rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer};
use tokio::{
    runtime::{Builder, Runtime},
    sync::oneshot,
    time::Instant,
};

/// The most memory that one probe may hold at any moment, in bytes, when its cap is the default of 1 MiB: the body
/// while its buffer grows (old and new at once), the text collected from it, the window of an encoding, the buffers
/// of the connection. What zstd allocates in C is not counted; its window is at most 8 MiB.
pub(crate) const BOUND: u64 = 4 * 1024 * 1024;

/// The same for a probe that never gets to a body: mostly what the first probe of a process makes for all others.
pub(crate) const BOUND_WITHOUT_BODY: u64 = 1024 * 1024;

/// How much longer than its timeout a probe may take on a busy machine.
const SLACK: Duration = Duration::from_secs(2);

/// A simulated relay that does harm, and what is sent to it.
pub(crate) struct Upstream {
    relay: Relay,
    pub(crate) abuse: Option<Abuse>,
    /// The protocols offered by ALPN; without any, there is no TLS.
    pub(crate) alpn: Option<&'static [u8]>,
    pub(crate) timeout: Duration,
    pub(crate) max_response_bytes: usize,
}

/// What came of a probe.
pub(crate) struct Endured {
    pub(crate) result: ProbeResult,
    /// The most bytes held at once.
    pub(crate) peak: u64,
}

/// A running simulation; it stops when this is dropped.
struct Running {
    base: String,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

// === impl Upstream ===

impl Upstream {
    /// A relay of OpenAI chat completions without TLS.
    pub(crate) fn new(behaviour: Behaviour, mode: Mode) -> Self {
        Self::speaking(Dialect::Chat, behaviour, mode)
    }

    pub(crate) fn speaking(dialect: Dialect, behaviour: Behaviour, mode: Mode) -> Self {
        let relay = Relay { behaviour, mode, ..Relay::new("hostile", dialect) };
        Self {
            relay,
            abuse: None,
            alpn: None,
            timeout: Duration::from_secs(20),
            max_response_bytes: relay_core::target::DEFAULT_MAX_RESPONSE_BYTES,
        }
    }

    pub(crate) fn abusing(abuse: Abuse) -> Self {
        Self { abuse: Some(abuse), ..Self::new(Behaviour::Healthy, Mode::Plain) }
    }

    pub(crate) fn with_tls(self, alpn: &'static [u8]) -> Self {
        Self { alpn: Some(alpn), ..self }
    }

    pub(crate) fn compressed(mut self, encoding: Encoding) -> Self {
        self.relay.compress = Some(encoding);
        self
    }

    pub(crate) fn within(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Probes it once and returns colour, cause, code and detail. The probe must end in time and stay within `bound`.
    ///
    /// # Panics
    /// When it does not.
    pub(crate) fn endured_within(&self, bound: u64) -> String {
        let Endured { result, peak } = self.probe();
        assert!(peak <= bound, "{peak} bytes were held at once, more than {bound}: {result:?}");
        let cause = result.sub_status.map_or("-", SubStatus::as_str);
        let detail = result.detail.as_deref().unwrap_or("-");
        format!("{} {cause} {} | {detail}", result.status, result.http_code)
    }

    /// Probes it once within [`BOUND`].
    pub(crate) fn endured(&self) -> String {
        self.endured_within(BOUND)
    }

    /// Probes it once and measures.
    pub(crate) fn probe(&self) -> Endured {
        let signed = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).expect("a certificate");
        let tls = self.alpn.map(|alpn| {
            let key = PrivateKeyDer::Pkcs8(signed.signing_key.serialize_der().into());
            let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
                .with_safe_default_protocol_versions()
                .expect("versions")
                .with_no_client_auth()
                .with_single_cert(vec![signed.cert.der().clone()], key)
                .expect("a configuration");
            config.alpn_protocols = vec![alpn.to_vec()];
            Arc::new(config)
        });
        let options = relay_sim::Options {
            relays: vec![self.relay.clone()],
            tls,
            abuse: self.abuse,
            ..relay_sim::Options::default()
        };
        let running = Running::start(options);
        let spec = self.spec(&running.base);
        let extra_roots_pem = signed.cert.pem().into_bytes();
        let options = Options { roots: Roots::OnlyExtra, extra_roots_pem, ..Options::default() };
        let (runtime, prober) = (runtime(), HttpProber::new(options).expect("a prober"));
        let mut result = None;
        let begin = Instant::now();
        let counted = allocation_counter::measure(|| result = Some(runtime.block_on(prober.probe(&spec))));
        let took = begin.elapsed();
        let result = result.expect("the probe ended");
        assert!(took <= self.timeout + SLACK, "{took:?} is beyond {:?}: {result:?}", self.timeout);
        Endured { result, peak: counted.bytes_max }
    }

    /// What a monitor of the relay sends.
    fn spec(&self, base: &str) -> ProbeSpec {
        let (relay, template) = (&self.relay, self.relay.template());
        let model = &template.models[0];
        let fill = |text: &str| text.replace("{{API_KEY}}", &relay.key).replace("{{MODEL}}", model);
        let mut spec = ProbeSpec::get(fill(&format!("{base}{}", template.path)).parse().expect("a url"));
        spec.method = template.method.parse().expect("a method");
        spec.body = Bytes::from(fill(&template.body));
        spec.api_key = Some(Secret::new(&relay.key));
        spec.success_contains = Some("pong".to_owned());
        spec.timeout = self.timeout;
        spec.max_response_bytes = self.max_response_bytes;
        for (name, value) in &template.headers {
            spec.headers.push(Header {
                name: HeaderName::from_bytes(name.as_bytes()).expect("a name"),
                value: HeaderValue::from_str(&fill(value)).expect("a value"),
                holds_key: value.contains("{{API_KEY}}"),
            });
        }
        spec
    }
}

// === impl Running ===

impl Running {
    fn start(options: relay_sim::Options) -> Self {
        let (started, base) = mpsc::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let thread = thread::spawn(move || {
            runtime().block_on(async {
                let name = options.relays[0].name.clone();
                let sim = Sim::start(options).await.expect("a simulation");
                started.send(sim.url(&name).expect("a relay")).expect("the test waits");
                // Either end means that the test is over.
                let _over = stopped.await;
            });
        });
        let base = base.recv().expect("the simulation started");
        Self { base, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the simulation did not panic");
        }
    }
}

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}
