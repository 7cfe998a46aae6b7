//! Bodies that stand in files of their own, under `data/` beside the configuration.

use std::{
    collections::HashMap,
    fs::{self, File},
    io::{self, Read as _},
    path::{Component, Path},
    sync::Arc,
};

use rustix::fs::{Mode, OFlags};

use crate::fingerprint::Fingerprint;

/// The most bytes an included file may have.
const MAX_INCLUDE_BYTES: u64 = 1024 * 1024;
/// The most bytes a configuration may have.
pub(crate) const MAX_CONFIG_BYTES: u64 = 16 * 1024 * 1024;

/// The most bytes all included files may have together.
const MAX_INCLUDES_BYTES: usize = 64 * 1024 * 1024;

/// An included file. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Included {
    pub(crate) text: Arc<str>,
    /// Its base name.
    pub(crate) name: Arc<str>,
}

/// Reads included files, each once.
pub(crate) struct Includes<'d> {
    dir: Option<&'d Path>,
    read: HashMap<String, Result<Included, String>>,
    bytes: usize,
}

impl<'d> Includes<'d> {
    /// Reads from `data/` in this folder; without a folder there is nothing to include.
    pub(crate) fn new(dir: Option<&'d Path>) -> Self {
        Self { dir, read: HashMap::new(), bytes: 0 }
    }

    /// Reads the file that `typed` names, `data/…` relative to the folder. Whatever links are on the way, it must lie
    /// inside what `data/` really is, and be a plain file.
    pub(crate) fn read(&mut self, typed: &str, noted: &mut Fingerprint) -> Result<Included, String> {
        let Some(dir) = self.dir else { return Err("there is no folder to include from".to_owned()) };
        if let Some(earlier) = self.read.get(typed) {
            return earlier.clone();
        }
        let mut result = inside_data(typed).and_then(|path| {
            let path = dir.join(path);
            // Noted before it is read: a change in between is seen as one.
            noted.note(path.clone(), read_bytes(&path, MAX_CONFIG_BYTES).ok().as_deref());
            read_include(dir, &path)
        });
        self.bytes += result.as_ref().map_or(0, |included| included.text.len());
        if self.bytes > MAX_INCLUDES_BYTES {
            result = Err(format!("all includes together are larger than {} MiB", MAX_INCLUDES_BYTES >> 20));
        }
        self.read.insert(typed.to_owned(), result.clone());
        result
    }
}

/// Checks the form of a path: relative, under `data/`, without a way back up.
fn inside_data(typed: &str) -> Result<&Path, String> {
    let path = Path::new(typed);
    let mut parts = path.components().filter(|part| !matches!(part, Component::CurDir));
    if path.is_absolute() {
        return Err("an include must be relative, such as data/body.json".to_owned());
    }
    if path.components().any(|part| matches!(part, Component::ParentDir)) {
        return Err("an include must not hold ..".to_owned());
    }
    if typed.contains('\0')
        || parts.next() != Some(Component::Normal("data".as_ref()))
        || parts.next().is_none()
    {
        return Err("an include must be a file under data/, such as data/body.json".to_owned());
    }
    Ok(path)
}

fn read_include(dir: &Path, path: &Path) -> Result<Included, String> {
    let root = fs::canonicalize(dir.join("data")).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => "there is no folder data/ beside the configuration".to_owned(),
        _ => format!("data/: {}", reason(&error)),
    })?;
    let file = fs::canonicalize(path).map_err(|error| reason(&error))?;
    if !file.starts_with(&root) {
        return Err("the include leads out of data/".to_owned());
    }
    let text = decode(read_bytes(&file, MAX_INCLUDE_BYTES)?)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Included { text: text.into(), name: name.into() })
}

/// Takes bytes for UTF-8; a mark of the byte order at the start is dropped.
pub(crate) fn decode(bytes: Vec<u8>) -> Result<String, String> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("not UTF-8 (line {line})")
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// Reads a plain file of at most `limit` bytes. Never waits: neither for a pipe nor for a device.
pub(crate) fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | OFlags::NOCTTY;
    let handle =
        rustix::fs::open(path, flags, Mode::empty()).map_err(|error| reason(&io::Error::from(error)))?;
    let file = File::from(handle);
    let kind = file.metadata().map_err(|error| reason(&error))?;
    if kind.is_dir() {
        return Err("is a directory, not a file".to_owned());
    }
    if !kind.is_file() {
        return Err("is not a plain file".to_owned());
    }
    let too_large = || format!("larger than {}", bytes_in_words(limit));
    if kind.len() > limit {
        return Err(too_large());
    }
    let mut bytes = Vec::with_capacity(usize::try_from(kind.len()).unwrap_or(0));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(|error| reason(&error))?;
    if bytes.len() as u64 > limit {
        return Err(too_large());
    }
    Ok(bytes)
}

fn bytes_in_words(bytes: u64) -> String {
    format!("{} MiB", bytes / (1024 * 1024))
}

/// Says why a file could not be read, in words an operator knows.
fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
