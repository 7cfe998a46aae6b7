//! `relay-server` against an LLM server that nobody here wrote.
//!
//! Installs the `litellm` proxy from the Python package index into a virtual environment below the target folder, starts
//! it twice on loopback with mocked models, points a `relay-server` at both and compares every verdict with
//! [`cases::all`]. Everything started is stopped again, whatever happens.

mod cases;
pub(crate) mod child;
pub(crate) mod install;
mod proxy;
mod server;

use std::{path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, bail};
use tokio::signal::unix::{SignalKind, signal};

use crate::{shell, workspace};

use self::{
    cases::{Case, Endpoints, Verdict},
    proxy::Proxy,
    server::Server,
};

/// How long a relay may take until each monitor has its first verdict: the monitors' interval and timeout, doubled.
const VERDICTS: Duration = Duration::from_secs(120);

/// The options of `cargo xtask litellm`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Use this relay-server instead of building one.
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// Build relay-server in release mode.
    #[arg(long, conflicts_with = "server")]
    release: bool,
    /// The release of litellm to test against; another than the default may answer bad requests otherwise.
    #[arg(long, value_name = "VERSION", default_value = install::VERSION)]
    litellm: String,
}

/// Runs the comparison and prints it as a table.
///
/// # Errors
/// When something cannot be installed or started, or a verdict is not the documented one.
pub(crate) fn run(args: &Args) -> Result<()> {
    let target = target_folder()?;
    let server = match &args.server {
        Some(path) => {
            path.canonicalize().with_context(|| format!("no relay-server at {}", path.display()))?
        }
        None => build(&target, args.release)?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let (mut interrupt, mut terminate) =
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        // Dropping the check kills what it started, so an interrupted run leaves nothing behind either.
        tokio::select! {
            result = check(&target, &server, &args.litellm) => result,
            _ = interrupt.recv() => bail!("interrupted"),
            _ = terminate.recv() => bail!("terminated"),
        }
    })
}

async fn check(target: &std::path::Path, server: &std::path::Path, version: &str) -> Result<()> {
    let program = install::litellm(&target.join("litellm"), version).await?;
    let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
    println!("starting litellm {version} twice: with keys in a hook, and with nothing but a master key");
    let mut hooked = Proxy::start(&program, &folder.path().join("hooked"), true)?;
    let mut bare = Proxy::start(&program, &folder.path().join("bare"), false)?;
    let outcome = async {
        hooked.ready().await?;
        bare.ready().await?;
        let cases = cases::all(&Endpoints { hooked: hooked.url(), bare: bare.url() });
        let mut server = Server::start(server, &folder.path().join("relay-server"), &cases)?;
        let verdicts = server.verdicts(&cases, VERDICTS).await;
        server.stop().await;
        compare(&cases, &verdicts?)
    }
    .await;
    hooked.stop().await;
    bare.stop().await;
    outcome
}

/// Prints wanted and found verdicts side by side.
///
/// # Errors
/// When they differ.
fn compare(cases: &[Case], found: &[Vec<Verdict>]) -> Result<()> {
    println!("\n{:<26} {:<38} {:<38} ok", "case", "documented", "found");
    let mut wrong = 0;
    for (case, verdicts) in cases.iter().zip(found) {
        let right = !verdicts.is_empty() && verdicts.iter().all(|verdict| *verdict == case.wanted);
        wrong += usize::from(!right);
        // The first that differs says more than the latest.
        let shown = verdicts.iter().find(|verdict| **verdict != case.wanted).or_else(|| verdicts.last());
        let shown = shown.map_or_else(|| "none".to_owned(), ToString::to_string);
        let mark = if right { "yes" } else { "NO" };
        println!("{:<26} {:<38} {shown:<38} {mark}", case.name, case.wanted.to_string());
    }
    println!();
    if wrong > 0 {
        bail!("{wrong} of {} verdicts are not the documented ones", cases.len());
    }
    println!("all {} verdicts are the documented ones", cases.len());
    Ok(())
}

pub(crate) fn target_folder() -> Result<PathBuf> {
    let manifest = workspace::root().join("Cargo.toml");
    let metadata = cargo_metadata::MetadataCommand::new().manifest_path(manifest).no_deps().exec()?;
    Ok(metadata.target_directory.into_std_path_buf())
}

pub(crate) fn build(target: &std::path::Path, release: bool) -> Result<PathBuf> {
    let mut command = shell::cargo(&workspace::root());
    command.args(["build", "--package", "relay-server", "--bin", "relay-server"]);
    if release {
        command.arg("--release");
    }
    shell::run(&mut command)?;
    Ok(target.join(if release { "release" } else { "debug" }).join("relay-server"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cases() -> Vec<Case> {
        cases::all(&Endpoints { hooked: "http://h".to_owned(), bare: "http://b".to_owned() })
    }

    #[test]
    fn the_documented_verdicts_pass_and_nothing_else_does() {
        let cases = cases();
        let wanted: Vec<Vec<Verdict>> = cases.iter().map(|case| vec![case.wanted.clone(); 2]).collect();
        assert!(compare(&cases, &wanted).is_ok());
        let mut late = wanted.clone();
        late[0][1] = Verdict::red("network_error", 0);
        assert!(compare(&cases, &late).is_err());
        let mut missing = wanted;
        missing[3].clear();
        assert!(compare(&cases, &missing).is_err());
    }
}
