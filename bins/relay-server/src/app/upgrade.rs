//! Taking over what the Go version left at the configured place: events and states are there before the first probe, and
//! records follow while the server works.

mod left;

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;
use async_trait::async_trait;
use relay_config::{Config, Published};
use relay_core::{
    Psc,
    ports::{
        Clock, Health, Repository,
        health::{Fact, HealthReport},
    },
};
use relay_store::{Import, ImportDeps, ImportError, ImportOptions, ImportProgress, ImportSummary};
use tokio::{
    sync::watch,
    time::{Duration, Instant},
};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

pub(crate) use self::left::{Left, take_over};
use super::{channels, import};
use crate::lifecycle::Lifecycle;

/// Between two lines in the log about how far it is.
const LINES_EVERY: Duration = Duration::from_secs(10);

/// Records that are stored in one transaction: live ones wait for no more than these.
const CHUNK: usize = 4_000;

/// A database that was taken over and is being imported.
pub(crate) struct Upgrade {
    left: Left,
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
        left: Left,
        config: &Config,
        repository: Arc<dyn Repository>,
        clock: Arc<dyn Clock>,
    ) -> anyhow::Result<Option<Self>> {
        let (heirs, watched) = watch::channel(channels::named(&config.monitors));
        let (name, now) = (left.import_name(), clock.now().as_secs());
        let options = import::options(&config.storage.retention, name, now);
        let options = ImportOptions { chunk: CHUNK, patience: Duration::MAX, ..options };
        let deps = ImportDeps { repository, clock, heirs: watched };
        let begun = Import::begin(&left.source(), options, deps).await;
        let import = begun
            .with_context(|| format!("cannot take over what the Go version left in {}", left.place()))?;
        if import.was_finished() {
            left.finished()?;
            return Ok(None);
        }
        let ImportSummary { events, groups, .. } = *import.summary();
        info!(events, groups, from = left.place(), "took over events and states of the Go version");
        let state = Arc::new(State(Mutex::new(("running", ImportProgress::default()))));
        Ok(Some(Self { left, import, heirs, state }))
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
        let Self { left, mut import, heirs, state } = self;
        let config = states.clone();
        let follow = async {
            while states.changed().await.is_ok() {
                let groups = channels::named(&states.borrow_and_update().config.monitors);
                heirs.send_replace(groups);
            }
            std::future::pending::<()>().await;
        };
        let mut began = Instant::now();
        let history = async {
            let turn = tokio::select! {
                () = stop.cancelled() => return Err(ImportError::Stopped),
                turn = left.turn(&mut import, || state.set("waiting", None)) => turn,
            };
            if import.was_finished() {
                return Ok(import.summary().clone());
            }
            began = Instant::now();
            let mut told = began;
            let outcome = import.history(stop, |progress| {
                state.set("running", Some(progress));
                if told.elapsed() >= LINES_EVERY {
                    told = Instant::now();
                    let ImportProgress { rows, rows_about, day } = progress;
                    let rate = import::rate(rows, began.elapsed());
                    let day = import::date(day);
                    info!(rows, rows_about, rate, day, "importing history of the Go version, newest first");
                }
            });
            let outcome = outcome.await;
            drop(turn);
            outcome
        };
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
        if let Ok(summary) = &outcome
            && let Some(monitors) = import::unshown(&summary.monitors, &config.borrow().config.monitors)
        {
            warn!(monitors, "history that no configured monitor shows is kept all the same");
        }
        if outcome.is_ok()
            && let Err(error) = left.finished()
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
            Ok(summary) => {
                self.set("done", None);
                let left_out = import::left_out(summary);
                if !left_out.is_empty() {
                    let reasons = left_out.join(", ");
                    warn!(reasons, "some of what the Go version left is not taken over");
                }
                let ImportSummary { rows, records, counts, .. } = summary;
                let seconds = began.elapsed().as_secs();
                info!(rows, records, counts, seconds, "all history of the Go version is here");
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
