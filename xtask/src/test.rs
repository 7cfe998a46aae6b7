//! All tests, with everything they need set up first.

use std::{ffi::OsStr, path::Path, process::Command};

use anyhow::{Result, anyhow, bail};
use relay_testkit::postgres::{self, Server, ServerOptions};

use crate::{fuzz, setup, shell, web, workspace};

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
            let database = database()?;
            shell::run(runner(&workspace::root(), &path, &database).arg(filter))
        }
    }
}

/// Runs every test of the workspace, and the seeds of the fuzzer; last come those whose summary should stand last.
///
/// # Errors
/// As for [`run`].
pub(crate) fn run_all(root: &Path) -> Result<()> {
    let path = setup::path_with_tools()?;
    let database = database()?;
    let results = [
        shell::run(shell::cargo(root).args(["test", "--workspace", "--doc"]).env("PATH", &path)),
        fuzz::run_seeds(root),
        web::check(root, &path, None),
        shell::run(&mut runner(root, &path, &database)),
    ];
    let failures: Vec<String> =
        results.into_iter().filter_map(Result::err).map(|error| format!("{error:#}")).collect();
    if !failures.is_empty() {
        bail!("{}", failures.join("; "));
    }
    Ok(())
}

/// Starts the PostgreSQL server that all tests share; it ends with this.
fn database() -> Result<Server> {
    let server = Server::start(ServerOptions::default()).map_err(|reason| anyhow!(reason))?;
    println!("PostgreSQL listens on {}", server.address());
    Ok(server)
}

/// Returns the command that runs all tests but doc tests: cargo-nextest where it is installed, else cargo itself.
fn runner(root: &Path, path: &OsStr, database: &Server) -> Command {
    let mut command = shell::cargo(root);
    command.env("PATH", path).env(postgres::VARIABLE, database.address().to_string());
    if shell::succeeds(shell::cargo(root).args(["nextest", "--version"])) {
        command.args(["nextest", "run", "--workspace", "--no-fail-fast"]);
    } else {
        command.args(["test", "--workspace", "--lib", "--bins", "--tests", "--examples", "--no-fail-fast"]);
    }
    command
}
