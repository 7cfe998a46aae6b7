//! How long it takes from the end of a probe to the first webhook about it.

mod witness;

use std::{fs, path::Path, time::Duration};

use anyhow::{Result, ensure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use self::witness::Witness;
use super::{
    Scale,
    figure::{Figure, millis, quantile, thousands},
    server::{self, Server},
};

/// How long each step may take; a probe of each channel is made every second.
const PATIENCE: Duration = Duration::from_secs(60);

/// Between two outages. One channel after the other goes down, as in life: what is measured is the way of a message,
/// not a queue of them.
const APART: Duration = Duration::from_millis(25);

/// What is promised for 99 of 100 messages.
const TARGET: Duration = Duration::from_millis(200);

/// Lets channels go down one after the other and measures when their webhooks arrive.
///
/// # Errors
/// When the program does not build, start, probe or notify.
pub(crate) fn figures(scale: Scale) -> Result<Vec<Figure>> {
    let channels = scale.pick(400, 40);
    let program = server::build()?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let witness = runtime.block_on(Witness::start(channels))?;
    let folder = tempfile::tempdir()?;
    write(folder.path(), &witness)?;
    let server = Server::start_probing(&program, folder.path())?;
    let delays = runtime.block_on(outages(&witness))?;
    drop(server);
    Ok(vec![figure(&delays)])
}

/// Lets each channel go down; returns how long each webhook took, sorted.
async fn outages(witness: &Witness) -> Result<Vec<Duration>> {
    until("not every channel is probed", || witness.all_probed()).await?;
    for channel in 0..witness.channels() {
        witness.take_down(channel);
        sleep(APART).await;
    }
    until("not every channel is told of", || witness.all_told()).await?;
    let mut delays = witness.delays();
    delays.sort_unstable();
    Ok(delays)
}

async fn until(otherwise: &str, is_so: impl Fn() -> bool) -> Result<()> {
    let end = Instant::now() + PATIENCE;
    while !is_so() {
        ensure!(Instant::now() < end, "{otherwise} within {PATIENCE:?}");
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

fn figure(delays: &[Duration]) -> Figure {
    let [p50, p99, max] = [0.5, 0.99, 1.0].map(|q| quantile(delays, q));
    #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    let count = thousands(delays.len() as f64);
    Figure::new(
        format!("from a failing answer to the first webhook, {count} channels: p50, p99, longest"),
        format!("{:.1}, {:.1}, {:.1} ms", millis(p50), millis(p99), millis(max)),
    )
    .target("p99 ≤ 200 ms", p99 <= TARGET)
}

fn write(folder: &Path, witness: &Witness) -> Result<()> {
    let monitors: Vec<Value> = (0..witness.channels())
        .map(|channel| {
            json!({
                "provider": "bench", "service": "chat", "channel": witness::name(channel),
                "category": "public", "sponsor": "nobody", "method": "GET",
                "url": format!("http://{}/probe/{}", witness.addr(), witness::name(channel)),
            })
        })
        .collect();
    let config = json!({
        "interval": "1s",
        "events": { "enabled": true, "down_threshold": 1 },
        "storage": { "type": "sqlite", "sqlite": { "path": folder.join("monitor.db") } },
        "notifications": [{
            "name": "witness", "type": "webhook", "url": format!("http://{}/hook", witness.addr()),
            "body": "{{ channel }}",
        }],
        "monitors": monitors,
    });
    // JSON is YAML.
    Ok(fs::write(folder.join("config.yaml"), config.to_string())?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_about_99_of_100() {
        let mut delays = vec![Duration::from_millis(3); 99];
        delays.push(Duration::from_secs(2));
        assert!(figure(&delays).target.ends_with("reached"), "{:?}", figure(&delays));
        delays.push(Duration::from_secs(2));
        assert!(figure(&delays).target.ends_with("missed"), "{:?}", figure(&delays));
    }

    #[test]
    fn the_configuration_is_one() {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let witness = runtime.block_on(Witness::start(3)).expect("it listens");
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), &witness).expect("written");
        let path = folder.path().join("config.yaml");
        let loaded = relay_config::load(&path, &relay_config::Environment::new()).expect("valid");
        assert_eq!(loaded.config.monitors.len(), 3);
    }
}
