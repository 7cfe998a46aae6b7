//! `rollups rebuild`: counts the records of the configured store again.

use std::sync::Arc;

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use relay_core::ports::{clock::SystemClock, repository::Rebuilt};

use super::{block_on, load, print};
use crate::{
    app::storage,
    cli::ConfigArg,
    count::count_of,
    environment,
    telemetry::{self, LogArgs},
};

/// Rebuilds the rollups and says what was wrong.
///
/// # Errors
/// What keeps the store from being opened or counted; that there is none, which is not made then.
pub(crate) fn rebuild(args: &ConfigArg, log: &LogArgs) -> anyhow::Result<()> {
    let loaded = load(&args.config, &environment::of_process())?;
    telemetry::start(log, loaded.config.log)?;
    let storage = &loaded.config.storage;
    let place = storage::place(&storage.backend);
    if storage::is_new(&storage.backend) {
        bail!(
            "there is no database at {place}: nothing was counted and none was made; a relative storage.sqlite.path \
             starts from the directory where the command runs"
        );
    }
    block_on(async {
        let repository = storage::open_to_rebuild(storage, Arc::new(SystemClock)).await?;
        print(&format!("counting again in {place}\n"));
        let rebuilt = repository.rebuild_rollups().await.context("cannot rebuild the rollups")?;
        repository.close().await.context("cannot close the database")?;
        print(&words(&rebuilt));
        Ok(())
    })
}

fn words(rebuilt: &Rebuilt) -> String {
    let Rebuilt { records, slots, days, corrected, from } = *rebuilt;
    let Some(from) = from else {
        return "the store has no records: nothing to count\n".to_owned();
    };
    let since = Timestamp::from_second(from).map_or_else(|_| from.to_string(), |time| time.to_string());
    let corrected = match corrected {
        0 => "all counts were right".to_owned(),
        1 => "1 row was wrong and is corrected".to_owned(),
        count => format!("{count} rows were wrong and are corrected"),
    };
    let (records, slots, days) =
        (count_of(records, "record"), count_of(slots, "half hour"), count_of(days, "day"));
    format!("read {records} and counted {slots} and {days} again, from {since} on: {corrected}\n")
}
