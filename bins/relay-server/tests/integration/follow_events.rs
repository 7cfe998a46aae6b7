//! The worker of docs/events.md, as its readers run it.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
    time::Duration,
};

use relay_sim::Behaviour;
use serde_json::json;
use tokio::time::{Instant, sleep};

use crate::support::{PATIENCE, Site, finish, points};

const TOKEN: &str = "a-token-of-the-test";

fn worker(site: &Site, server: &str, token: &str) -> Output {
    let script: PathBuf = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/examples/follow_events.py");
    let mut command = Command::new("python3");
    command.arg(script).arg(server).args(["--once", "--from", "0", "--cursor"]).arg(site.path("cursor"));
    finish(command.env("EVENTS_API_TOKEN", token))
}

/// Runs it until it has told `count` events; returns the type of each.
async fn told(site: &Site, server: &str, count: usize) -> Vec<String> {
    let (mut told, end) = (Vec::new(), Instant::now() + PATIENCE);
    while told.len() < count {
        assert!(Instant::now() < end, "only {told:?}");
        sleep(Duration::from_millis(100)).await;
        let output = worker(site, server, TOKEN);
        assert!(output.status.success(), "{output:?}");
        let lines = String::from_utf8_lossy(&output.stdout).into_owned();
        told.extend(lines.lines().filter_map(|line| line.split(' ').nth(1)).map(str::to_owned));
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_of_the_documentation_sees_every_event_once() {
    let site = Site::new(&[("relay", Behaviour::Healthy)]).await;
    let mut config = site.config(1);
    config["events"] = json!({ "enabled": true, "api_token": TOKEN, "down_threshold": 1 });
    site.write(&config);
    let server = site.start(&[]).await;
    let url = format!("http://{}", server.address);
    server.status_where(|status| points(status, "relay") > 0).await;

    site.sim.handle().set_behaviour("relay", Behaviour::ServerError(503));
    assert_eq!(told(&site, &url, 1).await, ["DOWN"]);
    site.sim.handle().set_behaviour("relay", Behaviour::Healthy);
    assert_eq!(told(&site, &url, 1).await, ["UP"], "it goes on where it was");

    let refused = worker(&site, &url, "another");
    assert!(String::from_utf8_lossy(&refused.stderr).starts_with("403"), "{refused:?}");
    server.stop().await;

    let kept = std::fs::read(site.path("cursor")).expect("a cursor");
    assert!(!worker(&site, &url, TOKEN).status.success(), "nobody answers");
    assert_eq!(std::fs::read(site.path("cursor")).expect("a cursor"), kept);
}
