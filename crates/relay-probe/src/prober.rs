//! One probe from start to verdict.

use std::{fmt, sync::Arc, time::Duration};

use async_trait::async_trait;
use http::HeaderValue;
use hyper::body::{Body, Incoming};
use relay_core::{ProbeResult, ProbeSpec, ports::Prober, target::Challenge};
use tokio_util::task::TaskTracker;

use crate::{
    Error, Options, body,
    challenge::{Challenger, Sum},
    client::{Answer, Client, Lease},
    connect::Dialer,
    content::{self, Finding},
    counters::Counters,
    detail,
    expect::Answered,
    failure::{Failure, Kind},
    judge,
    origin::Route,
    proxy::ProxySettings,
    redirect::{self, MAX_REDIRECTS},
    request::Outgoing,
    resolve::{Resolver, SystemResolver},
    tls,
    trace::Trace,
};

/// How much of an error body is read for its message, in bytes.
const ERROR_BODY_BYTES: usize = 64 * 1024;

/// How much of a redirect's body is read so that its connection can be used again, in bytes, and for how long.
const REDIRECT_BODY_BYTES: usize = 16 * 1024;
const REDIRECT_BODY_TIME: Duration = Duration::from_millis(250);

/// Probes endpoints over HTTP/1.1 and HTTP/2. Shared by all probes of a program; see the crate's documentation.
pub struct HttpProber {
    client: Client,
    proxies: ProxySettings,
    user_agent: HeaderValue,
    challenger: Challenger,
    tasks: TaskTracker,
    counters: Counters,
}

impl HttpProber {
    /// Makes a prober. Reads the machine's root certificates, which takes some tens of milliseconds.
    ///
    /// # Errors
    /// [`Error`] when an option cannot be used.
    pub fn new(options: Options) -> Result<Self, Error> {
        let user_agent = HeaderValue::from_str(&options.user_agent)
            .map_err(|_| Error::UserAgent(options.user_agent.clone()))?;
        let tls = tls::client_config(&options)?;
        let resolver: Arc<dyn Resolver> = match options.resolver {
            Some(resolver) => resolver,
            None => Arc::new(SystemResolver::new(options.max_dns_lookups)),
        };
        let tasks = TaskTracker::new();
        let client =
            Client::new(Dialer::new(resolver, tls), options.pool, tasks.clone(), options.counters.clone());
        let challenger = Challenger::new(options.seed);
        Ok(Self {
            client,
            proxies: options.proxies,
            user_agent,
            challenger,
            tasks,
            counters: options.counters,
        })
    }

    /// Closes idle connections, keeps no more, and waits until the tasks of all connections have ended. Probes that
    /// still run keep theirs until they are done.
    ///
    /// # Cancel safety
    /// Dropping the future stops the waiting only.
    pub async fn close(&self) {
        self.client.pool().close();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Returns how many idle connections are kept for the next probes.
    #[must_use]
    pub fn idle_connections(&self) -> usize {
        self.client.pool().idle()
    }

    async fn run(&self, spec: &ProbeSpec, trace: &mut Trace) -> Result<Finding, Failure> {
        let challenge = spec.expect.as_ref().and_then(|expect| expect.challenge);
        let sum = challenge.map(|Challenge::Arithmetic| self.challenger.draw());
        let (answer, lease) = self.follow(spec, sum.as_ref(), trace).await?.into_parts();
        let (head, incoming) = answer.into_parts();
        let expected = spec.expect.as_ref().map_or(&[][..], |expect| &expect.status);
        let latency = trace.latency().unwrap_or_default();
        let verdict = judge::judge(head.status.as_u16(), latency, spec.slow_latency, expected);
        let cap = spec.max_response_bytes;
        let cap = if verdict.0.is_available() { cap } else { cap.min(ERROR_BODY_BYTES) };
        let body = body::read(&head.headers, incoming, cap, trace).await;
        self.counters.read(body.bytes.len(), body.capped);
        if body.reusable {
            lease.release();
        }
        let answered = Answered { code: head.status, body: &body, sum: sum.as_ref() };
        Ok(content::judge(spec, verdict, latency, &answered))
    }

    /// Sends the request and follows redirects to the answer that counts.
    async fn follow(
        &self,
        spec: &ProbeSpec,
        sum: Option<&Sum>,
        trace: &mut Trace,
    ) -> Result<Answer, Failure> {
        let mut hop = Outgoing::first(spec, &self.user_agent);
        if let Some(sum) = sum {
            hop.body = sum.ask_in(&spec.body);
        }
        let mut visited = Vec::new();
        loop {
            let answer = self.send(&hop, spec, trace).await?;
            let code = answer.response.status().as_u16();
            trace.headers_came(code);
            if spec.expect.as_ref().is_some_and(|expect| expect.status.contains(&code)) {
                // Whoever expects a redirect wants to see it, not where it leads.
                return Ok(answer);
            }
            let headers = answer.response.headers();
            let Some(next) = redirect::next(&hop, code, headers, spec.key_in_url_or_body)? else {
                return Ok(answer);
            };
            visited.push((hop.method, hop.url));
            if visited.iter().any(|(method, url)| *method == next.method && *url == next.url) {
                return Err(Failure::new(Kind::Redirect, format!("a loop back to {}", next.url)));
            }
            if visited.len() > MAX_REDIRECTS {
                return Err(Failure::new(Kind::Redirect, format!("more than {MAX_REDIRECTS} redirects")));
            }
            let (response, lease) = answer.into_parts();
            drain(response.into_body(), lease).await;
            self.counters.redirected();
            hop = next;
        }
    }

    /// Makes a detail in which nothing of what was sent can be read that is secret.
    fn shown(&self, text: &str, spec: &ProbeSpec) -> String {
        let secrets = detail::secrets_of(spec, self.proxies.http.iter().chain(&self.proxies.https));
        let secrets: Vec<&str> = secrets.iter().map(String::as_str).collect();
        detail::detail(text, &secrets)
    }

    async fn send(&self, hop: &Outgoing<'_>, spec: &ProbeSpec, trace: &mut Trace) -> Result<Answer, Failure> {
        if spec.https_only && hop.url.scheme() != "https" {
            let words = format!("{} is not https and nothing else may be probed", hop.url);
            return Err(Failure::new(Kind::Egress, words));
        }
        let route = Route::to(&hop.url, spec.proxy.as_ref(), &self.proxies, spec.private_networks)?;
        self.client.send(hop, route, spec.connection, trace).await
    }
}

#[async_trait]
impl Prober for HttpProber {
    async fn probe(&self, spec: &ProbeSpec) -> ProbeResult {
        let mut trace = Trace::start();
        let deadline = trace.started_at() + spec.timeout;
        let outcome = tokio::time::timeout_at(deadline, self.run(spec, &mut trace)).await;
        let finding = match outcome {
            Ok(Ok(finding)) => finding,
            Ok(Err(failure)) => {
                self.counters.failed(failure.kind);
                Finding::network_error(&failure)
            }
            Err(_) => {
                self.counters.failed(Kind::Timeout);
                let millis = spec.timeout.as_millis();
                let words = format!("the {} within {millis} ms", trace.stage.missing());
                Finding::network_error(&Failure::new(Kind::Timeout, words))
            }
        };
        ProbeResult {
            status: finding.verdict.0,
            sub_status: finding.verdict.1,
            http_code: trace.code,
            latency_ms: trace.latency_ms(),
            timings: trace.timings(),
            detail: finding.detail.map(|text| self.shown(&text, spec)).filter(|text| !text.is_empty()),
        }
    }
}

impl fmt::Debug for HttpProber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpProber")
            .field("idle_connections", &self.idle_connections())
            .finish_non_exhaustive()
    }
}

/// Reads the rest of a small redirect body, so that the connection stays usable.
async fn drain(mut body: Incoming, lease: Lease) {
    use http_body_util::BodyExt;
    let read_rest = async {
        let mut length = 0;
        while !body.is_end_stream() {
            match body.frame().await {
                None => break,
                Some(Ok(frame)) => length += frame.data_ref().map_or(0, |data| data.len()),
                Some(Err(_)) => return false,
            }
            if length > REDIRECT_BODY_BYTES {
                return false;
            }
        }
        true
    };
    if tokio::time::timeout(REDIRECT_BODY_TIME, read_rest).await == Ok(true) {
        lease.release();
    }
}
