//! Templates with references to variables, whose values are never read as part of the language.

use serde::{Serialize, Serializer};

use super::{json_schema, text::is_name};
use crate::{
    reader::{Read, Reader},
    yaml::Node,
};

/// A Jinja template in which `${NAME}` stands for a variable. Printed as it was typed.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct TemplateText {
    typed: String,
    /// The template with the values as string literals.
    pub(crate) value: String,
}

impl Read for TemplateText {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let (text, _) = reader.scalar(node)?;
        match quote(text, |name| reader.env.get(name)) {
            Ok(value) => Some(Self { typed: text.to_owned(), value }),
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
}

impl Serialize for TemplateText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.typed)
    }
}

json_schema!(TemplateText, "TextReference", {
    "title": "text, `${NAME}` for a variable",
    "type": ["string", "number", "boolean"]
});

/// Where in a template a place is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// What is put out as it stands.
    Text,
    /// The same, between `raw` and `endraw`.
    Raw,
    /// Between `{{` and `}}`, or `{%` and `%}`: which end is waited for, and how many brackets are open.
    Code { end: &'static str, open: u32 },
    /// A string there, by the quote that ends it.
    Quoted { quote: char, end: &'static str, open: u32 },
    /// Between `{#` and `#}`.
    Comment,
}

/// Puts each variable in as a string literal: what a value holds is text, whatever it looks like. Comments are left as
/// they are.
fn quote<'v>(template: &str, variable: impl Fn(&str) -> Option<&'v str>) -> Result<String, String> {
    let mut out = String::with_capacity(template.len());
    let (mut place, mut rest) = (Place::Text, template);
    while let Some(first) = rest.chars().next() {
        if place != Place::Comment
            && let Some((name, after)) = reference(rest)
        {
            put(&mut out, place, variable(name).ok_or_else(|| name.to_owned())?);
            rest = after;
            continue;
        }
        let (taken, next) = step(place, rest, first);
        out.push_str(&rest[..taken]);
        (place, rest) = (next, &rest[taken..]);
    }
    Ok(out)
}

/// Reads a reference at the beginning of `rest`; returns its name, and what follows.
fn reference(rest: &str) -> Option<(&str, &str)> {
    let (name, after) = rest.strip_prefix("${")?.split_once('}')?;
    is_name(name).then_some((name, after))
}

/// Puts a value in at a place.
fn put(out: &mut String, place: Place, value: &str) {
    match place {
        Place::Text | Place::Raw => {
            // A brace before it would be read together with those that begin the expression.
            let braces = out.len() - out.trim_end_matches('{').len();
            out.truncate(out.len() - braces);
            let literal = format!("{{{{ \"{}{}\" }}}}", "{".repeat(braces), escaped(value));
            if place == Place::Raw {
                out.push_str("{% endraw %}");
            }
            out.push_str(&literal);
            if place == Place::Raw {
                out.push_str("{% raw %}");
            }
        }
        Place::Code { .. } => {
            out.push('"');
            out.push_str(&escaped(value));
            out.push('"');
        }
        Place::Quoted { .. } => out.push_str(&escaped(value)),
        Place::Comment => {}
    }
}

/// Writes a value as the inside of a string literal, for either quote, on one line.
fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\'' => out.push_str("\\'"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            _ => out.push(c),
        }
    }
    out
}

/// Returns how many bytes of `rest` go together, and where what follows them is.
fn step(place: Place, rest: &str, first: char) -> (usize, Place) {
    let one = first.len_utf8();
    match place {
        Place::Text => match rest.get(..2) {
            Some("{{") => (2, Place::Code { end: "}}", open: 0 }),
            Some("{#") => (2, Place::Comment),
            Some("{%") => match tag(rest, "raw") {
                Some(taken) => (taken, Place::Raw),
                None => (2, Place::Code { end: "%}", open: 0 }),
            },
            _ => (one, Place::Text),
        },
        Place::Raw => tag(rest, "endraw").map_or((one, Place::Raw), |taken| (taken, Place::Text)),
        Place::Comment if rest.starts_with("#}") => (2, Place::Text),
        Place::Comment => (one, Place::Comment),
        Place::Code { end, open } if open == 0 && rest.starts_with(end) => (end.len(), Place::Text),
        Place::Code { end, open } => {
            let next = match first {
                '"' | '\'' => Place::Quoted { quote: first, end, open },
                '(' | '[' | '{' => Place::Code { end, open: open.saturating_add(1) },
                ')' | ']' | '}' => Place::Code { end, open: open.saturating_sub(1) },
                _ => place,
            };
            (one, next)
        }
        Place::Quoted { .. } if first == '\\' => {
            (one + rest[one..].chars().next().map_or(0, char::len_utf8), place)
        }
        Place::Quoted { quote, end, open } if first == quote => (one, Place::Code { end, open }),
        Place::Quoted { .. } => (one, place),
    }
}

/// Reads the tag `{% word %}` at the beginning of `rest`; returns its length.
fn tag(rest: &str, word: &str) -> Option<usize> {
    let inside = rest.strip_prefix("{%")?;
    let inside = inside.strip_prefix(['-', '+']).unwrap_or(inside).trim_start();
    let inside = inside.strip_prefix(word)?.trim_start();
    let after = inside.strip_prefix(['-', '+']).unwrap_or(inside).strip_prefix("%}")?;
    Some(rest.len() - after.len())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn render(template: &str, value: &str) -> String {
        let quoted = quote(template, |name| (name == "X").then_some(value)).expect("set");
        let mut environment = minijinja::Environment::new();
        environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
        let template = environment.template_from_str(&quoted).unwrap_or_else(|e| panic!("{quoted}: {e}"));
        let context = minijinja::context! { secret => "leaked", same => value };
        template.render(context).unwrap_or_else(|e| panic!("{quoted}: {e}"))
    }

    /// Everywhere a value may stand, and what comes out around it.
    const PLACES: [(&str, &str, &str); 9] = [
        ("a${X}b", "a", "b"),
        ("{\"a\":{${X}}}", "{\"a\":{", "}}"),
        ("{{ \"<${X}>\" }}", "<", ">"),
        ("{{ '${X}' }}", "", ""),
        ("{{ ${X} }}", "", ""),
        ("{{ {'k': {'v': ${X}}}.k.v }}|", "", "|"),
        ("{% raw %}{{ a }}{${X}{% endraw %}", "{{ a }}{", ""),
        ("{# it's ${Y} #}{% if ${X} == same %}${X}{% endif %}", "", ""),
        ("{{ 'it\\'s ' }}${X}", "it's ", ""),
    ];

    #[test]
    fn a_value_is_never_code() {
        for value in ["{{ secret }}", "{% if", "\" }}{{ secret }}{{ \"", "'}}", "a\nb\\", "{# x", "${X}", ""]
        {
            for (template, before, after) in PLACES {
                assert_eq!(render(template, value), format!("{before}{value}{after}"), "{template} {value}");
            }
        }
    }

    #[test]
    fn what_is_no_reference_stays_and_what_is_missing_is_named() {
        let nothing = |_: &str| None;
        let kept = "{{ a }} $5 ${} ${a-b} {% if x %}${{ b }}{% endif %} {# ${A} #}";
        assert_eq!(quote(kept, nothing), Ok(kept.to_owned()));
        assert_eq!(quote("{{ x }} ${NOPE}", nothing), Err("NOPE".to_owned()));
    }

    proptest! {
        #[test]
        fn any_value_comes_out_as_it_is(value in "[ -~äé\n\r]{0,40}|[{}%#\"'\\\\ $-]{0,12}") {
            for (template, before, after) in PLACES {
                let rendered = render(template, &value);
                prop_assert_eq!(rendered, format!("{before}{value}{after}"), "{}", template);
            }
        }

        #[test]
        fn any_template_is_taken(template in "([{}%#\"'\\\\ a-]|\\$\\{X\\}){0,30}") {
            prop_assert!(quote(&template, |_| Some("v")).is_ok());
        }
    }
}
