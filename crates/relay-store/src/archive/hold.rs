//! Which records the cleaner must leave to the archive.

use relay_core::{
    UnixSeconds,
    ports::repository::{Error, ExportQuery, Retention},
};
use tracing::warn;

use super::{
    days::{Day, DayWindow},
    file::{self, Found},
};
use crate::options::ArchiveOptions;

/// How many records are looked at to tell whether a day has any.
const LOOK: u32 = 16;

/// Returns the earliest moment from which on records must stay, because their day is still to be archived: the end of
/// the days that are due, or a day of these that has records and no file. Records before the days that are due are not
/// held: when there are some that were never archived, it warns and lets go of them. `before` is the cutoff without an
/// archive.
pub(crate) async fn hold(
    options: &ArchiveOptions,
    store: &dyn Retention,
    now: UnixSeconds,
    before: UnixSeconds,
) -> Result<UnixSeconds, Error> {
    let folder = options.folder.clone();
    let found = match tokio::task::spawn_blocking(move || file::scan(&folder)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => unreadable(options, &error),
        Err(error) => unreadable(options, &error),
    };
    let window = DayWindow::at(now, options);
    let oldest = store.oldest_record().await?.map(Day::of);
    if let Some(day) = oldest.filter(|day| *day < window.first && day.start() < before)
        && !found.archived.contains(&day)
    {
        warn!(
            %day,
            "records are deleted that were never archived: they are older than the archive's backfill days reach"
        );
    }
    let due = window.days().filter(|day| day.start() < before && !found.archived.contains(day));
    for day in due {
        if has_records(store, day).await? {
            return Ok(day.start());
        }
    }
    Ok(window.last.end())
}

fn unreadable(options: &ArchiveOptions, error: &dyn std::error::Error) -> Found {
    warn!(folder = %options.folder.display(), error = %error, "the archive cannot be read: no day in it counts as archived");
    Found::default()
}

async fn has_records(store: &dyn Retention, day: Day) -> Result<bool, Error> {
    let query = ExportQuery { from: day.start(), until: day.end(), after: None, limit: LOOK };
    let page = store.export(&query).await?;
    Ok(!page.records.is_empty() || page.next.is_some())
}
