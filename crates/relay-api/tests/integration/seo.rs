//! Badges, the sitemap and robots.txt

use expect_test::expect;
use relay_api::Limits;
use relay_core::{Monitor, SubStatus, monitor::Board};

use crate::support::{NOW, green, monitor, red, site, snapshot};

#[tokio::test]
async fn a_badge_says_one_thing() {
    let mut odd = monitor("A<b>/cc//");
    odd.listing.provider_name = Some("<Acme> & Co".to_owned());
    odd.listing.provider_slug = "acme".to_owned();
    let hidden = Monitor { hidden: Some(String::new()), ..monitor("shy/cc//") };
    let site = site(snapshot(vec![odd.clone(), hidden, monitor("empty/cc//")]));
    site.append(&odd, NOW - 60, red(503, SubStatus::ServerError));
    site.append(&odd, NOW - 30, green(123));
    let running = site.start(Limits::default());
    for (query, label, value) in [
        ("provider=acme&service=cc", "&lt;Acme&gt; &amp; Co cc 24h", "50%"),
        ("provider=acme&service=cc&period=30d", "&lt;Acme&gt; &amp; Co cc 30d", "50%"),
        ("provider=acme&service=cc&metric=latency", "&lt;Acme&gt; &amp; Co cc", "123 ms"),
        ("provider=acme&service=cc&metric=status", "&lt;Acme&gt; &amp; Co cc", "up"),
        ("provider=empty&service=cc", "empty cc 24h", "no data"),
    ] {
        let badge = running.get(&format!("/badge.svg?{query}")).await;
        assert_eq!(badge.status, 200, "{query}");
        assert_eq!(badge.header("content-type"), "image/svg+xml; charset=utf-8");
        assert_eq!(badge.header("cache-control").split(',').next(), Some("public"));
        assert!(badge.text().contains(&format!("<title>{label}: {value}</title>")), "{}", badge.text());
    }
    assert_eq!(running.get("/badge.svg?provider=shy&service=cc").await.status, 404);
    let wrong = running.get("/badge.svg?provider=acme&service=cc&metric=size").await;
    assert_eq!(wrong.json()["error"], "metric: use one of uptime, latency, status");
}

#[tokio::test]
async fn search_engines_find_the_visible_providers() {
    let running = site(snapshot(vec![
        monitor("acme/cc//"),
        monitor("acme/gm//"),
        Monitor { hidden: Some(String::new()), ..monitor("shy/cc//") },
        Monitor { disabled: Some(String::new()), ..monitor("off/cc//") },
        Monitor { board: Board::Cold, ..monitor("cold/cc//") },
    ]))
    .start(Limits::default());
    let robots = running.get("/robots.txt").await;
    assert_eq!(robots.header("cache-control"), "public, max-age=86400");
    assert_eq!(
        robots.text(),
        "User-agent: *\nDisallow: /api/\nSitemap: https://status.example.org/sitemap.xml\n"
    );
    let sitemap = running.get("/sitemap.xml").await;
    assert_eq!(sitemap.header("cache-control"), "public, max-age=3600");
    let locations: Vec<_> =
        sitemap.text().lines().filter(|line| line.contains("<loc>")).map(str::trim).collect();
    assert_eq!(
        locations,
        [
            "<loc>https://status.example.org/</loc>",
            "<loc>https://status.example.org/p/acme</loc>",
            "<loc>https://status.example.org/p/cold</loc>",
        ]
    );
    let page: Vec<_> =
        sitemap.text().split("  <url>\n").nth(2).expect("a page").lines().take(6).map(str::trim).collect();
    expect![[r#"
            <loc>https://status.example.org/p/acme</loc>
            <xhtml:link rel="alternate" hreflang="zh-CN" href="https://status.example.org/p/acme"/>
            <xhtml:link rel="alternate" hreflang="en" href="https://status.example.org/en/p/acme"/>
            <xhtml:link rel="alternate" hreflang="ru" href="https://status.example.org/ru/p/acme"/>
            <xhtml:link rel="alternate" hreflang="ja" href="https://status.example.org/ja/p/acme"/>
            <xhtml:link rel="alternate" hreflang="x-default" href="https://status.example.org/p/acme"/>"#]]
    .assert_eq(&page.join("\n"));
}
