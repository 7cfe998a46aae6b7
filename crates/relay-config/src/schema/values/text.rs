//! Text, and text that must have a form.

use relay_core::Secret;
use serde::{Serialize, Serializer};
use url::Url;

use super::json_schema;
use crate::{
    reader::{Read, Reader},
    yaml::Node,
};

/// What a masked secret is printed as.
pub(crate) const MASK: &str = "***";

/// Any text, exactly as written: `1`, `4.10`, `true` and `2024-06-15` are text here.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub(crate) struct Text(pub(crate) String);

impl Text {
    pub(crate) fn new(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl Read for Text {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (text, _) = reader.scalar(node)?;
        Some(Self(text.to_owned()))
    }
}

json_schema!(Text, "Text", { "title": "text", "type": ["string", "number", "boolean"] });

/// A secret written as it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SecretText(pub(crate) Secret);

impl Read for SecretText {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (text, _) = reader.scalar(node)?;
        if text.contains("${") {
            reader.warn(
                node.mark,
                "${ is taken as it stands: this setting has a variable of its own, and no others are put in here",
            );
        }
        Some(Self(Secret::new(text)))
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

json_schema!(SecretText, "Secret", { "title": "secret", "type": ["string", "number", "boolean"] });

/// A secret in which `${NAME}` stands for a variable. Printed as it was typed when it is nothing but a reference.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SecretValue {
    typed: Option<String>,
    pub(crate) value: Secret,
}

impl SecretValue {
    /// Wraps a value that came from the environment.
    pub(crate) fn known(value: &str) -> Self {
        Self { typed: None, value: Secret::new(value) }
    }
}

impl Read for SecretValue {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (typed, value) = referring(node, reader)?;
        let only_reference = typed.starts_with("${") && typed.find('}') == Some(typed.len() - 1);
        Some(Self { typed: only_reference.then_some(typed), value: Secret::new(value) })
    }
}

impl Serialize for SecretValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.typed.as_deref().unwrap_or(MASK))
    }
}

json_schema!(SecretValue, "SecretReference", {
    "title": "secret, `${NAME}` for a variable",
    "type": ["string", "number", "boolean"]
});

/// An address that holds a secret. Masked, it is still an address.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SecretUrl(pub(crate) SecretValue);

impl Read for SecretUrl {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        SecretValue::read(node, reader).map(Self)
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.typed.as_deref().unwrap_or("https://***"))
    }
}

json_schema!(SecretUrl, "SecretAddress", {
    "title": "secret address, `${NAME}` for a variable",
    "type": "string"
});

/// Text in which `${NAME}` stands for a variable. Printed as it was typed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Referring {
    typed: String,
    pub(crate) value: String,
}

impl Read for Referring {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (typed, value) = referring(node, reader)?;
        Some(Self { typed, value })
    }
}

impl Serialize for Referring {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.typed)
    }
}

json_schema!(Referring, "TextReference", {
    "title": "text, `${NAME}` for a variable",
    "type": ["string", "number", "boolean"]
});

/// Reads text with references; returns it as typed, and with the variables put in.
fn referring(node: &Node, reader: &mut Reader<'_>) -> Option<(String, String)> {
    let (text, _) = reader.scalar(node)?;
    match expand(text, |name| reader.env.get(name)) {
        Ok(value) => Some((text.to_owned(), value)),
        Err(name) => {
            reader.error(
                node.mark,
                format!(
                    "the environment variable {name} is not set; it may stand in .env beside the file too"
                ),
            );
            None
        }
    }
}

/// Replaces each `${NAME}`. Whatever else has dollar signs or braces is text: it may be part of a password.
fn expand<'v>(text: &str, variable: impl Fn(&str) -> Option<&'v str>) -> Result<String, String> {
    let (mut expanded, mut rest) = (String::new(), text);
    while let Some(at) = rest.find("${") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        expanded.push_str(before);
        match after.split_once('}') {
            Some((name, after)) if is_name(name) => {
                expanded.push_str(variable(name).ok_or_else(|| name.to_owned())?);
                rest = after;
            }
            _ => {
                expanded.push_str("${");
                rest = after;
            }
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

pub(super) fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// An address that is shown or linked: http or https, kept without slashes at the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct HttpUrl(pub(crate) String);

impl HttpUrl {
    /// Checks an address. The message does not repeat it, since it may hold a secret.
    pub(crate) fn parse(text: &str) -> Result<Self, &'static str> {
        let text = text.trim();
        let url =
            Url::parse(text).map_err(|_| "not a valid address; it must start with http:// or https://")?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err("must start with http:// or https://");
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err("the address names no host");
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    /// Tells whether it goes over plain http.
    pub(crate) fn is_plain(&self) -> bool {
        self.0.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("http:"))
    }
}

impl Read for HttpUrl {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (text, _) = reader.scalar(node)?;
        match Self::parse(text) {
            Ok(url) => {
                if url.is_plain() {
                    reader.warn(node.mark, "plain http is shown to visitors; use https");
                }
                Some(url)
            }
            Err(message) => {
                reader.error(node.mark, message);
                None
            }
        }
    }
}

json_schema!(HttpUrl, "HttpUrl", { "title": "http or https address", "type": "string", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://" });

/// The address of a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProxyUrl(pub(crate) Url);

impl Read for ProxyUrl {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (text, _) = reader.scalar(node)?;
        // Other versions took `socks://` for `socks5://`.
        let text = text.trim();
        let parsed = match text.strip_prefix("socks://") {
            Some(rest) => Url::parse(&format!("socks5://{rest}")),
            None => Url::parse(text),
        };
        match parsed {
            Ok(url)
                if matches!(url.scheme(), "http" | "socks5" | "socks5h")
                    && url.host_str().is_some_and(|host| !host.is_empty()) =>
            {
                Some(Self(url))
            }
            _ => {
                reader.error(node.mark, "must be the address of a proxy, http://… or socks5://…");
                None
            }
        }
    }
}

/// A password in the address is masked.
impl Serialize for ProxyUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut url = self.0.clone();
        if url.password().is_some() {
            // Fails only for addresses that cannot have a password.
            let _ = url.set_password(Some(MASK));
        }
        serializer.serialize_str(url.as_str())
    }
}

json_schema!(ProxyUrl, "ProxyUrl", { "title": "proxy address", "type": "string", "pattern": "^(http|socks|socks5h?)://" });

/// A word for addresses: lower-case letters, digits and single dashes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Slug(pub(crate) String);

impl Slug {
    /// The most characters a slug may have.
    pub(crate) const MAX: usize = 100;

    /// Checks a slug.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let part = |part: &str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
        };
        (text.len() <= Self::MAX && text.split('-').all(part)).then(|| Self(text.to_owned()))
    }
}

impl Read for Slug {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (text, _) = reader.scalar(node)?;
        let slug = Self::parse(text.trim());
        if slug.is_none() {
            reader.error(
                node.mark,
                "must be lower-case letters, digits and single dashes, at most 100 characters",
            );
        }
        slug
    }
}

json_schema!(Slug, "Slug", { "title": "slug", "type": ["string", "integer"], "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 100 });

/// A day, `YYYY-MM-DD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DateText(pub(crate) jiff::civil::Date);

impl Read for DateText {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (text, _) = reader.scalar(node)?;
        let text = text.trim();
        let shape = text.len() == 10
            && text
                .bytes()
                .enumerate()
                .all(|(at, b)| if matches!(at, 4 | 7) { b == b'-' } else { b.is_ascii_digit() });
        match text.parse() {
            Ok(date) if shape => Some(Self(date)),
            _ => {
                reader.error(node.mark, "must be a day such as 2024-06-15");
                None
            }
        }
    }
}

impl Serialize for DateText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

json_schema!(DateText, "Date", { "title": "day", "type": "string", "format": "date" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_and_missing_ones_named() {
        let variable = |name: &str| (name == "A").then_some("one");
        assert_eq!(expand("x${A}y${A}", variable), Ok("xoneyone".to_owned()));
        assert_eq!(expand("${B}", variable), Err("B".to_owned()));
        for literal in ["5$ $$ $A", "${A", "${not a name}", "${}", "a}b", "${1}"] {
            assert_eq!(expand(literal, variable).as_deref(), Ok(literal));
        }
    }

    #[test]
    fn slugs_have_single_dashes_inside_only() {
        for (text, fine) in [
            ("88code", true),
            ("a-b-c", true),
            ("a--b", false),
            ("-a", false),
            ("a-", false),
            ("A", false),
            ("", false),
            ("鸭", false),
        ] {
            assert_eq!(Slug::parse(text).is_some(), fine, "{text}");
        }
        assert!(Slug::parse(&"a".repeat(100)).is_some());
        assert!(Slug::parse(&"a".repeat(101)).is_none());
    }
}
