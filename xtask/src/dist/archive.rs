//! Archives whose bytes depend on nothing but their content.

use std::{collections::BTreeMap, io::Read as _};

use anyhow::{Context as _, Result};
use flate2::{Compression, GzBuilder, read::GzDecoder};
use sha2::{Digest as _, Sha256};
use tar::{Archive, Builder, EntryType, Header};

/// A file of an archive.
pub(super) struct Entry {
    path: String,
    mode: u32,
    content: Vec<u8>,
}

impl Entry {
    /// A file to read.
    pub(super) fn file(path: &str, content: Vec<u8>) -> Self {
        Self { path: path.to_owned(), mode: 0o644, content }
    }

    /// A file to run.
    pub(super) fn program(path: &str, content: Vec<u8>) -> Self {
        Self { path: path.to_owned(), mode: 0o755, content }
    }
}

/// Returns a checksum in the form of `sha256sum`.
pub(super) fn sha256(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Sorts the files and returns what `sha256sum --check` reads.
pub(super) fn sums(entries: &mut [Entry]) -> String {
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    entries.iter().map(|entry| format!("{}  {}\n", sha256(&entry.content), entry.path)).collect()
}

/// Packs the files below the folder `name`: sorted, owned by user 0, as old as `time` (seconds of the epoch).
///
/// # Errors
/// When a path is too long for the format.
pub(super) fn pack(name: &str, entries: &mut [Entry], time: u64) -> Result<Vec<u8>> {
    entries.sort_by(|a, b| a.path.cmp(&b.path));
    // No name, no time and no kind of machine in the head of the compressed stream.
    let compressed = GzBuilder::new().mtime(0).operating_system(255).write(Vec::new(), Compression::best());
    let mut tar = Builder::new(compressed);
    for entry in entries {
        let mut header = Header::new_ustar();
        header.set_entry_type(EntryType::Regular);
        header.set_size(entry.content.len() as u64);
        header.set_mode(entry.mode);
        header.set_mtime(time);
        header.set_uid(0);
        header.set_gid(0);
        let path = format!("{name}/{}", entry.path);
        tar.append_data(&mut header, &path, entry.content.as_slice())
            .with_context(|| format!("cannot pack {path}"))?;
    }
    let compressed = tar.into_inner().context("cannot end the archive")?;
    compressed.finish().context("cannot end the archive")
}

/// Returns the paths of what differs between two archives, or that only their packing does.
///
/// # Errors
/// When one is no archive.
pub(super) fn differences(one: &[u8], other: &[u8]) -> Result<Vec<String>> {
    let (one, other) = (unpack(one)?, unpack(other)?);
    let mut paths: Vec<String> = one
        .keys()
        .chain(other.keys())
        .filter(|path| one.get(*path) != other.get(*path))
        .map(|path| match (one.get(path), other.get(path)) {
            (Some(a), Some(b)) => {
                let first = a.iter().zip(b).position(|(a, b)| a != b).unwrap_or_else(|| a.len().min(b.len()));
                format!("{path} ({} and {} bytes, from byte {first})", a.len(), b.len())
            }
            _ => format!("{path} (in one only)"),
        })
        .collect();
    paths.sort_unstable();
    paths.dedup();
    if paths.is_empty() {
        paths.push("the packing".to_owned());
    }
    Ok(paths)
}

fn unpack(archive: &[u8]) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    for entry in Archive::new(GzDecoder::new(archive)).entries().context("no archive")? {
        let mut entry = entry.context("no archive")?;
        let path = entry.path().context("no path")?.to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content).context("no archive")?;
        files.insert(path, content);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries() -> Vec<Entry> {
        vec![Entry::program("b", b"run".to_vec()), Entry::file("a/x.txt", b"read".to_vec())]
    }

    #[test]
    fn the_same_content_is_the_same_archive_in_any_order() {
        let one = pack("relay", &mut entries(), 1_700_000_000).expect("packed");
        let mut turned: Vec<Entry> = entries().into_iter().rev().collect();
        assert_eq!(pack("relay", &mut turned, 1_700_000_000).expect("packed"), one);
        let later = pack("relay", &mut entries(), 1_700_000_001).expect("packed");
        assert_ne!(later, one);
        assert_eq!(differences(&one, &later).expect("archives"), ["the packing"]);
    }

    #[test]
    fn files_are_owned_by_nobody_and_have_the_given_time() {
        let packed = pack("relay", &mut entries(), 1_700_000_000).expect("packed");
        let mut archive = Archive::new(GzDecoder::new(packed.as_slice()));
        let heads: Vec<_> = archive
            .entries()
            .expect("an archive")
            .map(|entry| {
                let entry = entry.expect("an entry");
                let head = entry.header();
                let owner = head.uid().expect("a user") + head.gid().expect("a group");
                let path = entry.path().expect("a path").display().to_string();
                (path, head.mode().expect("a mode"), owner, head.mtime().expect("a time"))
            })
            .collect();
        let time = 1_700_000_000;
        let wanted = [("relay/a/x.txt".to_owned(), 0o644, 0, time), ("relay/b".to_owned(), 0o755, 0, time)];
        assert_eq!(heads, wanted);
    }

    #[test]
    fn differences_name_the_file_and_the_place() {
        let one = pack("relay", &mut entries(), 0).expect("packed");
        let mut changed = entries();
        changed[1].content = b"reed".to_vec();
        changed.push(Entry::file("new", Vec::new()));
        let other = pack("relay", &mut changed, 0).expect("packed");
        let told = differences(&one, &other).expect("archives");
        assert_eq!(told, ["relay/a/x.txt (4 and 4 bytes, from byte 2)", "relay/new (in one only)"]);
    }

    #[test]
    fn checksums_are_those_of_sha256sum() {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(sha256(b""), empty);
        let sums = sums(&mut [Entry::file("b", Vec::new()), Entry::file("a", Vec::new())]);
        assert_eq!(sums, format!("{empty}  a\n{empty}  b\n"));
    }
}
