//! One owner per database file.

use std::{
    fs::{File, OpenOptions},
    io::{Read, Seek, Write},
    path::Path,
};

use relay_core::ports::repository::Error;
use rustix::fs::{FlockOperation, flock};

/// Holds `<database>.lock` locked; the kernel lets go of it when the process ends, however it ends. The file itself
/// stays, so that no two processes can lock two different files of that name.
#[derive(Debug)]
pub(super) struct OwnerLock {
    _file: File,
}

impl OwnerLock {
    pub(super) fn take(database: &Path) -> Result<Self, Error> {
        let mut path = database.as_os_str().to_owned();
        path.push(".lock");
        let path = Path::new(&path);
        let cannot = |error: std::io::Error| Error::Unavailable {
            reason: format!("cannot open {}: {error}", path.display()),
            source: Some(Box::new(error)),
        };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(cannot)?;
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            let mut owner = String::new();
            // The number is a courtesy; without it the sentence is still true.
            let _ = file.read_to_string(&mut owner);
            let owner = owner.trim();
            let owner = if owner.is_empty() { String::new() } else { format!(" (process {owner})") };
            return Err(Error::Conflict {
                reason: format!(
                    "{} is in use by another relay-server{owner}; stop that one first",
                    database.display()
                ),
            });
        }
        file.set_len(0).and_then(|()| file.rewind()).map_err(cannot)?;
        write!(file, "{}", std::process::id()).map_err(cannot)?;
        Ok(Self { _file: file })
    }
}
