//! `/api/openapi.json`

use http::Method;
use regex::Regex;
use relay_api::{Access, EventsAccess, Limits};
use relay_core::Secret;

use crate::support::{Reply, monitor, site, site_with, snapshot};

#[tokio::test]
async fn the_document_is_served_as_it_is_printed() {
    let running = site(snapshot(Vec::new())).start(Limits::default());
    let reply = running.get("/api/openapi.json").await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.text(), relay_api::openapi_json());
    assert_eq!(reply.json()["openapi"], "3.1.0");
    let status = &reply.json()["components"]["schemas"]["StatusDto"];
    assert_eq!(status["required"], serde_json::json!(["meta", "data", "groups"]));
}

#[tokio::test]
async fn what_goes_wrong_is_told_of() {
    let limits = Limits { streams: 0, uri_bytes: 200, ..Limits::default() };
    let site = site_with(snapshot(Vec::new()), limits.clone(), Access::default());
    let token = Access { events: EventsAccess::Token(Secret::new("right")), ..Access::default() };
    let guarded = site_with(snapshot(Vec::new()), limits.clone(), token);
    let (site, guarded) = (site.start(limits.clone()), guarded.start(limits));
    let document = site.get("/api/openapi.json").await.json();
    let long = format!("/health?{}", "x".repeat(200));
    for (route, path, code) in [
        ("/api/status", "/api/status?period=2h", 400),
        ("/api/status/query", "/api/status/query", 400),
        ("/api/timeline", "/api/timeline?provider=x", 400),
        ("/api/timeline", "/api/timeline?provider=x&service=y", 404),
        ("/api/history", "/api/history?provider=x&service=y&limit=0", 400),
        ("/api/history", "/api/history?provider=x&service=y", 404),
        ("/badge.svg", "/badge.svg?provider=x&service=y&metric=z", 400),
        ("/badge.svg", "/badge.svg?provider=x&service=y", 404),
        ("/api/stream", "/api/stream", 503),
        ("/api/events", "/api/events", 404),
        ("/api/events/latest", "/api/events/latest", 404),
        ("/api/events/stream", "/api/events/stream", 404),
        ("/api/status-page/{slug}", "/api/status-page/other", 404),
        ("/api/status-page/heartbeat/{slug}", "/api/status-page/heartbeat/other", 404),
        ("/feed.atom", "/feed.atom", 404),
        ("/assets/{rest}", "/assets/other", 404),
        ("/health", &long, 414),
    ] {
        let reply = site.get(path).await;
        assert_eq!(reply.status, code, "{path}");
        documented(&document, route, &reply);
    }
    for (authorization, code) in [("", 401), ("Bearer wrong", 403), ("Bearer right", 400)] {
        for path in ["/api/events?since_id=x", "/api/events/stream?since_id=x"] {
            let reply = guarded.send(Method::GET, path, &[("authorization", authorization)], "").await;
            assert_eq!(reply.status, code, "{path} {authorization}");
            documented(&document, path.split('?').next().expect("a path"), &reply);
        }
    }
    let headers = [("x-long", &*"x".repeat(40_000))];
    let refused = site.send(Method::GET, "/health", &headers, "").await;
    assert_eq!((refused.status.as_u16(), refused.body.len()), (431, 0));
    documented(&document, "/health", &refused);
    let refused = site.send(Method::POST, "/api/status/batch", &[], "{}").await;
    assert_eq!(refused.status, 400);
    assert!(document["paths"]["/api/status/batch"]["post"]["responses"]["400"].is_object());
}

/// Parameters with a pattern: what is asked besides, the name, and values that fit or do not.
const PATTERNED: &[(&str, &str, &[&str])] = &[
    (
        "/api/status?period=7d",
        "time_filter",
        &[
            "",
            "00:00-24:00",
            "22:30-06:00",
            "23:30-24:00",
            "24:00-06:00",
            "12:00-24:30",
            "9:00-17:00",
            "12:15-13:00",
            "25:00-26:00",
            " 01:00-02:00 ",
            "  ",
            "01:00 - 02:00",
            "12:00",
            "12:00-13:00-14:00",
            "٢٢:00-23:00",
        ],
    ),
    (
        "/api/events",
        "types",
        &[
            "",
            "DOWN",
            "down",
            "Up",
            "dOwN,uP",
            "up, DOWN",
            " up\t,  ",
            "  ",
            ",",
            "UP,,DOWN,",
            "SIDEWAYS",
            "UP DOWN",
            "UPS",
            "UP,SIDEWAYS",
        ],
    ),
    (
        "/api/history?provider=acme&service=cc",
        "cursor",
        &[
            "1772368436.4711",
            "-5.1",
            " 5.1 ",
            "",
            "5. 1",
            "+5.+1",
            "5.-1",
            "9223372036854775807.9223372036854775807",
            "00000000000000000000001.2",
            "5",
            "5.",
            ".1",
            "1.2.3",
            "x.1",
            "1,2",
            "١.٢",
        ],
    ),
    ("/api/history?service=cc", "provider", &["acme", " ACME ", "", " "]),
    ("/api/timeline?provider=acme", "service", &["cc", "CC", "", "  "]),
];

/// What fits the pattern of a parameter is taken, and nothing else is.
#[tokio::test]
async fn patterns_are_what_the_server_takes() {
    let open = Access { events: EventsAccess::Open, ..Access::default() };
    let catalog = snapshot(vec![monitor("acme/cc//")]);
    let running = site_with(catalog, Limits::default(), open).start(Limits::default());
    let document = running.get("/api/openapi.json").await.json();
    for &(path, name, values) in PATTERNED {
        let (route, _) = path.split_once('?').unwrap_or((path, ""));
        let parameters = document["paths"][route]["get"]["parameters"].as_array().expect("parameters");
        let told = parameters.iter().find(|told| told["name"] == name).expect("the parameter");
        let pattern = Regex::new(told["schema"]["pattern"].as_str().expect("a pattern")).expect("a pattern");
        for value in values {
            let mut url = url::Url::parse("http://x").and_then(|base| base.join(path)).expect("an address");
            url.query_pairs_mut().append_pair(name, value);
            let asked = format!("{route}?{}", url.query().expect("a query"));
            let code = running.get(&asked).await.status.as_u16();
            assert_eq!(code, if pattern.is_match(value) { 200 } else { 400 }, "{asked}");
        }
    }
}

/// Checks that the document tells of an answer, in code and type.
fn documented(document: &serde_json::Value, route: &str, reply: &Reply) {
    let code = reply.status.as_str();
    let told = &document["paths"][route]["get"]["responses"][code];
    let told = told["$ref"].as_str().and_then(|place| document.pointer(&place[1..])).unwrap_or(told);
    assert!(told.is_object(), "{route} answers {code}");
    let kind = reply.header("content-type").split(';').next().unwrap_or_default();
    assert!(kind.is_empty() || told["content"][kind].is_object(), "{route} answers {code} in {kind}: {told}");
    if !told["headers"]["Retry-After"].is_null() {
        assert!(!reply.header("retry-after").is_empty(), "{route} {code}");
    }
}
