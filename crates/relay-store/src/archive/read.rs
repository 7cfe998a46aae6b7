//! Reading an archive file back.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::Path,
};

use csv::StringRecord;
use flate2::bufread::MultiGzDecoder;
use relay_core::StoredRecord;

use super::format::Header;

/// The most bytes of one row: rows have a few hundred, and a quote that is never closed must not fill the memory.
const ROW_BYTES: u64 = 1024 * 1024;

/// The first bytes of every gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Why an archive file, or a row of it, cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file cannot be read, or not to its end: it is gone, cut off or damaged.
    #[error("cannot read the archive after line {line}: {source}")]
    Io {
        /// The last line that was begun, 0 before the first.
        line: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The file is no archive.
    #[error("not an archive: {reason}")]
    Header {
        /// What is missing.
        reason: String,
    },
    /// One row cannot be understood; the rows after it can be read.
    #[error("line {line}: {reason}")]
    Row {
        /// The line it begins in, from 1 on; the header is in line 1.
        line: u64,
        /// What is wrong with it.
        reason: String,
    },
}

/// Opens an archive file of this program or of the Go version, compressed or not, whatever its name is.
///
/// # Errors
/// [`ReadError::Io`] when it cannot be opened, [`ReadError::Header`] when it is no archive.
pub fn read(path: &Path) -> Result<Records, ReadError> {
    let file = File::open(path).map_err(|source| ReadError::Io { line: 0, source })?;
    Records::new(file)
}

/// The records of an archive file in the order of its rows, with the numbers they had. Memory is bounded whatever the
/// file holds. After [`ReadError::Io`] it ends; after [`ReadError::Row`] it goes on with the next row.
pub struct Records {
    rows: csv::Reader<Bounded>,
    header: Header,
    row: StringRecord,
    ended: bool,
}

impl std::fmt::Debug for Records {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Records").field("line", &self.rows.position().line()).finish_non_exhaustive()
    }
}

impl Records {
    /// Reads from any source.
    ///
    /// # Errors
    /// As [`read`].
    pub fn new(source: impl Read + Send + 'static) -> Result<Self, ReadError> {
        let trouble = |source| ReadError::Io { line: 0, source };
        let mut source = BufReader::new(source);
        let compressed = source.fill_buf().map_err(trouble)?.starts_with(&GZIP);
        let source: Box<dyn Read + Send> =
            if compressed { Box::new(MultiGzDecoder::new(source)) } else { Box::new(source) };
        let mut rows = csv::Reader::from_reader(Bounded { source, left: ROW_BYTES });
        let names = rows.headers().map_err(|error| match error.into_kind() {
            csv::ErrorKind::Io(source) => trouble(source),
            _ => ReadError::Header { reason: "its first line is no text".to_owned() },
        })?;
        let header = Header::find(names)
            .map_err(|column| ReadError::Header { reason: format!("it has no column {column}") })?;
        Ok(Self { rows, header, row: StringRecord::new(), ended: false })
    }
}

impl Iterator for Records {
    type Item = Result<StoredRecord, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        self.rows.get_mut().left = ROW_BYTES;
        let read = self.rows.read_record(&mut self.row);
        let line = self.row.position().map_or(0, csv::Position::line);
        Some(match read {
            Ok(false) => {
                self.ended = true;
                return None;
            }
            Ok(true) => self.header.record(&self.row).map_err(|reason| ReadError::Row { line, reason }),
            Err(error) => Err(match error.into_kind() {
                csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
                    let line = pos.map_or(line, |pos| pos.line());
                    let reason = format!("it has {len} fields, the header has {expected_len}");
                    ReadError::Row { line, reason }
                }
                csv::ErrorKind::Utf8 { pos, .. } => ReadError::Row {
                    line: pos.map_or(line, |pos| pos.line()),
                    reason: "it is no UTF-8 text".to_owned(),
                },
                kind => {
                    self.ended = true;
                    let source = match kind {
                        csv::ErrorKind::Io(source) => source,
                        other => io::Error::other(format!("{other:?}")),
                    };
                    ReadError::Io { line: self.rows.position().line(), source }
                }
            }),
        })
    }
}

/// Gives no more bytes than are left for the row that is being read, and what the parser read ahead.
struct Bounded {
    source: Box<dyn Read + Send>,
    left: u64,
}

impl Read for Bounded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a row is longer than a mebibyte"));
        }
        let count = self.source.read(buffer)?;
        self.left = self.left.saturating_sub(count as u64);
        Ok(count)
    }
}
