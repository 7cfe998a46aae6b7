//! The `.env` file beside the configuration.

use std::collections::BTreeMap;

/// Reads `NAME=value` lines. `export` before a name, comments, blank lines and quotes are understood: single quotes
/// keep everything, double quotes resolve `\n`, `\t`, `\"` and `\\`; without quotes a ` #` starts a comment. Returns the
/// variables and the numbers of the lines that are none of these.
pub(crate) fn parse(text: &str) -> (BTreeMap<String, String>, Vec<u32>) {
    let mut variables = BTreeMap::new();
    let mut strange = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").map_or(line, str::trim_start);
        match line
            .split_once('=')
            .and_then(|(name, value)| Some((valid_name(name.trim())?, unquote(value.trim())?)))
        {
            Some((name, value)) => {
                variables.insert(name.to_owned(), value);
            }
            None => strange.push(u32::try_from(index + 1).unwrap_or(u32::MAX)),
        }
    }
    (variables, strange)
}

fn valid_name(name: &str) -> Option<&str> {
    let fine = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '"');
    fine.then_some(name)
}

fn unquote(value: &str) -> Option<String> {
    if let Some(rest) = value.strip_prefix('\'') {
        let (inner, after) = rest.split_once('\'')?;
        return only_comment(after).then(|| inner.to_owned());
    }
    let Some(rest) = value.strip_prefix('"') else {
        let end = value.find(" #").or_else(|| value.find("\t#")).unwrap_or(value.len());
        return Some(value[..end].trim_end().to_owned());
    };
    let (mut text, mut chars) = (String::new(), rest.chars());
    loop {
        match chars.next()? {
            '"' => return only_comment(chars.as_str()).then_some(text),
            '\\' => match chars.next()? {
                'n' => text.push('\n'),
                't' => text.push('\t'),
                'r' => text.push('\r'),
                escaped @ ('"' | '\\' | '$') => text.push(escaped),
                other => text.extend(['\\', other]),
            },
            plain => text.push(plain),
        }
    }
}

fn only_comment(rest: &str) -> bool {
    let rest = rest.trim_start();
    rest.is_empty() || rest.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_usual_forms() {
        let (variables, strange) = parse(concat!(
            "# comment\n\nA=1\nexport B = two words \nC='single # kept'\nD=\"a\\n\\\"b\\\"\" # note\n",
            "E=sk-1 # note\nF=\nG=a=b#c\n"
        ));
        let read: Vec<(&str, &str)> = variables.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        assert_eq!(
            read,
            [
                ("A", "1"),
                ("B", "two words"),
                ("C", "single # kept"),
                ("D", "a\n\"b\""),
                ("E", "sk-1"),
                ("F", ""),
                ("G", "a=b#c"),
            ]
        );
        assert!(strange.is_empty());
    }

    #[test]
    fn strange_lines_are_counted_not_shown() {
        let (variables, strange) = parse("A=1\nno equals sign\nB=\"open\n=x\n");
        assert_eq!(variables.len(), 1);
        assert_eq!(strange, [2, 3, 4]);
    }
}
