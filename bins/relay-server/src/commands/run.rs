//! `run`: probe, serve and keep history until stopped.

use anyhow::Context as _;

use super::{block_on, load_to_run, log_notices};
use crate::{
    app::{App, Start},
    cli::RunArgs,
    environment,
    telemetry::{self, LogArgs},
};

/// The variable that sets where to listen; `--listen` wins over it.
const LISTEN: &str = "MONITOR_LISTEN";

/// Runs the server.
///
/// # Errors
/// What kept it from starting, or made it stop.
pub(crate) fn run(args: &RunArgs, log: &LogArgs) -> anyhow::Result<()> {
    let mut env = environment::of_process();
    if let Some(listen) = &args.listen {
        env = env.with(LISTEN, listen);
    }
    let path = args.config.config.clone();
    let loaded = load_to_run(&path, &env)?;
    let logging = telemetry::start(log, loaded.config.log)?;
    log_notices(&loaded);
    let (probe, upgrade) = (!args.no_probe, !args.no_upgrade);
    let start = Start { loaded, path, env, logging, probe, upgrade, demo: false };
    block_on(async { App::open(start).await?.serve().await.context("stopped") })
}
