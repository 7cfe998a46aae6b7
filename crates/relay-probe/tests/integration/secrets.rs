//! No key survives in any output.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use relay_core::{Secret, ports::Prober, target::Header};

use crate::support::{Server, get, prober, response};

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
