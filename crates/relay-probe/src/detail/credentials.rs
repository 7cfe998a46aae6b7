//! What a probe sends that nobody may read.

use std::cmp::Reverse;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use relay_core::{
    ProbeSpec, Secret,
    secret::credentials::{of_address, of_header},
};
use url::Url;

/// Credentials shorter than this are not looked for, because they would tear holes into ordinary words; the key itself
/// always is.
const LEAST: usize = 6;

/// Returns the secrets of a probe that may go through one of `proxies`, the longest first, so that none leaves the rest
/// of another behind: the key, and the credentials in headers and addresses.
pub(crate) fn secrets_of<'a>(spec: &'a ProbeSpec, proxies: impl Iterator<Item = &'a Url>) -> Vec<String> {
    let mut found = Vec::new();
    for header in &spec.headers {
        let value = String::from_utf8_lossy(header.value.as_bytes());
        for secret in of_header(header.name.as_str(), &value) {
            found.extend(basic_password(secret));
            found.push(secret.to_owned());
        }
    }
    let addresses = [&spec.url].into_iter().chain(&spec.proxy).chain(proxies);
    found.extend(addresses.flat_map(of_address));
    found.retain(|secret| secret.len() >= LEAST);
    found.extend(spec.api_key.as_ref().map(|key| Secret::expose(key).to_owned()));
    found.sort_by(|a, b| (Reverse(a.len()), a).cmp(&(Reverse(b.len()), b)));
    found.dedup();
    found
}

/// Returns the password of Basic credentials (RFC 7617): what follows the first colon.
fn basic_password(credentials: &str) -> Option<String> {
    let decoded = String::from_utf8(BASE64_STANDARD.decode(credentials).ok()?).ok()?;
    decoded.split_once(':').map(|(_, password)| password.to_owned())
}

#[cfg(test)]
mod tests {
    use http::{HeaderName, HeaderValue};
    use relay_core::target::Header;

    use super::*;

    #[test]
    fn key_headers_addresses_and_proxies_are_searched() {
        let mut spec = ProbeSpec::get(
            "https://u:of-the-url@a.example/?token=of-the-query&x=plain-text".parse().expect("a url"),
        );
        let header = |name: &'static str, value: &'static str| Header {
            name: HeaderName::from_static(name),
            value: HeaderValue::from_static(value),
            holds_key: false,
        };
        spec.headers = vec![
            header("authorization", "Bearer of-the-header"),
            header("proxy-authorization", "Basic dTpvZi1iYXNpYw=="),
            header("cookie", "a=of-the-cookie; b=tiny"),
            header("accept", "text/event-stream"),
        ];
        spec.proxy = Some("http://u:of-the-proxy@b.example".parse().expect("a url"));
        spec.api_key = Some(Secret::new("k"));
        let other = "socks5://u:of-the-other@b.example".parse().expect("a url");
        let mut found = secrets_of(&spec, [&other].into_iter());
        assert!(found.is_sorted_by_key(|secret| Reverse(secret.len())), "{found:?}");
        found.sort();
        let expected = [
            "dTpvZi1iYXNpYw==",
            "k",
            "of-basic",
            "of-the-cookie",
            "of-the-header",
            "of-the-other",
            "of-the-proxy",
            "of-the-query",
            "of-the-url",
        ];
        assert_eq!(found, expected);
    }
}
