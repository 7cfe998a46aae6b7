//! No key survives in any output.

use base64::prelude::{BASE64_STANDARD, Engine};
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use relay_core::{ProbeSpec, Secret, ports::Prober, target::Header};
use relay_probe::{HttpProber, Options, ProxySettings, Roots};
use relay_testkit::Logs;
use tracing::Level;

use crate::support::{
    Server, get, prober, response,
    tls::{Identity, https},
};

const KEY: &str = "a/strange key+with\"signs&more";

#[tokio::test]
async fn an_upstream_that_repeats_the_key_does_not_get_it_into_a_detail() {
    let encoded = "a%2Fstrange+key%2Bwith%22signs%26more";
    let escaped = "a/strange key+with\\\"signs&more";
    let bodies = [
        format!("your key {KEY} is wrong"),
        format!("{{\"error\":{{\"message\":\"bad key {escaped}\"}}}}"),
        format!("<html><title>{KEY}</title></html>"),
        format!("see https://x.example/login?key={encoded} and https://user:{encoded}@x.example/"),
        "Authorization: Bearer sk-ant-api03-AbCdEfGhIjKlMnOp rejected".to_owned(),
        "key AIzaSyA1234567890abcdefghijk rejected, token eyJhbGciOi.eyJzdWIiOi.c2lnbmF0dXJl too".to_owned(),
        "x-api-key: sk-proj-1234567890abcdef".to_owned(),
    ];
    for status in ["200 OK", "401 Unauthorized", "500 Oops", "302 Found"] {
        for body in &bodies {
            let location = format!("Location: http://127.0.0.1:1/?key={encoded}\r\n");
            let headers = if status.starts_with("302") { location.as_str() } else { "" };
            let server = Server::answering(response(status, headers, body)).await;
            let mut spec = get(&format!("http://{}/v1?key={encoded}", server.address));
            spec.method = Method::POST;
            spec.body = Bytes::from(format!("{{\"key\":\"{escaped}\"}}"));
            spec.headers.push(Header {
                name: HeaderName::from_static("x-key"),
                value: HeaderValue::from_str(KEY).expect("a value"),
                holds_key: true,
            });
            spec.success_contains = Some("nothing like this".to_owned());
            spec.api_key = Some(Secret::new(KEY));
            let prober = prober();
            let result = prober.probe(&spec).await;
            let shown = format!("{result:?} {spec:?} {prober:?}");
            for secret in ["strange", "AbCdEf", "AIzaSyA", "eyJhbGci", "1234567890abc"] {
                assert!(!shown.contains(secret), "{status} {body}: {shown}");
            }
            let detail = result.detail.expect("a detail");
            assert!(detail.chars().count() <= 512 && !detail.contains(['\n', '?']), "{detail}");
        }
    }
}

#[tokio::test]
async fn credentials_that_are_not_the_key_do_not_get_into_a_detail_either() {
    let secrets =
        ["Zebra7OfTheHeader", "Zebra7OfTheCookie", "Zebra7OfTheQuery", "Zebra7OfTheUser", "Zebra7OfTheProxy"];
    let body = format!("refused: {}", secrets.join(" and "));
    for status in ["200 OK", "401 Unauthorized"] {
        let server = Server::answering(response(status, "", &body)).await;
        let mut spec =
            get(&format!("http://u:Zebra7OfTheUser@{}/v1?access_token=Zebra7OfTheQuery", server.address));
        for (name, value) in
            [("authorization", "Bearer Zebra7OfTheHeader"), ("cookie", "id=Zebra7OfTheCookie")]
        {
            spec.headers.push(Header {
                name: HeaderName::from_static(name),
                value: HeaderValue::from_static(value),
                holds_key: false,
            });
        }
        spec.success_contains = Some("nothing like this".to_owned());
        let proxies = ProxySettings {
            https: Some("http://u:Zebra7OfTheProxy@127.0.0.1:1".parse().expect("a url")),
            ..ProxySettings::default()
        };
        let prober = HttpProber::new(Options { proxies, ..Options::default() }).expect("a prober");
        let detail = prober.probe(&spec).await.detail.expect("a detail");
        assert!(detail.contains("*** and ***") && !detail.contains("Zebra7"), "{status}: {detail}");
    }
}

#[tokio::test]
async fn a_key_that_the_bound_on_bodies_cuts_is_masked_too() {
    let server = Server::answering(response("200 OK", "", format!("the answer is {PLAIN}"))).await;
    let mut spec = get(&format!("http://{}/", server.address));
    spec.api_key = Some(Secret::new(PLAIN));
    spec.max_response_bytes = "the answer is ".len() + PLAIN.len() - 3;
    spec.success_contains = Some("nothing like this".to_owned());
    let detail = prober().probe(&spec).await.detail.expect("a detail");
    assert!(detail.contains("the answer is ***") && !detail.contains("Zebra"), "{detail}");
}

/// A key without any of the shapes that are masked for everybody.
const PLAIN: &str = "Zebra7Quagga4Okapi9";

/// Pieces of the key that nothing may show in either case.
const PIECES: [&str; 4] = ["zebra", "quagga", "okapi", "%5a%65%62%72%61"];

/// Pieces of its base64 at each of the three places where it can begin.
const BASE64_PIECES: [&str; 3] = ["WmVicmE3UXVhZ2dh", "plYnJhN1F1YWdnY", "aZWJyYTdRdWFnZ2"];

/// A probe that sends the key in every place there is.
fn sending_everywhere(url: &str) -> ProbeSpec {
    let basic = BASE64_STANDARD.encode(format!("user:{PLAIN}"));
    let mut spec = get(&format!("{url}/{PLAIN}/v1?key={PLAIN}"));
    spec.url.set_username("user").expect("an http address");
    spec.url.set_password(Some(PLAIN)).expect("an http address");
    spec.method = Method::POST;
    spec.body = Bytes::from(format!("{{\"key\":\"{PLAIN}\"}}"));
    for (name, value) in [("x-key", PLAIN.to_owned()), ("authorization", format!("Basic {basic}"))] {
        spec.headers.push(Header {
            name: HeaderName::from_static(name),
            value: HeaderValue::from_str(&value).expect("a value"),
            holds_key: true,
        });
    }
    spec.api_key = Some(Secret::new(PLAIN));
    spec.key_in_url_or_body = true;
    spec.success_contains = Some("nothing like this".to_owned());
    spec
}

fn assert_silent(shown: &str, context: &str) {
    let lower = shown.to_lowercase();
    for piece in PIECES {
        assert!(!lower.contains(piece), "{context} shows {piece}: {shown}");
    }
    for piece in BASE64_PIECES {
        assert!(!shown.contains(piece), "{context} shows {piece}: {shown}");
    }
}

/// The ways an upstream may repeat the key, as whole answers.
fn reflections() -> Vec<Vec<u8>> {
    let basic = BASE64_STANDARD.encode(format!("user:{PLAIN}"));
    let percent: String = PLAIN.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let unicode: String = PLAIN.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
    let entities: String = PLAIN.bytes().map(|byte| format!("&#{byte};")).collect();
    let (first, second) = PLAIN.split_at(9);
    let mut answers = Vec::new();
    for said in
        [PLAIN, &PLAIN.to_lowercase(), &percent, &unicode, &entities, &basic, &format!("{first}\n {second}")]
    {
        let json = format!("{{\"error\":{{\"message\":\"no such key {said}\"}}}}").replace('\n', "\\n");
        let sse = "Content-Type: text/event-stream\r\n";
        for status in ["200 OK", "400 Bad", "401 Unauthorized", "500 Oops", "302 Found"] {
            answers.push(response(status, "", format!("key {said} refused")));
            answers.push(response(status, "", &json));
            answers.push(response(status, "", format!("<html><title>{said}</title></html>")));
            answers.push(response(status, sse, format!("data: {json}\n\n")));
        }
        let line = said.replace('\n', " ");
        answers.push(response("302 Found", &format!("Location: /{line}?again={line}\r\n"), ""));
        answers.push(response("302 Found", &format!("Location: http://127.0.0.1:1/{line}?k={line}\r\n"), ""));
        answers.push(response("307 T", &format!("Location: ftp://{line}/{line}\r\n"), ""));
        answers.push(response(&format!("200 {line}"), &format!("X-Key: {line}\r\n"), ""));
        answers.push(response("200 OK", &format!("Content-Encoding: {line}\r\n"), ""));
        answers.push(format!("HTTP/1.1 {line}\r\n\r\n").into_bytes());
        answers.push(format!("{line}\r\n\r\n").into_bytes());
    }
    // In two frames of a stream: neither has it, the text has.
    let frame = |text: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n");
    answers.push(response("200 OK", "", frame(first) + &frame(second)));
    answers
}

#[tokio::test]
async fn a_key_sent_everywhere_and_repeated_in_any_way_is_in_no_output() {
    let (logs, _guard) = Logs::capture(Level::TRACE);
    let prober = prober();
    for answer in reflections() {
        let context = String::from_utf8_lossy(&answer).into_owned();
        let server = Server::answering_and_closing(answer).await;
        let spec = sending_everywhere(&format!("http://{}", server.address));
        let result = prober.probe(&spec).await;
        assert_silent(&format!("{result:?} {spec:?} {:?} {prober:?}", spec.headers), &context);
        assert!(result.detail.is_some(), "{context}");
    }
    let identity = Identity::new();
    let server = identity
        .serve_h2(|_, _| {
            http::Response::builder().header("x-key", PLAIN).body(PLAIN.into()).expect("a response")
        })
        .await;
    let spec = sending_everywhere(https(&server, "").trim_end_matches('/'));
    let result = identity.prober().probe(&spec).await;
    assert_eq!(result.http_code, 200);
    assert_silent(&format!("{result:?}"), "HTTP/2");
    assert!(!logs.text().is_empty());
    assert_silent(&logs.text(), "the log");
}

#[test]
fn no_public_type_shows_a_key_when_it_is_printed() {
    let spec = sending_everywhere("http://api.example.com");
    let proxy = format!("http://user:{PLAIN}@proxy.example:3128").parse().expect("a url");
    let proxies = ProxySettings { http: Some(proxy), ..ProxySettings::default() };
    let options = Options {
        proxies: proxies.clone(),
        extra_roots_pem: format!("-----BEGIN CERTIFICATE-----\n{PLAIN}!\n-----END CERTIFICATE-----\n")
            .into_bytes(),
        roots: Roots::OnlyExtra,
        ..Options::default()
    };
    assert_silent(
        &format!("{spec:?} {:?} {:?} {proxies:?} {options:?}", spec.headers, spec.api_key),
        "Debug",
    );
    let error = HttpProber::new(options).expect_err("no certificate");
    assert_silent(&format!("{error} {error:?}"), "an error");
}
