//! Texts with placeholders, in the language of Jinja.

use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, value::ValueKind};

/// How much work a template may be: thousands of times what a sensible one takes.
const FUEL: u64 = 200_000;

/// The most bytes a template may come to.
const MAX_BYTES: usize = 256 * 1024;

/// A template that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct TemplateError {
    /// The line of the template, from 1 on.
    pub line: usize,
    /// What is wrong there.
    pub reason: String,
}

/// How names that do not exist are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Names {
    /// They are mistakes: for checking.
    Strict,
    /// They are empty: a message that looks odd is better than none.
    Lenient,
}

/// Renders `source` with the values of `context`. Nothing is escaped; `tojson` makes JSON of any value, and `cut(n)`
/// and `cut_bytes(n)` the first `n` characters or bytes of a text.
pub(super) fn render(source: &str, context: &Value, names: Names) -> Result<String, TemplateError> {
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_recursion_limit(50);
    environment.set_undefined_behavior(match names {
        Names::Strict => UndefinedBehavior::Strict,
        Names::Lenient => UndefinedBehavior::Chainable,
    });
    environment.add_filter("cut", cut);
    environment.add_filter("cut_bytes", cut_bytes);
    let template = environment.template_from_str(source).map_err(|error| explain(&error))?;
    if names == Names::Strict {
        let is_global = |name: &String| environment.globals().any(|(global, _)| global == name);
        let unknown = template.undeclared_variables(true).into_iter();
        let unknown = unknown.filter(|name| !is_global(name) && !is_there(name, context));
        if let Some((line, name)) = unknown.map(|name| (line_of(&name, source), name)).min() {
            return Err(TemplateError { line, reason: format!("nothing is called {name}") });
        }
    }
    let mut out = Bounded::default();
    template.render_captured_to(context.clone(), &mut out).map_err(|error| explain(&error))?;
    Ok(String::from_utf8_lossy(&out.0).into_owned())
}

/// Tells whether a name, perhaps with dots, leads to something. What is no map has no names of its own to check.
fn is_there(name: &str, context: &Value) -> bool {
    let mut place = context.clone();
    for part in name.split('.') {
        if place.kind() != ValueKind::Map {
            return true;
        }
        match place.get_attr(part) {
            Ok(value) if !value.is_undefined() => place = value,
            _ => return false,
        }
    }
    true
}

/// Returns the line where the last part of a name first stands alone.
fn line_of(name: &str, source: &str) -> usize {
    let last = name.rsplit('.').next().unwrap_or(name);
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let stands = |line: &str| line.split(|c| !is_word(c)).any(|word| word == last);
    source.lines().position(stands).map_or(1, |line| line + 1)
}

fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        None => text.to_owned(),
        Some(_) => {
            let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
            short.push('…');
            short
        }
    }
}

fn cut_bytes(text: &str, most: usize) -> String {
    if text.len() <= most {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(most.saturating_sub('…'.len_utf8()));
    format!("{}…", &text[..end])
}

fn explain(error: &minijinja::Error) -> TemplateError {
    let reason = match error.detail() {
        Some(detail) => format!("{}: {detail}", error.kind()),
        None => error.kind().to_string(),
    };
    TemplateError { line: error.line().unwrap_or(1), reason }
}

/// Takes text up to the bound.
#[derive(Default)]
struct Bounded(Vec<u8>);

impl std::io::Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_BYTES {
            return Err(std::io::Error::other("it is too long"));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use minijinja::context;

    use super::*;

    fn strict(source: &str) -> Result<String, String> {
        render(source, &context! { name => "a \"b\" <c>", list => [1, 2] }, Names::Strict)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn nothing_is_escaped_but_what_asks_for_it() {
        assert_eq!(strict("{{ name }}"), Ok("a \"b\" <c>".to_owned()));
        let json = strict("{\"text\": {{ name | tojson }}}").expect("JSON");
        let value: serde_json::Value = serde_json::from_str(&json).expect("JSON");
        assert_eq!(value["text"], "a \"b\" <c>");
        assert_eq!(strict("{{ 'äöüß' | cut(3) }} {{ 'äöü' | cut(3) }}"), Ok("äö… äöü".to_owned()));
    }

    #[test]
    fn mistakes_have_a_line() {
        for (source, line) in [
            ("a\n{{ nmae }}", 2),
            ("a\n{% if name == 'x' %}\n{{ nmae }}{% endif %}", 3),
            ("{% set a = 1 %}{{ a }}{{ range(2) }}\n{{ one.tow }}", 2),
            ("{{ one.two }}\n{% for x in list %}{{ x.tow }}{% endfor %}", 2),
            ("a\nb\n{% if x", 3),
            ("{{ name | frobnicate }}", 1),
            ("{% for x in list %}", 1),
        ] {
            let error = render(
                source,
                &context! { name => "", list => [1], one => context! { two => 2 } },
                Names::Strict,
            )
            .expect_err(source);
            assert_eq!(error.line, line, "{source}: {error}");
        }
    }

    #[test]
    fn missing_names_are_empty_when_it_matters() {
        assert_eq!(render("a{{ no.such.name }}b", &context! {}, Names::Lenient), Ok("ab".to_owned()));
    }

    #[test]
    fn work_and_length_are_bounded() {
        assert!(
            strict("{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}").is_err()
        );
        let long = "{% set x = 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' %}\
                    {% for a in range(9000) %}{{ x }}{% endfor %}";
        assert!(strict(long).is_err());
    }
}
