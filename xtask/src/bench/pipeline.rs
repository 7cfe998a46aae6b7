//! Probes all the way: asked, judged, handed to the writer, committed.

use std::sync::Arc;

use anyhow::Result;
use relay_core::{
    ProbeRecord, ProbeSpec,
    ports::{Prober as _, RecordSink as _},
    record::Source,
};
use relay_probe::{HttpProber, Options};
use relay_store::{Writer, WriterOptions};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{Scale, figure, figure::Figure, fixture, probe::AT_ONCE, relay::SimulatedRelay};

/// Measures probes that are stored before the clock stops.
///
/// # Errors
/// When something does not start, or the store fails.
pub(crate) fn figures(scale: Scale) -> Result<Vec<Figure>> {
    let relay = SimulatedRelay::start()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut rates = Vec::new();
    for _ in 0..scale.pick(5, 2) {
        rates.push(runtime.block_on(measure(relay.spec(), scale.pick(40_000, 4_000)))?);
    }
    let rate = figure::rate(figure::median(rates));
    Ok(vec![Figure::new(
        format!("probes committed to SQLite, {AT_ONCE} in flight, relay on the same machine"),
        rate,
    )])
}

/// Returns how many probes a second were made and committed.
async fn measure(spec: &ProbeSpec, count: usize) -> Result<f64> {
    let folder = tempfile::tempdir()?;
    let store = fixture::open(&folder.path().join("probes.db")).await?;
    let writer = Writer::new(WriterOptions::default(), store.clone(), store.clone(), fixture::event_rules());
    let prober = Arc::new(HttpProber::new(Options::default())?);
    let stop = CancellationToken::new();
    let mut writing = JoinSet::new();
    let (own, stopped) = (Arc::clone(&writer), stop.clone());
    writing.spawn(async move { own.run(stopped, CancellationToken::new()).await });

    let start = Instant::now();
    let mut probing = JoinSet::new();
    for lane in 0..AT_ONCE {
        let numbers = (lane..count).step_by(AT_ONCE);
        probing.spawn(probe(Arc::clone(&prober), Arc::clone(&writer), spec.clone(), numbers));
    }
    probing.join_all().await;
    writer.flush().await;
    let took = start.elapsed();

    stop.cancel();
    writing.join_all().await;
    prober.close().await;
    store.close().await?;
    Ok(figure::per_second(count as u64, took))
}

async fn probe(
    prober: Arc<HttpProber>,
    writer: Arc<Writer>,
    spec: ProbeSpec,
    numbers: impl Iterator<Item = usize> + Send,
) {
    let keys = fixture::generator(Scale::Full, 0).keys();
    for number in numbers {
        let result = prober.probe(&spec).await;
        let key = keys[number % keys.len()].clone();
        writer.submit(ProbeRecord { key, timestamp: fixture::now(), source: Source::Schedule, result });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_reach_the_database() {
        let relay = SimulatedRelay::start().expect("a relay");
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
        assert!(runtime.block_on(measure(relay.spec(), 100)).expect("stored probes") > 0.0);
    }
}
