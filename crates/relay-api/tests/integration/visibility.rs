//! Nothing of hidden and disabled monitors, of keys or of what upstreams said leaves by any endpoint.

use http::Method;
use relay_api::{Access, EventsAccess, Limits, MetricsAccess};
use relay_core::{Monitor, SubStatus, monitor::Board};

use crate::support::{NOW, Running, TestSite, green, monitor, red, site, snapshot};

/// Words that only hidden and disabled monitors and failed probes hold.
const SECRETS: [&str; 5] = ["zzhidden", "zzdisabled", "zzmodel", "zzreason", "upstream-secret"];

#[tokio::test]
async fn no_endpoint_gives_them_away() {
    let mut hidden = Monitor { hidden: Some("zzreason".to_owned()), ..monitor("zzhidden/cc/zzhidden/") };
    hidden.listing.sponsor = "zzhidden".to_owned();
    let disabled = Monitor { disabled: Some("zzreason".to_owned()), ..monitor("zzdisabled/cc//") };
    let both = Monitor { hidden: Some("zzreason".to_owned()), ..disabled.clone() };
    let shy_child = Monitor { is_child: true, hidden: Some(String::new()), ..monitor("open/cc/vip/zzmodel") };
    let cold = Monitor { board: Board::Cold, ..monitor("cold/cc//") };
    let monitors = vec![hidden, disabled, both, monitor("open/cc/vip/large"), shy_child, cold];
    let site = site(snapshot(monitors.clone()));
    for monitor in &monitors {
        site.append(monitor, NOW - 90, green(100));
        site.append(monitor, NOW - 60, red(503, SubStatus::ServerError));
    }
    for monitor in &monitors {
        site.event(monitor, NOW - 30, red(503, SubStatus::ServerError));
    }
    site.api.set_access(Access {
        metrics: MetricsAccess::Public,
        events: EventsAccess::Open,
        ..Access::default()
    });
    let running = site.start(Limits::default());

    let mut paths: Vec<String> = [
        "/",
        "/robots.txt",
        "/sitemap.xml",
        "/feed.atom",
        "/health",
        "/ready",
        "/api/version",
        "/api/openapi.json",
        "/api/events",
        "/api/events?provider=zzhidden",
        "/api/events/latest",
        "/api/status-page/default",
        "/api/status-page/heartbeat/default",
        "/assets/js/app.js",
    ]
    .map(str::to_owned)
    .into();
    for view in ["full", "compact"] {
        for board in ["hot", "cold", "all"] {
            paths.push(format!("/api/status?view={view}&board={board}&period=90m"));
            paths.push(format!("/api/status?view={view}&board={board}&period=7d"));
        }
    }
    paths.push("/api/status/query?q=open&q=cold".to_owned());
    for provider in ["open", "cold"] {
        for endpoint in ["/api/timeline", "/api/history", "/badge.svg"] {
            paths.push(format!("{endpoint}?provider={provider}&service=cc"));
        }
    }
    paths.push("/metrics".to_owned());
    for path in &paths {
        let reply = running.get(path).await;
        assert_eq!(reply.status, 200, "{path}");
        for secret in SECRETS {
            assert!(!reply.text().contains(secret), "{path} shows {secret}: {}", reply.text());
        }
    }

    every_route_is_among(&paths);

    let batch = r#"{"queries":[{"provider":"open"},{"provider":"cold"}]}"#;
    let reply = running.send(Method::POST, "/api/status/batch", &[], batch).await;
    assert_eq!(reply.status, 200);
    assert!(SECRETS.iter().all(|secret| !reply.text().contains(secret)));

    streams_do_not(&site, &running, &monitors).await;

    for key in [
        "provider=zzhidden&service=cc",
        "provider=zzdisabled&service=cc",
        "provider=open&service=cc&model=zzmodel",
    ] {
        for endpoint in ["/api/timeline", "/api/history", "/badge.svg"] {
            assert_eq!(running.get(&format!("{endpoint}?{key}")).await.status, 404, "{endpoint} {key}");
        }
    }
    let shown = running.get("/api/status?include_hidden=true&board=all").await;
    assert!(shown.text().contains("zzhidden") && shown.text().contains("zzmodel"));
    assert!(!shown.text().contains("zzdisabled") && !shown.text().contains("zzreason"));
}

/// Routes that are not simply asked: with a body, for as long as they go on, or that lead elsewhere.
const OTHERWISE: [&str; 6] = ["/api/status/batch", "/api/stream", "/api/events/stream", "/en", "/ru", "/ja"];

/// Holds the paths above to the routes that there are, so that a new one is not forgotten.
fn every_route_is_among(paths: &[String]) {
    let document: serde_json::Value =
        serde_json::from_str(&relay_api::openapi_json()).expect("a document in JSON");
    let routes = document["paths"].as_object().expect("paths").keys();
    for route in routes.filter(|route| !OTHERWISE.contains(&route.as_str())) {
        let asked = |path: &String| {
            let path = path.split('?').next().unwrap_or_default();
            route.split_once('{').map_or(path == route, |(start, _)| {
                path.strip_prefix(start).is_some_and(|rest| !rest.is_empty())
            })
        };
        assert!(paths.iter().any(asked), "{route} is a route that nobody looks behind");
    }
}

/// Stores a record of every monitor while streams are open.
async fn streams_do_not(site: &TestSite, running: &Running, monitors: &[Monitor]) {
    for (path, mark) in [("/api/events/stream?since_id=0", "id: 6\n"), ("/api/stream", "event: record\n")] {
        let mut listener = running.listen(path, "").await;
        listener.until("retry: 3000\n\n").await;
        while path == "/api/stream" && !site.is_watched() {
            tokio::task::yield_now().await;
        }
        for monitor in monitors {
            site.append(monitor, NOW + 1, green(100));
        }
        let read = listener.until(mark).await + &listener.read;
        assert!(SECRETS.iter().all(|secret| !read.contains(secret)), "{path}: {read}");
    }
}
