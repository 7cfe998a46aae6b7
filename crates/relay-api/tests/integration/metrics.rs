//! `/metrics`

use http::Method;
use relay_api::{Access, Limits, MetricsAccess};

use crate::support::{monitor, site, snapshot};

#[tokio::test]
async fn counts_requests_and_the_cache() {
    let running = site(snapshot(vec![monitor("acme/cc//")])).start(Limits::default());
    for path in ["/api/status", "/api/status", "/api/status?period=x", "/api/nothing", "/made/up"] {
        running.get(path).await;
    }
    let reply = running.get("/metrics").await;
    assert_eq!(reply.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    for line in [
        r#"relay_http_requests_total{route="/api/status",code="200"} 2"#,
        r#"relay_http_requests_total{route="/api/status",code="400"} 1"#,
        r#"relay_http_requests_total{route="none",code="404"} 1"#,
        r#"relay_http_requests_total{route="/",code="404"} 1"#,
        r#"relay_cache_requests_total{result="hit"} 1"#,
        r#"relay_cache_requests_total{result="miss"} 1"#,
        "relay_cache_entries 1",
        r#"relay_http_request_seconds_count{route="/api/status"} 3"#,
        r#"relay_http_request_seconds_bucket{route="/api/status",le="+Inf"} 3"#,
    ] {
        assert!(reply.text().lines().any(|found| found == line), "{line} in\n{}", reply.text());
    }
}

#[tokio::test]
async fn only_those_who_may_read_them() {
    let site = site(snapshot(Vec::new()));
    let running = site.start(Limits::default());
    for (metrics, direct, proxied) in [
        (MetricsAccess::Off, 404, 404),
        (MetricsAccess::Loopback, 200, 404),
        (MetricsAccess::Public, 200, 200),
    ] {
        site.api.set_access(Access { metrics, ..Access::default() });
        assert_eq!(running.get("/metrics").await.status, direct, "{metrics:?}");
        for through_proxy in [
            ("x-forwarded-for", "198.51.100.1"),
            ("x-forwarded-proto", "https"),
            ("x-real-ip", "127.0.0.1"),
            ("via", "1.1 proxy"),
            ("host", "status.example.org"),
        ] {
            let reply = running.send(Method::GET, "/metrics", &[through_proxy], "").await;
            assert_eq!(reply.status, proxied, "{metrics:?} {through_proxy:?}");
        }
    }
}

#[tokio::test]
async fn an_address_for_metrics_alone_shows_nothing_else() {
    let site = site(snapshot(vec![monitor("acme/cc//")]));
    site.api.set_access(Access { metrics: MetricsAccess::Off, ..Access::default() });
    let main = site.start(Limits::default());
    let alone = crate::support::TestSite { api: site.api.only_metrics(), ..site };
    let running = alone.start(Limits::default());
    let through_proxy = [("x-forwarded-for", "198.51.100.1")];
    assert_eq!(running.send(Method::GET, "/metrics", &through_proxy, "").await.status, 200);
    for path in ["/", "/api/status", "/health", "/metrics/", "/assets/js/app.js"] {
        let reply = running.get(path).await;
        assert_eq!(reply.status, 404, "{path}");
        assert_eq!(running.send(Method::OPTIONS, path, &[], "").await.status, 404, "{path}");
    }
    assert_eq!(main.get("/metrics").await.status, 404);
    // It may end without ending the rest.
    let mut listener = main.listen("/api/stream", "").await;
    listener.until("retry: 3000\n\n").await;
    running.soft.cancel();
    running.tasks.wait().await;
    alone.append(&monitor("acme/cc//"), crate::support::NOW, crate::support::green(1));
    listener.until("event: record\n").await;
}
