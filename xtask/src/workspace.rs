//! The workspace as it lies on disk.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};

/// Folders that hold nothing written by hand.
const SKIPPED: &[&str] = &["target", ".git", "node_modules", "artifacts"];

/// Returns the folder of the root manifest.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_path_buf()
}

/// A file of the workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// The path from the root, with `/` between its parts.
    pub(crate) path: String,
    /// Its content; `None` when it is no UTF-8 text.
    pub(crate) text: Option<String>,
}

impl File {
    /// Returns a text file, for checks of made-up workspaces.
    #[cfg(test)]
    pub(crate) fn of(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: Some(text.to_owned()) }
    }

    /// Returns the text, empty for anything that is none.
    pub(crate) fn text(&self) -> &str {
        self.text.as_deref().unwrap_or_default()
    }

    /// Tells whether the name ends with a dot and `extension`.
    pub(crate) fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }
}

/// Returns all files below `root` that somebody wrote, sorted by path.
///
/// # Errors
/// When a folder or file cannot be read.
pub(crate) fn files(root: &Path) -> Result<Vec<File>> {
    let mut found = Vec::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
        for entry in entries {
            let entry = entry.with_context(|| format!("cannot list {}", folder.display()))?;
            let kind =
                entry.file_type().with_context(|| format!("cannot look at {}", entry.path().display()))?;
            if kind.is_dir() {
                if !SKIPPED.iter().any(|name| entry.file_name() == *name) {
                    folders.push(entry.path());
                }
            } else if kind.is_file() {
                found.push(read(root, &entry.path())?);
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

fn read(root: &Path, path: &Path) -> Result<File> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let relative = path.strip_prefix(root).unwrap_or(path);
    let parts: Vec<_> = relative.iter().map(|part| part.to_string_lossy()).collect();
    Ok(File { path: parts.join("/"), text: String::from_utf8(bytes).ok() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_found_sorted_and_without_what_was_built() {
        let folder = tempfile::tempdir().expect("a folder");
        for (path, content) in [
            ("src/lib.rs", b"//! A crate.".as_slice()),
            ("README.md", b"hello"),
            ("logo.png", b"\x89PNG\xff"),
            ("target/debug/out.rs", b"built"),
        ] {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, content).expect("a file");
        }
        let files = files(folder.path()).expect("files");
        let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(paths, ["README.md", "logo.png", "src/lib.rs"]);
        assert_eq!(files[1].text, None);
        assert_eq!(files[2].text(), "//! A crate.");
        assert!(files[2].has_extension("rs"));
    }

    #[test]
    fn the_root_holds_the_workspace_manifest() {
        let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("a manifest");
        assert!(manifest.starts_with("[workspace]"));
    }
}
