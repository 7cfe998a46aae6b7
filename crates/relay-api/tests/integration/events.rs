//! `/api/events`, `/api/events/latest` and `/api/events/stream`.

use std::{sync::atomic::Ordering, time::Duration};

use expect_test::expect;
use http::Method;
use relay_api::{Access, EventsAccess, Limits};
use relay_core::{
    Monitor, Secret, Status, SubStatus,
    event::{ChannelMeta, Stable},
};

use crate::support::{EveryRecord, NOW, TestSite, green, monitor, red, site_with, snapshot};

const BEARER: (&str, &str) = ("authorization", "Bearer token");

fn access(events: EventsAccess) -> Access {
    Access { events, ..Access::default() }
}

fn with_token() -> Access {
    access(EventsAccess::Token(Secret::new("token")))
}

fn site(monitors: &[Monitor], access: Access) -> TestSite {
    site_with(snapshot(monitors.to_vec()), Limits::default(), access)
}

/// Two visible monitors and a hidden one, each DOWN and UP again: events 1 to 6.
fn three(access: Access) -> (TestSite, Vec<Monitor>) {
    let hidden = Monitor { hidden: Some(String::new()), ..monitor("shy/cc//") };
    let monitors = vec![monitor("acme/cc/vip/"), hidden, monitor("acme/gm//")];
    let site = site(&monitors, access);
    for monitor in &monitors {
        site.event(monitor, NOW - 120, red(503, SubStatus::ServerError));
        site.event(monitor, NOW - 60, green(90));
    }
    (site, monitors)
}

/// The ids of the events in an answer, and what its meta says.
fn ids(json: &serde_json::Value) -> (Vec<i64>, i64, bool) {
    let events = json["events"].as_array().expect("a list");
    let meta = &json["meta"];
    assert_eq!(meta["count"], events.len());
    let ids = events.iter().filter_map(|event| event["id"].as_i64()).collect();
    (ids, meta["next_since_id"].as_i64().expect("a number"), meta["has_more"].as_bool().expect("a flag"))
}

#[tokio::test]
async fn operators_read_everything() {
    let (site, _) = three(with_token());
    let running = site.start(Limits::default());
    let reply = running.send(Method::GET, "/api/events?limit=3", &[BEARER], "").await;
    assert_eq!(reply.header("cache-control"), "no-store");
    expect![[r#"{"events":[{"id":1,"provider":"acme","service":"cc","channel":"vip","type":"DOWN","from_status":1,"to_status":0,"trigger_record_id":1,"observed_at":1772368376,"created_at":1772368496,"meta":{"http_code":503,"latency_ms":80,"sub_status":"server_error","detail":"upstream-secret said no"}},{"id":2,"provider":"acme","service":"cc","channel":"vip","type":"UP","from_status":0,"to_status":1,"trigger_record_id":2,"observed_at":1772368436,"created_at":1772368496,"meta":{"http_code":200,"latency_ms":90}},{"id":3,"provider":"shy","service":"cc","type":"DOWN","from_status":1,"to_status":0,"trigger_record_id":3,"observed_at":1772368376,"created_at":1772368496,"meta":{"http_code":503,"latency_ms":80,"sub_status":"server_error","detail":"upstream-secret said no"}}],"meta":{"next_since_id":3,"has_more":true,"count":3}}"#]]
        .assert_eq(reply.text());
    let latest = running.send(Method::GET, "/api/events/latest", &[BEARER], "").await;
    assert_eq!(latest.text(), r#"{"latest_id":6}"#);
}

#[tokio::test]
async fn channel_events_name_their_models() {
    let hidden = Monitor { hidden: Some(String::new()), is_child: true, ..monitor("acme/cc/vip/zzmodel") };
    let monitors = [monitor("acme/cc/vip/large"), hidden];
    let states = vec![
        ("large".to_owned(), Stable::Down, Some(Status::Red)),
        ("zzmodel".to_owned(), Stable::Unknown, None),
    ];
    let channel = ChannelMeta {
        trigger_model: "large".to_owned(),
        down_count: 1,
        known_count: 1,
        total_models: 2,
        down_threshold: Some(1),
        down_models: vec!["large".to_owned()],
        up_models: Vec::new(),
        model_states: states,
    };
    let site = site(&monitors, with_token());
    let transition = EveryRecord { channel: Some(channel) };
    site.append_with(&monitors[0], NOW - 60, red(503, SubStatus::ServerError), transition);
    let running = site.start(Limits::default());
    let reply = running.send(Method::GET, "/api/events", &[BEARER], "").await;
    expect![[r#"{"events":[{"id":1,"provider":"acme","service":"cc","channel":"vip","type":"DOWN","from_status":1,"to_status":0,"trigger_record_id":1,"observed_at":1772368436,"created_at":1772368496,"meta":{"http_code":503,"latency_ms":80,"sub_status":"server_error","detail":"upstream-secret said no","scope":"channel","trigger_model":"large","down_count":1,"known_count":1,"total_models":2,"channel_down_threshold":1,"down_models":["large"],"up_models":[],"model_states":{"large":{"stable":0,"last_status":0},"zzmodel":{"stable":-1,"last_status":-1}},"models":["large"]}}],"meta":{"next_since_id":1,"has_more":false,"count":1}}"#]]
        .assert_eq(reply.text());
    site.api.set_access(access(EventsAccess::Open));
    let text = running.get("/api/events").await.text().to_owned();
    assert!(text.contains("large") && !text.contains("zzmodel") && !text.contains("secret"), "{text}");
}

#[tokio::test]
async fn without_a_token_the_public_reads_what_is_visible() {
    let (site, _) = three(access(EventsAccess::Open));
    let running = site.start(Limits::default());
    let all = running.get("/api/events").await;
    assert_eq!(ids(&all.json()), (vec![1, 2, 5, 6], 6, false));
    assert!(!all.text().contains("shy") && !all.text().contains("secret"), "{}", all.text());
    assert_eq!(ids(&running.get("/api/events?limit=2").await.json()), (vec![1, 2], 2, true));
    assert_eq!(ids(&running.get("/api/events?limit=2&since_id=2").await.json()), (vec![5, 6], 6, false));
    assert_eq!(ids(&running.get("/api/events?since_id=2&provider=shy").await.json()), (vec![], 2, false));
    site.api.set_access(Access { public_details: true, ..access(EventsAccess::Open) });
    assert!(running.get("/api/events").await.text().contains("upstream-secret"));
}

#[tokio::test]
async fn a_long_row_of_hidden_events_is_stepped_over() {
    let hidden = Monitor { hidden: Some(String::new()), ..monitor("shy/cc//") };
    let open = monitor("acme/cc//");
    let site = site(&[hidden.clone(), open.clone()], access(EventsAccess::Open));
    for _ in 0..50 {
        site.event(&hidden, NOW - 60, green(90));
    }
    site.event(&open, NOW - 60, green(90));
    let running = site.start(Limits::default());
    let mut since = 0;
    for _ in 0..10 {
        let (found, next, more) =
            ids(&running.get(&format!("/api/events?limit=1&since_id={since}")).await.json());
        if !found.is_empty() {
            assert_eq!((found, more), (vec![51], false));
            return;
        }
        assert!(more && next > since, "it goes on");
        since = next;
    }
    panic!("never found");
}

#[tokio::test]
async fn pages_filters_and_bad_parameters() {
    let (site, _) = three(with_token());
    let running = site.start(Limits::default());
    for (query, expected) in [
        ("", (vec![1, 2, 3, 4, 5, 6], 6, false)),
        ("since_id=6", (vec![], 6, false)),
        ("since_id=-3&limit=1", (vec![1], 1, true)),
        ("since_id=4&limit=2", (vec![5, 6], 6, false)),
        ("limit=0", (vec![1, 2, 3, 4, 5, 6], 6, false)),
        ("limit=9999", (vec![1, 2, 3, 4, 5, 6], 6, false)),
        ("provider=acme", (vec![1, 2, 5, 6], 6, false)),
        ("provider=acme&service=gm", (vec![5, 6], 6, false)),
        ("channel=vip&types=UP", (vec![2], 2, false)),
        ("types=DOWN", (vec![1, 3, 5], 5, false)),
        ("types=DOWN,UP&limit=5", (vec![1, 2, 3, 4, 5], 5, true)),
    ] {
        let reply = running.send(Method::GET, &format!("/api/events?{query}"), &[BEARER], "").await;
        assert_eq!(ids(&reply.json()), expected, "{query}");
    }
    for (query, error) in [
        ("types=LEFT", "types: use DOWN, UP or both with a comma"),
        ("since_id=x", "since_id: use the number of an event"),
        ("since_id=99999999999999999999", "since_id: use the number of an event"),
        ("provider=%00", "provider: a name has no NUL"),
        ("channel=a%00b", "channel: a name has no NUL"),
        ("limit=x", "limit: use a number, at most 500"),
    ] {
        for path in ["/api/events", "/api/events/stream"] {
            if path.ends_with("stream") && query.starts_with("limit") {
                continue;
            }
            let reply = running.send(Method::GET, &format!("{path}?{query}"), &[BEARER], "").await;
            assert_eq!(reply.status, 400, "{path} {query}");
            assert_eq!(reply.json()["error"], error);
            assert_eq!(reply.json()["code"], "invalid_parameter");
        }
    }
}

#[tokio::test]
async fn who_may_not_read_is_told() {
    let (site, _) = three(with_token());
    let running = site.start(Limits::default());
    for path in ["/api/events", "/api/events/latest", "/api/events/stream"] {
        for (header, status, code) in [
            ("", 401, "unauthorized"),
            ("Basic dG9rZW4=", 401, "unauthorized"),
            ("Bearer", 401, "unauthorized"),
            ("Bearer wrong", 403, "forbidden"),
        ] {
            let headers: &[_] = if header.is_empty() { &[] } else { &[("authorization", header)] };
            let reply = running.send(Method::GET, path, headers, "").await;
            assert_eq!(
                (reply.status.as_u16(), reply.json()["code"].as_str()),
                (status, Some(code)),
                "{path}"
            );
            assert_eq!(reply.header("www-authenticate"), if status == 401 { "Bearer" } else { "" });
        }
    }
    assert_eq!(running.get("/api/events?token=token").await.status, 401, "the query is for streams");
    assert_eq!(running.get("/api/events/stream?token=wrong").await.status, 403);
    site.api.set_access(access(EventsAccess::Off));
    for path in ["/api/events", "/api/events/latest", "/api/events/stream", "/feed.atom"] {
        let reply = running.send(Method::GET, path, &[BEARER], "").await;
        assert_eq!(reply.status, 404, "{path}");
        expect![[r#"{"error":"events are disabled here (events.enabled)","code":"events_disabled"}"#]]
            .assert_eq(reply.text());
    }
}

#[tokio::test]
async fn the_token_also_opens_details_of_history() {
    let (site, _) = three(with_token());
    let running = site.start(Limits::default());
    let path = "/api/history?provider=acme&service=cc";
    assert!(!running.get(path).await.text().contains("secret"));
    let wrong = [("authorization", "Bearer wrong")];
    let reply = running.send(Method::GET, path, &wrong, "").await;
    assert_eq!(reply.status, 200);
    assert!(!reply.text().contains("secret"));
    assert!(running.send(Method::GET, path, &[BEARER], "").await.text().contains("upstream-secret"));
}

#[tokio::test]
async fn a_stream_goes_on_where_it_was_interrupted() {
    let (site, monitors) = three(with_token());
    let running = site.start(Limits::default());
    for (path, headers, next) in [
        ("/api/events/stream?since_id=4&token=token", "", 5),
        ("/api/events/stream?since_id=1", "authorization: Bearer token\r\nlast-event-id: 4\r\n", 5),
        ("/api/events?since_id=5", "authorization: Bearer token\r\naccept: text/event-stream\r\n", 6),
        ("/api/events/stream?provider=acme&types=UP&token=token", "last-event-id: 2\r\n", 6),
    ] {
        let mut listener = running.listen(path, headers).await;
        let head = listener.until("\r\n\r\n").await.to_lowercase();
        assert!(head.starts_with("http/1.1 200"), "{head}");
        assert!(head.contains("content-type: text/event-stream") && head.contains("no-store"), "{head}");
        let first = listener.until("data: {").await;
        assert!(first.contains(&format!("id: {next}\n")), "{path}: {first}");
    }
    let mut now = running.listen("/api/events/stream?token=token", "").await;
    now.until("retry: 3000\n\n").await;
    site.event(&monitors[1], NOW, red(500, SubStatus::ServerError));
    let event = now.until("\n\n").await;
    assert!(event.contains("id: 7\nevent: DOWN\ndata: {\"id\":7,\"provider\":\"shy\""), "{event}");
    assert!(event.contains("upstream-secret"));
}

#[tokio::test]
async fn a_public_stream_shows_what_is_visible() {
    let (site, monitors) = three(access(EventsAccess::Open));
    let running = site.start(Limits::default());
    let mut listener = running.listen("/api/events/stream?since_id=2", "").await;
    listener.until("id: 6\n").await;
    for monitor in &monitors {
        site.event(monitor, NOW, red(500, SubStatus::ServerError));
    }
    let all = [listener.until("id: 9\n").await, listener.until("\n\n").await].concat();
    assert!(all.contains("id: 7\n") && !all.contains("id: 8\n"), "{all}");
    assert!(!all.contains("shy") && !all.contains("secret"), "{all}");
}

#[tokio::test(start_paused = true)]
async fn a_quiet_stream_shows_that_it_lives() {
    let (site, _) = three(with_token());
    let running = site.start(Limits::default());
    for path in ["/api/events/stream?token=token", "/api/stream"] {
        let mut listener = running.listen(path, "").await;
        listener.until("retry: 3000\n\n").await;
        let began = tokio::time::Instant::now();
        listener.until(": \n\n").await;
        listener.until(": \n\n").await;
        let passed = began.elapsed();
        assert!((Duration::from_secs(29)..Duration::from_secs(32)).contains(&passed), "{path} {passed:?}");
    }
}

#[tokio::test]
async fn a_stream_ends_with_the_token_it_was_opened_with_and_with_the_server() {
    let (site, _) = three(with_token());
    let running = site.start(Limits::default());
    let path = "/api/events/stream?token=token";
    let mut listener = running.listen(path, "").await;
    listener.until("retry: 3000\n\n").await;
    site.api.set_access(Access { public_details: true, ..with_token() });
    site.api.set_access(access(EventsAccess::Token(Secret::new("another"))));
    listener.until("0\r\n\r\n").await;
    assert_eq!(running.get(path).await.status, 403);
    site.api.set_access(with_token());
    let mut listeners = Vec::new();
    for path in [path, "/api/stream"] {
        let mut listener = running.listen(path, "").await;
        listener.until("retry: 3000\n\n").await;
        listeners.push(listener);
    }
    running.soft.cancel();
    for listener in listeners {
        let rest = listener.rest().await;
        assert!(rest.ends_with("0\r\n\r\n"), "a clean end: {rest}");
    }
    running.tasks.wait().await;
}

#[tokio::test]
async fn a_stream_outlives_an_outage_of_the_store() {
    let (site, monitors) = three(with_token());
    let running = site.start(Limits::default());
    let mut listener = running.listen("/api/events/stream?token=token", "").await;
    listener.until("retry: 3000\n\n").await;
    site.store.away.store(true, Ordering::Relaxed);
    site.event(&monitors[0], NOW, red(500, SubStatus::ServerError));
    assert_eq!(running.get("/api/events/stream?token=token").await.status, 503);
    site.store.away.store(false, Ordering::Relaxed);
    site.event(&monitors[0], NOW, green(90));
    let both = listener.until("id: 8\n").await;
    assert!(both.contains("id: 7\n"), "{both}");
}

#[tokio::test]
async fn streams_are_counted() {
    let limits = Limits { streams: 3, streams_per_address: 2, ..Limits::default() };
    let site = site_with(snapshot(Vec::new()), limits.clone(), with_token());
    let running = site.start(limits);
    let mut open = Vec::new();
    for _ in 0..2 {
        let mut listener = running.listen("/api/stream", "").await;
        listener.until("retry: 3000\n\n").await;
        open.push(listener);
    }
    for path in ["/api/stream", "/api/events/stream?token=token"] {
        let reply = running.get(path).await;
        assert_eq!((reply.status.as_u16(), reply.header("retry-after")), (429, "60"), "{path}");
    }
    assert!(running.get("/metrics").await.text().contains("relay_http_streams 2\n"));
    open.pop();
    let again = async {
        while running.get("/metrics").await.text().contains("relay_http_streams 2\n") {}
        running.listen("/api/stream", "").await.until("retry: 3000\n\n").await
    };
    tokio::time::timeout(Duration::from_secs(60), again).await.expect("the seat is free again");
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut_off() {
    let limits = Limits { write_timeout: Duration::from_millis(50), ..Limits::default() };
    let open = monitor("acme/cc//");
    let site = site_with(snapshot(vec![open.clone()]), limits.clone(), with_token());
    // Far more than the buffers on the way take.
    let mut wordy = red(500, SubStatus::ServerError);
    wordy.detail = Some("x".repeat(20_000));
    for _ in 0..1_000 {
        site.event(&open, NOW, wordy.clone());
    }
    let running = site.start(limits);
    let mut slow = running.listen("/api/events/stream?since_id=0&token=token", "").await;
    slow.until("id: 1\n").await;
    let closed = async {
        // The client that asks here is the only one left.
        while !running.get("/metrics").await.text().contains("relay_http_streams 0\n") {}
    };
    tokio::time::timeout(Duration::from_secs(60), closed).await.expect("the server closes");
    let rest = slow.rest().await;
    assert!(!rest.contains("id: 1000\n"), "it was not all buffered: {} bytes", rest.len());
}

#[tokio::test]
async fn head_gives_the_headers_and_opens_nothing() {
    let (site, _) = three(with_token());
    let running = site.start(Limits::default());
    for path in ["/api/stream", "/api/events/stream?token=token"] {
        let reply = running.send(Method::HEAD, path, &[], "").await;
        assert_eq!((reply.status.as_u16(), reply.body.len()), (200, 0));
        assert!(reply.header("content-type").starts_with("text/event-stream"));
    }
    assert!(running.get("/metrics").await.text().contains("relay_http_streams 0\n"));
}
