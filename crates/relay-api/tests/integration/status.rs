//! `/api/status`: its JSON, its parameters, its cache.

use std::{
    collections::BTreeSet,
    sync::{Arc, atomic::Ordering},
};

use expect_test::{ExpectFile, expect_file};
use http::Method;
use relay_api::{Access, Limits};
use relay_core::{Monitor, SubStatus, monitor::Board};
use serde_json::Value;

use crate::support::{NOW, Reply, TestSite, green, monitor, red, rich, site, site_with, snapshot, yellow};

fn check(reply: &Reply, expected: &ExpectFile) {
    assert_eq!(reply.status, 200, "{}", reply.text());
    expected.assert_eq(&(pretty(reply.text()) + "\n"));
}

/// Breaks JSON into lines by itself: parsing it would sort the fields, whose order is part of the contract.
pub(crate) fn pretty(json: &str) -> String {
    let (mut out, mut depth, mut quoted, mut escaped) = (String::new(), 0usize, false, false);
    for (at, c) in json.char_indices() {
        let next = json[at + c.len_utf8()..].chars().next();
        if quoted {
            out.push(c);
            (quoted, escaped) = (escaped || c != '"', !escaped && c == '\\');
            continue;
        }
        match c {
            '{' | '[' => {
                out.push(c);
                depth += 1;
                if !matches!(next, Some('}' | ']')) {
                    out.push_str(&format!("\n{}", "  ".repeat(depth)));
                }
            }
            '}' | ']' => {
                depth -= 1;
                if !out.ends_with(['{', '[']) {
                    out.push_str(&format!("\n{}", "  ".repeat(depth)));
                }
                out.push(c);
            }
            ',' => out.push_str(&format!(",\n{}", "  ".repeat(depth))),
            ':' => out.push_str(": "),
            _ => {
                quoted = c == '"';
                out.push(c);
            }
        }
    }
    out
}

/// One rich monitor with records of every colour.
fn one() -> TestSite {
    let monitor = rich("Acme/cc/vip/");
    let site = site(snapshot(vec![monitor.clone()]));
    site.append(&monitor, NOW - 7200, green(100));
    site.append(&monitor, NOW - 120, yellow(6000));
    site.append(&monitor, NOW - 60, red(503, SubStatus::ServerError));
    site.append(&monitor, NOW - 30, green(120));
    site
}

#[tokio::test]
async fn raw_points_in_full() {
    let running = one().start(Limits::default());
    check(&running.get("/api/status?period=90m").await, &expect_file!["../golden/status_raw.json"]);
}

#[tokio::test]
async fn compact_points() {
    let running = one().start(Limits::default());
    check(
        &running.get("/api/status?period=7d&view=compact&time_filter=12:00-13:00").await,
        &expect_file!["../golden/status_compact.json"],
    );
}

fn child(key: &str) -> Monitor {
    Monitor { is_child: true, ..monitor(key) }
}

fn cold(monitor: Monitor) -> Monitor {
    Monitor { board: Board::Cold, cold_reason: Some("too old".to_owned()), ..monitor }
}

#[tokio::test]
async fn a_group_shows_its_layers_and_the_worst_of_them() {
    let models = [child("acme/cc/vip/small"), monitor("acme/cc/vip/large"), cold(child("acme/cc/vip/old"))];
    let site = site(snapshot(models.to_vec()));
    site.append(&models[0], NOW - 90_000, red(429, SubStatus::RateLimit));
    site.append(&models[1], NOW - 60, green(100));
    let running = site.start(Limits::default());
    check(&running.get("/api/status?period=90m").await, &expect_file!["../golden/status_group.json"]);

    let cold = running.get("/api/status?period=90m&board=cold").await.json();
    let group = &cold["groups"][0];
    assert_eq!(group["board"], "hot", "the parent's fields, though its layer is filtered out");
    assert_eq!(group["layers"].as_array().map(Vec::len), Some(1));
    assert_eq!(group["layers"][0]["model"], "old");
    assert_eq!(group["layers"][0]["layer_order"], 2);
    assert_eq!(group["current_status"], -1);
    assert_eq!(group["availability"], -1);
}

#[tokio::test]
async fn every_period_has_its_buckets() {
    let running = one().start(Limits::default());
    for (period, name, points, first, window) in [
        ("24h", "24h", 24, "12:34", 86_400),
        ("1d", "24h", 24, "12:34", 86_400),
        ("7d", "7d", 7, "2026-02-23", 7 * 86_400),
        ("30d", "30d", 30, "2026-01-31", 30 * 86_400),
        ("90d", "90d", 90, "2025-12-02", 90 * 86_400),
        ("1y", "1y", 52, "2025-03-03", 364 * 86_400),
    ] {
        let json = running.get(&format!("/api/status?period={period}")).await.json();
        assert_eq!(json["meta"]["period"], name);
        assert_eq!(json["meta"]["timeline_mode"], "aggregated");
        let timeline = json["data"][0]["timeline"].as_array().expect("a list");
        assert_eq!((timeline.len(), &timeline[0]["time"]), (points, &Value::from(first)), "{period}");
        let step = timeline[1]["timestamp"].as_i64().zip(timeline[0]["timestamp"].as_i64());
        assert_eq!(step.map(|(b, a)| b - a), Some(window / points as i64), "{period}");
        assert_eq!(json["data"][0]["availability"], 67.5, "{period}");
    }
    let aligned = running.get("/api/status?align=hour").await.json();
    assert_eq!(aligned["meta"]["align"], "hour");
    assert_eq!(aligned["meta"]["start_time"], "2026-02-28T13:00:00Z");
    assert_eq!(aligned["meta"]["end_time"], "2026-03-01T13:00:00Z");
}

#[tokio::test]
async fn bad_values_name_the_parameter_and_what_is_allowed() {
    let running = one().start(Limits::default());
    for (query, says) in [
        ("period=2d", "period: use one of 90m, 24h, 1d, 7d, 30d, 90d, 1y"),
        ("align=day", "align: leave it out or use hour"),
        ("time_filter=09:00-17:00", "time_filter: works with period 7d or 30d only"),
        (
            "period=7d&time_filter=09:15-17:00",
            "time_filter: times run from 00:00 to 24:00 in half hours: minutes are 00 or 30",
        ),
        ("board=warm", "board: use one of hot, cold, all"),
        ("include_hidden=maybe", "include_hidden: use true or false"),
        ("view=tiny", "view: use one of full, compact"),
    ] {
        let reply = running.get(&format!("/api/status?{query}")).await;
        assert_eq!(reply.status, 400, "{query}");
        let json = reply.json();
        assert_eq!((&json["error"], &json["code"]), (&says.into(), &"invalid_parameter".into()));
        assert_eq!(reply.header("cache-control"), "no-store");
    }
}

fn providers(json: &Value) -> BTreeSet<String> {
    let names = |list: &Value| -> Vec<String> {
        let list = list.as_array().expect("never null");
        list.iter().map(|entry| entry["provider"].as_str().expect("a name").to_owned()).collect()
    };
    names(&json["data"]).into_iter().chain(names(&json["groups"])).collect()
}

/// hidden, disabled, cold: the table of the configuration's documentation.
fn of_every_kind() -> TestSite {
    let hidden = Monitor { hidden: Some("shy".to_owned()), ..monitor("Hidden/cc//") };
    let disabled = Monitor { hidden: None, disabled: Some("off".to_owned()), ..monitor("Disabled/cc//") };
    let hidden_group = Monitor { hidden: Some(String::new()), ..monitor("HiddenGroup/cc//large") };
    let shy_child = Monitor { hidden: Some("shy".to_owned()), ..child("Group/cc//secret-model") };
    site(snapshot(vec![
        monitor("Hot/cc//"),
        hidden,
        disabled,
        cold(monitor("Cold/gm//")),
        hidden_group,
        monitor("Group/cc//large"),
        shy_child,
        child("Group/cc//small"),
    ]))
}

#[tokio::test]
async fn what_is_hidden_disabled_or_cold_shows_where_the_table_says() {
    let running = of_every_kind().start(Limits::default());
    for (query, expected) in [
        ("", &["Group", "Hot"][..]),
        ("board=cold", &["Cold"]),
        ("board=all", &["Cold", "Group", "Hot"]),
        ("include_hidden=true", &["Group", "Hidden", "HiddenGroup", "Hot"]),
        ("include_hidden=1&board=all", &["Cold", "Group", "Hidden", "HiddenGroup", "Hot"]),
        ("provider=hOT", &["Hot"]),
        ("provider=all&service=CC", &["Group", "Hot"]),
        ("service=gm&board=all", &["Cold"]),
        ("provider=hidden", &[]),
        ("provider=disabled&include_hidden=true", &[]),
        ("provider=nobody", &[]),
        ("provider=hot&service=gm", &[]),
    ] {
        let reply = running.get(&format!("/api/status?{query}")).await;
        let json = reply.json();
        assert_eq!(providers(&json).into_iter().collect::<Vec<_>>(), expected, "{query}");
        assert_eq!(json["meta"]["count"], json["data"].as_array().map_or(99, Vec::len));
        let ids = &json["meta"]["all_monitor_ids"];
        assert_eq!(*ids, serde_json::json!(["hot-cc-default", "cold-gm-default", "group-cc-default"]));
        if !query.contains("include_hidden") {
            for word in ["Hidden", "Disabled", "secret-model", "shy"] {
                assert!(!reply.text().contains(word), "{query} shows {word}");
            }
        }
    }
    let group = running.get("/api/status?provider=group").await.json()["groups"][0].clone();
    let orders: Vec<_> = group["layers"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|layer| layer["layer_order"].clone())
        .collect();
    assert_eq!(orders, [0, 1], "a hidden layer leaves no gap");
}

#[tokio::test]
async fn without_boards_and_badges_their_fields_are_gone() {
    let mut snapshot = snapshot(vec![rich("Acme/cc/vip/"), cold(monitor("Cold/cc//"))]);
    snapshot.site.boards = false;
    snapshot.site.badges = false;
    let running = site(snapshot).start(Limits::default());
    let json = running.get("/api/status?board=hot").await.json();
    assert_eq!(json["meta"]["count"], 2);
    let (rich, cold) = (&json["data"][0], &json["data"][1]);
    for field in ["sponsor_level", "risks", "badges"] {
        assert!(rich.get(field).is_none(), "{field}");
    }
    assert_eq!((&rich["interval_ms"], &rich["category"]), (&0.into(), &"commercial".into()));
    assert!(cold.get("cold_reason").is_none());
    assert_eq!(running.get("/api/status?board=warm").await.status, 400);
}

#[tokio::test]
async fn one_question_in_many_spellings_is_asked_once() {
    let site = one();
    let running = site.start(Limits::default());
    let first = running.get("/api/status?period=24h&provider=acme").await;
    assert_eq!(first.header("cache-control"), "public, max-age=10, s-maxage=10");
    assert!(first.header("vary").contains("Accept-Encoding"));
    for query in ["provider=ACME&period=1d", "provider=%61cme&x=1&board=hot", "provider=Acme&service=all"] {
        let again = running.get(&format!("/api/status?{query}")).await;
        assert_eq!(again.header("etag"), first.header("etag"), "{query}");
        assert_eq!(again.body, first.body);
    }
    assert_eq!(site.store.questions.load(Ordering::Relaxed), 1);
    for unknown in ["provider=x1", "provider=x2&service=cc", "service=x3"] {
        assert_eq!(
            running.get(&format!("/api/status?{unknown}")).await.json()["data"],
            serde_json::json!([])
        );
    }
    assert_eq!(site.store.questions.load(Ordering::Relaxed), 1, "no monitor, no question");
}

#[tokio::test]
async fn concurrent_misses_compute_once() {
    let site = one();
    let gate = Arc::new(tokio::sync::Semaphore::new(0));
    *site.store.gate.lock().expect("no panic under the lock") = Some(Arc::clone(&gate));
    let running = site.start(Limits::default());
    let asks = (0..20).map(|_| running.get("/api/status?period=30d"));
    let opener = async {
        while site.store.questions.load(Ordering::Relaxed) == 0 {
            tokio::task::yield_now().await;
        }
        gate.add_permits(100);
    };
    let (replies, ()) = tokio::join!(futures_util::future::join_all(asks), opener);
    assert!(replies.iter().all(|reply| reply.status == 200));
    assert_eq!(site.store.questions.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn every_coding_carries_the_same_answer_and_tag() {
    let running = one().start(Limits::default());
    let plain = running.get("/api/status").await;
    assert_eq!(plain.header("content-encoding"), "");
    for (accept, coding) in
        [("gzip", "gzip"), ("br", "br"), ("zstd", "zstd"), ("gzip, deflate, br, zstd", "br")]
    {
        let path = "/api/status?view=full";
        let coded = running.send(Method::GET, path, &[("accept-encoding", accept)], "").await;
        assert_eq!(coded.header("content-encoding"), coding);
        assert_eq!(coded.header("etag").trim_start_matches("W/"), plain.header("etag"));
        assert_eq!(decode(coding, &coded.body), plain.body);
        let tag = coded.header("etag").to_owned();
        let headers = [("accept-encoding", accept), ("if-none-match", &*tag)];
        let unchanged = running.send(Method::GET, path, &headers, "").await;
        assert_eq!(unchanged.status, 304);
        assert!(unchanged.body.is_empty());
        assert_eq!(unchanged.header("etag"), tag);
        assert!(unchanged.header("vary").contains("Accept-Encoding"));
    }
}

pub(crate) fn decode(coding: &str, body: &[u8]) -> Vec<u8> {
    use std::io::Read;
    let mut out = Vec::new();
    match coding {
        "gzip" => flate2::read::GzDecoder::new(body).read_to_end(&mut out).map(drop),
        "br" => brotli::Decompressor::new(body, 4096).read_to_end(&mut out).map(drop),
        "zstd" => zstd::stream::copy_decode(body, &mut out),
        other => panic!("{other}"),
    }
    .expect("a whole body");
    out
}

#[tokio::test]
async fn a_reload_drops_what_was_kept() {
    let site = one();
    let running = site.start(Limits::default());
    assert_eq!(running.get("/api/status").await.json()["meta"]["count"], 1);
    let mut next = snapshot(vec![monitor("New/cc//"), monitor("Acme/cc/vip/")]);
    next.generation = 2;
    *site.catalog.0.lock().expect("no panic under the lock") = Arc::new(next);
    assert_eq!(running.get("/api/status").await.json()["meta"]["count"], 2);
}

#[tokio::test]
async fn while_the_store_is_away_old_answers_go_on_and_new_ones_are_503() {
    let mut snapshot = snapshot(vec![monitor("Acme/cc/vip/")]);
    snapshot.site.cache_ttl =
        snapshot.site.cache_ttl.with(relay_core::timeline::Period::Hours24, std::time::Duration::ZERO);
    let site = site(snapshot);
    let running = site.start(Limits::default());
    let before = running.get("/api/status").await;
    assert_eq!(before.status, 200);
    site.store.away.store(true, Ordering::Relaxed);
    for _ in 0..3 {
        let kept = running.get("/api/status").await;
        assert_eq!(kept.status, 200);
        assert_eq!(kept.body, before.body);
        assert!(kept.header("warning").starts_with("111 "));
        assert!(kept.header("age").parse::<u64>().is_ok());
    }
    let never = running.get("/api/status?period=7d").await;
    assert_eq!(never.status, 503);
    assert_eq!(never.json()["code"], "store_unavailable");
    assert!(!never.text().contains("secret-host"), "{}", never.text());
}

#[tokio::test]
async fn answers_that_must_be_made_are_rationed_and_kept_ones_are_free() {
    let limits = Limits { burst: 2, requests_per_second: 1, ..Limits::default() };
    let site = site_with(snapshot(vec![monitor("Acme/cc/vip/")]), limits.clone(), Access::default());
    let running = site.start(limits);
    let started = tokio::time::Instant::now();
    let mut refused = 0;
    for hour in 0..23 {
        let reply = running.get(&format!("/api/status?period=7d&time_filter={hour:02}:00-24:00")).await;
        if reply.status == 429 {
            assert_eq!(reply.header("retry-after"), "1");
            refused += 1;
        }
    }
    let most = 2 + started.elapsed().as_secs() + 1;
    assert!(refused + most >= 23, "{refused} refused in {:?}", started.elapsed());
    for _ in 0..10 {
        let kept = running.get("/api/status?period=7d&time_filter=00:00-24:00").await;
        assert_eq!(kept.status, 200, "made before, and free");
    }
}
