//! Words that say a thing is not finished, and paths of somebody's machine.

use super::Finding;
use crate::workspace::File;

/// Written in two parts, so that this file does not contain them.
const UNFINISHED: &[&str] = &[
    concat!("to", "do!"),
    concat!("unimple", "mented!"),
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
    concat!("HA", "CK"),
    concat!("#[ign", "ore"),
    concat!("for n", "ow"),
    concat!("Under const", "ruction"),
];

/// Folders of people's homes; what follows is a name.
const HOMES: &[&str] = &[concat!("/ro", "ot/"), concat!("/ho", "me/"), concat!("/Us", "ers/")];

/// Files of others, kept as they came.
const FOREIGN: &[&str] = &["/vendor/", "Cargo.lock"];

/// Finds them in all text files that are our own.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    files
        .iter()
        .filter(|file| !FOREIGN.iter().any(|part| file.path.contains(part)))
        .flat_map(|file| {
            let lines = file.text().lines().enumerate();
            lines.flat_map(move |(index, line)| check_line(&format!("{}:{}", file.path, index + 1), line))
        })
        .collect()
}

fn check_line(place: &str, line: &str) -> Vec<Finding> {
    let unfinished = UNFINISHED
        .iter()
        .filter(|word| stands_alone(line, word))
        .map(|word| Finding::new(place, format!("`{word}`: finish it, or leave it out")));
    let homes = HOMES
        .iter()
        .filter(|home| names_a_home(line, home))
        .map(|home| Finding::new(place, format!("`{home}…` is a path of one machine")));
    unfinished.chain(homes).collect()
}

/// Tells whether `word` stands in `line` with no letter or digit on either side.
fn stands_alone(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        !line[..at].chars().next_back().is_some_and(char::is_alphanumeric)
            && !line[at + word.len()..].chars().next().is_some_and(char::is_alphanumeric)
    })
}

/// Tells whether `home` begins a path in `line` and a name follows it.
fn names_a_home(line: &str, home: &str) -> bool {
    line.match_indices(home).any(|(at, _)| {
        let begins =
            !line[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || "}_-.".contains(c));
        begins && line[at + home.len()..].chars().next().is_some_and(char::is_alphanumeric)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(line: &str) -> usize {
        check(&[File::of("crates/a/src/lib.rs", line)]).len()
    }

    #[test]
    fn unfinished_work_is_found() {
        for word in UNFINISHED {
            assert_eq!(findings(&format!("// {word}: later")), 1, "{word}");
        }
        assert_eq!(findings(concat!("#[ign", "ore = \"slow\"]")), 1);
    }

    #[test]
    fn longer_words_and_other_texts_are_fine() {
        for line in [concat!("for n", "owhere"), concat!("HA", "CKNEY"), "sk-xxx", "ignored", "a to-do list"]
        {
            assert_eq!(findings(line), 0, "{line}");
        }
    }

    #[test]
    fn homes_are_found_and_web_addresses_are_not() {
        assert_eq!(findings(concat!("let path = \"/ho", "me/somebody/project\";")), 1);
        assert_eq!(findings(concat!("see /ro", "ot/project")), 1);
        assert_eq!(findings(concat!("https://example.com/ho", "me/page")), 0);
        assert_eq!(findings(concat!("WORKDIR /ro", "ot/ ")), 0);
    }

    #[test]
    fn files_of_others_are_left_alone() {
        let text = concat!("// FIX", "ME");
        assert_eq!(check(&[File::of("crates/a/assets/vendor/lib.mjs", text)]), []);
    }
}
