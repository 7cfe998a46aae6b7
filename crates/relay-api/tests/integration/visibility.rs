//! Nothing of hidden and disabled monitors, of keys or of what upstreams said leaves by any endpoint.

use http::Method;
use relay_api::{Access, Limits, MetricsAccess};
use relay_core::{Monitor, SubStatus, monitor::Board};

use crate::support::{NOW, green, monitor, red, site, snapshot};

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
    site.api.set_access(Access { metrics: MetricsAccess::Public, ..Access::default() });
    let running = site.start(Limits::default());

    let mut paths = vec!["/robots.txt".to_owned(), "/sitemap.xml".to_owned(), "/ready".to_owned()];
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

    let batch = r#"{"queries":[{"provider":"open"},{"provider":"cold"}]}"#;
    let reply = running.send(Method::POST, "/api/status/batch", &[], batch).await;
    assert_eq!(reply.status, 200);
    assert!(SECRETS.iter().all(|secret| !reply.text().contains(secret)));

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
