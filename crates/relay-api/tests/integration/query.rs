//! `/api/status/query` and `/api/status/batch`

use expect_test::expect;
use http::Method;
use relay_api::Limits;
use relay_core::{Monitor, SubStatus};

use crate::support::{NOW, TestSite, green, monitor, red, site, snapshot, yellow};

fn fleet() -> TestSite {
    let hidden = Monitor { hidden: Some(String::new()), ..monitor("Shy/cc//") };
    let disabled = Monitor { disabled: Some(String::new()), ..monitor("Acme/off//") };
    let child = Monitor { is_child: true, ..monitor("Acme/cc/vip/small") };
    let monitors = [
        monitor("Acme/gm/Std/"),
        monitor("Acme/cc/vip/large"),
        child,
        monitor("Acme/cc/Basic/"),
        hidden,
        disabled,
    ];
    let site = site(snapshot(monitors.to_vec()));
    site.append(&monitors[0], NOW - 50, red(500, SubStatus::ServerError));
    site.append(&monitors[1], NOW - 60, green(100));
    site.append(&monitors[2], NOW - 90, yellow(6000));
    site
}

const POST: &[(&str, &str)] = &[("content-type", "application/json")];

#[tokio::test]
async fn one_provider_with_everything_it_has() {
    let running = fleet().start(Limits::default());
    let reply = running.get("/api/status/query?provider=aCME").await;
    assert_eq!(reply.header("cache-control"), "no-store");
    expect![[r#"{"as_of":"2026-03-01T12:34:56Z","results":[{"query":{"provider":"aCME"},"provider":"Acme","services":[{"name":"cc","channels":[{"name":"Basic","status":"down"},{"name":"vip","status":"degraded","latency_ms":6000,"updated_at":"2026-03-01T12:33:26Z"}]},{"name":"gm","channels":[{"name":"Std","status":"down","latency_ms":80,"updated_at":"2026-03-01T12:34:06Z"}]}]}]}"#]]
    .assert_eq(reply.text());
}

#[tokio::test]
async fn short_forms_and_what_is_not_there() {
    let running = fleet().start(Limits::default());
    let reply = running.get("/api/status/query?q=acme/CC/VIP&q=shy&q=acme/off&q=nobody/x/y").await;
    expect![[r#"{"as_of":"2026-03-01T12:34:56Z","results":[{"query":{"provider":"acme","service":"CC","channel":"VIP"},"provider":"Acme","services":[{"name":"cc","channels":[{"name":"vip","status":"degraded","latency_ms":6000,"updated_at":"2026-03-01T12:33:26Z"}]}]},{"query":{"provider":"shy"},"error":{"code":"NOT_FOUND","message":"there is no such provider"}},{"query":{"provider":"acme","service":"off"},"error":{"code":"NOT_FOUND","message":"there is no such service"}},{"query":{"provider":"nobody","service":"x","channel":"y"},"error":{"code":"NOT_FOUND","message":"there is no such provider"}}]}"#]]
    .assert_eq(reply.text());
}

/// What is hidden or disabled is not there, and another provider's service or channel does not count.
#[tokio::test]
async fn the_first_part_that_is_not_there_is_named() {
    let running = fleet().start(Limits::default());
    for (question, part) in [
        ("nobody", "provider"),
        ("nobody/cc", "provider"),
        ("nobody/cc/vip", "provider"),
        ("nobody//vip", "provider"),
        ("shy/cc/vip", "provider"),
        ("acme/xx", "service"),
        ("acme/xx/vip", "service"),
        ("acme/off/vip", "service"),
        ("acme/cc/std", "channel"),
        ("acme//nothing", "channel"),
    ] {
        let reply = running.get(&format!("/api/status/query?q={question}")).await;
        let error = serde_json::json!({ "code": "NOT_FOUND", "message": format!("there is no such {part}") });
        assert_eq!(reply.json()["results"][0]["error"], error, "{question}");
    }
}

#[tokio::test]
async fn a_batch_answers_like_single_queries() {
    let running = fleet().start(Limits::default());
    let body = r#"{"queries":[{"provider":"acme","service":"cc"},{"provider":"nobody"}]}"#;
    let batch = running.send(Method::POST, "/api/status/batch", POST, body).await;
    let single = running.get("/api/status/query?q=acme/cc&q=nobody").await;
    assert_eq!(batch.status, 200);
    assert_eq!(batch.json(), single.json());
}

#[tokio::test]
async fn what_cannot_be_asked_is_400() {
    let running = fleet().start(Limits::default());
    let many = format!("/api/status/query?{}", "q=acme&".repeat(21));
    for (path, says) in [
        ("/api/status/query", "provider: every query names its provider"),
        ("/api/status/query?service=cc", "provider: every query names its provider"),
        ("/api/status/query?q=/cc", "provider: every query names its provider"),
        ("/api/status/query?q=a/b/c/d", "q: use provider, provider/service or provider/service/channel"),
        (&*many, "q: at most 20 at a time"),
    ] {
        let reply = running.get(path).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["error"]), (400, &says.into()), "{path}");
    }
    for (body, code) in [
        ("", "invalid_body"),
        ("[]", "invalid_body"),
        (r#"{"queries":7}"#, "invalid_body"),
        (r#"{"queries":[]}"#, "invalid_parameter"),
        (r#"{"queries":[{"service":"cc"}]}"#, "invalid_parameter"),
    ] {
        let reply = running.send(Method::POST, "/api/status/batch", POST, body).await;
        assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (400, &code.into()), "{body}");
    }
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_413() {
    let running = fleet().start(Limits::default());
    let body = Box::leak(format!("{}{}", " ".repeat(70_000), "{}").into_boxed_str());
    let reply = running.send(Method::POST, "/api/status/batch", POST, body).await;
    assert_eq!((reply.status.as_u16(), &reply.json()["code"]), (413, &"body_too_large".into()));
    let get = running.get("/api/status/batch").await;
    assert_eq!((get.status.as_u16(), get.header("allow")), (405, "POST, OPTIONS"));
}
