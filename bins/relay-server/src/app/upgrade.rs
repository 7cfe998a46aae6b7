//! Taking over what the Go version left at the configured place: its database is moved aside, events and states are
//! there before the first probe, and records follow while the server works.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Context as _, bail};
use async_trait::async_trait;
use relay_config::{Backend, Config, Published};
use relay_core::{
    Psc,
    ports::{
        Clock, Health, Repository,
        health::{Fact, HealthReport},
    },
};
use relay_store::{Import, ImportDeps, ImportError, ImportOptions, ImportProgress, ImportSummary, TakenOver};
use tokio::{
    sync::watch,
    task::spawn_blocking,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{channels, import};
use crate::lifecycle::Lifecycle;

/// Between two lines in the log about how far it is.
const LINES_EVERY: Duration = Duration::from_secs(10);

/// Records that are stored in one transaction: live ones wait for no more than these.
const CHUNK: usize = 4_000;

/// Looks for a database of the Go version at the configured place and moves it aside.
///
/// # Errors
/// What is in the way; and that there is one, with what to do, unless it may be taken over.
pub(crate) async fn take_over(
    config: &relay_config::Storage,
    clock: &dyn Clock,
    allowed: bool,
) -> anyhow::Result<Option<TakenOver>> {
    let Backend::Sqlite(path) = config.backend.clone() else { return Ok(None) };
    let date = import::date(clock.now().as_secs());
    let work = spawn_blocking(move || {
        if !allowed && relay_store::is_relay_pulse(&path).unwrap_or(false) {
            bail!("{}", refusal(&path));
        }
        // What cannot be opened at all is told of by whoever opens it next.
        match relay_store::is_relay_pulse(&path) {
            Ok(_) => Ok(relay_store::take_over(&path, &date)?),
            Err(_) => Ok(None),
        }
    });
    work.await.context("looking at the database was broken off")?
}

fn refusal(path: &Path) -> String {
    let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    format!(
        "{} is a database of the Go version of Relay Pulse, and --no-upgrade leaves it as it is: set \
         storage.sqlite.path to another file and run `relay-server import relay-pulse --sqlite '{}'`, or start without \
         --no-upgrade, which moves it aside and imports it",
        path.display(),
        whole.display()
    )
}

/// A database that was taken over and is being imported.
pub(crate) struct Upgrade {
    taken: TakenOver,
    import: Import,
    heirs: watch::Sender<Vec<Psc>>,
    state: Arc<State>,
}

impl Upgrade {
    /// Copies events and states; `None` when nothing is left to be done. To be called before the first probe.
    ///
    /// # Errors
    /// When the old database cannot be read, or the new one not be written.
    pub(crate) async fn begin(
        taken: TakenOver,
        config: &Config,
        repository: Arc<dyn Repository>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Option<Self>> {
        let (heirs, watched) = watch::channel(channels::named(&config.monitors));
        let name = taken.path().file_name().unwrap_or_default().display();
        let options =
            import::options(&config.storage.retention, format!("taken over: {name}"), clock.now().as_secs());
        let options = ImportOptions { chunk: CHUNK, patience: Duration::MAX, ..options };
        let deps = ImportDeps { repository, clock, heirs: watched };
        let begun = Import::begin(&taken.source(), options, deps).await;
        let import = begun.with_context(|| {
            format!("cannot take over what the Go version left in {}", taken.path().display())
        })?;
        if import.was_finished() {
            taken.finished()?;
            return Ok(None);
        }
        let ImportSummary { events, groups, .. } = *import.summary();
        info!(events, groups, from = %taken.path().display(), "took over events and states of the Go version");
        let state = Arc::new(State(Mutex::new(("running", ImportProgress::default()))));
        Ok(Some(Self { taken, import, heirs, state }))
    }

    /// Returns what tells how far it is.
    pub(crate) fn health(&self) -> Arc<dyn Health> {
        self.state.clone()
    }

    /// Brings the records in until done or stopped; returns whether all of them are here.
    async fn run(
        self,
        repository: Arc<dyn Repository>,
        mut states: watch::Receiver<Published>,
        stop: &CancellationToken,
    ) -> bool {
        let Self { taken, import, heirs, state } = self;
        let follow = async {
            while states.changed().await.is_ok() {
                let groups = channels::named(&states.borrow_and_update().config.monitors);
                heirs.send_replace(groups);
            }
            std::future::pending::<()>().await;
        };
        let began = Instant::now();
        let mut told = began;
        let history = import.history(stop, |progress| {
            state.set("running", Some(progress));
            if told.elapsed() >= LINES_EVERY {
                told = Instant::now();
                let ImportProgress { rows, rows_about, day } = progress;
                let rate = import::rate(rows, began.elapsed());
                let day = import::date(day);
                info!(rows, rows_about, rate, day, "importing history of the Go version, newest first");
            }
        });
        let outcome = tokio::select! {
            outcome = history => outcome,
            () = follow => return false,
        };
        let outcome = match outcome {
            Ok(summary) => {
                let groups = heirs.borrow().clone();
                repository.name_channels(&groups).await.map(|_| summary).map_err(ImportError::from)
            }
            Err(error) => Err(error),
        };
        state.tell(&outcome, began);
        if outcome.is_ok()
            && let Err(error) = taken.finished()
        {
            warn!(%error, "cannot note that all history of the Go version is here");
        }
        outcome.is_ok()
    }
}

/// Starts to bring the records of an upgrade in, if there is one; `states` says which configuration is in force. What is
/// returned is cancelled when all history is here, which may be at once, or never.
pub(crate) fn start(
    upgrade: Option<Upgrade>,
    repository: Arc<dyn Repository>,
    states: watch::Receiver<Published>,
    lifecycle: &Lifecycle,
) -> CancellationToken {
    let (done, stop) = (CancellationToken::new(), lifecycle.soft.clone());
    match upgrade {
        None => done.cancel(),
        Some(upgrade) => {
            let done = done.clone();
            lifecycle.spawn_essential("import", async move {
                if upgrade.run(repository, states, &stop).await {
                    done.cancel();
                }
                stop.cancelled().await;
            });
        }
    }
    done
}

/// How far it is, for whoever asks.
struct State(Mutex<(&'static str, ImportProgress)>);

impl State {
    fn set(&self, word: &'static str, progress: Option<ImportProgress>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *state = (word, progress.unwrap_or(state.1));
    }

    /// Says how it ended.
    fn tell(&self, outcome: &Result<ImportSummary, ImportError>, began: Instant) {
        match outcome {
            Ok(ImportSummary { rows, records, counts, skipped, .. }) => {
                self.set("done", None);
                let seconds = began.elapsed().as_secs();
                info!(rows, records, counts, skipped, seconds, "all history of the Go version is here");
            }
            Err(ImportError::Stopped) => {
                info!("the import of the history of the Go version goes on at the next start");
            }
            Err(error) => {
                self.set("failed", None);
                error!(%error, "the history of the Go version cannot be imported further; the next start tries again");
            }
        }
    }
}

/// History that is missing keeps nothing from working.
#[async_trait]
impl Health for State {
    async fn check(&self) -> HealthReport {
        let (word, progress) = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let number = |count: u64| Fact::Number(i64::try_from(count).unwrap_or(i64::MAX));
        let day = if progress.rows > 0 { Fact::Text(import::date(progress.day)) } else { Fact::None };
        HealthReport {
            component: "import",
            trouble: None,
            facts: vec![
                ("state", Fact::Text(word.to_owned())),
                ("rows", number(progress.rows)),
                ("rows_about", number(progress.rows_about)),
                ("day", day),
            ],
        }
    }
}
