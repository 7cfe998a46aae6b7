//! Bodies that stand in files of their own, under `data/` beside the configuration.

use std::{
    fs::{self, File},
    io::{self, Read as _},
    path::{Component, Path, PathBuf},
};

use rustix::fs::{Mode, OFlags};

/// The most bytes an included file may have.
const MAX_INCLUDE_BYTES: u64 = 1024 * 1024;
/// The most bytes a configuration may have.
pub(crate) const MAX_CONFIG_BYTES: u64 = 16 * 1024 * 1024;

/// An included file.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Included {
    pub(crate) text: String,
    /// Its base name.
    pub(crate) name: String,
    /// Where it really lies.
    pub(crate) file: PathBuf,
}

/// Reads the file that `typed` names, `data/…` relative to `dir`. Whatever links are on the way, it must lie inside what
/// `data/` really is, and be a plain file.
pub(crate) fn read_include(dir: &Path, typed: &str) -> Result<Included, String> {
    let path = Path::new(typed);
    let mut parts = path.components().filter(|part| !matches!(part, Component::CurDir));
    if path.is_absolute() {
        return Err("an include must be relative, such as data/body.json".to_owned());
    }
    if path.components().any(|part| matches!(part, Component::ParentDir)) {
        return Err("an include must not hold ..".to_owned());
    }
    if parts.next() != Some(Component::Normal("data".as_ref())) || parts.next().is_none() {
        return Err("an include must be a file under data/, such as data/body.json".to_owned());
    }
    let root = fs::canonicalize(dir.join("data")).map_err(|error| format!("data/: {}", reason(&error)))?;
    let file = fs::canonicalize(dir.join(path)).map_err(|error| reason(&error))?;
    if !file.starts_with(&root) {
        return Err("the include leads out of data/".to_owned());
    }
    let text = read_text(&file, MAX_INCLUDE_BYTES)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(Included { text, name, file })
}

/// Reads a plain file of at most `limit` bytes of UTF-8; a mark of the byte order at the start is dropped. Never waits:
/// neither for a pipe nor for a device.
pub(crate) fn read_text(path: &Path, limit: u64) -> Result<String, String> {
    let bytes = read_bytes(path, limit)?;
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

fn read_bytes(path: &Path, limit: u64) -> Result<Vec<u8>, String> {
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
pub(crate) fn reason(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".to_owned(),
        io::ErrorKind::PermissionDenied => "permission denied".to_owned(),
        _ => error.to_string(),
    }
}
