//! `import`: brings history from elsewhere into the configured store.

use std::{
    fmt::Display,
    fs,
    io::{IsTerminal as _, stderr},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, bail};
use indicatif::{ProgressBar, ProgressStyle};
use relay_config::{Backend, Config, Environment};
use relay_core::{
    Monitor, Secret,
    ports::{Clock, Repository, clock::SystemClock},
};
use relay_store::{
    Import, ImportDeps, ImportFrom, ImportProgress, ImportSummary, OldTables, PostgresOptions,
};
use tokio::{
    sync::watch,
    time::{Duration, Instant},
};

use super::{block_on, load, print};
use crate::{
    app::{channels, import, storage},
    cli::{ImportCommand, complain},
    count::count_of,
    environment,
    lifecycle::Lifecycle,
    telemetry::{self, LogArgs},
};

/// Between two lines about how far it is, where there is no terminal.
const LINES_EVERY: Duration = Duration::from_secs(5);

/// The variable with the password of the source, as for all programs of PostgreSQL.
const PASSWORD: &str = "PGPASSWORD";

/// Imports, and says what came of it.
///
/// # Errors
/// What is in the way: of the source, or of the store.
pub(crate) fn run(command: &ImportCommand, log: &LogArgs) -> anyhow::Result<()> {
    let env = environment::of_process();
    match command {
        ImportCommand::RelayPulse(args) => {
            let config = load_quietly(&args.config.config, &env, log)?;
            let from = match (&args.sqlite, &args.postgres) {
                (_, Some(url)) => tables(url, &config, env.get(PASSWORD))?,
                (Some(path), None) => ImportFrom::RelayPulseFile(path.clone()),
                (None, None) => bail!("there is nothing to import: use --sqlite or --postgres"),
            };
            refuse_own(&config, &from)?;
            bring_in(&config, &[from])
        }
        ImportCommand::Archive(args) => {
            let config = load_quietly(&args.config.config, &env, log)?;
            let scratch = tempfile::tempdir().context("cannot make a temporary directory")?;
            let from = |(number, file): (usize, &PathBuf)| ImportFrom::Archive {
                file: file.clone(),
                scratch: scratch.path().join(format!("{number}.db")),
            };
            let sources: Vec<_> = args.files.iter().enumerate().map(from).collect();
            bring_in(&config, &sources)
        }
    }
}

fn load_quietly(path: &Path, env: &Environment, log: &LogArgs) -> anyhow::Result<Config> {
    let loaded = load(path, env)?;
    telemetry::start(log, relay_config::Log { level: Some("warn"), format: None })?;
    Ok(loaded.config)
}

/// Returns the tables that a URL names. A password that is not in it is that of the variable, or of the configuration
/// where that names the same.
fn tables(url: &Secret, config: &Config, password: Option<&str>) -> anyhow::Result<ImportFrom> {
    let mut options = PostgresOptions::from_url(url.expose()).context("cannot understand --postgres")?;
    if options.password.is_empty() {
        let own = own_tables(config, &options).filter(|own| own.user == options.user);
        options.password = match (password, own) {
            (Some(password), _) => Secret::new(password),
            (None, Some(own)) => own.password,
            (None, None) => options.password,
        };
    }
    Ok(ImportFrom::RelayPulseTables(Box::new(options)))
}

/// Returns the options of the store when it is in the same database.
fn own_tables(config: &Config, options: &PostgresOptions) -> Option<PostgresOptions> {
    let Backend::Postgres(own) = &config.storage.backend else { return None };
    Some(storage::postgres_options(own)).filter(|own| own.is_same_place(options))
}

/// Returns what the import is called. Tables beside those of the store have the name that a start would give.
fn name(from: &ImportFrom, config: &Config) -> String {
    match from {
        ImportFrom::RelayPulseTables(options) if own_tables(config, options).is_some() => {
            OldTables::IMPORT.to_owned()
        }
        _ => from.name(),
    }
}

fn bring_in(config: &Config, sources: &[ImportFrom]) -> anyhow::Result<()> {
    block_on(async {
        let lifecycle = Lifecycle::default();
        lifecycle.watch_signals(|| {}).context("cannot listen to signals")?;
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let backend = &config.storage.backend;
        let new = if storage::is_new(backend) { ", a new database" } else { "" };
        let repository = storage::open(&config.storage, clock.clone()).await?;
        print(&format!("importing into {}{new}\n", storage::place(backend)));
        let outcome = all(sources, config, &repository, &clock, &lifecycle).await;
        repository.close().await.context("cannot close the database")?;
        outcome
    })
}

async fn all(
    sources: &[ImportFrom],
    config: &Config,
    repository: &Arc<dyn Repository>,
    clock: &Arc<dyn Clock>,
    lifecycle: &Lifecycle,
) -> anyhow::Result<()> {
    let groups = channels::named(&config.monitors);
    let (_, heirs) = watch::channel(groups.clone());
    for from in sources {
        let deps = ImportDeps { repository: repository.clone(), clock: clock.clone(), heirs: heirs.clone() };
        let now = clock.now().as_secs();
        let options = import::options(&config.storage.retention, name(from, config), now);
        let begun = Import::begin(from, options, deps).await?;
        let mut teller = Teller::new();
        let outcome = begun.history(&lifecycle.soft, |progress| teller.tell(progress)).await;
        teller.end();
        let summary = outcome?;
        match from {
            ImportFrom::RelayPulseFile(path) => tell(&path.display(), &summary, &config.monitors),
            ImportFrom::RelayPulseTables(options) => tell(&options.to_url(), &summary, &config.monitors),
            ImportFrom::Archive { file, scratch } => {
                tell(&file.display(), &summary, &config.monitors);
                fs::remove_file(scratch).context("cannot remove a temporary file")?;
            }
        }
    }
    repository.name_channels(&groups).await?;
    Ok(())
}

/// Refuses a source that is the store itself.
fn refuse_own(config: &Config, from: &ImportFrom) -> anyhow::Result<()> {
    let (Backend::Sqlite(own), ImportFrom::RelayPulseFile(path)) = (&config.storage.backend, from) else {
        return Ok(());
    };
    let own = own.canonicalize().unwrap_or_else(|_| own.clone());
    if path.canonicalize().is_ok_and(|path| path == own) {
        bail!(
            "{} is the database that the configuration names: `relay-server run` takes over what the Go version left \
             there, or set storage.sqlite.path to another file",
            own.display()
        );
    }
    Ok(())
}

fn tell(source: &dyn Display, summary: &ImportSummary, configured: &[Arc<Monitor>]) {
    let ImportSummary { rows, records, counts, events, groups, .. } = summary;
    let (rows, days) = (count_of(*rows, "record"), count_of(*counts, "day"));
    print(&format!(
        "{source}: read {rows}, added {records}, and the counts of {days} of monitors older than retention\n"
    ));
    if events + groups > 0 {
        let (events, groups) = (count_of(*events, "event"), count_of(*groups, "group"));
        print(&format!("copied {events} and the states of {groups}\n"));
    }
    for reason in import::left_out(summary) {
        print(&format!("left out {reason}\n"));
    }
    if let Some(unshown) = import::unshown(&summary.monitors, configured) {
        print(&format!("history that no configured monitor shows is kept all the same, of {unshown}\n"));
    }
}

/// Tells how far it is: as a bar on a terminal, in lines elsewhere.
struct Teller {
    bar: Option<ProgressBar>,
    began: Instant,
    told: Instant,
}

impl Teller {
    fn new() -> Self {
        let bar = stderr().is_terminal().then(|| {
            let style = "{bar:40} {human_pos}/about {human_len} records  {per_sec}  {msg}";
            let bar = ProgressBar::new(0);
            if let Ok(style) = ProgressStyle::with_template(style) {
                bar.set_style(style);
            }
            bar
        });
        let now = Instant::now();
        Self { bar, began: now, told: now }
    }

    fn tell(&mut self, progress: ImportProgress) {
        let ImportProgress { rows, rows_about, day } = progress;
        if let Some(bar) = &self.bar {
            bar.set_length(rows_about.max(rows));
            bar.set_position(rows);
            bar.set_message(import::date(day));
        } else if self.told.elapsed() >= LINES_EVERY {
            self.told = Instant::now();
            let rate = import::rate(rows, self.began.elapsed());
            complain(&format!(
                "{rows} of about {rows_about} records, {rate} a second, now {}",
                import::date(day)
            ));
        }
    }

    fn end(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
