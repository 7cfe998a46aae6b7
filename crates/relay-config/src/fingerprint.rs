//! What files held when they were read, to tell whether they hold something else by now.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use sha2::{Digest as _, Sha256};

use crate::include::{MAX_CONFIG_BYTES, read_bytes};

/// Content of files, by path as they were named; `None` for one that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Fingerprint(BTreeMap<PathBuf, Option<[u8; 32]>>);

impl Fingerprint {
    /// Notes what a file held.
    pub(crate) fn note(&mut self, path: PathBuf, content: Option<&[u8]>) {
        self.0.insert(path, content.map(|bytes| Sha256::digest(bytes).into()));
    }

    /// Reads the same files again.
    pub(crate) fn again(&self) -> Self {
        let mut now = Self::default();
        for path in self.0.keys() {
            now.note(path.clone(), read_bytes(path, MAX_CONFIG_BYTES).ok().as_deref());
        }
        now
    }

    /// Returns the files that could be read.
    pub(crate) fn readable(&self) -> Vec<PathBuf> {
        self.0.iter().filter(|(_, content)| content.is_some()).map(|(path, _)| path.clone()).collect()
    }

    /// Returns all files.
    pub(crate) fn paths(&self) -> impl Iterator<Item = &Path> {
        self.0.keys().map(PathBuf::as_path)
    }
}
