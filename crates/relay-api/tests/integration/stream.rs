//! `/api/stream`: what the public may see, as it happens.

use relay_api::Limits;
use relay_core::{Monitor, SubStatus};

use crate::support::{NOW, green, monitor, red, site, snapshot};

#[tokio::test]
async fn records_and_changes_of_visible_monitors_come_as_they_are_stored() {
    let hidden = Monitor { hidden: Some(String::new()), ..monitor("zzhidden/cc//") };
    let disabled = Monitor { disabled: Some(String::new()), ..monitor("zzdisabled/cc//") };
    let (fresh, known) = (monitor("acme/cc/vip/"), monitor("acme/gm//large"));
    let monitors = vec![hidden.clone(), disabled.clone(), fresh.clone(), known.clone()];
    let site = site(snapshot(monitors));
    site.append(&known, NOW - 60, green(50));
    let running = site.start(Limits::default());
    let mut listener = running.listen("/api/stream", "").await;
    listener.until("retry: 3000\n\n").await;
    // What is known when the stream begins is no news: wait until it was looked at.
    while !site.is_watched() {
        tokio::task::yield_now().await;
    }
    site.append(&hidden, NOW, green(1));
    site.append(&disabled, NOW, green(1));
    site.append(&known, NOW, green(60));
    site.append(&fresh, NOW, red(503, SubStatus::ServerError));
    site.append(&known, NOW + 1, red(503, SubStatus::ServerError));
    let news = listener.until("\"previous_status\":1,\"timestamp\":1772368497}\n\n").await;
    let lines: Vec<&str> =
        news.lines().filter(|line| line.starts_with("event:") || line.starts_with("data:")).collect();
    expect_test::expect![[r#"
        event: record
        data: {"provider":"acme","service":"cc","channel":"vip","model":"","status":0,"latency":80,"timestamp":1772368496}
        event: status
        data: {"provider":"acme","service":"cc","channel":"vip","model":"","status":0,"previous_status":-1,"timestamp":1772368496}
        event: record
        data: {"provider":"acme","service":"gm","channel":"","model":"large","status":0,"latency":80,"timestamp":1772368497}
        event: status
        data: {"provider":"acme","service":"gm","channel":"","model":"large","status":0,"previous_status":1,"timestamp":1772368497}"#]]
    .assert_eq(&lines.join("\n"));
}
