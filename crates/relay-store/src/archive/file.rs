//! The folder of the archive, and a file in it that is being written. All of it blocks.

use std::{
    collections::BTreeSet,
    fs::{self, File, OpenOptions},
    io::{self, BufWriter, ErrorKind, Write},
    path::{Path, PathBuf},
};

use csv::StringRecord;
use flate2::{Compression, write::GzEncoder};
use relay_core::StoredRecord;

use super::{
    days::{Day, FileName},
    format,
};

/// What the folder holds of the archive; other files are not looked at.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Days with a file, in either form.
    pub(crate) archived: BTreeSet<Day>,
    /// The files, finished ones and others.
    pub(crate) files: Vec<FileName>,
}

/// Looks what there is; a folder that does not exist holds nothing.
pub(crate) fn scan(folder: &Path) -> io::Result<Found> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Found::default()),
        Err(error) => return Err(error),
    };
    let mut found = Found::default();
    for entry in entries {
        let entry = entry?;
        let Some(name) = entry.file_name().to_str().and_then(FileName::parse) else { continue };
        if !name.part {
            found.archived.insert(name.day);
        }
        if entry.file_type()?.is_file() {
            found.files.push(name);
        }
    }
    Ok(found)
}

/// Makes the folder when it does not exist. The folder around it is not made: it would hide a mistyped path, or a disk
/// that is not mounted.
pub(super) fn prepare(folder: &Path) -> io::Result<()> {
    match fs::create_dir(folder) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
        other => other,
    }
}

/// Removes a file of the archive; one that is gone already is no error.
pub(super) fn remove(folder: &Path, name: FileName) -> io::Result<()> {
    match fs::remove_file(folder.join(name.to_string())) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The archive of one day in the making. Dropping it unfinished leaves nothing behind.
pub(super) struct PartFile {
    folder: PathBuf,
    name: FileName,
    /// Taken by [`PartFile::finish`].
    rows: Option<csv::Writer<Output>>,
    row: StringRecord,
    finished: bool,
}

enum Output {
    Plain(BufWriter<File>),
    Compressed(Box<GzEncoder<BufWriter<File>>>),
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Compressed(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            Self::Compressed(file) => file.flush(),
        }
    }
}

impl PartFile {
    /// Begins the file of a day, with its header.
    pub(super) fn create(folder: &Path, day: Day, compressed: bool) -> io::Result<Self> {
        let name = FileName { day, compressed, part: true };
        let path = folder.join(name.to_string());
        let file = BufWriter::new(OpenOptions::new().write(true).create(true).truncate(true).open(path)?);
        let output = if compressed {
            Output::Compressed(Box::new(GzEncoder::new(file, Compression::default())))
        } else {
            Output::Plain(file)
        };
        let mut part = Self {
            folder: folder.to_owned(),
            name,
            rows: Some(csv::Writer::from_writer(output)),
            row: StringRecord::new(),
            finished: false,
        };
        part.rows()?.write_record(format::COLUMNS).map_err(io_error)?;
        Ok(part)
    }

    fn rows(&mut self) -> io::Result<&mut csv::Writer<Output>> {
        self.rows.as_mut().ok_or_else(|| io::Error::other("the file is finished"))
    }

    /// Adds records.
    pub(super) fn write(&mut self, records: &[StoredRecord]) -> io::Result<()> {
        let mut row = std::mem::take(&mut self.row);
        let rows = self.rows()?;
        for stored in records {
            format::write(stored, &mut row);
            rows.write_record(&row).map_err(io_error)?;
        }
        self.row = row;
        Ok(())
    }

    /// Brings everything to disk and gives the file its name. From then on it is there as a whole, also after a power
    /// cut.
    pub(super) fn finish(mut self) -> io::Result<()> {
        let Some(rows) = self.rows.take() else { return Ok(()) };
        let buffered = match rows.into_inner().map_err(|error| {
            let kind = error.error().kind();
            io::Error::new(kind, error.error().to_string())
        })? {
            Output::Plain(file) => file,
            Output::Compressed(file) => file.finish()?,
        };
        let file = buffered.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        let path = |name: FileName| self.folder.join(name.to_string());
        fs::rename(path(self.name), path(FileName { part: false, ..self.name }))?;
        self.finished = true;
        File::open(&self.folder)?.sync_all()
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        if !self.finished {
            // The writer would write what it has when it is dropped, to a file that is to go away.
            drop(self.rows.take());
            let _ = remove(&self.folder, self.name);
        }
    }
}

fn io_error(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: &str = "probe_history_2026-03-10.csv.gz";

    fn day() -> Day {
        FileName::parse(DAY).expect("a name").day
    }

    #[test]
    fn what_is_not_finished_leaves_nothing_behind() {
        let folder = tempfile::tempdir().expect("a folder");
        let part = PartFile::create(folder.path(), day(), true).expect("begun");
        assert!(folder.path().join(format!(".{DAY}.part")).exists());
        assert!(scan(folder.path()).expect("found").archived.is_empty());
        drop(part);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
        PartFile::create(folder.path(), day(), true).expect("begun").finish().expect("finished");
        assert_eq!(scan(folder.path()).expect("found").archived, BTreeSet::from([day()]));
    }

    #[test]
    fn a_full_disk_is_an_error_and_no_file() {
        let folder = tempfile::tempdir().expect("a folder");
        // Everything that is written to it finds no space left.
        let part = folder.path().join(format!(".{DAY}.part"));
        std::os::unix::fs::symlink("/dev/full", part).expect("a link");
        let error = PartFile::create(folder.path(), day(), true).and_then(PartFile::finish);
        assert_eq!(error.expect_err("it is full").kind(), ErrorKind::StorageFull);
        assert_eq!(fs::read_dir(folder.path()).expect("a folder").count(), 0);
    }

    #[test]
    fn the_folder_is_made_but_not_the_one_around_it() {
        let folder = tempfile::tempdir().expect("a folder");
        let inner = folder.path().join("archive");
        prepare(&inner).expect("made");
        prepare(&inner).expect("there already");
        assert_eq!(
            prepare(&folder.path().join("typo/archive")).expect_err("refused").kind(),
            ErrorKind::NotFound
        );
        fs::write(folder.path().join("file"), "").expect("written");
        prepare(&folder.path().join("file")).expect_err("it is no folder");
    }
}
