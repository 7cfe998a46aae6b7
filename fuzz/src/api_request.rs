//! Requests to the HTTP API: whatever is asked, the answer is bounded, readable, the same again, and gives nothing away.
//!
//! An input is a request as it stands on the wire: a line with method and target, headers, an empty line, a body. It goes
//! through everything but the connection itself: paths, query strings, cursors, times, `Accept-Encoding`, entity tags, the
//! client's address behind proxies, and the pages.

mod site;

use std::{net::SocketAddr, ops::ControlFlow};

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri,
    header::{
        ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, HOST, IF_NONE_MATCH,
        LOCATION,
    },
};
use http_body_util::{BodyExt as _, Full};
use relay_api::Api;
use relay_probe::decode::Decoder;
use serde_json::Value;

/// More than any answer of so small a site takes, unfolded; pieces of the request may be in it several times.
const MOST_BYTES: usize = 512 * 1024;
/// Words that the site knows and never says, unless the request says them first.
const SECRETS: [&str; 3] = ["zzreason", "zzupstream", "zzdisabled"];
/// A proxy that is believed.
const PROXY: &str = "10.0.0.1:4711";

/// Asks what `data` says.
///
/// # Panics
/// When something does not hold of the answer.
pub fn check(data: &[u8]) {
    let Some(asked) = Asked::read(data) else { return };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    runtime.block_on(async {
        let api = site::api();
        let first = asked.send(&api).await;
        first.is_in_order(&asked);
        let again = asked.send(&api).await;
        assert_eq!(first, again, "asked again");
        is_the_same_uncoded(&api, &asked, &first).await;
        is_known(&api, &asked, &first).await;
        nobody_becomes_local(&api, &asked).await;
    });
}

/// A request.
#[derive(Debug, Clone)]
struct Asked {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
}

/// An answer, as far as it must be the same for the same request.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    code: StatusCode,
    /// Without the request's own number.
    headers: HeaderMap,
    /// Of a stream that goes on for ever, its first piece.
    body: Bytes,
}

impl Asked {
    /// Reads a request; what a server would refuse before it looks at the path is none.
    fn read(data: &[u8]) -> Option<Self> {
        let mut rest = data;
        let mut line = || {
            let end = rest.iter().position(|byte| *byte == b'\n')?;
            let (line, after) = (&rest[..end], &rest[end + 1..]);
            rest = after;
            Some(line.strip_suffix(b"\r").unwrap_or(line))
        };
        let first = line()?;
        let gap = first.iter().position(|byte| *byte == b' ')?;
        let method = Method::from_bytes(&first[..gap]).ok()?;
        let uri = Uri::try_from(&first[gap + 1..]).ok()?;
        let mut headers = HeaderMap::new();
        while let Some(line) = line().filter(|line| !line.is_empty()) {
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = HeaderName::from_bytes(&line[..colon]).ok()?;
            headers.append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
        }
        // A length that is wrong does not get past a connection.
        headers.remove("content-length");
        // Without one every request would be refused, and nothing behind that be tried.
        headers.entry(HOST).or_insert(HeaderValue::from_static("localhost"));
        Some(Self { method, uri, headers, body: Bytes::copy_from_slice(rest) })
    }

    async fn send(&self, api: &Api) -> Answer {
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        let from: SocketAddr = PROXY.parse().expect("an address");
        let (mut head, mut body) = api.answer(request, from).await.into_parts();
        let id = head.headers.remove("x-request-id").expect("every answer has a number");
        let sane = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
        assert!(id.len() <= 64 && id.as_bytes().iter().all(sane), "{id:?}");
        let endless = of(&head.headers, CONTENT_TYPE).starts_with("text/event-stream");
        let mut read = Vec::new();
        while let Some(frame) = body.frame().await {
            read.extend_from_slice(&frame.expect("nothing breaks off").into_data().expect("no trailers"));
            assert!(read.len() <= MOST_BYTES, "{} bytes", read.len());
            if endless {
                break;
            }
        }
        Answer { code: head.status, headers: head.headers, body: read.into() }
    }

    fn says(&self, word: &str) -> bool {
        let headers = self.headers.values().map(HeaderValue::as_bytes);
        let target = self.uri.to_string();
        // Words of the query may be spelled in percents.
        let spelled = target.contains('%') || self.body.contains(&b'\\');
        let holds = |bytes: &[u8]| bytes.windows(word.len()).any(|part| part == word.as_bytes());
        spelled || holds(target.as_bytes()) || holds(&self.body) || headers.into_iter().any(holds)
    }
}

impl Answer {
    fn is_in_order(&self, asked: &Asked) {
        assert!(!self.code.is_server_error(), "{asked:?} is answered with {self:?}");
        assert_eq!(of(&self.headers, HeaderName::from_static("x-content-type-options")), "nosniff");
        assert!(self.headers.contains_key(CONTENT_SECURITY_POLICY), "{:?}", self.headers);
        if self.code == StatusCode::NOT_MODIFIED {
            assert!(self.body.is_empty() && asked.headers.contains_key(IF_NONE_MATCH), "{asked:?}");
        }
        if self.headers.contains_key(LOCATION) {
            let to = of(&self.headers, LOCATION);
            assert!(to.starts_with('/') && !to.starts_with("//"), "{asked:?} leads to {to}");
        }
        let json = of(&self.headers, CONTENT_TYPE).starts_with("application/json");
        if json && !self.headers.contains_key(CONTENT_ENCODING) {
            let body: Value = serde_json::from_slice(&self.body).expect("JSON");
            if self.code.is_client_error() {
                assert!(body["error"].is_string() && body["code"].is_string(), "{body}");
            }
        }
        for secret in SECRETS {
            let told = self.body.windows(secret.len()).any(|part| part == secret.as_bytes());
            assert!(!told || asked.says(secret), "{asked:?} brings {secret} to light");
        }
    }
}

/// Returns a header, empty when there is none.
fn of(headers: &HeaderMap, name: HeaderName) -> &str {
    headers.get(name).map_or("", |value| value.to_str().expect("answers are written in ASCII"))
}

/// What is coded was asked for, and unfolds to what somebody gets who asked for no coding.
async fn is_the_same_uncoded(api: &Api, asked: &Asked, answer: &Answer) {
    let coding = of(&answer.headers, CONTENT_ENCODING).to_owned();
    if coding.is_empty() {
        return;
    }
    let mut accepted = asked.headers.get_all(ACCEPT_ENCODING).iter().map(HeaderValue::as_bytes);
    let named = accepted.any(|list| {
        let list = list.to_ascii_lowercase();
        list.contains(&b'*') || list.windows(coding.len()).any(|part| part == coding.as_bytes())
    });
    assert!(named, "{coding} for {asked:?}");
    let mut plain = asked.clone();
    plain.headers.remove(ACCEPT_ENCODING);
    let plain = plain.send(api).await;
    assert_eq!(of(&plain.headers, CONTENT_ENCODING), "", "{asked:?}");
    assert_eq!(plain.code, answer.code);
    assert_eq!(decoded(&coding, &answer.body), plain.body, "{coding} of {asked:?}");
}

fn decoded(coding: &str, body: &[u8]) -> Vec<u8> {
    let mut decoder = Decoder::new(coding).expect("a coding of ours");
    let mut whole = Vec::new();
    let mut take = |piece: &[u8]| {
        whole.extend_from_slice(piece);
        ControlFlow::Continue(())
    };
    let pushed = decoder.push(body, &mut take);
    assert!(pushed.is_ok_and(|flow| flow.is_continue()), "{coding} cannot be read");
    assert!(decoder.finish(&mut take).is_ok(), "{coding} ends too early");
    whole
}

/// Whoever has the answer already is told so, whatever else is in the list of tags.
async fn is_known(api: &Api, asked: &Asked, answer: &Answer) {
    let Some(tag) = answer.headers.get(ETAG).filter(|_| answer.code == StatusCode::OK) else { return };
    let mut knowing = asked.clone();
    knowing.headers.append(IF_NONE_MATCH, tag.clone());
    let told = knowing.send(api).await;
    assert_eq!(told.code, StatusCode::NOT_MODIFIED, "{knowing:?}");
    assert_eq!(told.headers.get(ETAG), Some(tag));
    assert!(told.body.is_empty());
}

/// Nobody gets what is for this machine alone whose connection comes from another, whatever the headers say.
async fn nobody_becomes_local(api: &Api, asked: &Asked) {
    let mut spoofed = asked.clone();
    spoofed.method = Method::GET;
    spoofed.uri = Uri::from_static("/metrics");
    assert_eq!(spoofed.send(api).await.code, StatusCode::NOT_FOUND, "{spoofed:?}");
}
