//! Dependencies that nobody uses.

use cargo_metadata::Package;

use super::Finding;
use crate::workspace::File;

/// A member as its manifest and sources show it.
struct Member<'a> {
    name: &'a str,
    /// The folder of its manifest, from the root, with a slash at its end.
    folder: String,
    dependencies: Vec<&'a str>,
}

/// Finds dependencies that the root declares and no member names, and those that a member names but never mentions in
/// its code.
pub(super) fn check(packages: &[Package], files: &[File]) -> Vec<Finding> {
    let members: Vec<Member<'_>> = packages
        .iter()
        .map(|package| Member {
            name: package.name.as_str(),
            folder: folder(package.name.as_str(), files),
            dependencies: package.dependencies.iter().map(|dependency| dependency.name.as_str()).collect(),
        })
        .collect();
    let mut findings = unnamed(&members, files);
    findings.extend(members.iter().flat_map(|member| unmentioned(member, files)));
    findings
}

fn folder(name: &str, files: &[File]) -> String {
    let line = format!("name = \"{name}\"");
    files
        .iter()
        .filter_map(|file| Some((file.path.strip_suffix("Cargo.toml")?, file)))
        .find(|(_, file)| file.text().lines().any(|found| found == line))
        .map(|(folder, _)| folder.to_owned())
        .unwrap_or_default()
}

/// Returns what the root manifest declares for members and none of them names.
fn unnamed(members: &[Member<'_>], files: &[File]) -> Vec<Finding> {
    let manifest = files.iter().find(|file| file.path == "Cargo.toml").map(File::text).unwrap_or_default();
    declared(manifest)
        .filter(|name| {
            !members.iter().any(|member| member.name == *name || member.dependencies.contains(name))
        })
        .map(|name| Finding::new("Cargo.toml", format!("no member uses `{name}`: remove it")))
        .collect()
}

fn declared(manifest: &str) -> impl Iterator<Item = &str> {
    manifest
        .lines()
        .skip_while(|line| *line != "[workspace.dependencies]")
        .skip(1)
        .take_while(|line| !line.starts_with('['))
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('=').map(|(name, _)| name.trim()))
}

fn unmentioned(member: &Member<'_>, files: &[File]) -> Vec<Finding> {
    let sources: Vec<&str> = files
        .iter()
        .filter(|file| file.path.starts_with(&member.folder) && file.has_extension("rs"))
        .map(File::text)
        .collect();
    let mut names = member.dependencies.clone();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter(|name| !sources.iter().any(|text| mentions(text, &name.replace('-', "_"))))
        .map(|name| Finding::new(member.name, format!("never uses its dependency `{name}`: remove it")))
        .collect()
}

/// Tells whether `word` stands in `text` as a word of its own.
fn mentions(text: &str, word: &str) -> bool {
    let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].chars().next_back().is_some_and(is_part)
            && !text[at + word.len()..].chars().next().is_some_and(is_part)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "[workspace]\n\n[workspace.dependencies]\n# Data.\nrelay-a = { path = \"a\" }\nserde = \"1\"\n\
                        tokio-util = \"1\"\n\n[workspace.lints.rust]\nunsafe_code = \"forbid\"\n";

    fn member(dependencies: &[&'static str]) -> Member<'static> {
        Member { name: "relay-a", folder: "crates/relay-a/".to_owned(), dependencies: dependencies.to_vec() }
    }

    #[test]
    fn what_a_member_names_is_used() {
        let files = [File::of("Cargo.toml", ROOT)];
        assert_eq!(unnamed(&[member(&["serde", "tokio-util"])], &files), []);
    }

    #[test]
    fn what_no_member_names_is_not() {
        let findings = unnamed(&[member(&["serde"])], &[File::of("Cargo.toml", ROOT)]);
        assert_eq!(findings, [Finding::new("Cargo.toml", "no member uses `tokio-util`: remove it")]);
    }

    #[test]
    fn what_the_code_mentions_is_used_and_longer_words_do_not_count() {
        let uses = File::of("crates/relay-a/src/lib.rs", "use tokio_util::sync::CancellationToken;");
        assert_eq!(unmentioned(&member(&["tokio-util"]), std::slice::from_ref(&uses)), []);
        assert_eq!(unmentioned(&member(&["tokio"]), std::slice::from_ref(&uses)).len(), 1);
        let elsewhere = File::of("crates/relay-b/src/lib.rs", "use serde::Serialize;");
        assert_eq!(unmentioned(&member(&["serde"]), &[elsewhere]).len(), 1);
    }

    #[test]
    fn the_folder_of_a_member_is_that_of_its_manifest() {
        let files = [
            File::of("Cargo.toml", ROOT),
            File::of("crates/relay-a/Cargo.toml", "[package]\nname = \"relay-a\"\n"),
        ];
        assert_eq!(folder("relay-a", &files), "crates/relay-a/");
    }
}
