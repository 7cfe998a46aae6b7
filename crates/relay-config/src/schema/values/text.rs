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

json_schema!(Text, "Text", { "type": ["string", "number", "boolean"] });

/// A secret written as it is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SecretText(pub(crate) Secret);

impl Read for SecretText {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (text, _) = reader.scalar(node)?;
        Some(Self(Secret::new(text)))
    }
}

impl Serialize for SecretText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(MASK)
    }
}

json_schema!(SecretText, "Secret", { "type": ["string", "number", "boolean"] });

/// A secret in which `${NAME}` stands for a variable. Printed as it was typed when it holds nothing but references.
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
        let (text, _) = reader.scalar(node)?;
        let value = match expand(text, |name| reader.env.get(name)) {
            Ok(value) => value,
            Err(message) => {
                reader.error(node.mark, message);
                return None;
            }
        };
        let only_references = text.starts_with("${") && text.find('}') == Some(text.len() - 1);
        Some(Self { typed: only_references.then(|| text.to_owned()), value: Secret::new(value) })
    }
}

impl Serialize for SecretValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.typed.as_deref().unwrap_or(MASK))
    }
}

json_schema!(SecretValue, "SecretReference", { "type": ["string", "number", "boolean"] });

/// Replaces each `${NAME}`; `$$` is a dollar sign.
fn expand<'v>(text: &str, variable: impl Fn(&str) -> Option<&'v str>) -> Result<String, String> {
    let (mut expanded, mut rest) = (String::new(), text);
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(after) = after.strip_prefix('$') {
            expanded.push('$');
            rest = after;
        } else if let Some(after) = after.strip_prefix('{') {
            let (name, after) = after.split_once('}').ok_or("${ without its closing brace")?;
            let value = variable(name)
                .ok_or_else(|| format!("the environment variable {} is not set", name.escape_debug()))?;
            expanded.push_str(value);
            rest = after;
        } else {
            expanded.push('$');
            rest = after;
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
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

json_schema!(HttpUrl, "HttpUrl", { "type": "string", "pattern": "^[Hh][Tt][Tt][Pp][Ss]?://" });

/// The address of a proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ProxyUrl(pub(crate) Url);

impl Read for ProxyUrl {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (text, _) = reader.scalar(node)?;
        match Url::parse(text.trim()) {
            Ok(url)
                if matches!(url.scheme(), "http" | "https" | "socks5" | "socks5h")
                    && url.host_str().is_some() =>
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

json_schema!(ProxyUrl, "ProxyUrl", { "type": "string", "pattern": "^(https?|socks5h?)://" });

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

json_schema!(Slug, "Slug", { "type": ["string", "integer"], "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$", "maxLength": 100 });

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

json_schema!(DateText, "Date", { "type": "string", "format": "date" });

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_replaced_and_missing_ones_named() {
        let variable = |name: &str| (name == "A").then_some("one");
        assert_eq!(expand("x${A}y${A}", variable), Ok("xoneyone".to_owned()));
        assert_eq!(expand("5$ $$ $A", variable), Ok("5$ $ $A".to_owned()));
        assert_eq!(expand("${B}", variable), Err("the environment variable B is not set".to_owned()));
        assert!(expand("${A", variable).is_err());
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
