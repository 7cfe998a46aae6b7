use std::fs;

use relay_sim::Behaviour;
use rustix::process::Signal;
use serde_json::json;

use crate::support::{Site, entry, points};

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_adds_and_removes_monitors() {
    let site = Site::new(&[("first", Behaviour::Healthy), ("second", Behaviour::Healthy)]).await;
    site.write(&site.config(1));
    let server = site.start(&[]).await;
    server.status_where(|status| points(status, "first") > 0).await;

    site.write(&site.config(2));
    let both = server.status_where(|status| points(status, "second") > 0).await;
    assert!(points(&both, "first") > 0, "what was shown is still shown");

    site.write(&site.config(1));
    let one = server.status_where(|status| entry(status, "second").is_null()).await;
    assert_eq!(one["meta"]["count"], 1);
    assert_eq!(server.json("/ready").await["config_generation"], 3);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_file_changes_nothing_and_a_hangup_reads_again() {
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    let server = site.start(&[]).await;
    fs::write(site.path("config.yaml"), "monitors: [").expect("written");
    server.signal(Signal::HUP);
    let before = server.status_where(|status| points(status, "good") > 0).await;
    assert_eq!(before["meta"]["count"], 1);

    let mut config = site.config(1);
    config["monitors"][0]["sponsor"] = json!("somebody else");
    fs::write(site.path("config.yaml"), config.to_string()).expect("written");
    server.signal(Signal::HUP);
    server.status_where(|status| entry(status, "good")["sponsor"] == "somebody else").await;
    server.stop().await;
}
