//! The root manifest decides; a member's manifest only names what it uses.

use super::Finding;
use crate::workspace::File;

/// Finds member manifests that choose a version, a path or a feature of a dependency, or lints of their own.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    files.iter().filter(|file| is_member_manifest(&file.path)).flat_map(check_manifest).collect()
}

/// Tells whether the path is a manifest below the root; `fuzz` is a workspace of its own.
fn is_member_manifest(path: &str) -> bool {
    path.ends_with("/Cargo.toml") && !path.starts_with("fuzz/")
}

fn check_manifest(file: &File) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut section = "";
    for line in lines(file.text()) {
        if line.starts_with('[') {
            section = line;
            if is_dependency_table(section) {
                findings
                    .push(Finding::new(&file.path, format!("`{section}`: write `name.workspace = true`")));
            }
        } else if is_dependency_list(section) && !names_only(section, line) {
            findings.push(Finding::new(
                &file.path,
                format!("`{line}`: write `name.workspace = true` and decide the rest in the root manifest"),
            ));
        }
    }
    let lints_are_shared = lines(file.text())
        .zip(lines(file.text()).skip(1))
        .any(|pair| pair == ("[lints]", "workspace = true"));
    if !lints_are_shared {
        findings.push(Finding::new(&file.path, "lacks `[lints]` with `workspace = true`"));
    }
    findings
}

/// Tells whether a line names a dependency and decides nothing. Tests may add features, which nothing that ships sees.
fn names_only(section: &str, line: &str) -> bool {
    let for_tests = section == "[dev-dependencies]" && line.contains(" = { workspace = true, features = [");
    line.ends_with(".workspace = true") || for_tests
}

fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn is_dependency_list(section: &str) -> bool {
    section.ends_with("dependencies]")
}

/// Tells whether a section is about a single dependency, such as `[dependencies.serde]`.
fn is_dependency_table(section: &str) -> bool {
    section.contains("dependencies.")
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[package]\nname = \"relay-a\"\nversion.workspace = true\n\n[dependencies]\n# Words.\n\
                        relay-core.workspace = true\n\n[lints]\nworkspace = true\n";

    fn findings(path: &str, text: &str) -> Vec<String> {
        check(&[File::of(path, text)]).into_iter().map(|finding| finding.message).collect()
    }

    #[test]
    fn names_alone_are_fine() {
        assert_eq!(findings("crates/relay-a/Cargo.toml", GOOD), [""; 0]);
    }

    #[test]
    fn tests_may_add_features() {
        let text = GOOD.replace(
            "[lints]",
            "[dev-dependencies]\ntokio = { workspace = true, features = [\"x\"] }\n\n[lints]",
        );
        assert_eq!(findings("crates/relay-a/Cargo.toml", &text), [""; 0]);
    }

    #[test]
    fn versions_features_and_tables_are_not() {
        for line in [
            "serde = \"1\"",
            "serde = { workspace = true, features = [\"rc\"] }",
            "serde.path = \"../serde\"",
        ] {
            let text = GOOD.replace("relay-core.workspace = true", line);
            assert_eq!(findings("crates/relay-a/Cargo.toml", &text).len(), 1, "{line}");
        }
        let text = GOOD.replace("[lints]", "[dev-dependencies.serde]\nworkspace = true\n\n[lints]");
        assert_eq!(findings("crates/relay-a/Cargo.toml", &text).len(), 1);
    }

    #[test]
    fn lints_of_their_own_are_not() {
        let text = GOOD.replace("[lints]\nworkspace = true", "[lints.clippy]\nall = \"allow\"");
        assert_eq!(findings("crates/relay-a/Cargo.toml", &text).len(), 1);
    }

    #[test]
    fn the_root_and_the_fuzz_workspace_decide_for_themselves() {
        assert_eq!(findings("Cargo.toml", "[workspace.dependencies]\nserde = \"1\""), [""; 0]);
        assert_eq!(findings("fuzz/Cargo.toml", "[dependencies]\nserde = \"1\""), [""; 0]);
    }
}
