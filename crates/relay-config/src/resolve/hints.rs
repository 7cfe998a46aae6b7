//! What can be meant as it stands, and most likely is not: texts that look like something to be replaced and are sent as
//! they are, headers that are not sent, intervals of another unit.

use std::time::Duration;

use relay_core::target::CONNECTION_HEADERS;

use crate::{
    reader::{Field, Reader},
    schema::{
        monitors::{Body, Monitor},
        values::GoDuration,
    },
};

/// Names that are replaced in the address, in headers and in the body.
const NAMES: [&str; 2] = ["API_KEY", "MODEL"];
/// One more, of the body only.
const IN_BODIES: &str = "CHALLENGE";
/// The longest text between braces that is looked at.
const LONGEST: usize = 64;

/// Warns of an interval that was meant in another unit: every probe costs.
pub(super) fn interval(field: &Field<GoDuration>, reader: &mut Reader<'_>) {
    if let Some(at) = field.as_ref().filter(|at| at.value.0 < Duration::from_secs(1)) {
        reader.within("interval", |reader| {
            reader
                .warn(at.mark, "shorter than a second: was another unit meant? Each probe is a paid request");
        });
    }
}

/// Warns of what a monitor sends otherwise than it looks.
pub(super) fn sent(whole: &Monitor, reader: &mut Reader<'_>) {
    if let Some(url) = &whole.url {
        reader.within("url", |reader| {
            for message in literal(&url.value.0) {
                reader.warn(url.mark, message);
            }
        });
    }
    if let Some(headers) = &whole.headers {
        reader.within("headers", |reader| {
            for (name, template) in &headers.value.0 {
                reader.within(name.value.escape_debug(), |reader| {
                    for message in literal(&template.value.0) {
                        reader.warn(template.mark, message);
                    }
                    let name_as_typed = name.value.trim();
                    if CONNECTION_HEADERS.iter().any(|ours| name_as_typed.eq_ignore_ascii_case(ours.as_str()))
                    {
                        reader.warn(
                            name.mark,
                            "not sent: it belongs to the connection, and the program sets it",
                        );
                    }
                });
            }
        });
    }
    if let Some(body) = &whole.body {
        reader.within("body", |reader| match &body.value {
            Body::Text(text) if text.trim() == "!include" => {
                reader.warn(body.mark, "includes nothing: no file is named, as in !include data/body.json");
            }
            Body::Text(text) => misspelt_in_body(text).for_each(|message| reader.warn(body.mark, message)),
            Body::Included(file) => {
                misspelt_in_body(&file.text).for_each(|message| reader.warn(body.mark, message));
            }
            Body::Include(_) => {}
        });
    }
}

/// Tells of what stays as it is in an address or a header.
fn literal(text: &str) -> Vec<String> {
    let mut messages: Vec<String> = in_braces(text).filter_map(stays).collect();
    if text.contains("${") {
        messages.push("${ is sent as it stands: variables are not put in here; {{API_KEY}} is".to_owned());
    }
    messages
}

/// Tells why what stands between braces in an address or a header stays there, when it looks like a name.
fn stays(inner: &str) -> Option<String> {
    if NAMES.contains(&inner) {
        return None;
    }
    let name = inner.trim().to_ascii_uppercase().replace('-', "_");
    if NAMES.contains(&name.as_str()) {
        return Some(misspelt(inner, &name));
    }
    is_name(inner.trim()).then(|| {
        format!("{{{{{inner}}}}} is sent as it stands: only {{{{API_KEY}}}} and {{{{MODEL}}}} are replaced")
    })
}

/// Tells of names with blanks around them in a body. Others may belong to a template of whoever is asked.
fn misspelt_in_body(text: &str) -> impl Iterator<Item = String> {
    in_braces(text).filter_map(|inner| {
        let name = inner.trim();
        let is_meant = name != inner && (NAMES.contains(&name) || name == IN_BODIES);
        is_meant.then(|| misspelt(inner, name))
    })
}

fn misspelt(inner: &str, name: &str) -> String {
    format!("{{{{{inner}}}}} is sent as it stands: write {{{{{name}}}}}")
}

fn is_name(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_uppercase())
        && text.chars().all(|char| char.is_ascii_uppercase() || char.is_ascii_digit() || char == '_')
}

/// Returns the short texts of one line between two opening and two closing braces.
fn in_braces(text: &str) -> impl Iterator<Item = &str> {
    let ends = text.split("{{").skip(1).filter_map(|after| after.split_once("}}"));
    ends.map(|(inner, _)| inner).filter(|inner| inner.len() <= LONGEST && !inner.contains(char::is_control))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_like_a_name_is_told_of() {
        for (text, expected) in [
            ("https://a.example/{{API_KEY}}/{{MODEL}}", &[] as &[&str]),
            ("{{ API_KEY }}", &["{{ API_KEY }} is sent as it stands: write {{API_KEY}}"]),
            ("{{api-key}}", &["{{api-key}} is sent as it stands: write {{API_KEY}}"]),
            ("{{FOO}}", &["{{FOO}} is sent as it stands: only {{API_KEY}} and {{MODEL}} are replaced"]),
            ("{{foo}} {{}} {{{ } }} {{\n}}", &[]),
            ("${}", &["${ is sent as it stands: variables are not put in here; {{API_KEY}} is"]),
        ] {
            assert_eq!(literal(text), expected, "{text}");
        }
        let body = r#"{"a":{"b":{}}, "c": "{{ MODEL }} {{ model }} {{FOO}} {{MODEL}} {{CHALLENGE }} ${X}"}"#;
        let told: Vec<_> = misspelt_in_body(body).collect();
        assert_eq!(
            told,
            [
                "{{ MODEL }} is sent as it stands: write {{MODEL}}",
                "{{CHALLENGE }} is sent as it stands: write {{CHALLENGE}}"
            ]
        );
    }
}
