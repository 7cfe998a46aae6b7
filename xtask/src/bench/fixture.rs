//! A database full of generated history, made once and kept below the target folder.

use std::{
    fs,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use anyhow::{Context as _, Result};
use cargo_metadata::MetadataCommand;
use relay_core::{
    UnixSeconds,
    ports::{Clock as _, Repository, Transition, clock::SystemClock},
};
use relay_events::EventRules;
use relay_store::{Options, SqliteOptions};
use tokio::time::Instant;

use super::{Scale, figure, generator, generator::Generator};
use crate::workspace;

/// Records of one append.
pub(crate) const BATCH: usize = 1_000;

/// History older than this is made anew: the program's windows end now.
const KEPT_FOR: i64 = 24 * 3600;

/// A kept database and what is in it.
#[derive(Debug, Clone)]
pub(crate) struct Fixture {
    /// The database; nobody has it open.
    pub(crate) path: PathBuf,
    /// What it was filled with.
    pub(crate) generator: Generator,
}

/// Returns the generator of the benches: 100 monitors, 30 days, a record a minute.
pub(crate) fn generator(scale: Scale, end: UnixSeconds) -> Generator {
    Generator {
        seed: 1,
        monitors: scale.pick(100, 20),
        records: scale.pick(30, 2) * 24 * 60,
        interval: 60,
        end: end.div_euclid(60) * 60,
    }
}

/// Returns the time of the machine.
pub(crate) fn now() -> UnixSeconds {
    SystemClock.now().as_secs()
}

/// Returns the rules of events with their default thresholds, switched on.
pub(crate) fn event_rules() -> Arc<EventRules> {
    let rules = EventRules::default();
    // In model mode the rules ask for no list of active models.
    rules.configure(Some(relay_events::Options::default()), &[]);
    Arc::new(rules)
}

/// Opens the database at `path`.
///
/// # Errors
/// When it cannot be opened.
pub(crate) async fn open(path: &Path) -> Result<Arc<dyn Repository>> {
    let options = Options::Sqlite(SqliteOptions::new(path));
    relay_store::open(options, Arc::new(SystemClock))
        .await
        .with_context(|| format!("cannot open {}", path.display()))
}

/// Fills a new database at `path` with history.
///
/// # Errors
/// When it cannot be written.
pub(crate) fn fill(path: &Path, generator: &Generator) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let store = open(path).await?;
        let rules = event_rules();
        for batch in generator.batches(BATCH) {
            store.append(batch, Arc::clone(&rules) as Arc<dyn Transition>).await?;
        }
        store.close().await?;
        anyhow::Ok(())
    })
}

impl Fixture {
    /// Returns a kept database that is young enough, or makes one.
    ///
    /// # Errors
    /// When it cannot be made.
    pub(crate) fn obtain(scale: Scale) -> Result<Self> {
        let root = workspace::root();
        let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec()?;
        let folder = metadata.target_directory.join("bench").into_std_path_buf();
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let wanted = generator(scale, now());
        let prefix = format!(
            "{}x{}-{:016x}-",
            wanted.monitors,
            wanted.records,
            fingerprint(&workspace::files(&root)?)
        );
        if let Some(kept) = Self::kept(&folder, &prefix, wanted)? {
            return Ok(kept);
        }
        let fixture = Self { path: folder.join(format!("{prefix}{}.db", wanted.end)), generator: wanted };
        fixture.make()?;
        Ok(fixture)
    }

    /// Returns what is in it, for people.
    pub(crate) fn words(&self) -> String {
        self.generator.words()
    }

    fn kept(folder: &Path, prefix: &str, wanted: Generator) -> Result<Option<Self>> {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            let end = path.file_name().and_then(|name| name.to_str()).and_then(|name| end_of(name, prefix));
            if let Some(end) = end
                && (0..KEPT_FOR).contains(&(wanted.end - end))
            {
                return Ok(Some(Self { path, generator: Generator { end, ..wanted } }));
            }
        }
        Ok(None)
    }

    fn make(&self) -> Result<()> {
        eprintln!("generating {}, once", self.words());
        let start = Instant::now();
        let part = self.path.with_extension("part");
        for left_behind in ["part", "part-wal", "part-shm"] {
            // Of an interrupted run; mostly there is none.
            let _ = fs::remove_file(self.path.with_extension(left_behind));
        }
        fill(&part, &self.generator)?;
        fs::rename(&part, &self.path).context("cannot keep the generated database")?;
        eprintln!("{}", figure::rate(figure::per_second(self.generator.total(), start.elapsed())));
        Ok(())
    }
}

/// Changes with the generator and with the schema, whose migrations are all that makes a kept database outdated.
fn fingerprint(files: &[workspace::File]) -> u64 {
    let mut hasher = DefaultHasher::new();
    generator::VERSION.hash(&mut hasher);
    for file in files.iter().filter(|file| file.path.starts_with("migrations/sqlite/")) {
        (&file.path, &file.text).hash(&mut hasher);
    }
    hasher.finish()
}

/// Returns the end of the history in a kept database, by its name.
fn end_of(name: &str, prefix: &str) -> Option<UnixSeconds> {
    name.strip_prefix(prefix)?.strip_suffix(".db")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::File;

    #[test]
    fn names_say_when_the_history_ends() {
        assert_eq!(end_of("100x43200-ff-1800000000.db", "100x43200-ff-"), Some(1_800_000_000));
        assert_eq!(end_of("100x43200-ff-1800000000.naive.db", "100x43200-ff-"), None);
        assert_eq!(end_of("20x2880-ff-1800000000.db", "100x43200-ff-"), None);
    }

    #[test]
    fn another_schema_is_another_database() {
        let of = |text| fingerprint(&[File::of("migrations/sqlite/0001_a.sql", text)]);
        assert_eq!(of("CREATE TABLE a"), of("CREATE TABLE a"));
        assert_ne!(of("CREATE TABLE a"), of("CREATE TABLE b"));
    }

    #[test]
    fn only_young_databases_are_kept() {
        let folder = tempfile::tempdir().expect("a folder");
        let wanted = generator(Scale::Quick, 1_800_000_000);
        fs::write(folder.path().join("p-1799990000.db"), "").expect("a file");
        let kept = Fixture::kept(folder.path(), "p-", wanted).expect("readable").expect("kept");
        assert_eq!(kept.generator.end, 1_799_990_000);
        let later = generator(Scale::Quick, 1_800_000_000 + KEPT_FOR);
        assert!(Fixture::kept(folder.path(), "p-", later).expect("readable").is_none());
    }
}
