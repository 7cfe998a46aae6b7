//! What a probe sends, and what the answer must hold.

use std::{fmt, time::Duration};

use bytes::Bytes;
use http::{
    HeaderName, HeaderValue, Method,
    header::{CONNECTION, CONTENT_LENGTH, EXPECT, TE, TRANSFER_ENCODING, UPGRADE},
};
use regex::Regex;
use url::Url;

use crate::{Secret, egress::PrivateNetworks};

/// The default bound on the decoded body that is read, in bytes.
pub const DEFAULT_MAX_RESPONSE_BYTES: usize = 1024 * 1024;

/// One request to make and how to judge its answer. Every placeholder but `{{CHALLENGE}}` is replaced already, so
/// url, headers and body may hold the key: `Debug` shows none of them.
#[derive(Clone, PartialEq)]
pub struct ProbeSpec {
    /// The method.
    pub method: Method,
    /// The address, http or https, key included where the endpoint wants it there.
    pub url: Url,
    /// The headers, in configuration order; a `Host` header sets the authority.
    pub headers: Vec<Header>,
    /// The body, empty for none; trimmed of surrounding white space.
    pub body: Bytes,
    /// Text that a successful answer must contain, case-sensitive.
    pub success_contains: Option<String>,
    /// Further conditions; `None` for none at all, not even that the answer is no error object.
    pub expect: Option<Expect>,
    /// The model asked for, empty when the monitor has none; what `expect.model: same` compares with.
    pub model: String,
    /// Whether a pooled connection may be used.
    pub connection: Connection,
    /// The proxy to go through, `http://…` or `socks5://…`; `None` leaves it to the prober's options.
    pub proxy: Option<Url>,
    /// The bound on the decoded body that is read, in bytes; judging goes on with what is there.
    pub max_response_bytes: usize,
    /// Whether private addresses may be dialled.
    pub private_networks: PrivateNetworks,
    /// Whether anything but https is refused, also where a redirect leads.
    pub https_only: bool,
    /// A successful probe slower than this is yellow.
    pub slow_latency: Duration,
    /// The deadline of the whole probe, headers and body.
    pub timeout: Duration,
    /// The key, so that it can be masked in details.
    pub api_key: Option<Secret>,
    /// Whether the key was put into the url or the body by a placeholder: a cross-origin redirect that would repeat
    /// them is not followed then.
    pub key_in_url_or_body: bool,
}

impl ProbeSpec {
    /// Makes a GET of `url` with the documented defaults: 5 s slow latency, 10 s timeout, 1 MiB of body, pooled
    /// connections, any address.
    #[must_use]
    pub fn get(url: Url) -> Self {
        Self {
            method: Method::GET,
            url,
            headers: Vec::new(),
            body: Bytes::new(),
            success_contains: None,
            expect: None,
            model: String::new(),
            connection: Connection::Reuse,
            proxy: None,
            max_response_bytes: DEFAULT_MAX_RESPONSE_BYTES,
            private_networks: PrivateNetworks::Allow,
            https_only: false,
            slow_latency: Duration::from_secs(5),
            timeout: Duration::from_secs(10),
            api_key: None,
            key_in_url_or_body: false,
        }
    }

    /// Confines it to public addresses and https, as everything must be that comes from an API rather than from the
    /// configuration file. A proxy of its own is dropped: the address of a proxy is exempt from the rules, so only the
    /// operator may name one.
    #[must_use]
    pub fn confined(self) -> Self {
        Self { private_networks: PrivateNetworks::Deny, https_only: true, proxy: None, ..self }
    }
}

impl fmt::Debug for ProbeSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProbeSpec")
            .field("method", &self.method)
            .field("host", &self.url.host_str().unwrap_or_default())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Headers that belong to the connection, not to the request, and are not sent: the program decides about framing and
/// reuse, and `Expect` would add a round trip to the latency.
pub const CONNECTION_HEADERS: [HeaderName; 8] = [
    CONNECTION,
    CONTENT_LENGTH,
    EXPECT,
    TE,
    TRANSFER_ENCODING,
    UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// A header to send.
#[derive(Clone, PartialEq, Eq)]
pub struct Header {
    /// The name, in lower case as `http` keeps it.
    pub name: HeaderName,
    /// The value, which may hold the key.
    pub value: HeaderValue,
    /// Whether a placeholder put the key into the value: such a header is dropped when a redirect changes the origin.
    pub holds_key: bool,
}

impl fmt::Debug for Header {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ***", self.name)
    }
}

/// Whether a probe may use a pooled connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Connection {
    /// Use a pooled connection of the origin when there is one.
    #[default]
    Reuse,
    /// Always open a new one.
    Fresh,
}

/// Conditions beyond `success_contains`; all given ones must hold, else the record is red `content_mismatch`. By default
/// there is one: that the answer is no error object.
#[derive(Debug, Clone, PartialEq)]
pub struct Expect {
    /// Codes that count as success instead of 2xx; empty keeps the default table.
    pub status: Vec<u16>,
    /// Text the answer must contain.
    pub contains: Option<String>,
    /// Text the answer must not contain.
    pub not_contains: Option<String>,
    /// A pattern the answer's text must match.
    pub matches: Option<Pattern>,
    /// Conditions on the JSON body.
    pub json: Vec<JsonCondition>,
    /// The least number of characters of the text.
    pub min_chars: Option<usize>,
    /// Whether the answer's `model` must name the requested model.
    pub model_same: bool,
    /// Whether a 2xx whose JSON is an error object is red.
    pub no_error_body: bool,
    /// A question whose answer the text must contain.
    pub challenge: Option<Challenge>,
}

impl Default for Expect {
    fn default() -> Self {
        Self {
            status: Vec::new(),
            contains: None,
            not_contains: None,
            matches: None,
            json: Vec::new(),
            min_chars: None,
            model_same: false,
            no_error_body: true,
            challenge: None,
        }
    }
}

/// One condition on a value inside the JSON body.
#[derive(Debug, Clone, PartialEq)]
pub struct JsonCondition {
    /// Dot-separated keys and indexes, such as `choices.0.message.content`.
    pub path: String,
    /// What must be true of the value there.
    pub test: JsonTest,
}

/// What must be true of a JSON value.
#[derive(Debug, Clone, PartialEq)]
pub enum JsonTest {
    /// It is there (`true`) or is not (`false`).
    Exists(bool),
    /// Its text (a string as it is, anything else as JSON) equals this.
    Equals(String),
    /// Its text contains this.
    Contains(String),
    /// Its text matches this.
    Matches(Pattern),
}

/// A compiled regular expression that compares by its source.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles `source`.
    ///
    /// # Errors
    /// Whatever is wrong with the expression, in the regex crate's words.
    pub fn new(source: &str) -> Result<Self, regex::Error> {
        Regex::new(source).map(Self)
    }

    /// Tells whether `text` matches anywhere.
    #[must_use]
    pub fn is_match(&self, text: &str) -> bool {
        self.0.is_match(text)
    }

    /// Returns the source of the expression.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

/// A question that a real model can answer and a canned body cannot.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Challenge {
    /// A random small sum, asked in words through `{{CHALLENGE}}`.
    Arithmetic,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_confined_has_no_way_around_the_rules() {
        let mut spec = ProbeSpec::get("http://api.example.com/".parse().expect("a url"));
        spec.proxy = Some("http://10.0.0.1:3128".parse().expect("a url"));
        let confined = spec.clone().confined();
        assert_eq!((confined.private_networks, confined.https_only), (PrivateNetworks::Deny, true));
        assert_eq!(confined.proxy, None);
        assert_eq!(confined.url, spec.url);
    }

    #[test]
    fn debug_shows_neither_query_nor_header_values() {
        let mut spec = ProbeSpec::get("https://api.example.com/v1?key=sk-secret".parse().expect("a url"));
        spec.headers.push(Header {
            name: http::header::AUTHORIZATION,
            value: HeaderValue::from_static("Bearer sk-secret"),
            holds_key: true,
        });
        spec.body = Bytes::from_static(b"sk-secret");
        let shown = format!("{spec:?} {:?}", spec.headers);
        assert!(shown.contains("api.example.com"), "{shown}");
        assert!(!shown.contains("sk-secret"), "{shown}");
    }
}
