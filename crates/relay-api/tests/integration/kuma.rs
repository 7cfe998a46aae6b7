//! Uptime Kuma's public status page.

use expect_test::expect;
use relay_api::Limits;
use relay_core::{Monitor, SubStatus};

use crate::support::{NOW, green, monitor, red, rich, site, snapshot};

#[tokio::test]
async fn visible_monitors_are_groups_with_beats_and_uptime() {
    let hidden = Monitor { hidden: Some(String::new()), ..monitor("zzhidden/cc//") };
    let monitors = vec![rich("acme/cc/vip/"), hidden, monitor("other/gm//"), rich("acme/gm//large")];
    let site = site(snapshot(monitors.clone()));
    for monitor in &monitors[..2] {
        site.append(monitor, NOW - 7200, green(40));
        site.append(monitor, NOW - 120, green(50));
        site.append(monitor, NOW - 60, red(503, SubStatus::ServerError));
        site.append(monitor, NOW - 30, red(0, SubStatus::NetworkError));
    }
    let running = site.start(Limits::default());
    let page = running.get("/api/status-page/default").await;
    expect![[r#"{"config":{"slug":"default","title":"Relay Pulse","description":null,"icon":"/icon.svg","theme":"auto","published":true,"showTags":false,"footerText":null,"showPoweredBy":false,"autoRefreshInterval":60},"incident":null,"publicGroupList":[{"id":143122062215105,"name":"Acme Inc.","weight":1,"monitorList":[{"id":105033775933232,"name":"Claude Code / VIP","sendUrl":0,"type":"http"},{"id":72519483936818,"name":"Claude Code / VIP / large","sendUrl":0,"type":"http"}]},{"id":238772433244592,"name":"other","weight":2,"monitorList":[{"id":195079936713367,"name":"gm","sendUrl":0,"type":"http"}]}],"maintenanceList":[]}"#]]
        .assert_eq(page.text());
    let beats = running.get("/api/status-page/heartbeat/default").await;
    expect![[r#"{"heartbeatList":{"72519483936818":[],"105033775933232":[{"status":1,"time":"2026-03-01 12:32:56.000","msg":"","ping":50},{"status":0,"time":"2026-03-01 12:33:56.000","msg":"server error (HTTP 503)","ping":80},{"status":0,"time":"2026-03-01 12:34:26.000","msg":"no usable answer","ping":null}],"195079936713367":[]},"uptimeList":{"105033775933232_24":0.5}}"#]].assert_eq(beats.text());
    for path in ["/api/status-page/other", "/api/status-page/heartbeat/other", "/api/status-page/"] {
        assert_eq!(running.get(path).await.status, 404, "{path}");
    }
}
