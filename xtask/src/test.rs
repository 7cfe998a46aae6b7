//! All tests, with everything they need set up first.

use std::{ffi::OsStr, path::Path, process::Command};

use anyhow::{Result, bail};

use crate::{setup, shell, workspace};

/// The options of `cargo xtask test`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run only tests whose name contains this, and no doc tests.
    filter: Option<String>,
}

/// Sets up what the tests need and runs them.
///
/// # Errors
/// When something is missing and cannot be installed, or a test fails.
pub(crate) fn run(args: &Args) -> Result<()> {
    match &args.filter {
        None => run_all(&workspace::root()),
        Some(filter) => {
            let path = setup::path_with_tools()?;
            shell::run(runner(&workspace::root(), &path).arg(filter))
        }
    }
}

/// Runs every test of the workspace: doc tests first, so that the summary of all others is what stands last.
///
/// # Errors
/// As for [`run`].
pub(crate) fn run_all(root: &Path) -> Result<()> {
    let path = setup::path_with_tools()?;
    let docs = shell::run(shell::cargo(root).args(["test", "--workspace", "--doc"]).env("PATH", &path));
    let others = shell::run(&mut runner(root, &path));
    match (docs, others) {
        (Ok(()), Ok(())) => Ok(()),
        (Err(error), Ok(())) | (Ok(()), Err(error)) => Err(error),
        (Err(docs), Err(others)) => bail!("{docs:#}; {others:#}"),
    }
}

/// Returns the command that runs all tests but doc tests: cargo-nextest where it is installed, else cargo itself.
fn runner(root: &Path, path: &OsStr) -> Command {
    let mut command = shell::cargo(root);
    command.env("PATH", path);
    if shell::succeeds(shell::cargo(root).args(["nextest", "--version"])) {
        command.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
    } else {
        command.args(["test", "--workspace", "--lib", "--bins", "--tests", "--examples", "--no-fail-fast"]);
    }
    command
}
