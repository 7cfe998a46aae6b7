//! How many probes a second, and what each of them costs beyond the bare request.

mod paced;
mod streams;
mod tls;

use std::{future::Future, time::Duration};

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use relay_core::{ProbeSpec, Status, ports::Prober as _};
use relay_probe::{HttpProber, Options};
use tokio::time::Instant;

use super::{
    Scale,
    figure::{self, Figure},
    relay::SimulatedRelay,
    server, usage,
};

/// Requests in flight.
pub(crate) const AT_ONCE: usize = 32;

/// What many requests took.
struct Cost {
    per_second: f64,
    /// Processor time of one request on the client's thread.
    cpu: Duration,
}

/// Measures the prober beside a bare hyper client that sends the same request to the same relay and reads the answer.
///
/// # Errors
/// When a probe is not green, or a request fails.
pub(crate) fn figures(scale: Scale) -> Result<Vec<Figure>> {
    let relay = SimulatedRelay::start()?;
    let mut figures = keep_alive(&relay, scale)?;
    figures.extend(fresh_tls(&relay, scale)?);
    figures.extend(streams::figures(scale)?);
    figures.extend(paced::figures(&server::build()?, scale)?);
    Ok(figures)
}

fn keep_alive(relay: &SimulatedRelay, scale: Scale) -> Result<Vec<Figure>> {
    let count = scale.pick(40_000, 4_000);
    let (mut probes, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..scale.pick(5, 3) {
        bare.push(measure_bare(relay.spec(), count)?);
        probes.push(measure_prober(relay.spec(), count)?);
    }
    let rate = |costs: &[Cost]| figure::median(costs.iter().map(|cost| cost.per_second).collect());
    let (probe_rate, bare_rate) = (rate(&probes), rate(&bare));
    let (probe_cpu, bare_cpu) = (cpu(&probes), cpu(&bare));
    Ok(vec![
        Figure::new(format!("probes, keep-alive, {AT_ONCE} in flight, one thread"), figure::rate(probe_rate))
            .target("≥ 30,000/s", probe_rate >= 30_000.0)
            .beside(format!(
                "bare hyper client, same request: {} (ratio {:.2})",
                figure::rate(bare_rate),
                probe_rate / bare_rate
            )),
        Figure::new("processor time of a probe", format!("{probe_cpu:.1} µs"))
            .target("≤ 2 × bare", probe_cpu <= 2.0 * bare_cpu)
            .beside(format!("bare hyper client: {bare_cpu:.1} µs (ratio {:.2})", probe_cpu / bare_cpu)),
    ])
}

fn fresh_tls(relay: &SimulatedRelay, scale: Scale) -> Result<Vec<Figure>> {
    let server = tls::Server::start(relay.spec())?;
    let count = scale.pick(3_000, 300);
    let (mut probes, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..scale.pick(5, 3) {
        bare.push(server.measure_bare(count)?);
        probes.push(server.measure_prober(count)?);
    }
    let (probe_cpu, bare_cpu) = (cpu(&probes), cpu(&bare));
    Ok(vec![
        Figure::new(
            "processor time of a probe with a TLS connection of its own",
            format!("{probe_cpu:.0} µs"),
        )
        .target("≤ 1.2 × bare", probe_cpu <= 1.2 * bare_cpu)
        .beside(format!("bare hyper and rustls: {bare_cpu:.0} µs (ratio {:.2})", probe_cpu / bare_cpu)),
    ])
}

/// Returns the median processor time of a request in microseconds.
fn cpu(costs: &[Cost]) -> f64 {
    figure::median(costs.iter().map(|cost| cost.cpu.as_secs_f64() * 1e6).collect())
}

fn measure_prober(spec: &ProbeSpec, count: usize) -> Result<Cost> {
    measure_probes(HttpProber::new(Options::default())?, spec, count)
}

fn measure_probes(prober: HttpProber, spec: &ProbeSpec, count: usize) -> Result<Cost> {
    on_this_thread(async {
        let cost = repeat(count, async || {
            let result = prober.probe(spec).await;
            ensure!(result.status == Status::Green, "a probe was {}: {:?}", result.status, result.detail);
            Ok(())
        })
        .await;
        prober.close().await;
        cost
    })
}

fn measure_bare(spec: &ProbeSpec, count: usize) -> Result<Cost> {
    on_this_thread(async {
        let client: Client<HttpConnector, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        repeat(count, async || {
            let answer = client.request(request(spec)?).await.context("the bare client failed")?;
            ensure!(answer.status() == StatusCode::OK, "the relay answered {}", answer.status());
            answer.into_body().collect().await.context("the bare client failed")?;
            Ok(())
        })
        .await
    })
}

fn request(spec: &ProbeSpec) -> Result<Request<Full<Bytes>>> {
    let mut request = Request::builder()
        .method(&spec.method)
        .uri(spec.url.as_str())
        .header("user-agent", "relay-pulse")
        .header("accept-encoding", "gzip, br, zstd, deflate");
    for header in &spec.headers {
        request = request.header(&header.name, &header.value);
    }
    Ok(request.body(Full::new(spec.body.clone()))?)
}

fn on_this_thread<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}

/// Does `once` as often as `count` says after a tenth as many times of warming up, and measures it.
#[expect(clippy::future_not_send, reason = "it runs on the thread whose processor time it measures")]
async fn repeat(count: usize, once: impl AsyncFn() -> Result<()>) -> Result<Cost> {
    let run = async |times: usize| -> Result<()> {
        let mut running = stream::iter(0..times).map(|_| once()).buffer_unordered(AT_ONCE);
        while let Some(done) = running.next().await {
            done?;
        }
        Ok(())
    };
    run(count / 10).await?;
    let (start, cpu) = (Instant::now(), usage::thread_cpu());
    run(count).await?;
    let (took, cpu) = (start.elapsed(), usage::thread_cpu().saturating_sub(cpu));
    Ok(Cost {
        per_second: figure::per_second(count as u64, took),
        cpu: cpu / u32::try_from(count.max(1)).unwrap_or(u32::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_clients_reach_the_relay() {
        let relay = SimulatedRelay::start().expect("a relay");
        assert!(measure_bare(relay.spec(), 40).expect("answers").per_second > 0.0);
        assert!(measure_prober(relay.spec(), 40).expect("green probes").per_second > 0.0);
    }

    #[test]
    fn both_clients_make_tls_connections() {
        let relay = SimulatedRelay::start().expect("a relay");
        let server = tls::Server::start(relay.spec()).expect("a server");
        assert!(server.measure_bare(20).expect("answers").cpu > Duration::ZERO);
        assert!(server.measure_prober(20).expect("green probes").cpu > Duration::ZERO);
    }

    #[test]
    fn a_relay_that_refuses_fails_the_measurement() {
        let relay = SimulatedRelay::start().expect("a relay");
        let mut spec = relay.spec().clone();
        spec.headers.clear();
        assert!(measure_bare(&spec, 1).is_err());
        assert!(measure_prober(&spec, 1).is_err());
    }
}
