//! What is around every request: ids, headers, methods, origins, unknown paths.

use http::Method;
use relay_api::{Access, Limits};

use crate::support::{monitor, site, site_with, snapshot};

#[tokio::test]
async fn the_small_endpoints() {
    let site = site(snapshot(vec![monitor("acme/cc//")]));
    let running = site.start(Limits::default());
    let version = running.get("/api/version").await;
    assert_eq!(
        version.text(),
        r#"{"version":"1.2.3","git_commit":"abcdef","build_time":"2026-03-01T00:00:00Z","rust_version":"1.95.0"}"#
    );
    assert_eq!(version.header("cache-control"), "no-store");
    assert_eq!(running.get("/health").await.text(), r#"{"status":"ok"}"#);
    let ready = running.get("/ready").await;
    assert_eq!(ready.status, 200);
    assert_eq!(
        ready.text(),
        r#"{"status":"ready","config_generation":1,"monitors":1,"components":{"store":{"ok":true,"backend":"list","queued":0}}}"#
    );
    site.store.away.store(true, std::sync::atomic::Ordering::Relaxed);
    let not_ready = running.get("/ready").await;
    assert_eq!(not_ready.status, 503);
    assert_eq!(not_ready.json()["troubles"], serde_json::json!(["store: the database does not answer"]));
    assert_eq!(running.get("/health").await.status, 200);
}

#[tokio::test]
async fn head_answers_like_get_without_a_body() {
    let running = site(snapshot(vec![monitor("acme/cc//")])).start(Limits::default());
    for path in ["/api/status", "/api/version", "/health", "/ready", "/metrics", "/", "/assets/js/app.js"] {
        let get = running.get(path).await;
        let head = running.send(Method::HEAD, path, &[], "").await;
        assert_eq!(head.status, get.status, "{path}");
        assert!(head.body.is_empty());
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        if path != "/metrics" {
            assert_eq!(head.header("content-length"), get.body.len().to_string(), "{path}");
        }
    }
}

#[tokio::test]
async fn wrong_methods_and_unknown_paths_say_so_in_json() {
    let running = site(snapshot(vec![monitor("acme/cc//")])).start(Limits::default());
    for (method, path, status, code) in [
        (Method::POST, "/api/status", 405, "method_not_allowed"),
        (Method::DELETE, "/", 405, "method_not_allowed"),
        (Method::GET, "/api/nothing", 404, "not_found"),
        (Method::GET, "/api/../etc/passwd", 404, "not_found"),
        (Method::GET, "/v1/models", 404, "not_found"),
        (Method::POST, "/v1/chat/completions", 404, "not_found"),
        (Method::GET, "/admin", 404, "not_found"),
        (Method::GET, "/viewer.html", 404, "not_found"),
    ] {
        let reply = running.send(method.clone(), path, &[], "").await;
        assert_eq!(reply.status, status, "{method} {path}");
        assert_eq!(reply.json()["code"], code);
        assert_eq!(reply.header("allow"), if status == 405 { "GET, HEAD, OPTIONS" } else { "" });
    }
}

#[tokio::test]
async fn every_response_has_its_id_and_its_security_headers() {
    let running = site(snapshot(Vec::new())).start(Limits::default());
    for path in ["/api/status", "/health", "/api/nothing", "/", "/p/acme"] {
        let reply = running.send(Method::GET, path, &[("x-request-id", "mine-1")], "").await;
        assert_eq!(reply.header("x-request-id"), "mine-1");
        assert_eq!(reply.header("x-content-type-options"), "nosniff");
        assert_ne!(reply.header("referrer-policy"), "");
        assert_eq!(reply.header("strict-transport-security"), "");
        let embeddable = path == "/p/acme";
        assert_eq!(reply.header("x-frame-options"), if embeddable { "" } else { "SAMEORIGIN" }, "{path}");
        let ancestors = if embeddable { "frame-ancestors *" } else { "frame-ancestors 'self'" };
        assert!(reply.header("content-security-policy").contains(ancestors), "{path}");
    }
    let made = running.send(Method::GET, "/health", &[("x-request-id", "not sane")], "").await;
    assert_ne!(made.header("x-request-id"), "not sane");
    assert_eq!(made.header("x-request-id").len(), 18);
}

#[tokio::test]
async fn hsts_only_where_a_trusted_proxy_says_https() {
    let forwarded = [("x-forwarded-proto", "https"), ("x-forwarded-for", "198.51.100.1")];
    let trusted =
        Access { trusted_proxies: vec!["127.0.0.0/8".parse().expect("a network")], ..Access::default() };
    let trusting = site_with(snapshot(Vec::new()), Limits::default(), trusted.clone());
    let running = trusting.start(Limits::default());
    let reply = running.send(Method::GET, "/health", &forwarded, "").await;
    assert!(reply.header("strict-transport-security").starts_with("max-age="));
    trusting.api.set_access(Access::default());
    let reply = running.send(Method::GET, "/health", &forwarded, "").await;
    assert_eq!(reply.header("strict-transport-security"), "");
}

#[tokio::test]
async fn browsers_of_allowed_origins_may_read() {
    let running = site(snapshot(Vec::new())).start(Limits::default());
    for (origin, allowed) in [
        ("https://status.example.org", true),
        ("https://other.example.com", true),
        ("https://evil.example.com", false),
        ("null", false),
    ] {
        let reply = running.send(Method::GET, "/api/status", &[("origin", origin)], "").await;
        let expected = if allowed { origin } else { "" };
        assert_eq!(reply.header("access-control-allow-origin"), expected);
        assert_eq!(reply.header("access-control-expose-headers") == "X-Request-ID", allowed);
        assert!(reply.header("vary").contains("Origin"));
        let asked = [("origin", origin), ("access-control-request-method", "GET")];
        let preflight = running.send(Method::OPTIONS, "/api/status", &asked, "").await;
        assert_eq!(preflight.status, 204);
        assert_eq!(preflight.header("access-control-allow-origin"), expected);
        assert_eq!(preflight.header("access-control-max-age"), if allowed { "43200" } else { "" });
        assert_eq!(preflight.header("access-control-allow-credentials"), "");
    }
}
