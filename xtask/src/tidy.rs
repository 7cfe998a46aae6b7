//! The rules of the workspace that no compiler knows. Each check is a function from what was read to its findings;
//! all of them also run on the real workspace as a test. To add one, write its module and call it in [`findings`].

mod docs;
mod files;
mod finding;
mod layers;
mod manifests;
mod migrations;
mod routes;
mod seams;
mod unused;
mod words;

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use cargo_metadata::{MetadataCommand, Package};

use self::finding::Finding;
use crate::workspace;

/// The options of `cargo xtask tidy`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {}

/// Prints every finding, and fails when there is one.
///
/// # Errors
/// When there are findings, or the workspace cannot be read.
pub(crate) fn run(_: &Args) -> Result<()> {
    check(&workspace::root())
}

/// Does what [`run`] does, for the workspace at `root`.
///
/// # Errors
/// As for [`run`].
pub(crate) fn check(root: &Path) -> Result<()> {
    let findings = findings(root)?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        count => bail!("{count} findings"),
    }
}

fn findings(root: &Path) -> Result<Vec<Finding>> {
    let files = workspace::files(root)?;
    let packages = packages(root)?;
    Ok([
        layers::check(&packages),
        seams::check(&files),
        manifests::check(&files),
        unused::check(&packages, &files),
        files::check(&files),
        words::check(&files),
        migrations::check(&files),
        docs::check(&packages, &files),
        routes::check(&files),
    ]
    .concat())
}

/// Returns the members of the workspace as their manifests declare them; nothing is resolved or downloaded.
fn packages(root: &Path) -> Result<Vec<Package>> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("cannot read the manifests")?;
    Ok(metadata.packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workspace_is_tidy() {
        let findings = findings(&workspace::root()).expect("a readable workspace");
        let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
        assert!(lines.is_empty(), "\n{}", lines.join("\n"));
    }
}
