//! What is released: one archive with the program and all that belongs to it, the same bytes from the same source
//! whoever builds it, wherever and when.
//!
//! - `build` makes the program so that no folder of the machine is in it,
//! - `licences` collects what the licences of everything inside demand to be handed on,
//! - `archive` packs files, sorted, owned by nobody in particular, and as old as the commit.
//!
//! `--check` builds a second time, from a copy in another folder and without history, and compares the archives.

mod archive;
mod build;
mod licences;

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, ensure};

pub(crate) use self::build::allocates_as_set;
use self::{
    archive::{Entry, sha256},
    build::{Source, Target},
};
use crate::workspace::{self, File};

/// The options of `cargo xtask dist`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Build twice, from different folders, and fail unless the archives are the same.
    #[arg(long)]
    check: bool,
}

/// The spec's bound of the program, in bytes.
const LARGEST: u64 = 25_000_000;

/// What is packed beside what is made: single files, and folders with a slash at the end.
const PACKED: &[&str] = &["README.md", "LICENSE", "CHANGELOG.md", "config/", "docs/"];

/// Files whose names begin like this are packed too, such as a README in another language.
const PACKED_PREFIX: &str = "README.";

const SHELLS: [(&str, &str); 3] =
    [("bash", "relay-server.bash"), ("zsh", "_relay-server"), ("fish", "relay-server.fish")];

/// Writes the archive and its checksum below `dist` in the target folder.
///
/// # Errors
/// When something cannot be built or packed, the program is too large, or a second build gives something else.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = workspace::root();
    let target = Target::new(&root)?;
    let source = Source::of_checkout(&root)?;
    let name = format!("relay-server-{}-{}", source.version, target.host);
    let packed = pack(&source, &target, &name)?;
    let folder = target.folder.join("dist");
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let path = folder.join(format!("{name}.tar.gz"));
    write(&path, &packed)?;
    let sums = format!("{}  {name}.tar.gz\n", sha256(&packed));
    write(&folder.join("SHA256SUMS"), sums.as_bytes())?;
    println!("{}: {:.1} MB\n{sums}", path.display(), megabytes(packed.len() as u64));
    if args.check {
        let elsewhere = tempfile::tempdir().context("no folder for a second build")?;
        let copy = source.copy_to(&elsewhere.path().join("elsewhere"))?;
        let again = pack(&copy, &Target::inside(&copy.root, &target.host), &name)?;
        ensure!(
            again == packed,
            "a build in another folder gives another archive: {}",
            archive::differences(&packed, &again)?.join(", ")
        );
        println!(
            "a second build, in another folder and without history, gives the same {} bytes",
            again.len()
        );
    }
    Ok(())
}

/// Builds the program of `source` and returns the archive.
fn pack(source: &Source, target: &Target, name: &str) -> Result<Vec<u8>> {
    let program = build::program(source, target)?;
    let size = fs::metadata(&program).with_context(|| format!("no {}", program.display()))?.len();
    println!("{}: {:.1} MB", program.display(), megabytes(size));
    ensure!(size <= LARGEST, "the program has {size} bytes, more than {LARGEST}");
    let mut entries = vec![Entry::program("relay-server", read(&program)?)];
    for file in workspace::files(&source.root)?.iter().filter(|file| is_packed(file)) {
        entries.push(Entry::file(&file.path, read(&source.root.join(&file.path))?));
    }
    entries.push(Entry::file("LICENCES-OF-OTHERS.txt", licences::collect(source, target)?.into_bytes()));
    for (shell, file) in SHELLS {
        let path = format!("completions/{file}");
        entries.push(Entry::file(&path, output(&program, &["completions", shell])?));
    }
    entries.push(Entry::file("man/man1/relay-server.1", output(&program, &["man"])?));
    let sums = archive::sums(&mut entries);
    entries.push(Entry::file("SHA256SUMS", sums.into_bytes()));
    archive::pack(name, &mut entries, source.time)
}

fn is_packed(file: &File) -> bool {
    let path = file.path.as_str();
    let top = !path.contains('/') && path.starts_with(PACKED_PREFIX);
    top || PACKED.iter().any(|packed| path == *packed || packed.ends_with('/') && path.starts_with(packed))
}

/// Returns what the program that was built prints.
fn output(program: &Path, arguments: &[&str]) -> Result<Vec<u8>> {
    let output = Command::new(program).args(arguments).env_clear().output();
    let output = output.with_context(|| format!("cannot start {}", program.display()))?;
    ensure!(
        output.status.success() && !output.stdout.is_empty(),
        "relay-server {} failed",
        arguments.join(" ")
    );
    Ok(output.stdout)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("cannot read {}", path.display()))
}

fn write(path: &PathBuf, content: &[u8]) -> Result<()> {
    fs::write(path, content).with_context(|| format!("cannot write {}", path.display()))
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_named_to_be_packed_exists() {
        let files = workspace::files(&workspace::root()).expect("files");
        for packed in PACKED {
            let found = files.iter().any(|file| file.path == *packed || file.path.starts_with(packed));
            assert!(found, "{packed}");
        }
        let packed: Vec<&str> =
            files.iter().filter(|file| is_packed(file)).map(|file| file.path.as_str()).collect();
        for path in ["README.md", "config/minimal.yaml", "docs/deploy/relay-server.service"] {
            assert!(packed.contains(&path), "{path}");
        }
        assert!(!packed.iter().any(|path| path.starts_with("crates/") || path.contains(".db")), "{packed:?}");
    }

    /// A workspace of the same shape that builds in a moment: its program holds paths of its sources, in a panic and in
    /// what it prints, as the real one does.
    fn small(root: &Path) -> Source {
        let main = "fn main() {\n    let asked = std::env::args().nth(1).expect(\"an argument\");\n    \
                    println!(\"{asked} by {} of {:?}\", file!(), option_env!(\"RELAY_GIT_COMMIT\"));\n}\n";
        for (path, text) in [
            (
                "Cargo.toml",
                "[workspace]\nresolver = \"3\"\nmembers = [\"bins/*\"]\n[profile.dist]\ninherits = \"release\"\n",
            ),
            ("Cargo.lock", "version = 4\n\n[[package]]\nname = \"relay-server\"\nversion = \"1.2.3\"\n"),
            (
                "bins/relay-server/Cargo.toml",
                "[package]\nname = \"relay-server\"\nversion = \"1.2.3\"\nedition = \"2024\"\n",
            ),
            ("bins/relay-server/src/main.rs", main),
            ("crates/relay-web/assets/vendor/LICENSE-lib", "A licence."),
            ("README.md", "Hello."),
        ] {
            let path = root.join(path);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        Source::of_checkout(root).expect("a workspace")
    }

    #[test]
    fn builds_in_different_folders_give_the_same_bytes() {
        let folder = tempfile::tempdir().expect("a folder");
        let source = small(&folder.path().join("here"));
        let host = Target::new(&workspace::root()).expect("a target").host;
        let pack_of =
            |source: &Source| pack(source, &Target::inside(&source.root, &host), "small").expect("packed");
        let one = pack_of(&source);
        let copy = source.copy_to(&folder.path().join("somewhere/else/entirely")).expect("copied");
        let other = pack_of(&copy);
        assert_eq!(archive::differences(&one, &other).expect("archives"), ["the packing"]);
        assert!(one == other, "only the packing differs");
        fs::write(copy.root.join("README.md"), "Hello!").expect("a file");
        assert_ne!(pack_of(&copy), one);
    }
}
