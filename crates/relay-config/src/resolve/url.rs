//! The address of a monitor, and what may be shown of it.

use ::url::Url;

/// The placeholder of the key.
pub(super) const API_KEY: &str = "{{API_KEY}}";
/// The placeholder of the model.
pub(super) const MODEL: &str = "{{MODEL}}";

/// Checks an address after replacement. Messages do not repeat it: it may hold the key.
pub(super) fn parse(text: &str) -> Result<Url, &'static str> {
    let url = Url::parse(text).map_err(|_| "not a valid address; it must start with http:// or https://")?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err("must start with http:// or https://");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return Err("the address names no host");
    }
    Ok(url)
}

/// Makes what may be shown of `template`, the address before the key is put in: no userinfo, query or fragment, cut
/// before the first segment of the path that holds the key.
pub(super) fn shown(template: &str, key: Option<&str>) -> String {
    let holds_key = |part: &str| part.contains(API_KEY) || key.is_some_and(|key| part.contains(key));
    let Some((scheme, rest)) = template.split_once("://") else { return String::new() };
    let rest = &rest[..rest.find(['?', '#']).unwrap_or(rest.len())];
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    if holds_key(host) {
        return format!("{scheme}://***");
    }
    let mut shown = format!("{scheme}://{host}");
    for segment in path.split('/').skip(1) {
        if holds_key(segment) {
            break;
        }
        shown.push('/');
        shown.push_str(segment);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shown_holds_no_secret() {
        for (template, expected) in [
            ("https://a.example/v1/chat", "https://a.example/v1/chat"),
            ("https://a.example", "https://a.example"),
            ("https://a.example/", "https://a.example/"),
            ("https://user:pw@a.example:8443/v1?key={{API_KEY}}#x", "https://a.example:8443/v1"),
            ("https://a.example/k/{{API_KEY}}/v1", "https://a.example/k"),
            ("https://a.example/x-sk-1-y/v1", "https://a.example"),
            ("https://{{API_KEY}}.a.example/v1", "https://***"),
            ("https://a.example?x=1", "https://a.example"),
        ] {
            assert_eq!(shown(template, Some("sk-1")), expected);
        }
    }
}
