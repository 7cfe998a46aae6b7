use std::time::Duration;

use relay_sim::{Behaviour, Latency, Outage};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::support::{PATIENCE, Site, entry, finish, get, points, program};

/// Returns what a status says of the past, without the parts that are new in each answer.
fn shown(status: &Value, provider: &str) -> Vec<Value> {
    entry(status, provider)["timeline"].as_array().cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_shown_survives_a_kill() {
    let site = Site::new(&[("good", Behaviour::Healthy), ("bad", Behaviour::ServerError(500))]).await;
    let server = site.start(&[]).await;
    let before = server.status_where(|status| points(status, "good") > 1 && points(status, "bad") > 1).await;
    server.signal(Signal::KILL);
    assert!(!server.ended().await.success());

    let server = site.start(&["--no-probe"]).await;
    let after = server.json("/api/status?period=90m").await;
    for provider in ["good", "bad"] {
        let (before, after) = (shown(&before, provider), shown(&after, provider));
        assert_eq!(after[..before.len()], before, "{provider}");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_graceful_stop_stores_the_probe_in_flight() {
    let slow = Behaviour::Slow(Latency::new(1500, 0.0));
    let site = Site::new(&[("slow", slow)]).await;
    let server = site.start(&[]).await;
    let end = Instant::now() + PATIENCE;
    while site.sim.handle().counts("slow").is_none_or(|counts| counts.requests == 0) {
        assert!(Instant::now() < end, "no probe");
        sleep(Duration::from_millis(20)).await;
    }
    server.stop().await;

    let server = site.start(&["--no-probe"]).await;
    let status = server.json("/api/status?period=90m").await;
    assert_eq!(points(&status, "slow"), 1, "{status:#}");
    assert_eq!(entry(&status, "slow")["current_status"]["status"], 1);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_does_not_wait() {
    let site = Site::new(&[("silent", Behaviour::Down(Outage::Silent))]).await;
    let mut config = site.config(1);
    config["timeout"] = json!("60s");
    site.write(&config);
    let server = site.start(&[]).await;
    let end = Instant::now() + PATIENCE;
    while site.sim.handle().counts("silent").is_none_or(|counts| counts.requests == 0) {
        assert!(Instant::now() < end, "no probe");
        sleep(Duration::from_millis(20)).await;
    }
    let asked = Instant::now();
    server.signal(Signal::INT);
    sleep(Duration::from_millis(300)).await;
    server.signal(Signal::INT);
    assert!(server.ended().await.success(), "it was asked to");
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_probing_probes_nothing() {
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    let server = site.start(&["--no-probe"]).await;
    sleep(Duration::from_millis(1200)).await;
    assert_eq!(server.json("/api/status").await["data"][0]["current_status"], Value::Null);
    assert_eq!(site.sim.handle().counts("good").map(|counts| counts.requests), Some(0));
    server.stop().await;
}

#[test]
fn the_api_is_described_as_the_committed_document_does() {
    let dir = tempfile::tempdir().expect("a directory");
    let output = finish(program(dir.path()).arg("openapi"));
    assert!(output.status.success());
    let committed = include_str!("../../../../docs/openapi.json");
    assert_eq!(String::from_utf8(output.stdout).expect("text"), committed, "run `cargo xtask codegen`");
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_may_have_an_address_of_their_own() {
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    let mut config = site.config(1);
    let port =
        std::net::TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("bound").port();
    config["server"]["metrics"] = json!(format!("127.0.0.1:{port}"));
    site.write(&config);
    let server = site.start(&["--no-probe"]).await;
    assert_eq!(server.get("/metrics").await.0, 404, "not beside the page");
    let address = ([127, 0, 0, 1], port).into();
    let (code, text) = get(address, "/metrics").await.expect("an answer");
    assert_eq!(code, 200);
    assert!(String::from_utf8(text).expect("text").contains("# TYPE relay_"));
    assert_eq!(get(address, "/api/status").await.expect("an answer").0, 404, "nothing else there");
    server.stop().await;
}
