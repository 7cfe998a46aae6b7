//! The relay-server under test.

use std::{fs, path::Path, process::Command, time::Duration};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{
    cases::{Case, PROVIDER, Verdict},
    child::{self, Child, free_port},
};

const START: Duration = Duration::from_secs(30);
/// Between two looks at the API, which caches its answer for as long.
const LOOK: Duration = Duration::from_secs(1);

/// A running relay-server.
pub(super) struct Server {
    child: Child,
    addr: String,
}

// === impl Server ===

impl Server {
    /// Starts relay-server with a monitor for each case and an empty database in `folder`.
    ///
    /// # Errors
    /// When its files cannot be written or it cannot be started.
    pub(super) fn start(program: &Path, folder: &Path, cases: &[Case]) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let addr = format!("127.0.0.1:{}", free_port()?);
        fs::write(folder.join("config.yaml"), configuration(folder, cases).to_string())?;
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .args(["run", "--config", "config.yaml", "--listen", &addr])
            // No key, proxy or setting of the caller may change what is probed.
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default());
        let child = Child::start("relay-server", &mut command, &folder.join("log"))?;
        Ok(Self { child, addr })
    }

    /// Waits until every case has a verdict; returns all verdicts of each, oldest first, in the order of the cases.
    ///
    /// # Errors
    /// When the server ends or stays silent, or `limit` passes before.
    pub(super) async fn verdicts(&mut self, cases: &[Case], limit: Duration) -> Result<Vec<Vec<Verdict>>> {
        self.child.answers(&self.addr, "/health", START).await?;
        let until = Instant::now() + limit;
        loop {
            let (code, body) = child::get(&self.addr, "/api/status?period=90m").await?;
            if code != 200 {
                bail!("/api/status answered {code}: {}", String::from_utf8_lossy(&body));
            }
            let status: Value = serde_json::from_slice(&body).context("/api/status is not JSON")?;
            let found: Vec<Vec<Verdict>> = cases.iter().map(|case| verdicts(&status, case.name)).collect();
            if found.iter().all(|verdicts| !verdicts.is_empty()) {
                return Ok(found);
            }
            self.child.still_runs()?;
            if Instant::now() >= until {
                println!("not every case has a verdict after {limit:?}\n{}", self.child.tail());
                return Ok(found);
            }
            sleep(LOOK).await;
        }
    }

    pub(super) async fn stop(self) {
        self.child.stop().await;
    }
}

/// Finds the points of a channel with one model: it is a group with one layer.
fn verdicts(status: &Value, channel: &str) -> Vec<Verdict> {
    let groups = status["groups"].as_array().into_iter().flatten();
    let layers = groups
        .filter(|group| group["provider"] == PROVIDER && group["channel"] == channel)
        .filter_map(|group| group["layers"].as_array())
        .flatten();
    layers.filter_map(|layer| layer["timeline"].as_array()).flatten().map(Verdict::of).collect()
}

/// The limits are far above what litellm takes on a busy machine: this is about verdicts, not about speed.
fn configuration(folder: &Path, cases: &[Case]) -> Value {
    json!({
        "interval": "15s",
        "timeout": "40s",
        "slow_latency": "35s",
        "cache_ttl": {"90m": "1s"},
        "storage": {"type": "sqlite", "sqlite": {"path": folder.join("monitor.db")}},
        "monitors": cases.iter().map(Case::monitor).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn verdicts_are_found_by_channel() {
        let point = |status: i64| json!({"status": status, "status_counts": {}});
        let status = json!({"data": [], "groups": [
            {"provider": "litellm", "channel": "a", "layers": [{"model": "m", "timeline": [point(1), point(0)]}]},
            {"provider": "litellm", "channel": "b", "layers": [{"model": "m", "timeline": []}]},
        ]});
        let found = |channel| verdicts(&status, channel).iter().map(|v| v.status).collect::<Vec<_>>();
        assert_eq!(found("a"), [1, 0]);
        assert!(found("b").is_empty() && found("c").is_empty());
    }
}
