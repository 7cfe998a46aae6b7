//! What the Go version left at the configured place: a file, which is moved aside, or tables, which stay where they are.

use std::path::{Path, absolute};

use anyhow::{Context as _, bail};
use relay_config::Backend;
use relay_core::ports::{Clock, repository::Error};
use relay_store::{Import, ImportFrom, OldTables, TakenOver, Turn};
use tokio::{
    task::spawn_blocking,
    time::{Duration, sleep},
};
use tracing::{info, warn};

use crate::app::{import, storage};

/// Between two tries to ask a database that is away.
const PAUSE: Duration = Duration::from_secs(10);

/// A database of the Go version that is still to be imported.
#[derive(Debug)]
pub(crate) enum Left {
    /// A file that was moved aside.
    File(TakenOver),
    /// Tables beside ours.
    Tables(OldTables),
}

/// Looks for a database of the Go version at the configured place, and moves it aside if it is a file. `config` is the
/// file of the configuration, for the sentence that says what to run.
///
/// # Errors
/// What is in the way; and that there is one, with what to do, unless it may be taken over.
pub(crate) async fn take_over(
    storage: &relay_config::Storage,
    config: &Path,
    clock: &dyn Clock,
    allowed: bool,
) -> anyhow::Result<Option<Left>> {
    match &storage.backend {
        Backend::Sqlite(path) => {
            let (path, config) = (path.clone(), config.to_owned());
            let date = import::date(clock.now().as_secs());
            let work = spawn_blocking(move || move_aside(&path, &config, &date, allowed));
            let taken = work.await.context("looking at the database was broken off")??;
            Ok(taken.map(Left::File))
        }
        Backend::Postgres(postgres) => {
            let found = OldTables::find(&storage::postgres_options(postgres)).await;
            let found = found.map_err(|error| storage::refused(&storage.backend, &error))?;
            match found {
                Some(tables) if !allowed => bail!("{}", tables_refusal(&tables, config)),
                found => Ok(found.map(Left::Tables)),
            }
        }
    }
}

fn move_aside(path: &Path, config: &Path, date: &str, allowed: bool) -> anyhow::Result<Option<TakenOver>> {
    if !allowed && relay_store::is_relay_pulse(path).unwrap_or(false) {
        bail!("{}", file_refusal(path, config));
    }
    // What cannot be opened at all is told of by whoever opens it next.
    match relay_store::is_relay_pulse(path) {
        Ok(_) => Ok(relay_store::take_over(path, date)?),
        Err(_) => Ok(None),
    }
}

fn file_refusal(path: &Path, config: &Path) -> String {
    let whole = |path: &Path| absolute(path).unwrap_or_else(|_| path.to_owned());
    format!(
        "{} is a database of the Go version of Relay Pulse, and --no-upgrade leaves it as it is: set \
         storage.sqlite.path to another file and run `relay-server import relay-pulse --sqlite '{}' --config '{}'`, or \
         start without --no-upgrade, which moves it aside and imports it",
        path.display(),
        whole(path).display(),
        whole(config).display()
    )
}

fn tables_refusal(tables: &OldTables, config: &Path) -> String {
    let config = absolute(config).unwrap_or_else(|_| config.to_owned());
    format!(
        "the schema public of the database of storage.postgres holds tables of the Go version of Relay Pulse, and \
         --no-upgrade does not import them: run `relay-server import relay-pulse --postgres '{}' --config '{}'` first, \
         or start without --no-upgrade, which imports them while it works; they are only read",
        tables.url(),
        config.display()
    )
}

impl Left {
    /// Returns what to import.
    pub(super) fn source(&self) -> ImportFrom {
        match self {
            Self::File(taken) => taken.source(),
            Self::Tables(tables) => tables.source(),
        }
    }

    /// Returns what the import is called.
    pub(super) fn import_name(&self) -> String {
        match self {
            Self::File(taken) => {
                format!("taken over: {}", taken.path().file_name().unwrap_or_default().display())
            }
            Self::Tables(_) => OldTables::IMPORT.to_owned(),
        }
    }

    /// Returns where it is, for people.
    pub(super) fn place(&self) -> String {
        match self {
            Self::File(taken) => taken.path().display().to_string(),
            Self::Tables(tables) => format!("the schema public of {}", tables.url()),
        }
    }

    /// Notes that all of it was imported.
    ///
    /// # Errors
    /// When it cannot be noted; the next start finds then that nothing is left to be imported.
    pub(super) fn finished(self) -> Result<(), Error> {
        match self {
            Self::File(taken) => taken.finished(),
            // That the import is finished is all there is to note.
            Self::Tables(_) => Ok(()),
        }
    }

    /// Waits until no other process imports it, and looks how far that one came; `None` where there cannot be one.
    /// `waiting` is called when there is.
    pub(super) async fn turn(&self, import: &mut Import, waiting: impl Fn() + Send) -> Option<Turn> {
        let Self::Tables(tables) = self else { return None };
        let mut is_told = false;
        loop {
            let turn = match tables.turn().await {
                Ok(Some(turn)) => import.look_again().await.map(|()| turn),
                Ok(None) => {
                    if !is_told {
                        info!("another process imports the history of the Go version, this one waits");
                        waiting();
                        is_told = true;
                    }
                    continue;
                }
                Err(error) => Err(error.into()),
            };
            match turn {
                Ok(turn) => return Some(turn),
                Err(error) => {
                    warn!(%error, "the import of the history of the Go version has to wait");
                    sleep(PAUSE).await;
                }
            }
        }
    }
}
