//! `migrate`: brings the schema of the configured store up to date.

use std::sync::Arc;

use anyhow::Context as _;
use relay_core::ports::clock::SystemClock;

use super::{block_on, load, print};
use crate::{
    app::storage,
    cli::ConfigArg,
    environment,
    telemetry::{self, LogArgs},
};

/// Opens the store, which migrates it, and closes it again.
///
/// # Errors
/// What keeps it from being opened.
pub(crate) fn run(args: &ConfigArg, log: &LogArgs) -> anyhow::Result<()> {
    let loaded = load(&args.config, &environment::of_process())?;
    telemetry::start(log, loaded.config.log)?;
    let config = &loaded.config.storage;
    let place = storage::place(&config.backend);
    block_on(async {
        let repository = storage::open(config, Arc::new(SystemClock)).await?;
        repository.close().await.context("cannot close the database")?;
        let version = storage::schema_version(config);
        print(&format!("{place} is at version {version} of its schema\n"));
        Ok(())
    })
}
