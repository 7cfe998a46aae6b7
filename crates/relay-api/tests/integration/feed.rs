//! `/feed.atom`.

use expect_test::expect;
use http::Method;
use relay_api::{Access, EventsAccess, Limits};
use relay_core::{Monitor, Secret, SubStatus};

use crate::support::{NOW, green, monitor, red, rich, site_with, snapshot};

fn access() -> Access {
    Access { events: EventsAccess::Token(Secret::new("token")), ..Access::default() }
}

#[tokio::test]
async fn the_feed_shows_visible_monitors_to_everybody() {
    let hidden = Monitor { hidden: Some(String::new()), ..monitor("zzhidden/cc//") };
    let monitors = [rich("acme/cc/vip/"), hidden, monitor("<b>/gm//")];
    let site = site_with(snapshot(monitors.to_vec()), Limits::default(), access());
    for monitor in &monitors {
        site.event(monitor, NOW - 120, red(503, SubStatus::ServerError));
    }
    site.event(&monitors[0], NOW - 60, green(90));
    let running = site.start(Limits::default());
    let feed = running.get("/feed.atom").await;
    assert_eq!(feed.header("content-type"), "application/atom+xml; charset=utf-8");
    expect![[r#"
        <?xml version="1.0" encoding="utf-8"?>
        <feed xmlns="http://www.w3.org/2005/Atom">
          <id>tag:status.example.org,2026:relay-pulse:events</id>
          <title>Relay Pulse</title>
          <updated>2026-03-01T12:34:56Z</updated>
          <author><name>Relay Pulse</name></author>
          <link rel="self" type="application/atom+xml" href="https://status.example.org/feed.atom"/>
          <link rel="alternate" type="text/html" href="https://status.example.org/"/>
          <entry>
            <id>tag:status.example.org,2026:relay-pulse:event:4</id>
            <title>Acme Inc. / Claude Code / VIP is up again</title>
            <updated>2026-03-01T12:34:56Z</updated>
            <published>2026-03-01T12:33:56Z</published>
            <link rel="alternate" type="text/html" href="https://status.example.org/p/acme"/>
            <category term="UP"/>
            <summary>Acme Inc. / Claude Code / VIP is up again</summary>
          </entry>
          <entry>
            <id>tag:status.example.org,2026:relay-pulse:event:3</id>
            <title>&lt;b&gt; / gm is down</title>
            <updated>2026-03-01T12:34:56Z</updated>
            <published>2026-03-01T12:32:56Z</published>
            <link rel="alternate" type="text/html" href="https://status.example.org/p/&lt;b&gt;"/>
            <category term="DOWN"/>
            <summary>&lt;b&gt; / gm is down: server error (HTTP 503)</summary>
          </entry>
          <entry>
            <id>tag:status.example.org,2026:relay-pulse:event:1</id>
            <title>Acme Inc. / Claude Code / VIP is down</title>
            <updated>2026-03-01T12:34:56Z</updated>
            <published>2026-03-01T12:32:56Z</published>
            <link rel="alternate" type="text/html" href="https://status.example.org/p/acme"/>
            <category term="DOWN"/>
            <summary>Acme Inc. / Claude Code / VIP is down: server error (HTTP 503)</summary>
          </entry>
        </feed>
    "#]]
    .assert_eq(feed.text());
    let tag = feed.header("etag").to_owned();
    let again = running.send(Method::GET, "/feed.atom", &[("if-none-match", &tag)], "").await;
    assert_eq!((again.status.as_u16(), again.body.len()), (304, 0));
}

#[tokio::test]
async fn it_holds_the_newest_fifty_also_behind_many_hidden_ones() {
    let hidden = Monitor { hidden: Some(String::new()), ..monitor("zzhidden/cc//") };
    let open = monitor("acme/cc//");
    let site = site_with(snapshot(vec![hidden.clone(), open.clone()]), Limits::default(), access());
    for _ in 0..60 {
        site.event(&open, NOW, green(1));
    }
    for _ in 0..700 {
        site.event(&hidden, NOW, green(1));
    }
    let running = site.start(Limits::default());
    let feed = running.get("/feed.atom").await;
    assert_eq!(feed.text().matches("<entry>").count(), 50);
    assert!(feed.text().contains("event:60<") && feed.text().contains("event:11<"));
    assert!(!feed.text().contains("event:10<") && !feed.text().contains("zzhidden"));
}

#[tokio::test]
async fn an_empty_feed_is_a_feed() {
    let site = site_with(snapshot(Vec::new()), Limits::default(), access());
    let feed = site.start(Limits::default()).get("/feed.atom").await;
    assert_eq!(feed.status, 200);
    assert!(
        feed.text().contains("<updated>1970-01-01T00:00:00Z</updated>") && !feed.text().contains("entry")
    );
}
