use std::time::Duration;

use relay_sim::{Behaviour, Outage};
use serde_json::Value;
use tokio::time::Instant;

use crate::support::{Site, entry, points};

#[tokio::test(flavor = "multi_thread")]
async fn the_first_verdicts_come_with_the_first_probes() {
    let site = Site::new(&[
        ("good", Behaviour::Healthy),
        ("wrong", Behaviour::WrongContent("something else".to_owned())),
        ("empty", Behaviour::EmptyBody),
        ("limited", Behaviour::RateLimited),
        ("broken", Behaviour::ServerError(503)),
        ("locked", Behaviour::AuthError),
        ("down", Behaviour::Down(Outage::Refused)),
    ])
    .await;
    let began = Instant::now();
    let server = site.start(&[]).await;
    let first = server.json("/api/status").await;
    assert!(began.elapsed() < Duration::from_secs(10), "served after {:?}", began.elapsed());
    assert_eq!(first["meta"]["count"], 7);

    let all = |status: &Value| {
        let data = status["data"].as_array().expect("data");
        data.iter().all(|monitor| monitor["timeline"].as_array().is_some_and(|points| !points.is_empty()))
    };
    let status = server.status_where(all).await;
    for (provider, code, cause) in [
        ("good", 1, None),
        ("wrong", 0, Some("content_mismatch")),
        ("empty", 0, Some("content_mismatch")),
        ("limited", 0, Some("rate_limit")),
        ("broken", 0, Some("server_error")),
        ("locked", 0, Some("auth_error")),
        ("down", 0, Some("network_error")),
    ] {
        let monitor = entry(&status, provider);
        assert_eq!(monitor["current_status"]["status"], code, "{provider}: {monitor:#}");
        let counts = &monitor["timeline"][0]["status_counts"];
        assert_eq!(counts[cause.unwrap_or("available")], 1, "{provider}: {counts:#}");
    }
    let breakdown = &entry(&status, "broken")["timeline"][0]["status_counts"]["http_code_breakdown"];
    assert_eq!(breakdown["server_error"]["503"], 1);
    assert!(!server.log().iter().any(|line| line.contains("sk-sim")), "a key in the log");
    server.metric_where(r#"relay_prober_failures_total{kind="connect"}"#, |failed| failed >= 1.0).await;
    let opened = server.metric(r#"relay_prober_connections_total{kind="opened"}"#).await;
    let reused = server.metric(r#"relay_prober_connections_total{kind="reused"}"#).await;
    assert!(opened >= 1.0 && opened + reused >= 6.0, "{opened} opened, {reused} reused");
    assert!(server.metric("relay_prober_body_bytes_total").await > 0.0);
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_has_its_documented_shape() {
    let site = Site::new(&[("good", Behaviour::Healthy)]).await;
    let server = site.start(&[]).await;
    server.status_where(|status| points(status, "good") > 0).await;
    for (period, buckets) in [("24h", 24), ("7d", 7), ("30d", 30), ("90d", 90), ("1y", 52)] {
        let status = server.json(&format!("/api/status?period={period}")).await;
        assert_eq!(status["meta"]["period"], period);
        assert_eq!(status["meta"]["all_monitor_ids"][0], "good-chat-default");
        assert_eq!(status["groups"].as_array().map(Vec::len), Some(0));
        let monitor = entry(&status, "good");
        assert_eq!(points(&status, "good"), buckets, "{period}");
        assert_eq!(monitor["timeline"][buckets - 1]["status"], 1, "{period}");
        assert_eq!(monitor["availability"], 100.0, "{period}");
        assert!(monitor["current_status"]["timestamp"].as_i64().is_some_and(|at| at > 1_700_000_000));
    }
    assert_eq!(server.json("/api/version").await["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(server.get("/health").await.0, 200);
    assert_eq!(server.get("/ready").await.0, 200);
    let (code, page) = server.get("/").await;
    assert_eq!(code, 200);
    assert!(String::from_utf8_lossy(&page).contains("<html"));
    server.stop().await;
}
