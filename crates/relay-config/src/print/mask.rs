//! Secrets that were written where any text may stand.

use std::sync::LazyLock;

use regex::Regex;
use relay_core::{Secret, secret::credentials::is_telling};

pub(super) use crate::schema::values::MASK;
use crate::schema::{monitors::Monitor, values::Text};

/// Texts that look like keys and tokens, as common providers make them; and values of telling names in addresses.
#[expect(clippy::expect_used, reason = "a constant expression, compiled by every test of this file")]
static TOKENS: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(
        r"(?x)
        \b(?: sk-[A-Za-z0-9_-]{8,} | AIza[A-Za-z0-9_-]{20,} | gh[pousr]_[A-Za-z0-9]{20,}
            | eyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]* )",
    )
    .expect("a valid expression")
});

/// Masks literal secrets in what a monitor sends. Placeholders stay: they are no secrets.
pub(super) fn mask(monitor: &mut Monitor, key: Option<&Secret>) {
    let key = key.map(Secret::expose).filter(|key| key.len() >= 4);
    let hide = |text: &str| {
        let text = key.map_or_else(|| text.to_owned(), |key| text.replace(key, MASK));
        TOKENS.replace_all(&text, MASK).into_owned()
    };
    for (name, value) in monitor.headers.iter_mut().flat_map(|at| &mut at.value.0) {
        value.value = if is_telling(&name.value) && !value.value.0.contains("{{API_KEY}}") {
            Text::new(MASK)
        } else {
            Text(hide(&value.value.0))
        };
    }
    if let Some(url) = &mut monitor.url {
        url.value = Text(hide(&without_password(&url.value.0)));
    }
    if let Some(body) = &mut monitor.body {
        body.value = body.value.map(hide);
    }
}

/// Masks the password of an address's userinfo, and the values of telling names in its query.
fn without_password(address: &str) -> String {
    let Some((scheme, rest)) = address.split_once("://") else { return address.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    let authority = match authority.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, password)) if !password.contains("{{API_KEY}}") => format!("{user}:{MASK}@{host}"),
            _ => authority.to_owned(),
        },
        None => authority.to_owned(),
    };
    let Some((path, query)) = path.split_once('?') else { return format!("{scheme}://{authority}{path}") };
    let (query, fragment) = query.split_at(query.find('#').unwrap_or(query.len()));
    let masked: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, value)) if is_telling(name) && !value.contains("{{API_KEY}}") => {
                format!("{name}={MASK}")
            }
            _ => pair.to_owned(),
        })
        .collect();
    format!("{scheme}://{authority}{path}?{}{fragment}", masked.join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_lose_passwords_and_keys_but_no_placeholders() {
        for (address, expected) in [
            ("https://u:pw@a.example/v1", "https://u:***@a.example/v1"),
            ("https://u:{{API_KEY}}@a.example/v1", "https://u:{{API_KEY}}@a.example/v1"),
            ("https://a.example/v1?key=abc&x=1#f", "https://a.example/v1?key=***&x=1#f"),
            ("https://a.example/v1?key={{API_KEY}}", "https://a.example/v1?key={{API_KEY}}"),
            ("https://a.example/v1", "https://a.example/v1"),
            ("https://a.example", "https://a.example"),
        ] {
            assert_eq!(without_password(address), expected);
        }
    }

    #[test]
    fn what_looks_like_a_token_is_hidden() {
        for text in ["sk-ant-api03-abcdefgh", "AIzaSyA1234567890123456789012", "eyJhbGciOi.eyJzdWIiOi.abc"] {
            assert_eq!(TOKENS.replace_all(text, MASK), MASK, "{text}");
        }
        assert_eq!(TOKENS.replace_all("a task-force of sk-1", MASK), "a task-force of sk-1");
    }
}
