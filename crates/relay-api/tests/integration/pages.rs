//! The page and its files, as the server hands them out.

use http::Method;
use relay_api::Limits;

use crate::support::{site, snapshot};

#[tokio::test]
async fn pages_carry_their_policy_and_tag() {
    let running = site(snapshot(Vec::new())).start(Limits::default());
    let page = running.get("/").await;
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert_eq!(page.header("cache-control"), "no-cache");
    assert!(page.header("content-security-policy").contains("script-src 'self' 'sha256-abc='"));
    let tag = page.header("etag").to_owned();
    let again = running.send(Method::GET, "/", &[("if-none-match", &*tag)], "").await;
    assert_eq!(again.status, 304);
    assert!(again.header("content-security-policy").contains("script-src"));
    let coded = running.send(Method::GET, "/", &[("accept-encoding", "br")], "").await;
    assert_eq!(coded.header("content-encoding"), "br");
}

#[tokio::test]
async fn unknown_paths_get_the_page_with_404() {
    let running = site(snapshot(Vec::new())).start(Limits::default());
    for path in ["/nothing", "/p/nobody", "/en/p/nobody", "/%2e%2e/etc/passwd"] {
        let page = running.get(path).await;
        assert_eq!(page.status, 404, "{path}");
        assert!(page.text().starts_with("<!doctype html>"));
        assert_eq!(page.header("x-robots-tag"), "noindex");
    }
}

#[tokio::test]
async fn languages_without_their_slash_move() {
    let running = site(snapshot(Vec::new())).start(Limits::default());
    for language in ["en", "ru", "ja"] {
        let moved = running.get(&format!("/{language}?period=7d&x=%0d%0a")).await;
        assert_eq!(moved.status, 308);
        assert_eq!(moved.header("location"), format!("/{language}/?period=7d&x=%0d%0a"));
    }
}

#[tokio::test]
async fn files_may_be_kept_for_ever_and_missing_ones_are_bare() {
    let running = site(snapshot(Vec::new())).start(Limits::default());
    let file = running.get("/assets/js/app.js").await;
    assert_eq!(file.status, 200);
    assert_eq!(file.header("cache-control"), "public, max-age=31536000, immutable");
    assert_eq!(file.header("etag"), "\"abc\"");
    let coded = running.send(Method::GET, "/assets/js/app.js", &[("accept-encoding", "gzip")], "").await;
    assert_eq!(coded.header("content-encoding"), "gzip");
    assert_eq!(coded.header("etag"), "W/\"abc\"");
    for path in ["/assets/nothing.js", "/assets/../js/app.js", "/assets/", "/assets"] {
        let missing = running.get(path).await;
        assert_eq!(missing.status, 404, "{path}");
    }
    assert!(running.get("/assets/nothing.js").await.body.is_empty());
}

#[tokio::test]
async fn a_panic_is_a_500_and_the_next_request_works() {
    let running = site(snapshot(Vec::new())).start(Limits::default());
    let reply = running.get("/panic").await;
    assert_eq!(reply.status, 500);
    assert_eq!(reply.text(), r#"{"error":"internal error","code":"internal"}"#);
    assert_eq!(running.get("/health").await.status, 200);
}
