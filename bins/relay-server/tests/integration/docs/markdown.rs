//! Reading the documents.

use std::{collections::BTreeSet, fs, path::Path};

/// A fenced block.
#[derive(Debug)]
pub(crate) struct Block {
    /// The document and the line, for people.
    pub(crate) place: String,
    pub(crate) language: String,
    pub(crate) text: String,
    /// Whether a marker before it says why it is not tried.
    pub(crate) is_exempt: bool,
}

/// Returns the path from the root and the text of README, CONTRIBUTING and everything below docs/.
pub(crate) fn documents(root: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for folder in ["", "docs", "docs/adr", "docs/deploy"] {
        for entry in fs::read_dir(root.join(folder)).expect("a folder") {
            let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
            if name.ends_with(".md") && name != "CHANGELOG.md" {
                let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
                let text = fs::read_to_string(root.join(&path)).expect("readable");
                found.push((path, text));
            }
        }
    }
    found.sort();
    found
}

/// Returns the fenced blocks of a document.
pub(crate) fn blocks(path: &str, text: &str) -> Vec<Block> {
    let mut found = Vec::new();
    let mut open: Option<Block> = None;
    let mut before = "";
    for (index, line) in text.lines().enumerate() {
        match (&mut open, line.trim_start().strip_prefix("```")) {
            (None, Some(language)) => {
                let is_exempt = before.starts_with("<!-- untested: ") && before.ends_with(" -->");
                let place = format!("{path}:{}", index + 1);
                open = Some(Block { place, language: language.to_owned(), text: String::new(), is_exempt });
            }
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(block), None) => {
                block.text += line;
                block.text.push('\n');
            }
            (None, None) => {}
        }
        if !line.trim().is_empty() {
            before = line.trim();
        }
    }
    found
}

/// Returns the commands of a shell text as words: comments, redirections and variables before a command are left out,
/// and what pipes and `&&` join are several commands.
pub(crate) fn commands(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for line in text.replace("\\\n", " ").lines() {
        let mut words: Vec<String> = Vec::new();
        let (mut word, mut quote, mut is_word) = (String::new(), None, false);
        for c in line.chars().chain([' ']) {
            match (quote, c) {
                (Some(open), _) if c == open => quote = None,
                (Some(_), _) => word.push(c),
                (None, '\'' | '"') => (quote, is_word) = (Some(c), true),
                (None, '#') if !is_word => break,
                (None, ' ' | '\t' | '|' | ';' | '&') => {
                    if is_word {
                        words.push(std::mem::take(&mut word));
                        is_word = false;
                    }
                    if !matches!(c, ' ' | '\t') {
                        found.push(std::mem::take(&mut words));
                    }
                }
                (None, _) => {
                    word.push(c);
                    is_word = true;
                }
            }
        }
        found.push(words);
    }
    let is_setting =
        |word: &String| word.split_once('=').is_some_and(|(name, _)| name.chars().all(is_of_name));
    let cleaned = found.into_iter().map(|words| {
        let at = words.iter().position(|word| !is_setting(word)).unwrap_or(words.len());
        words[at..].iter().take_while(|word| !word.contains(['<', '>'])).cloned().collect::<Vec<_>>()
    });
    cleaned.filter(|words| !words.is_empty()).collect()
}

fn is_of_name(c: char) -> bool {
    c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_'
}

/// Returns the links into the repository: the path, empty for the same document, and the anchor.
pub(crate) fn links(text: &str) -> Vec<(String, Option<String>)> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split_once(')').map(|(target, _)| target));
    targets
        .filter(|target| !target.contains("://") && !target.starts_with("mailto:"))
        .map(|target| match target.split_once('#') {
            Some((path, anchor)) => (path.to_owned(), Some(anchor.to_owned())),
            None => (target.to_owned(), None),
        })
        .collect()
}

/// Returns the anchors of the headings, the way that code hosts make them.
pub(crate) fn anchors(text: &str) -> BTreeSet<String> {
    let mut fenced = false;
    let mut found = BTreeSet::new();
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let heading = line.trim_start_matches('#');
        if !fenced && line.starts_with('#') && heading.starts_with(' ') {
            let kept = heading.trim().to_lowercase();
            let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            let anchor: String = kept.map(|c| if c == ' ' { '-' } else { c }).collect();
            let again = (1..).map(|n| format!("{anchor}-{n}"));
            let mut names = std::iter::once(anchor.clone()).chain(again);
            found.extend(names.find(|name| !found.contains(name)));
        }
    }
    found
}

/// Returns where a link leads that stands in a document of `folder`.
pub(crate) fn resolve(folder: &str, link: &str) -> String {
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

#[test]
fn commands_are_taken_apart() {
    let text = "# nothing\nA=1 relay-server probe 'acme*' other/chat | jq '.[] | x'  # why\ncurl -d '{\"a\": 1}' \\\n  \
                http://x/ && relay-server schema > schema.json\n";
    assert_eq!(
        commands(text),
        [
            vec!["relay-server", "probe", "acme*", "other/chat"],
            vec!["jq", ".[] | x"],
            vec!["curl", "-d", "{\"a\": 1}", "http://x/"],
            vec!["relay-server", "schema"],
        ]
    );
}

#[test]
fn blocks_and_their_markers_are_found() {
    let text =
        "# A b, c!\n```sh\none\n```\n<!-- untested: needs an account -->\n\n```yaml\na: 1\n```\n## A b, c!\n";
    let found = blocks("x.md", text);
    let told: Vec<_> = found.iter().map(|block| (block.language.as_str(), block.is_exempt)).collect();
    assert_eq!(told, [("sh", false), ("yaml", true)]);
    assert_eq!((found[1].place.as_str(), found[1].text.as_str()), ("x.md:7", "a: 1\n"));
    assert_eq!(anchors(text), BTreeSet::from(["a-b-c".to_owned(), "a-b-c-1".to_owned()]));
    assert_eq!(links("[a](b.md#c) [d](#e) [f](https://g)").len(), 2);
    assert_eq!(resolve("docs/adr", "../api.md"), "docs/api.md");
}
