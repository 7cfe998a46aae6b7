//! What is opened, and what is refused in one clear sentence.

use std::{
    collections::BTreeMap,
    fs,
    hash::{DefaultHasher, Hash, Hasher},
    path::Path,
    sync::Arc,
};

use relay_core::ports::{
    clock::SystemClock,
    repository::{Error, Maintenance as _},
};
use relay_store::{SqliteOptions, SqliteRepository};
use rusqlite::Connection;

fn open(path: &Path) -> Result<SqliteRepository, Error> {
    SqliteRepository::open(&SqliteOptions::new(path), Arc::new(SystemClock))
}

fn refusal(path: &Path) -> Error {
    let error = open(path).expect_err("it is refused");
    let sentence = error.to_string();
    assert!(sentence.contains(&path.display().to_string()), "{sentence}");
    assert!(!sentence.contains('\n'), "{sentence}");
    error
}

/// Every file of a folder with a digest of its content, but for `-shm`: that is shared memory, in which readers leave
/// marks, and no data.
fn content(folder: &Path) -> BTreeMap<String, u64> {
    let digest = |path: &Path| {
        let mut hasher = DefaultHasher::new();
        fs::read(path).expect("a file").hash(&mut hasher);
        hasher.finish()
    };
    fs::read_dir(folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.is_file() && !path.to_string_lossy().ends_with("-shm"))
        .map(|path| (path.display().to_string(), digest(&path)))
        .collect()
}

#[tokio::test]
async fn a_missing_folder_is_named_and_an_empty_file_is_filled() {
    let folder = tempfile::tempdir().expect("a folder");
    let error = open(&folder.path().join("a/b/relay.db")).expect_err("refused").to_string();
    assert!(error.contains("a/b does not exist"), "{error}");
    assert!(!folder.path().join("a").exists(), "nothing is made for a mistyped path");
    let empty = folder.path().join("empty.db");
    fs::write(&empty, []).expect("written");
    open(&empty).expect("opened").close().await.expect("closed");
    open(&empty).expect("opened again");
}

#[test]
fn a_folder_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(refusal(folder.path()).to_string().contains("is a folder"));
}

#[test]
fn a_path_below_a_file_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("file");
    fs::write(&file, "text").expect("written");
    refusal(&file.join("relay.db"));
    assert_eq!(fs::read(&file).expect("read"), b"text");
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    for text in ["x", "monitors:\n  - provider: a\n    service: cc\n"] {
        let path = folder.path().join("config.yaml");
        fs::write(&path, text).expect("written");
        let before = content(folder.path());
        assert!(refusal(&path).to_string().contains("is not an SQLite database"));
        assert_eq!(content(folder.path()), before);
    }
}

#[test]
fn a_damaged_database_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("relay.db");
    let mut bytes = b"SQLite format 3\0".to_vec();
    bytes.extend([0x5a; 5000]);
    fs::write(&path, &bytes).expect("written");
    let before = content(folder.path());
    refusal(&path);
    assert_eq!(content(folder.path()), before);
}

#[test]
fn databases_of_other_programs_are_refused_untouched() {
    let tables = [
        (
            "CREATE TABLE probe_history (id INTEGER PRIMARY KEY AUTOINCREMENT, provider TEXT NOT NULL, service TEXT \
             NOT NULL, status INTEGER NOT NULL, latency INTEGER NOT NULL, timestamp INTEGER NOT NULL); INSERT INTO \
             probe_history (provider, service, status, latency, timestamp) VALUES ('a', 'cc', 1, 2, 3)",
            "an older Relay Pulse",
        ),
        ("CREATE TABLE notes (text TEXT)", "another program"),
    ];
    for (sql, who) in tables {
        for mode in ["WAL", "DELETE"] {
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("relay.db");
            let other = Connection::open(&path).expect("made");
            other.pragma_update(None, "journal_mode", mode).expect("a mode");
            other.execute_batch(sql).expect("tables");
            let before = content(folder.path());
            assert!(refusal(&path).to_string().contains(who));
            assert_eq!(content(folder.path()), before, "while the other program runs, {mode}");
            drop(other);
            let before = content(folder.path());
            assert!(refusal(&path).to_string().contains(who));
            assert_eq!(content(folder.path()), before, "after it, {mode}");
        }
    }
}

#[tokio::test]
async fn a_newer_database_and_an_edited_migration_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    for (sql, expected) in [
        ("INSERT INTO schema_migrations VALUES (9999, 'x', 'y', 0)", "schema version 9999"),
        ("UPDATE schema_migrations SET sha256 = 'other'", "migration 1"),
    ] {
        let path = folder.path().join(format!("{}.db", expected.len()));
        open(&path).expect("opened").close().await.expect("closed");
        Connection::open(&path).expect("opened").execute(sql, []).expect("changed");
        let error = open(&path).expect_err("it is refused").to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[tokio::test]
async fn a_second_owner_is_refused_until_the_first_has_closed() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("relay.db");
    let first = open(&path).expect("opened");
    let error = refusal(&path);
    assert!(matches!(error, Error::Conflict { .. }), "{error:?}");
    first.close().await.expect("closed");
    open(&path).expect("opened");
}

#[test]
fn a_database_that_somebody_keeps_locked_is_a_conflict() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("relay.db");
    let shell = Connection::open(&path).expect("made");
    shell.execute_batch("BEGIN EXCLUSIVE").expect("locked");
    let options =
        SqliteOptions { busy_timeout: std::time::Duration::from_millis(20), ..SqliteOptions::new(&path) };
    let error = SqliteRepository::open(&options, Arc::new(SystemClock)).expect_err("it is refused");
    assert!(error.to_string().contains("in use by another process"), "{error}");
}

#[tokio::test]
async fn many_may_start_on_one_new_file_and_one_wins() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("relay.db");
    let results: Vec<_> = std::thread::scope(|scope| {
        let starters: Vec<_> = (0..8).map(|_| scope.spawn(|| open(&path))).collect();
        starters.into_iter().map(|starter| starter.join().expect("no panic")).collect()
    });
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(
        results
            .iter()
            .filter_map(|result| result.as_ref().err())
            .all(|error| matches!(error, Error::Conflict { .. }))
    );
}
