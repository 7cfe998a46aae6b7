//! Bringing history in that was made elsewhere: from databases of the Go version, and from archives.
//!
//! [`Import::begin`] opens a source, reserves its numbers, and copies events and states; [`Import::history`] brings the
//! records in, day by day, newest first, and can be broken off at any moment: an import of the same name goes on where
//! the last one was. Half hours that the store keeps records of get their records, older ones count in their days only.
//! Whatever is there already is not added again, so any import may be made twice.
//!
//! [`source`] is what is read, one implementation for each driver; [`relay_pulse`] says what the rows of the Go version
//! mean; [`missing`], [`events`] and [`numbers`] decide, for the drivers of our own store, what is new and how it is
//! numbered.

mod chunks;
mod events;
mod history;
mod left_out;
mod missing;
mod numbers;
pub(crate) mod relay_pulse;
pub(crate) mod source;

use std::{collections::BTreeMap, path::PathBuf, sync::Arc, time::Duration};

use relay_core::{
    MonitorKey, Psc, UnixSeconds,
    event::{Event, GroupStates},
    ports::{
        Clock, Repository,
        repository::{self, ImportProgress, ImportSource},
    },
    record::RecordId,
};
use tokio::sync::watch;

pub use history::{Progress, Summary};
pub use left_out::LeftOut;
pub(crate) use {
    events::missing_events,
    missing::{fill, fuller_day, missing_of_days, touched},
    numbers::settle_numbers,
};

use self::source::{Facts, Source};
use crate::{
    options::PostgresOptions,
    postgres::RelayPulseTables,
    sqlite::{RelayPulseFile, fill as fill_scratch},
};

/// Events that are in memory at a time.
const EVENTS: u32 = 1_000;

/// Where history comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ImportFrom {
    /// An SQLite file of the Go version. It is only read; the program that writes it may go on.
    RelayPulseFile(PathBuf),
    /// Tables of the Go version in the schema `public` of a PostgreSQL database. They are only read; the program that
    /// writes them may go on.
    RelayPulseTables(Box<PostgresOptions>),
    /// A file of the archive, of this program or of the Go version, compressed or not.
    Archive {
        /// The archive.
        file: PathBuf,
        /// Where a file can be made that holds its records meanwhile; the caller removes it afterwards.
        scratch: PathBuf,
    },
}

impl ImportFrom {
    /// Returns a name for the import that is the same for each try.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::RelayPulseFile(path) => {
                let whole = path.canonicalize().unwrap_or_else(|_| path.clone());
                format!("relay-pulse:{}", whole.display())
            }
            Self::RelayPulseTables(options) => {
                format!("relay-pulse:postgres:{}:{}/{}", options.host, options.port, options.database)
            }
            Self::Archive { file, .. } => {
                let whole = file.canonicalize().unwrap_or_else(|_| file.clone());
                format!("archive:{}", whole.display())
            }
        }
    }
}

/// What a caller decides about an import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportOptions {
    /// What the import is called: the same for every try of one import.
    pub name: String,
    /// Records of the half hour that this second lies in, and later ones, are brought in as records: those that the
    /// cleaner would leave.
    pub records_from: UnixSeconds,
    /// Counts of the day that this second lies in, and later ones, are brought in; what is older is left out.
    pub counts_from: UnixSeconds,
    /// About how many records are stored in one transaction; twice as many at most. What else is written waits meanwhile.
    pub chunk: usize,
    /// How long to try again while the store or the source is away.
    pub patience: Duration,
}

impl ImportOptions {
    /// Brings everything in as records, 20,000 at a time, and tries for two minutes.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            records_from: 0,
            counts_from: 0,
            chunk: 20_000,
            patience: Duration::from_secs(120),
        }
    }
}

/// What an import works with.
pub struct ImportDeps {
    /// Where the history goes.
    pub repository: Arc<dyn Repository>,
    /// Says which day it is.
    pub clock: Arc<dyn Clock>,
    /// The groups that history without channel belongs to. A caller that changes it while the import goes on also calls
    /// [`name_channels`] at the end.
    ///
    /// [`name_channels`]: relay_core::ports::repository::Maintenance::name_channels
    pub heirs: watch::Receiver<Vec<Psc>>,
}

/// Why an import did not come to its end. What was brought in stays, and another try goes on from there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// The source cannot be read.
    #[error("{reason}")]
    Source {
        /// What is wrong with it, without secrets.
        reason: String,
        /// Whether trying again may help.
        temporary: bool,
    },
    /// The store could not take it.
    #[error(transparent)]
    Store(#[from] repository::Error),
    /// Somebody asked for it to stop.
    #[error("the import was interrupted; when it is started again, it goes on from here")]
    Stopped,
}

impl ImportError {
    fn is_temporary(&self) -> bool {
        matches!(
            self,
            Self::Source { temporary: true, .. } | Self::Store(repository::Error::Unavailable { .. })
        )
    }
}

/// An import that has begun: events and states are there, history can follow.
pub struct Import {
    source: Arc<dyn Source>,
    options: ImportOptions,
    deps: ImportDeps,
    facts: Facts,
    progress: ImportProgress,
    summary: Summary,
}

impl std::fmt::Debug for Import {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Import").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Import {
    /// Opens the source, reserves its numbers, and copies its events and states.
    ///
    /// # Errors
    /// [`ImportError::Source`], [`ImportError::Store`].
    pub async fn begin(
        from: &ImportFrom,
        options: ImportOptions,
        deps: ImportDeps,
    ) -> Result<Self, ImportError> {
        let (source, left_out) = open(from).await?;
        let facts = source.facts().await?;
        let (progress, summary) = (ImportProgress::default(), Summary { left_out, ..Summary::default() });
        let mut import = Self { source, options, deps, facts, progress, summary };
        import.look_again().await?;
        import.copy_events().await?;
        import.copy_states().await?;
        Ok(import)
    }

    /// Looks how far the import is: another process may have gone on with it.
    ///
    /// # Errors
    /// [`ImportError::Store`].
    pub async fn look_again(&mut self) -> Result<(), ImportError> {
        let begun = ImportSource {
            name: self.options.name.clone(),
            last_record_id: self.facts.last_record_id,
            last_event_id: self.facts.last_event_id,
        };
        self.progress = self.deps.repository.begin_import(&begun).await?;
        Ok(())
    }

    /// Tells whether an earlier try brought everything in.
    #[must_use]
    pub fn was_finished(&self) -> bool {
        self.progress.finished
    }

    /// Returns what was copied so far: events and states.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    async fn copy_events(&mut self) -> Result<(), ImportError> {
        let mut after = Some(0);
        while let Some(id) = after {
            let found = self.source.events(id, EVENTS).await?;
            self.summary.events_skipped += found.skipped;
            let heirs = self.heirs();
            let events = found.events.into_iter().map(|event| self.at_home(&heirs, event)).collect();
            let outcome = self.deps.repository.import_events(events, Vec::new()).await?;
            self.summary.events += outcome.events;
            self.summary.events_left_out += outcome.events_left_out;
            after = found.next;
        }
        Ok(())
    }

    async fn copy_states(&mut self) -> Result<(), ImportError> {
        // A time in the future would keep a machine from hearing of anything until then.
        let now = self.deps.clock.now().as_secs();
        let heirs = self.heirs();
        let mut groups: BTreeMap<Psc, GroupStates> = BTreeMap::new();
        let found = self.source.states().await?;
        // Groups that have their channel first: their own states stay when those without one join them.
        let (named, unnamed): (Vec<_>, Vec<_>) =
            found.into_iter().partition(|(psc, _)| !psc.channel().is_empty());
        for (psc, mut states) in named.into_iter().chain(unnamed) {
            for model in states.models.values_mut() {
                model.last_record_id = self.shifted(model.last_record_id);
                model.last_timestamp = model.last_timestamp.min(now);
            }
            if let Some(channel) = &mut states.channel {
                channel.last_record_id = self.shifted(channel.last_record_id);
                channel.last_timestamp = channel.last_timestamp.min(now);
            }
            groups.entry(heirs.group(psc)).or_default().adopt(states);
        }
        let groups = groups.into_iter().collect();
        self.summary.groups += self.deps.repository.import_events(Vec::new(), groups).await?.groups;
        Ok(())
    }

    /// Returns the event as it belongs into the store.
    fn at_home(&self, heirs: &Heirs, mut event: Event) -> Event {
        event.event.key = heirs.key(event.event.key);
        event.event.trigger_record_id = self.shifted(event.event.trigger_record_id);
        event
    }

    /// Returns the number that a record of the source gets; 0, for any, when it has none.
    fn shifted(&self, id: RecordId) -> RecordId {
        if id > 0 { id.saturating_add(self.progress.id_offset) } else { 0 }
    }

    fn heirs(&self) -> Heirs {
        let groups = self.deps.heirs.borrow();
        let name = |group: &Psc| ((group.provider().to_owned(), group.service().to_owned()), group.clone());
        Heirs(groups.iter().map(name).collect())
    }
}

/// A source, and which of its rows are left out already.
type Opened = (Arc<dyn Source>, LeftOut);

async fn open(from: &ImportFrom) -> Result<Opened, ImportError> {
    match from.clone() {
        ImportFrom::RelayPulseTables(options) => {
            Ok((Arc::new(RelayPulseTables::open(&options).await?), LeftOut::default()))
        }
        ImportFrom::RelayPulseFile(path) => {
            blocking(move || Ok((Arc::new(RelayPulseFile::open(&path)?), LeftOut::default()))).await
        }
        ImportFrom::Archive { file, scratch } => {
            blocking(move || {
                let left_out = fill_scratch(&file, &scratch)?;
                Ok((Arc::new(RelayPulseFile::open(&scratch)?), left_out))
            })
            .await
        }
    }
}

async fn blocking(
    open: impl FnOnce() -> Result<Opened, ImportError> + Send + 'static,
) -> Result<Opened, ImportError> {
    let broken = |_| ImportError::Source { reason: "opening was broken off".to_owned(), temporary: true };
    tokio::task::spawn_blocking(open).await.map_err(broken)?
}

/// Who history without channel belongs to, by provider and service.
#[derive(Debug, Default)]
struct Heirs(BTreeMap<(String, String), Psc>);

impl Heirs {
    fn group(&self, psc: Psc) -> Psc {
        if self.0.is_empty() || !psc.channel().is_empty() {
            return psc;
        }
        let name = (psc.provider().to_owned(), psc.service().to_owned());
        self.0.get(&name).cloned().unwrap_or(psc)
    }

    fn key(&self, key: MonitorKey) -> MonitorKey {
        if self.0.is_empty() || !key.channel().is_empty() {
            return key;
        }
        MonitorKey::new(self.group(key.psc().clone()), key.model())
    }
}
