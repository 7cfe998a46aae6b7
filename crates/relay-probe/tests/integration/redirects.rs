//! Redirects: what is followed, what is sent on, what is not.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use relay_core::{
    ProbeSpec,
    ports::Prober,
    target::{Expect, Header},
};
use tokio::io::AsyncWriteExt;

use crate::support::{Server, probe, prober, read_request, response, shown};

/// A server that keeps the requests it got and answers by a function of the path.
struct Recorder {
    server: Server,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Recorder {
    async fn start(answer: impl Fn(&str) -> Vec<u8> + Clone + Send + Sync + 'static) -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&requests);
        let server = Server::start(move |mut stream| {
            let (kept, answer) = (Arc::clone(&kept), answer.clone());
            async move {
                while let Some(request) = read_request(&mut stream).await {
                    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
                    kept.lock().expect("no panic").push(request);
                    if stream.write_all(&answer(&path)).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await;
        Self { server, requests }
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().expect("no panic").clone()
    }
}

fn redirect(code: &str, location: &str) -> Vec<u8> {
    response(code, &format!("Location: {location}\r\n"), "moved")
}

fn header(name: &'static str, value: &'static str, holds_key: bool) -> Header {
    Header { name: HeaderName::from_static(name), value: HeaderValue::from_static(value), holds_key }
}

fn post(server: &Server, path: &str) -> ProbeSpec {
    let mut spec = server.spec(path);
    spec.method = Method::POST;
    spec.body = Bytes::from_static(b"{\"q\":1}");
    spec.headers = vec![
        header("authorization", "Bearer sk-secret-123456", true),
        header("x-api-key", "k", false),
        header("x-goog-api-key", "k", false),
        header("api-key", "k", false),
        header("cookie", "k", false),
        header("x-own", "sk-secret-123456", true),
        header("x-harmless", "h", false),
        header("content-type", "application/json", false),
        header("host", "api.example.com", false),
    ];
    spec
}

#[tokio::test]
async fn methods_change_as_in_browsers() {
    for (code, method, becomes) in [
        ("301 Moved", Method::POST, "GET"),
        ("302 Found", Method::POST, "GET"),
        ("303 See Other", Method::POST, "GET"),
        ("303 See Other", Method::PUT, "GET"),
        ("301 Moved", Method::PUT, "PUT"),
        ("307 Temporary", Method::POST, "POST"),
        ("308 Permanent", Method::POST, "POST"),
    ] {
        let recorder = Recorder::start(move |path| match path {
            "/a" => redirect(code, "b?x=1#fragment"),
            _ => response("200 OK", "", "arrived"),
        })
        .await;
        let mut spec = post(&recorder.server, "/a");
        spec.method = method;
        spec.success_contains = Some("arrived".to_owned());
        assert_eq!(shown(&probe(&spec).await), "green - 200 | -", "{code}");
        let last = recorder.requests().pop().expect("a request");
        assert!(last.starts_with(&format!("{becomes} /b?x=1 HTTP/1.1\r\n")), "{code}: {last}");
        assert_eq!(last.ends_with("{\"q\":1}"), becomes != "GET", "{code}: {last}");
        assert_eq!(last.contains("content-type"), becomes != "GET", "{code}: {last}");
        assert!(
            last.contains("x-own: sk-secret") && last.contains("host: api.example.com"),
            "same origin: {last}"
        );
        assert_eq!(recorder.server.connections(), 1, "the connection of a small redirect is used again");
    }
}

#[tokio::test]
async fn credentials_do_not_cross_origins() {
    let stranger = Recorder::start(|_| response("200 OK", "", "arrived")).await;
    let location = format!("http://{}/there", stranger.server.address);
    let home = Recorder::start(move |_| redirect("307 Temporary", &location)).await;
    assert_eq!(shown(&probe(&post(&home.server, "/")).await), "green - 200 | -");
    let arrived = stranger.requests().pop().expect("a request");
    for gone in ["authorization", "api-key", "cookie", "x-own", "secret", "api.example.com"] {
        assert!(!arrived.contains(gone), "{gone}: {arrived}");
    }
    for kept in ["POST /there", "x-harmless: h", "{\"q\":1}", &format!("host: {}", stranger.server.address)] {
        assert!(arrived.contains(kept), "{kept}: {arrived}");
    }
}

#[tokio::test]
async fn a_key_in_the_body_is_not_repeated_to_a_stranger() {
    let stranger = Recorder::start(|_| response("200 OK", "", "arrived")).await;
    for (code, method, followed) in [
        ("307 Temporary", Method::POST, false),
        ("308 Permanent", Method::POST, false),
        ("301 Moved", Method::PUT, false),
        ("302 Found", Method::POST, true),
    ] {
        let location = format!("http://{}/there", stranger.server.address);
        let home = Recorder::start(move |_| redirect(code, &location)).await;
        let mut spec = post(&home.server, "/");
        spec.method = method;
        spec.key_in_url_or_body = true;
        let result = probe(&spec).await;
        assert_eq!(result.http_code == 200, followed, "{}", shown(&result));
        if !followed {
            let expected = format!("red network_error {} | redirect: {}", &code[..3], &code[..3]);
            assert!(shown(&result).starts_with(&expected), "{}", shown(&result));
        }
    }
    assert_eq!(stranger.requests().len(), 1);
}

#[tokio::test]
async fn loops_long_chains_and_bad_locations_are_red_with_the_last_code() {
    for (location, words) in [
        ("/same", "redirect: a loop back to http://"),
        ("", "redirect: the Location cannot be used: it is empty"),
        ("http://", "redirect: the Location cannot be used: "),
        ("ftp://example.com/", "redirect: the Location cannot be used: it is neither http nor https"),
    ] {
        let recorder = Recorder::start(move |_| redirect("302 Found", location)).await;
        let shown = shown(&probe(&recorder.server.spec("/same")).await);
        assert!(shown.starts_with(&format!("red network_error 302 | {words}")), "{shown}");
    }
    let deeper = Recorder::start(|path| redirect("302 Found", &format!("{path}x"))).await;
    let shown_deeper = shown(&probe(&deeper.server.spec("/")).await);
    assert_eq!(shown_deeper, "red network_error 302 | redirect: more than 5 redirects");
    assert_eq!(deeper.requests().len(), 6);
}

#[tokio::test]
async fn five_redirects_are_followed_and_other_3xx_are_answers() {
    let chain = Recorder::start(|path| {
        if path == "/xxxxx" { response("200 OK", "", "") } else { redirect("307 T", &format!("{path}x")) }
    })
    .await;
    assert_eq!(shown(&probe(&chain.server.spec("/")).await), "green - 200 | -");
    for code in ["300 Multiple Choices", "304 Not Modified", "305 Use Proxy", "306 Unused", "399 Odd"] {
        let answer = if code.starts_with("304") {
            b"HTTP/1.1 304 Not Modified\r\nLocation: /elsewhere\r\n\r\n".to_vec()
        } else {
            redirect(code, "/elsewhere")
        };
        let server = Server::answering(answer).await;
        let shown = shown(&probe(&server.spec("/")).await);
        assert_eq!(shown, format!("green - {} | -", &code[..3]));
    }
}

#[tokio::test]
async fn a_refused_connection_after_a_redirect_keeps_the_last_code() {
    let gone = Server::answering("").await.address;
    let home = Recorder::start(move |_| redirect("302 Found", &format!("http://{gone}/"))).await;
    let shown = shown(&prober().probe(&home.server.spec("/")).await);
    assert!(shown.starts_with("red network_error 302 | connect: "), "{shown}");
}

#[tokio::test]
async fn an_expected_redirect_is_the_answer() {
    let recorder = Recorder::start(|_| redirect("302 Found", "/elsewhere")).await;
    let mut spec = recorder.server.spec("/");
    spec.expect = Some(Expect { status: vec![302], ..Expect::default() });
    assert_eq!(shown(&probe(&spec).await), "green - 302 | -");
    assert_eq!(recorder.requests().len(), 1);
}
