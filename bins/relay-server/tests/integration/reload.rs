//! What an operator changes while the server runs: files by every way they are replaced, and what the server tells of it.

use std::{fs, os::unix::fs::symlink, time::Duration};

use relay_sim::{Behaviour, Latency};
use rustix::process::Signal;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::support::{PATIENCE, Server, Site, entry, points};

/// Returns what `/ready` tells of the configuration.
async fn told(server: &Server) -> Value {
    server.json("/ready").await["components"]["config"].clone()
}

/// Tells whether the newest probe of a provider has this result: 1 is green, 0 red.
fn is_now(status: &Value, provider: &str, result: i64) -> bool {
    entry(status, provider)["current_status"]["status"] == result
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_adds_and_removes_monitors() {
    let site = Site::new(&[("first", Behaviour::Healthy), ("second", Behaviour::Healthy)]).await;
    site.write(&site.config(1));
    let server = site.start(&[]).await;
    server.status_where(|status| points(status, "first") > 0).await;

    site.write(&site.config(2));
    let both = server.status_where(|status| points(status, "second") > 0).await;
    assert!(points(&both, "first") > 0, "what was shown is still shown");
    server.says("config reloaded: 2 monitors (+1 -0 ~0)").await;

    let mut config = site.config(1);
    config["monitors"][0]["sponsor"] = json!("somebody else");
    site.write(&config);
    let one = server.status_where(|status| entry(status, "second").is_null()).await;
    assert_eq!(one["meta"]["count"], 1);
    assert_eq!(server.json("/ready").await["config_generation"], 3);
    server.says("config reloaded: 1 monitors (+0 -1 ~1)").await;
    server.stop().await;
}

/// Tells whether the page names a feed, and whether there is one.
async fn feed(server: &Server) -> (bool, bool) {
    let (_, page) = server.get("/en/").await;
    let named = String::from_utf8_lossy(&page).contains("type=\"application/atom+xml\"");
    (named, server.get("/feed.atom").await.0 == 200)
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_name_the_feed_while_there_is_one() {
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    let server = site.start(&[]).await;
    assert_eq!(feed(&server).await, (true, true));

    let mut config = site.config(1);
    config["events"] = json!({ "enabled": false });
    site.write(&config);
    server.says("config reloaded").await;
    assert_eq!(feed(&server).await, (false, false));
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_changes_nothing_and_the_next_good_one_is_loaded() {
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    let server = site.start(&[]).await;
    let first = told(&server).await;
    assert_eq!((&first["generation"], &first["last_error"]), (&json!(1), &Value::Null));
    assert_eq!(first["last_reload"], Value::Null);
    assert!((server.metric("relay_config_last_reload_successful").await - 1.0).abs() < 0.5);

    fs::write(site.path("config.yaml"), "monitors: [").expect("written");
    server.metric_where("relay_config_last_reload_successful", |value| value < 0.5).await;
    let broken = told(&server).await;
    assert!(
        broken["last_error"].as_str().is_some_and(|error| error.contains("config.yaml:1:")),
        "{broken:#}"
    );
    assert_eq!((&broken["generation"], &broken["ok"]), (&json!(1), &json!(true)));
    assert!(broken["last_reload"].as_i64() > Some(0), "{broken:#}");
    server.metric_where("relay_config_reloads_total{result=\"failed\"}", |count| count > 0.5).await;
    server.says("config not reloaded, the one in force stays").await;
    let before = server.status_where(|status| points(status, "good") > 1).await;
    assert_eq!(before["meta"]["count"], 1, "what was configured is served and probed");

    let mut config = site.config(1);
    config["monitors"][0]["sponsor"] = json!("somebody else");
    fs::write(site.path("config.yaml"), config.to_string()).expect("written");
    server.signal(Signal::HUP);
    server.status_where(|status| entry(status, "good")["sponsor"] == "somebody else").await;
    let good = told(&server).await;
    assert_eq!(good["last_error"], Value::Null);
    assert!(
        good["generation"].as_i64() >= Some(2)
            && good["last_reload"].as_i64() >= broken["last_reload"].as_i64()
    );
    let generation = server.metric("relay_config_generation").await;
    assert!(generation > 1.5, "{generation}");
    assert!(server.metric("relay_config_last_reload_successful").await > 0.5);
    assert!(server.metric("relay_config_last_reload_success_timestamp_seconds").await > 0.0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_restart_stays_and_is_warned_of() {
    let site = Site::new(&[("first", Behaviour::Healthy), ("second", Behaviour::Healthy)]).await;
    site.write(&site.config(1));
    let server = site.start(&[]).await;
    let before = server.status_where(|status| points(status, "first") > 0).await;

    let mut config = site.config(2);
    config["storage"]["sqlite"]["path"] = json!("other.db");
    config["server"] = json!({
        "listen": "127.0.0.1:1",
        "limits": { "connections": 1, "body_bytes": 1 },
        "tls": { "cert": "cert.pem", "key": "key.pem" },
    });
    site.write(&config);
    let after = server.status_where(|status| points(status, "second") > 0).await;
    assert!(points(&after, "first") >= points(&before, "first"), "the history is where it was");
    for what in ["storage", "server.listen", "server.limits", "server.tls"] {
        server.says(&format!("{what} changed in the configuration: restart to apply it")).await;
    }
    assert!(!site.path("other.db").exists());
    server.stop().await;
    assert!(!site.records("second").await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_in_flight_of_a_removed_monitor_is_not_stored() {
    let slow = Behaviour::Slow(Latency::new(1500, 0.0));
    let site = Site::new(&[("stays", Behaviour::Healthy), ("goes", slow)]).await;
    let server = site.start(&[]).await;
    let end = Instant::now() + PATIENCE;
    while site.sim.handle().counts("goes").is_none_or(|counts| counts.requests == 0) {
        assert!(Instant::now() < end, "no probe");
        sleep(Duration::from_millis(20)).await;
    }
    site.write(&site.config(1));
    server.signal(Signal::HUP);
    server.metric_where("relay_probes_discarded_total", |count| count > 0.5).await;
    // Long enough for a probe that went on to be answered and stored.
    let so_far = points(&server.json("/api/status?period=90m").await, "stays");
    server.status_where(|status| points(status, "stays") >= so_far + 3).await;
    server.stop().await;
    assert_eq!(site.records("goes").await, []);
    assert_eq!(site.sim.handle().counts("goes").map(|counts| counts.requests), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_key_in_dotenv_is_used() {
    let site = Site::new(&[("locked", Behaviour::Healthy)]).await;
    let mut config = site.config(1);
    config["monitors"][0]["api_key"].take();
    site.write(&config);
    fs::write(site.path(".env"), "MONITOR_LOCKED_CHAT_API_KEY=sk-wrong\n").expect("written");
    let server = site.start(&[]).await;
    let refused = server.status_where(|status| is_now(status, "locked", 0)).await;
    assert_eq!(entry(&refused, "locked")["timeline"][0]["status_counts"]["auth_error"], 1, "{refused:#}");

    let key = "sk-sim-locked";
    fs::write(site.path(".env.new"), format!("MONITOR_LOCKED_CHAT_API_KEY={key}\n")).expect("written");
    fs::rename(site.path(".env.new"), site.path(".env")).expect("moved");
    server.status_where(|status| is_now(status, "locked", 1)).await;
    server.says("config reloaded: 1 monitors (+0 -0 ~1)").await;
    assert!(!server.log().iter().any(|line| line.contains(key)), "keys are never logged");
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_include_is_used() {
    let site = Site::new(&[("asked", Behaviour::Healthy)]).await;
    let mut config = site.config(1);
    let right = config["monitors"][0]["body"].as_str().expect("a body").to_owned();
    config["monitors"][0]["body"] = json!("!include data/body.json");
    site.write(&config);
    fs::create_dir(site.path("data")).expect("made");
    fs::write(site.path("data/body.json"), right.replace("sim-1", "no-such-model")).expect("written");
    let server = site.start(&[]).await;
    server.status_where(|status| is_now(status, "asked", 0)).await;

    fs::write(site.path("data/body.json"), right).expect("written");
    server.status_where(|status| is_now(status, "asked", 1)).await;
    server.stop().await;
}

/// In a `ConfigMap` volume each file is a link through `..data`, and that is replaced.
#[tokio::test(flavor = "multi_thread")]
async fn a_swapped_config_map_is_loaded() {
    let site = Site::new(&[("first", Behaviour::Healthy), ("second", Behaviour::Healthy)]).await;
    let put = |version: &str, count: usize| {
        fs::create_dir(site.path(version)).expect("made");
        let text = site.config(count).to_string();
        fs::write(site.path(version).join("config.yaml"), text).expect("written");
        symlink(version, site.path("..data_tmp")).expect("linked");
        fs::rename(site.path("..data_tmp"), site.path("..data")).expect("moved");
    };
    put("..2024_01_01", 1);
    fs::remove_file(site.path("config.yaml")).expect("removed");
    symlink("..data/config.yaml", site.path("config.yaml")).expect("linked");
    let server = site.start(&[]).await;
    server.status_where(|status| points(status, "first") > 0).await;

    put("..2024_01_02", 2);
    fs::remove_dir_all(site.path("..2024_01_01")).expect("removed");
    server.status_where(|status| points(status, "second") > 0).await;
    put("..2024_01_03", 1);
    server.status_where(|status| entry(status, "second").is_null()).await;
    assert_eq!(told(&server).await["last_error"], Value::Null);
    server.stop().await;
}
