//! The database file before it is opened: whether it is ours, and nobody else's.

use std::{
    ffi::OsString,
    fs::{self, File, OpenOptions},
    io::{ErrorKind, Read},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use relay_core::ports::repository::Error;
use rusqlite::{Connection, OpenFlags};
use rustix::{
    fs::{FlockOperation, flock},
    io::Errno,
};

use super::error::{opening, refused, unusable};

/// The first bytes of every SQLite database.
const MAGIC: &[u8; 16] = b"SQLite format 3\0";

/// Holds the database for this process while it lives; the system lets go of it when the process dies.
#[derive(Debug)]
pub(super) struct Lock {
    file: File,
}

/// A process that this one is just starting has the file open too, for a moment: closing it alone would not let go.
impl Drop for Lock {
    fn drop(&mut self) {
        let _ = flock(&self.file, FlockOperation::Unlock);
    }
}

impl Lock {
    /// Takes the lock file beside `path`. The file stays when the lock is gone: removing it would let two processes
    /// hold one each.
    pub(super) fn take(path: &Path) -> Result<Self, Error> {
        let beside = beside(path, ".lock");
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&beside)
            .map_err(|error| refused(path, &format!("{} cannot be made: ", beside.display()), error))?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(Self { file }),
            Err(Errno::WOULDBLOCK) => Err(Error::Conflict {
                reason: format!(
                    "{} is in use by another relay-server: stop it, or choose another file",
                    path.display()
                ),
            }),
            Err(error) => {
                Err(refused(path, &format!("{} cannot be locked: ", beside.display()), error.into()))
            }
        }
    }
}

/// Where the open database is. Its log would be written to and its name be gone, without an error, if somebody deleted
/// the file or put another one in its place.
#[derive(Debug)]
pub(super) struct Place {
    path: PathBuf,
    file: (u64, u64),
}

impl Place {
    /// Remembers which file is at `path` now.
    pub(super) fn of(path: &Path) -> Result<Self, Error> {
        let meta = fs::metadata(path).map_err(|error| refused(path, "", error))?;
        Ok(Self { path: path.to_owned(), file: (meta.dev(), meta.ino()) })
    }

    /// Refuses to go on while the file is not where it was.
    pub(super) fn check(&self) -> Result<(), Error> {
        let shown = self.path.display();
        let reason = match fs::metadata(&self.path) {
            Ok(meta) if (meta.dev(), meta.ino()) == self.file => return Ok(()),
            Ok(_) => format!("{shown} is another file than the one that was opened"),
            Err(error) if error.kind() == ErrorKind::NotFound => format!("{shown} was deleted or moved"),
            Err(error) => format!("{shown} cannot be looked at: {error}"),
        };
        let reason = format!("{reason}: put it back, or start the server again to go on with what is there");
        Err(Error::Unavailable { reason, source: None })
    }
}

/// Refuses what cannot be our database without touching it.
pub(super) fn prepare(path: &Path) -> Result<(), Error> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => return Err(unusable(path, "it is a folder")),
        Ok(meta) if meta.len() == 0 => return Ok(()),
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            // A folder that is missing is a mistyped path or a disk that is not mounted: making it would hide either.
            return match path.parent().filter(|folder| !folder.as_os_str().is_empty() && !folder.is_dir()) {
                Some(folder) => {
                    Err(unusable(path, &format!("the folder {} does not exist", folder.display())))
                }
                None => Ok(()),
            };
        }
        Err(error) => return Err(refused(path, "", error)),
    }
    let mut start = [0; MAGIC.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    match read {
        Ok(()) if start == *MAGIC => refuse_foreign(path),
        Ok(()) => Err(Error::Corrupt { reason: format!("{} is not an SQLite database", path.display()) }),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => {
            Err(Error::Corrupt { reason: format!("{} is not an SQLite database", path.display()) })
        }
        Err(error) => Err(refused(path, "", error)),
    }
}

/// Refuses a database that somebody else made, and leaves it as it is.
fn refuse_foreign(path: &Path) -> Result<(), Error> {
    let made_by = match maker(path)? {
        Maker::Us => return Ok(()),
        Maker::RelayPulse => {
            "an older Relay Pulse, written in Go, and is left as it is: start the server without --no-upgrade, which \
             takes it over, or"
        }
        Maker::Other => "another program, and is left as it is:",
    };
    Err(Error::Unsupported {
        reason: format!("{} was made by {made_by} choose another file for the database", path.display()),
    })
}

/// Who made a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Maker {
    /// This program, or nobody yet.
    Us,
    /// Relay Pulse when it was written in Go.
    RelayPulse,
    /// Some other program.
    Other,
}

/// Looks who made the database at `path`, and changes nothing.
pub(super) fn maker(path: &Path) -> Result<Maker, Error> {
    let connection = look_at(path).map_err(|error| opening(path, error))?;
    let tables = || -> Result<Vec<String>, rusqlite::Error> {
        let mut statement = connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'")?;
        statement.query_map([], |row| row.get(0))?.collect()
    };
    let tables = tables().map_err(|error| opening(path, error))?;
    let has = |name: &str| tables.iter().any(|table| table == name);
    if has("schema_migrations") || tables.is_empty() {
        return Ok(Maker::Us);
    }
    let provider = "SELECT EXISTS (SELECT 1 FROM pragma_table_info('probe_history') WHERE name = 'provider')";
    let is_theirs: bool =
        connection.query_row(provider, [], |row| row.get(0)).map_err(|error| opening(path, error))?;
    Ok(if is_theirs { Maker::RelayPulse } else { Maker::Other })
}

/// Tells whether there is an SQLite database at `path`, by its first bytes.
pub(super) fn is_database(path: &Path) -> bool {
    let mut start = [0; MAGIC.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && start == *MAGIC
}

/// Opens a database for reading, so that neither it nor its log changes, also when this is the last connection to
/// close. Without a log, nobody has it open and the file is all there is; it is read as one that never changes then,
/// because SQLite would leave an empty log behind otherwise.
pub(super) fn look_at(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let Some(text) = path.to_str().filter(|_| !beside(path, "-wal").exists()) else {
        return Connection::open_with_flags(path, flags);
    };
    let text = text.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Connection::open_with_flags(format!("file:{text}?immutable=1"), flags | OpenFlags::SQLITE_OPEN_URI)
}

pub(super) fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}
