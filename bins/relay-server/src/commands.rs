//! What each command does.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod demo;
pub(crate) mod healthcheck;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod man;
pub(crate) mod migrate;
pub(crate) mod notify;
pub(crate) mod openapi;
pub(crate) mod probe;
pub(crate) mod rollups;
pub(crate) mod run;
pub(crate) mod schema;

use std::{future::Future, io, io::Write as _, path::Path, time::Duration};

use anyhow::{Context as _, bail};
use relay_config::{Environment, Loaded, Severity};

use crate::cli;

/// How long blocking work may go on after everything else has ended.
const LAST_WORK: Duration = Duration::from_secs(2);

/// Loads the configuration file.
///
/// # Errors
/// Where it was looked for and how to get one; or how many problems it has, after printing each.
fn load(path: &Path, env: &Environment) -> anyhow::Result<Loaded> {
    if let Err(error) = std::fs::metadata(path)
        && error.kind() == io::ErrorKind::NotFound
    {
        bail!("{}", missing(path));
    }
    relay_config::load(path, env).map_err(|problems| {
        for problem in problems.errors() {
            cli::complain(&format!("{}: {problem}", problem.severity.as_str()));
        }
        let count = problems.errors().count();
        let errors = if count == 1 { "1 error".to_owned() } else { format!("{count} errors") };
        anyhow::anyhow!("{} has {errors} and was not used: correct the file", path.display())
    })
}

/// Loads the configuration file to run with it, and checks what only the parts that use it understand.
///
/// # Errors
/// As [`load`].
fn load_to_run(path: &Path, env: &Environment) -> anyhow::Result<Loaded> {
    let loaded = load(path, env)?;
    if let Err(mistakes) = crate::app::notifications::all(&loaded.config) {
        for mistake in mistakes {
            cli::complain(&format!("error: {}", mistake.in_file(&loaded)));
        }
        bail!("{} has mistakes in notifications and was not used: correct the file", path.display());
    }
    Ok(loaded)
}

fn missing(path: &Path) -> String {
    let looked = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    format!(
        "no configuration file at {}: write a starter with `relay-server init`, name another one with --config, or \
         look around without one with `relay-server demo`",
        looked.display()
    )
}

/// Logs what is worth knowing about a configuration that loaded.
fn log_notices(loaded: &Loaded) {
    for notice in &loaded.notices {
        match notice.severity {
            Severity::Info => tracing::info!("{notice}"),
            Severity::Warning | Severity::Error => tracing::warn!("{notice}"),
        }
    }
}

/// Runs a command's work on a runtime of its own.
fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("relay")
        .build()
        .context("cannot start the runtime")?;
    let outcome = runtime.block_on(work);
    runtime.shutdown_timeout(LAST_WORK);
    outcome
}

/// Prints to standard output; a reader that has gone away is no error.
fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}
