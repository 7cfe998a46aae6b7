//! A channel that gets a name keeps its history: while the server runs, and when it starts.

use relay_sim::Behaviour;
use serde_json::{Value, json};

use crate::support::{Site, entry, points};

/// Returns the time of the oldest record that is shown of a provider.
fn oldest(status: &Value, provider: &str) -> i64 {
    entry(status, provider)["timeline"][0]["timestamp"].as_i64().expect("a record")
}

#[tokio::test(flavor = "multi_thread")]
async fn adding_a_channel_loses_nothing() {
    let site = Site::new(&[("first", Behaviour::Healthy), ("second", Behaviour::Healthy)]).await;
    let server = site.start(&[]).await;
    let before =
        server.status_where(|status| points(status, "first") >= 2 && points(status, "second") >= 2).await;

    let mut config = site.config(2);
    config["monitors"][0]["channel"] = json!("vip");
    site.write(&config);
    let renamed = server.status_where(|status| entry(status, "first")["channel"] == "vip").await;
    assert_eq!(oldest(&renamed, "first"), oldest(&before, "first"));
    let more = server.status_where(|status| points(status, "first") > points(&renamed, "first")).await;
    assert_eq!(oldest(&more, "first"), oldest(&before, "first"));
    server.stop().await;

    config["monitors"][1]["channel"] = json!("vip");
    site.write(&config);
    let server = site.start(&[]).await;
    let restarted = server.status_where(|status| entry(status, "second")["channel"] == "vip").await;
    for provider in ["first", "second"] {
        assert_eq!(oldest(&restarted, provider), oldest(&before, provider));
    }
    server.stop().await;
}
