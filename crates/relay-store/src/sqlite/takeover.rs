//! A database of the Go version at the place where ours should be: it is moved aside, and imported from there.
//!
//! What is done is written on the disk, so that a process that is killed at any moment is followed by one that goes on:
//! 1. The log of the old database is copied into it, and goes away. It stays when somebody has the database open.
//! 2. `<path>.relay-pulse-import` is written: the name that the old database will have. From here on there is an
//!    import to be done, whatever happens.
//! 3. The old database gets that name, and never takes the place of another file.
//! 4. A new database is made at `path`, and the import begins; its own notes say how far it is.
//! 5. When the import is finished, the file of step 2 is removed.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write as _},
    os::unix::ffi::{OsStrExt as _, OsStringExt as _},
    path::{Path, PathBuf},
    time::Duration,
};

use relay_core::ports::repository::Error;
use rusqlite::{Connection, OpenFlags};
use rustix::{
    fs::{CWD, RenameFlags, renameat_with},
    io::Errno,
};
use tracing::{info, warn};

use super::{
    error::{opening, unusable},
    file::{self, Lock, Maker},
};
use crate::import::ImportFrom;

/// How many links are followed to the file.
const LINKS: u32 = 40;

/// How many databases were moved aside on one day, at most.
const MOST: u32 = 1_000;

/// A database of the Go version that was moved aside and is still to be imported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenOver {
    /// Where it is now.
    moved: PathBuf,
    /// The file that says so.
    note: PathBuf,
}

impl TakenOver {
    /// Returns where the old database is now.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.moved
    }

    /// Returns what to import.
    #[must_use]
    pub fn source(&self) -> ImportFrom {
        ImportFrom::RelayPulseFile(self.moved.clone())
    }

    /// Notes that everything was imported. The old database stays where it is.
    ///
    /// # Errors
    /// [`Error::Unavailable`] when it cannot be noted; the next start finds then that nothing is left to be imported.
    pub fn finished(self) -> Result<(), Error> {
        forget(&self.note).map_err(|error| unusable(&self.note, &error.to_string()))
    }
}

/// Tells whether the database at `path` is one of the Go version. Blocks the thread; changes nothing.
///
/// # Errors
/// [`Error::Unavailable`], [`Error::Corrupt`] when it cannot be looked at.
pub fn is_relay_pulse(path: &Path) -> Result<bool, Error> {
    let path = target(path);
    Ok(file::is_database(&path) && file::maker(&path)? == Maker::RelayPulse)
}

/// Moves a database of the Go version at `path` aside to `<path>.relay-pulse-<date>`, and returns what is to be imported
/// from there: also when an earlier start did not come to the end of it. `None` when there is nothing of the kind. Blocks
/// the thread.
///
/// # Errors
/// [`Error::Conflict`] when another process has the database open; [`Error::Unavailable`] when the folder cannot be
/// written to. Nothing is lost then, and the next start tries again.
pub fn take_over(path: &Path, date: &str) -> Result<Option<TakenOver>, Error> {
    let place = target(path);
    let note = file::beside(&place, ".relay-pulse-import");
    if !note.exists() && !is_relay_pulse(&place)? {
        return Ok(None);
    }
    let lock = Lock::take(path)?;
    let trouble = |error: io::Error| unusable(&place, &format!("its history cannot be taken over: {error}"));
    if is_relay_pulse(&place)? {
        empty_log(&place)?;
        let moved = new_name(&place, noted(&place, &note).map_err(trouble)?, date).map_err(trouble)?;
        write_note(&note, &moved).map_err(trouble)?;
        rename_new(&place, &moved).map_err(trouble)?;
        sync_folder(&place).map_err(trouble)?;
        info!(from = %place.display(), to = %moved.display(), "moved the database of the Go version aside");
    }
    drop(lock);
    let Some(moved) = noted(&place, &note).map_err(trouble)? else {
        forget(&note).map_err(trouble)?;
        return Ok(None);
    };
    if !moved.exists() {
        warn!(path = %moved.display(), "the database of the Go version is gone, its history is not imported further");
        forget(&note).map_err(trouble)?;
        return Ok(None);
    }
    Ok(Some(TakenOver { moved, note }))
}

/// Follows links to the file that is meant, which need not exist: a link must go on leading to the database.
fn target(path: &Path) -> PathBuf {
    let mut path = path.to_owned();
    for _ in 0..LINKS {
        let Ok(next) = fs::read_link(&path) else { break };
        path = path.parent().unwrap_or_else(|| Path::new("")).join(next);
    }
    path
}

/// Copies the log into the database, so that the file is all there is.
fn empty_log(path: &Path) -> Result<(), Error> {
    let in_use = || Error::Conflict {
        reason: format!(
            "{} belongs to the Go version of Relay Pulse, which still has it open: stop that first",
            path.display()
        ),
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|error| opening(path, error))?;
    connection.busy_timeout(Duration::from_secs(2)).map_err(|error| opening(path, error))?;
    let busy: bool = connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get(0))
        .map_err(|error| opening(path, error))?;
    connection.close().map_err(|(_, error)| opening(path, error))?;
    // The last one who closes a database removes its log.
    if busy || file::beside(path, "-wal").exists() { Err(in_use()) } else { Ok(()) }
}

/// Returns where the old database is, or will be, by the note.
fn noted(place: &Path, note: &Path) -> io::Result<Option<PathBuf>> {
    match fs::read(note) {
        Ok(name) if name.is_empty() || name.contains(&b'/') => Ok(None),
        Ok(name) => Ok(Some(place.with_file_name(std::ffi::OsString::from_vec(name)))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns a name that no file has yet: the one that was noted before, if that is free.
fn new_name(place: &Path, noted: Option<PathBuf>, date: &str) -> io::Result<PathBuf> {
    let by_date = (1..MOST).map(|number| {
        let ending = if number == 1 { String::new() } else { format!("-{number}") };
        file::beside(place, &format!(".relay-pulse-{date}{ending}"))
    });
    let is_free =
        |path: &PathBuf| fs::symlink_metadata(path).is_err_and(|error| error.kind() == ErrorKind::NotFound);
    let name = noted.into_iter().chain(by_date).find(is_free);
    name.ok_or_else(|| io::Error::other("too many databases were moved aside today"))
}

fn write_note(note: &Path, moved: &Path) -> io::Result<()> {
    let name = moved.file_name().unwrap_or_default();
    let part = file::beside(note, ".new");
    let mut file = File::create(&part)?;
    file.write_all(name.as_bytes())?;
    file.sync_all()?;
    fs::rename(&part, note)?;
    sync_folder(note)
}

/// Renames, but never onto another file.
fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        Ok(()) => Ok(()),
        // Some file systems cannot tell; the lock keeps others of us away, and the name was free.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => fs::rename(from, to),
        Err(error) => Err(error.into()),
    }
}

fn forget(note: &Path) -> io::Result<()> {
    match fs::remove_file(note) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
        _ => sync_folder(note),
    }
}

/// Makes what was renamed or removed beside `path` outlive a power cut.
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    File::open(folder)?.sync_all()
}
