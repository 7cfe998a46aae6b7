//! The documents name what there is, all of it and nothing else.

use cargo_metadata::Package;

use super::Finding;
use crate::workspace::File;

const ARCHITECTURE: &str = "docs/architecture.md";

/// The list of decision records.
const RECORDS: &str = "docs/adr/README.md";

/// Names that look like ours and are none of our crates: the existing Go version, an import source.
const OTHERS: &[&str] = &["relay-pulse"];

/// Folders whose files the documents name by path.
const FOLDERS: &[&str] = &["crates/", "bins/", "xtask/", "docs/", "migrations/", "config/", ".ci/"];

/// Finds crates and decision records that nobody finds, and crates and files that are named but do not exist.
pub(super) fn check(packages: &[Package], files: &[File]) -> Vec<Finding> {
    let members: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let mut findings = [unnamed(&members, files), unlisted_records(files)].concat();
    for file in files.iter().filter(|file| file.has_extension("md") && is_document(&file.path)) {
        findings.extend(unknown_crates(&members, file));
        findings.extend(lost_files(file, files));
    }
    for file in files.iter().filter(|file| file.has_extension("rs")) {
        findings.extend(lost_documents(file, files));
    }
    findings
}

/// Tells whether a path is one of the documents; the change log may speak of the past.
fn is_document(path: &str) -> bool {
    path != "CHANGELOG.md" && !path.contains("/vendor/") && (!path.contains('/') || path.starts_with("docs/"))
}

fn unnamed(members: &[&str], files: &[File]) -> Vec<Finding> {
    let text = files.iter().find(|file| file.path == ARCHITECTURE).map(File::text).unwrap_or_default();
    members
        .iter()
        .filter(|member| !words(text).any(|word| word == **member))
        .map(|member| Finding::new(ARCHITECTURE, format!("does not name the crate {member}")))
        .collect()
}

/// Returns decision records that their list does not link.
fn unlisted_records(files: &[File]) -> Vec<Finding> {
    let list = files.iter().find(|file| file.path == RECORDS).map(File::text).unwrap_or_default();
    let records = files.iter().filter_map(|file| file.path.strip_prefix("docs/adr/"));
    records
        .filter(|name| *name != "README.md" && !links(list).any(|link| link == *name))
        .map(|name| Finding::new(RECORDS, format!("does not list {name}")))
        .collect()
}

fn unknown_crates(members: &[&str], file: &File) -> Vec<Finding> {
    let mut unknown: Vec<&str> = words(file.text())
        .filter(|word| word.starts_with("relay-") && !members.contains(word) && !OTHERS.contains(word))
        .collect();
    unknown.sort_unstable();
    unknown.dedup();
    unknown
        .into_iter()
        .map(|name| Finding::new(&file.path, format!("names {name}, which is no crate of the workspace")))
        .collect()
}

/// Returns the words of a text; hyphens join, and whatever belongs to a path, a file name or an option does not count.
fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|c: char| !(c.is_ascii_alphanumeric() || "-_./:".contains(c)))
        .map(|word| word.trim_end_matches(['.', ':', '-', '/']))
        .filter(|word| !word.contains(['/', '.', ':', '_']))
}

/// Returns paths in backticks and links that lead to nothing.
fn lost_files(file: &File, files: &[File]) -> Vec<Finding> {
    let quoted = file.text().split('`').skip(1).step_by(2);
    let folder = file.path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let paths = quoted
        .filter(|text| FOLDERS.iter().any(|folder| text.starts_with(folder)))
        .filter(|text| !text.contains(|c: char| c.is_whitespace() || "*{<…".contains(c)))
        .map(str::to_owned)
        .chain(links(file.text()).map(|link| resolve(folder, link)));
    paths
        .filter(|path| !exists(path, files))
        .map(|path| Finding::new(&file.path, format!("names `{path}`, which does not exist")))
        .collect()
}

/// Returns documents that the doc comments of a Rust file name and that do not exist.
fn lost_documents(file: &File, files: &[File]) -> Vec<Finding> {
    let comments = file.text().lines().map(str::trim_start).filter(|line| line.starts_with("//"));
    let quoted = comments.flat_map(|line| line.split('`').skip(1).step_by(2));
    quoted
        .filter(|path| {
            ["docs/", "migrations/"].iter().any(|folder| path.starts_with(folder))
                && !path.contains(|c: char| c.is_whitespace() || "*{<…N".contains(c))
        })
        .filter(|path| !exists(path, files))
        .map(|path| Finding::new(&file.path, format!("names `{path}`, which does not exist")))
        .collect()
}

/// Returns the targets of links into the repository, without their fragments.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')').map(|(target, _)| target))
        .map(|target| target.split_once('#').map_or(target, |(path, _)| path))
        .filter(|target| !target.is_empty() && !target.contains("://") && !target.starts_with("mailto:"))
}

fn resolve(folder: &str, link: &str) -> String {
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

fn exists(path: &str, files: &[File]) -> bool {
    let path = path.trim_end_matches('/');
    files
        .iter()
        .any(|file| file.path.strip_prefix(path).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMBERS: &[&str] = &["relay-core", "relay-api", "xtask"];

    fn document(text: &str) -> File {
        File::of(ARCHITECTURE, text)
    }

    #[test]
    fn every_crate_is_named() {
        let all = document("`relay-core` and relay-api, and **xtask**.");
        assert_eq!(unnamed(MEMBERS, &[all]), []);
        let some = document("`relay-core`, and relay-apis in crates/xtask/src.");
        assert_eq!(unnamed(MEMBERS, &[some]).len(), 2);
        assert_eq!(unnamed(MEMBERS, &[]).len(), 3);
    }

    #[test]
    fn a_crate_that_does_not_exist_is_found() {
        assert_eq!(unknown_crates(MEMBERS, &document("relay-core, then relay-api.")), []);
        assert_eq!(unknown_crates(MEMBERS, &document("the old relay-gone, and relay-gone.")).len(), 1);
        assert_eq!(unknown_crates(MEMBERS, &document("`relay-pulse`, `data/relay-x.db`")), []);
    }

    #[test]
    fn paths_and_links_lead_somewhere() {
        let files = [document(""), File::of("crates/relay-api/src/router.rs", ""), File::of("README.md", "")];
        let good = "`crates/relay-api/src/router.rs`, `crates/relay-api/`, [top](../README.md#start), \
                    [site](https://example.org), `crates/*/src`, [here](#there)";
        assert_eq!(lost_files(&document(good), &files), []);
        assert_eq!(lost_files(&document("see `crates/relay-api/src/gone.rs`"), &files).len(), 1);
        assert_eq!(lost_files(&document("see [it](gone.md)"), &files).len(), 1);
    }

    #[test]
    fn decision_records_are_listed() {
        let list = File::of(RECORDS, "- [0001-a.md](0001-a.md): first");
        let files = [list, File::of("docs/adr/0001-a.md", ""), File::of("docs/adr/0002-b.md", "")];
        assert_eq!(unlisted_records(&files), [Finding::new(RECORDS, "does not list 0002-b.md")]);
    }

    #[test]
    fn documents_named_in_comments_exist() {
        let files = [document("")];
        let code = |text| File::of("crates/relay-core/src/lib.rs", text);
        assert_eq!(
            lost_documents(&code("//! See `docs/architecture.md`.\nlet path = \"`docs/x`\";"), &files),
            []
        );
        assert_eq!(lost_documents(&code("    /// See `docs/gone.md`."), &files).len(), 1);
    }

    #[test]
    fn the_change_log_and_files_of_others_are_no_documents() {
        assert!(is_document("README.md"));
        assert!(is_document("docs/adr/0001-workspace.md"));
        assert!(!is_document("CHANGELOG.md"));
        assert!(!is_document("crates/relay-web/assets/vendor/README.md"));
    }
}
