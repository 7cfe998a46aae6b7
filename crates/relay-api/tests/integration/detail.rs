//! `/api/timeline` and `/api/history`: one monitor in detail.

use expect_test::{expect, expect_file};
use relay_api::{Access, Limits};
use relay_core::{Monitor, ProbeResult, SubStatus, record::Timings};

use crate::{
    status::pretty,
    support::{NOW, TestSite, green, monitor, red, site, snapshot},
};

fn fleet() -> TestSite {
    let monitors = [
        Monitor { is_child: true, ..monitor("acme/cc/vip/small") },
        monitor("acme/cc/vip/Large"),
        Monitor { hidden: Some(String::new()), ..monitor("shy/cc//") },
    ];
    let site = site(snapshot(monitors.to_vec()));
    let timings = Timings {
        dns_ms: Some(4),
        connect_ms: Some(10),
        tls_ms: Some(21),
        first_token_ms: Some(150),
        total_ms: Some(200),
    };
    site.append(&monitors[1], NOW - 7200, green(90));
    site.append(&monitors[1], NOW - 120, ProbeResult { timings, ..green(100) });
    site.append(&monitors[1], NOW - 60, red(503, SubStatus::ServerError));
    site.append(&monitors[1], NOW - 60, red(0, SubStatus::NetworkError));
    site
}

#[tokio::test]
async fn history_is_newest_first_and_pages_meet() {
    let running = fleet().start(Limits::default());
    let first = running.get("/api/history?provider=ACME&service=cc&channel=vip&model=large&limit=3").await;
    expect![[r#"{"records":[{"id":4,"timestamp":1772368436,"status":0,"sub_status":"network_error","http_code":0,"latency":80,"reason":"no usable answer"},{"id":3,"timestamp":1772368436,"status":0,"sub_status":"server_error","http_code":503,"latency":80,"reason":"server error (HTTP 503)"},{"id":2,"timestamp":1772368376,"status":1,"sub_status":"","http_code":200,"latency":100,"dns_ms":4,"connect_ms":10,"tls_ms":21,"first_token_ms":150,"total_ms":200}],"next_cursor":"1772368376.2"}"#]]
    .assert_eq(first.text());
    assert_eq!(first.header("cache-control"), "no-store");
    let rest = running.get("/api/history?provider=acme&service=cc&limit=3&cursor=1772368376.2").await.json();
    assert_eq!(rest["records"][0]["id"], 1);
    assert_eq!(rest["next_cursor"], serde_json::Value::Null);
    let window = "/api/history?provider=acme&service=cc&from=2026-03-01T12:32:00Z&to=1772368400";
    let ids: Vec<_> = running.get(window).await.json()["records"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|r| r["id"].clone())
        .collect();
    assert_eq!(ids, [2]);
}

#[tokio::test]
async fn a_provider_is_found_by_its_slug_too() {
    let mut renamed = monitor("Acme 云/cc//");
    renamed.listing.provider_slug = "acme-cloud".to_owned();
    let running = site(snapshot(vec![renamed])).start(Limits::default());
    for path in ["/api/timeline", "/api/history", "/api/status/query", "/badge.svg"] {
        for provider in ["acme-cloud", "ACME-Cloud", "acme+%E4%BA%91"] {
            let reply = running.get(&format!("{path}?provider={provider}&service=cc")).await;
            assert_eq!(reply.status, 200, "{path} {provider}");
            assert!(!reply.text().contains("NOT_FOUND"), "{path} {provider}");
        }
    }
}

#[tokio::test]
async fn what_upstreams_said_is_for_operators() {
    let site = fleet();
    let running = site.start(Limits::default());
    let path = "/api/history?provider=acme&service=cc";
    assert!(!running.get(path).await.text().contains("upstream-secret"));
    site.api.set_access(Access { public_details: true, ..Access::default() });
    assert!(running.get(path).await.text().contains(r#""detail":"upstream-secret said no""#));
}

#[tokio::test]
async fn what_cannot_be_asked_says_why() {
    let running = fleet().start(Limits::default());
    for (path, status, says) in [
        ("/api/history?service=cc", 400, "provider: is required"),
        ("/api/timeline?provider=acme", 400, "service: is required"),
        ("/api/history?provider=acme&service=cc&limit=0", 400, "limit: use a number from 1 to 1000"),
        ("/api/history?provider=acme&service=cc&limit=1001", 400, "limit: use a number from 1 to 1000"),
        ("/api/history?provider=acme&service=cc&cursor=x", 400, "cursor: use next_cursor of the page before"),
        (
            "/api/history?provider=acme&service=cc&from=yesterday",
            400,
            "from: use Unix seconds or RFC 3339, such as 2026-01-31T00:00:00Z",
        ),
        ("/api/history?provider=shy&service=cc", 404, "there is no such monitor"),
        ("/api/timeline?provider=shy&service=cc", 404, "there is no such monitor"),
        ("/api/timeline?provider=acme&service=cc&model=other", 404, "there is no such monitor"),
    ] {
        let reply = running.get(path).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["error"]), (status, &says.into()), "{path}");
    }
}

#[tokio::test]
async fn a_timeline_of_single_probes_has_their_phases() {
    let running = fleet().start(Limits::default());
    let reply = running.get("/api/timeline?provider=acme&service=cc&period=90m").await;
    assert_eq!(reply.header("cache-control"), "public, max-age=10, s-maxage=10");
    expect_file!["../golden/timeline_raw.json"].assert_eq(&(pretty(reply.text()) + "\n"));
}

#[tokio::test]
async fn buckets_have_quantiles_and_phases() {
    let running = fleet().start(Limits::default());
    let day = running.get("/api/timeline?provider=acme&service=cc&period=24h&align=hour").await.json();
    let points = day["points"].as_array().expect("a list");
    assert_eq!(points.len(), 24);
    let last = &points[23];
    assert_eq!((&last["latency_p50"], &last["latency_p99"]), (&98.into(), &98.into()));
    assert_eq!(
        (&last["first_token_p50"], &last["tls_ms"], &last["total_ms"]),
        (&155.into(), &21.into(), &200.into())
    );
    assert_eq!(points[0]["latency_p50"], serde_json::Value::Null);
    assert_eq!(day["meta"]["align"], "hour");
    let month = running.get("/api/timeline?provider=acme&service=cc&period=30d").await.json();
    assert_eq!(month["points"].as_array().map(Vec::len), Some(30));
    assert_eq!(
        (&month["points"][29]["tls_ms"], &month["points"][28]["tls_ms"]),
        (&21.into(), &None::<u8>.into())
    );
    assert!(month["points"][29]["latency_p50"].is_u64());
}

#[tokio::test]
async fn phases_of_many_records_are_read_page_by_page() {
    let only = monitor("acme/cc//");
    let site = site(snapshot(vec![only.clone()]));
    for number in 0..6_000 {
        let timings = Timings { total_ms: Some(number), ..Timings::default() };
        site.append(&only, NOW - i64::from(number) * 10, ProbeResult { timings, ..green(1) });
    }
    let running = site.start(Limits::default());
    let week = running.get("/api/timeline?provider=acme&service=cc&period=7d").await.json();
    let means: Vec<_> =
        week["points"].as_array().expect("a list").iter().map(|p| p["total_ms"].as_u64()).collect();
    // The last day has the 4,529 records since midnight, the day before the rest.
    assert_eq!(means, [None, None, None, None, None, Some(5_265), Some(2_265)]);
}
