//! The licences of everything that is in the program and is not ours, with the texts that they want handed on.
//!
//! They are read from the sources that were compiled, without a network. What ships is what `relay-server` needs at run
//! time, and what macros of it wrote; build scripts and tests leave nothing in the program.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package, PackageId};

use super::build::{Source, Target};

/// How the files are called that hold a licence, or a notice that belongs to one; in upper case.
const NAMES: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "NOTICE", "UNLICENSE", "COPYRIGHT"];

/// How deep below a package such files are looked for: libraries in C lie in folders of their own.
const DEPTH: usize = 2;

/// The folder of the libraries that the page is made of.
const VENDORED: &str = "crates/relay-web/assets/vendor";

/// A text, and what it is about.
type Texts = BTreeMap<String, BTreeSet<String>>;

/// Returns one document: a list of all packages with their licences, and then every text once.
///
/// # Errors
/// When a package has no licence, or its files cannot be read.
pub(super) fn collect(source: &Source, target: &Target) -> Result<String> {
    let metadata = MetadataCommand::new()
        .manifest_path(source.root.join("Cargo.toml"))
        .other_options(["--filter-platform".to_owned(), target.host.clone(), "--offline".to_owned()])
        .exec()
        .context("cannot read the manifests")?;
    let mut list = BTreeSet::new();
    let mut texts = Texts::new();
    for package in shipped(&metadata)? {
        let (line, found) = told(package)?;
        for text in found {
            texts.entry(text).or_default().insert(title(package));
        }
        list.insert(line);
    }
    list.insert("the Rust standard library: MIT OR Apache-2.0, © The Rust Project Contributors".to_owned());
    for file in licence_files(&source.root.join(VENDORED), 0)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let library = name.split_once('-').map_or(name.as_str(), |(_, library)| library).to_owned();
        texts.entry(text_of(&file)?).or_default().insert(format!("{library} (on the page)"));
        list.insert(format!("{library}, on the page: see its licence below"));
    }
    Ok(document(&list, &texts))
}

/// Returns the packages of others whose code is in the program.
fn shipped(metadata: &Metadata) -> Result<Vec<&Package>> {
    let resolve = metadata.resolve.as_ref().context("the manifests are not resolved")?;
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let server = metadata.packages.iter().find(|package| package.name == "relay-server");
    let mut open = vec![&server.context("no relay-server")?.id];
    let mut seen: BTreeSet<&PackageId> = open.iter().copied().collect();
    while let Some(id) = open.pop() {
        for dependency in nodes.get(id).into_iter().flat_map(|node| &node.deps) {
            let at_run_time = dependency.dep_kinds.iter().any(|kind| kind.kind == DependencyKind::Normal);
            if at_run_time && seen.insert(&dependency.pkg) {
                open.push(&dependency.pkg);
            }
        }
    }
    let ours = |package: &Package| metadata.workspace_members.contains(&package.id);
    Ok(metadata.packages.iter().filter(|package| seen.contains(&package.id) && !ours(package)).collect())
}

fn title(package: &Package) -> String {
    format!("{} {}", package.name, package.version)
}

/// Returns the line of a package in the list, and the texts that it comes with.
fn told(package: &Package) -> Result<(String, Vec<String>)> {
    let named = package.license.clone();
    let own = package.license_file.as_ref().map(|file| format!("see {file}"));
    let licence = named.or(own).with_context(|| format!("{} has no licence", package.name))?;
    let mut line = format!("{}: {licence}", title(package));
    if !package.authors.is_empty() {
        // Addresses are of no use here.
        let names: Vec<&str> = package
            .authors
            .iter()
            .map(|author| author.split('<').next().unwrap_or_default().trim())
            .collect();
        let _ = write!(line, ", © {}", names.join(", "));
    }
    if let Some(repository) = &package.repository {
        let _ = write!(line, ", {repository}");
    }
    let folder = package.manifest_path.parent().context("a manifest without a folder")?;
    let files = licence_files(folder.as_std_path(), DEPTH)?;
    let texts: Vec<String> = files.iter().map(|file| text_of(file)).collect::<Result<_>>()?;
    Ok((line, texts))
}

/// Returns the files of a folder that hold licences, sorted, down to `depth` folders below it.
fn licence_files(folder: &Path, depth: usize) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| format!("cannot list {}", folder.display()))? {
        let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if path.is_dir() {
            if depth > 0 {
                found.extend(licence_files(&path, depth - 1)?);
            }
        } else if NAMES.iter().any(|begin| name.starts_with(begin)) && !is_code(&path) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn is_code(path: &Path) -> bool {
    ["rs", "c", "h", "py", "toml"].iter().any(|code| path.extension().is_some_and(|found| found == *code))
}

fn text_of(path: &Path) -> Result<String> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let text = String::from_utf8_lossy(&bytes).replace('\r', "");
    ensure!(!text.trim().is_empty(), "{} is empty", path.display());
    let lines: Vec<&str> = text.trim_matches('\n').lines().map(str::trim_end).collect();
    Ok(lines.join("\n"))
}

fn document(list: &BTreeSet<String>, texts: &Texts) -> String {
    let rule = "=".repeat(100);
    let mut document =
        "relay-server contains the work of others, listed here with their licences; the texts follow. A \
                        package that comes without a text is under the text of the licence named with it.\n\n"
            .to_owned();
    for line in list {
        let _ = writeln!(document, "- {line}");
    }
    for (text, titles) in texts {
        let titles: Vec<&str> = titles.iter().map(String::as_str).collect();
        let _ = write!(document, "\n{rule}\n{}\n{rule}\n\n{text}\n", titles.join(", "));
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    #[test]
    fn what_ships_is_listed_with_its_texts_and_what_only_tests_use_is_not() {
        let root = workspace::root();
        let target = Target::new(&root).expect("a target");
        let source = Source::of_checkout(&root).expect("a source");
        let document = collect(&source, &target).expect("licences");
        for wanted in [
            "- tokio 1.",
            "- ring 0.",
            "- zstd-sys ",
            "- libsqlite3-sys ",
            "- tikv-jemalloc-sys ",
            "preact, on the page",
            "MIT",
        ] {
            assert!(document.contains(wanted), "{wanted}");
        }
        for stranger in ["- proptest ", "- criterion ", "- cc 1.", "- relay-core", "- rcgen "] {
            assert!(!document.contains(stranger), "{stranger}");
        }
        assert!(document.contains("Permission is hereby granted, free of charge"));
        assert!(document.contains("Apache License"));
        assert!(document.contains("Redistribution and use in source and binary forms"), "zstd's own text");
        assert!(document.contains("Jason Evans"), "jemalloc's own text");
        assert_eq!(collect(&source, &target).expect("licences"), document);
    }

    #[test]
    fn licence_files_are_told_from_code() {
        let folder = tempfile::tempdir().expect("a folder");
        for name in ["LICENSE-MIT", "license.rs", "COPYING", "README.md", "lib/LICENSE", "lib/deep/LICENSE"] {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, "text").expect("a file");
        }
        let names = |depth| -> Vec<String> {
            let files = licence_files(folder.path(), depth).expect("files");
            let relative = files.iter().map(|file| file.strip_prefix(folder.path()).expect("below"));
            relative.map(|path| path.display().to_string()).collect()
        };
        assert_eq!(names(0), ["COPYING", "LICENSE-MIT"]);
        assert_eq!(names(1), ["COPYING", "LICENSE-MIT", "lib/LICENSE"]);
    }
}
