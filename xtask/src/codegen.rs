//! Files that are made from types and committed, so that people and editors find them without building anything.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};

use crate::workspace;

/// The options of `cargo xtask codegen`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Write nothing, and fail when a file is not what it would be.
    #[arg(long)]
    check: bool,
}

/// The path of a file, and what makes its content.
type Generated = (&'static str, fn() -> String);

/// Every generated file.
const FILES: &[Generated] = &[
    ("config/config.schema.json", relay_config::json_schema),
    ("docs/configuration.md", relay_config::configuration_markdown),
    ("docs/openapi.json", relay_api::openapi_json),
];

/// Writes the files, or compares them.
///
/// # Errors
/// When a file cannot be written, or is stale.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = workspace::root();
    if args.check { check(&root) } else { write(&root, FILES) }
}

/// Compares the files below `root` with what they should be.
///
/// # Errors
/// Names those that are stale.
pub(crate) fn check(root: &Path) -> Result<()> {
    let stale = stale(root, FILES);
    if !stale.is_empty() {
        bail!("stale: {}; run `cargo xtask codegen`", stale.join(", "));
    }
    Ok(())
}

fn write(root: &Path, files: &[Generated]) -> Result<()> {
    for (path, content) in files {
        if stale(root, &[(path, *content)]).is_empty() {
            continue;
        }
        fs::write(root.join(path), content()).with_context(|| format!("cannot write {path}"))?;
        println!("wrote {path}");
    }
    Ok(())
}

fn stale(root: &Path, files: &[Generated]) -> Vec<&'static str> {
    files
        .iter()
        .filter(|(path, content)| fs::read_to_string(root.join(path)).ok() != Some(content()))
        .map(|(path, _)| *path)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hello() -> String {
        "hello\n".to_owned()
    }

    #[test]
    fn a_file_is_stale_until_it_is_written() {
        let folder = tempfile::tempdir().expect("a folder");
        let files: [Generated; 1] = [("hello.txt", hello)];
        assert_eq!(stale(folder.path(), &files), ["hello.txt"]);
        write(folder.path(), &files).expect("written");
        assert_eq!(stale(folder.path(), &files), [""; 0]);
        fs::write(folder.path().join("hello.txt"), "hullo\n").expect("a file");
        assert_eq!(stale(folder.path(), &files), ["hello.txt"]);
    }
}
