//! Building the program so that it does not show where and when.

use std::{
    env,
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail, ensure};
use cargo_metadata::MetadataCommand;

use crate::{shell, workspace};

/// What is built, and what it tells of itself.
#[derive(Debug, Clone)]
pub(super) struct Source {
    /// The folder of the root manifest.
    pub(super) root: PathBuf,
    /// The version of the workspace.
    pub(super) version: String,
    /// The commit, and its time as `/api/version` shows it; empty for files without their history.
    commit: String,
    built: String,
    /// Seconds of the epoch; what is packed is as old as this.
    pub(super) time: u64,
}

impl Source {
    /// Returns the workspace in `root` as it lies there. Without history, the variables that the build reads for the
    /// commit count, and `SOURCE_DATE_EPOCH` for the time.
    ///
    /// # Errors
    /// When the manifests cannot be read.
    pub(super) fn of_checkout(root: &Path) -> Result<Self> {
        let git = |arguments: &[&str]| {
            let output = Command::new("git").args(arguments).current_dir(root).output().ok();
            let output = output.filter(|output| output.status.success());
            output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default()
        };
        let or_told = |found: String, variable: &str| match env::var(variable) {
            Ok(told) if !told.is_empty() => told,
            _ => found,
        };
        let ours = git(&["rev-parse", "--show-prefix"]).is_empty();
        let of = |arguments: &[&str]| if ours { git(arguments) } else { String::new() };
        if !of(&["status", "--porcelain"]).is_empty() {
            println!("note: there are changes that are in no commit; the archive names the last commit");
        }
        let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec();
        let metadata = metadata.context("cannot read the manifests")?;
        let server = metadata.packages.iter().find(|package| package.name == "relay-server");
        let time = or_told(of(&["show", "-s", "--format=%ct", "HEAD"]), "SOURCE_DATE_EPOCH");
        Ok(Self {
            root: root.to_path_buf(),
            version: server.context("no relay-server")?.version.to_string(),
            commit: or_told(of(&["rev-parse", "--short=12", "HEAD"]), "RELAY_GIT_COMMIT"),
            built: or_told(of(&["show", "-s", "--format=%cI", "HEAD"]), "RELAY_BUILD_TIME"),
            time: time.parse().unwrap_or_default(),
        })
    }

    /// Copies what somebody wrote, without history, and returns the copy.
    ///
    /// # Errors
    /// When a file cannot be copied.
    pub(super) fn copy_to(&self, root: &Path) -> Result<Self> {
        // The `.git` of a second work tree is a file.
        for file in workspace::files(&self.root)?.iter().filter(|file| file.path != ".git") {
            let to = root.join(&file.path);
            let folder = to.parent().unwrap_or(root);
            fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
            fs::copy(self.root.join(&file.path), &to)
                .with_context(|| format!("cannot copy {}", file.path))?;
        }
        Ok(Self { root: root.to_path_buf(), ..self.clone() })
    }
}

/// Where it is built, and for which machine.
#[derive(Debug, Clone)]
pub(super) struct Target {
    /// The target folder of the workspace.
    pub(super) folder: PathBuf,
    /// The triple of this machine, which is what is built for.
    pub(super) host: String,
}

impl Target {
    /// Returns the target folder of the workspace in `root`.
    ///
    /// # Errors
    /// When cargo or rustc cannot be asked.
    pub(super) fn new(root: &Path) -> Result<Self> {
        let metadata = MetadataCommand::new().manifest_path(root.join("Cargo.toml")).no_deps().exec();
        let folder = metadata.context("cannot read the manifests")?.target_directory.into_std_path_buf();
        let version = Command::new(rustc()).arg("-vV").current_dir(root).output();
        let version = String::from_utf8_lossy(&version.context("cannot start rustc")?.stdout).into_owned();
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        Ok(Self { folder, host: host.context("rustc does not tell its host")?.to_owned() })
    }

    /// Returns a target folder below `root`.
    pub(super) fn inside(root: &Path, host: &str) -> Self {
        Self { folder: root.join("target"), host: host.to_owned() }
    }
}

fn rustc() -> OsString {
    env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"))
}

/// Builds the program with the profile `dist` and returns where it is.
///
/// # Errors
/// When it cannot be built.
pub(super) fn program(source: &Source, target: &Target) -> Result<PathBuf> {
    let registry = cargo_home()?;
    // Later ones win, and the target folder often is below the root.
    let folders = [
        (registry.as_path(), "/cargo"),
        (source.root.as_path(), "/src"),
        (target.folder.as_path(), "/target"),
    ];
    let maps = |option: &str| folders.map(|(folder, name)| format!("{option}={}={name}", folder.display()));
    let mut command = shell::cargo(&source.root);
    command.args(["build", "--locked", "--profile", "dist", "--package", "relay-server", "--target-dir"]);
    command.arg(&target.folder);
    command
        .env_remove("RUSTFLAGS")
        .env("CARGO_ENCODED_RUSTFLAGS", maps("--remap-path-prefix").join("\u{1f}"));
    // The C of SQLite, zstd and ring.
    command.env("CFLAGS", maps("-ffile-prefix-map").join(" "));
    command.env("RELAY_GIT_COMMIT", &source.commit).env("RELAY_BUILD_TIME", &source.built);
    command.env("SOURCE_DATE_EPOCH", source.time.to_string()).env("CARGO_INCREMENTAL", "0");
    shell::run(&mut command)?;
    let program = target.folder.join("dist/relay-server");
    let bytes = fs::read(&program).context("the program was not built")?;
    shows_no_folder(&bytes, &folders.map(|(folder, _)| folder))?;
    allocates_as_set(&source.root, &bytes)?;
    Ok(program)
}

/// The variable of `.cargo/config.toml` that says how the allocator is set up.
const ALLOCATOR: &str = "JEMALLOC_SYS_WITH_MALLOC_CONF";

/// Makes sure that a program was built with the set-up of the allocator that the workspace in `root` has: it gets there
/// through the environment of a build script, which is easily lost on the way.
///
/// # Errors
/// When the set-up is not in the program.
pub(crate) fn allocates_as_set(root: &Path, program: &[u8]) -> Result<()> {
    let settings = fs::read_to_string(root.join(".cargo/config.toml")).unwrap_or_default();
    let lines = settings.lines().filter_map(|line| line.strip_prefix(ALLOCATOR));
    for wanted in lines.filter_map(|line| line.split('"').nth(1)) {
        let found = program.windows(wanted.len()).any(|window| window == wanted.as_bytes());
        ensure!(found, "the program was built without {ALLOCATOR} of .cargo/config.toml");
    }
    Ok(())
}

fn cargo_home() -> Result<PathBuf> {
    let home = || env::var_os("HOME").map(|home| Path::new(&home).join(".cargo"));
    env::var_os("CARGO_HOME").map(PathBuf::from).or_else(home).context("neither CARGO_HOME nor HOME is set")
}

/// Makes sure that none of these folders is named in the program.
fn shows_no_folder(program: &[u8], folders: &[&Path]) -> Result<()> {
    for folder in folders {
        let name = folder.as_os_str().as_encoded_bytes();
        if let Some(at) = program.windows(name.len()).position(|window| window == name) {
            let end = (at + 120).min(program.len());
            bail!(
                "the program names a folder of this machine: {}",
                String::from_utf8_lossy(&program[at..end])
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_of_the_machine_is_found_in_a_program() {
        let program = b"\x7fELF...panicked at /cargo/registry/x.rs\0/build/here/src/y.rs";
        assert!(shows_no_folder(program, &[Path::new("/build/there")]).is_ok());
        let error = shows_no_folder(program, &[Path::new("/build/here")]).expect_err("named");
        assert!(error.to_string().contains("/build/here/src/y.rs"), "{error}");
    }

    #[test]
    fn a_program_that_lost_the_setting_of_its_allocator_is_found() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(allocates_as_set(folder.path(), b"anything").is_ok(), "nothing is set");
        fs::create_dir(folder.path().join(".cargo")).expect("a folder");
        let settings = format!("[env]\n{ALLOCATOR} = \"narenas:4\"\n");
        fs::write(folder.path().join(".cargo/config.toml"), settings).expect("a file");
        assert!(allocates_as_set(folder.path(), b"\x7fELF..background_thread:true,narenas:4\0").is_ok());
        assert!(allocates_as_set(folder.path(), b"\x7fELF..background_thread:true\0").is_err());
    }

    #[test]
    fn a_copy_has_the_same_files_and_no_history() {
        let folder = tempfile::tempdir().expect("a folder");
        let (from, to) = (folder.path().join("from"), folder.path().join("to"));
        fs::create_dir_all(from.join(".git")).expect("a folder");
        fs::create_dir_all(from.join("src")).expect("a folder");
        fs::write(from.join(".git/HEAD"), "x").expect("a file");
        fs::write(from.join("src/lib.rs"), "//! A crate.").expect("a file");
        let source = Source {
            root: from,
            version: "1.2.3".to_owned(),
            commit: "abc".to_owned(),
            built: String::new(),
            time: 5,
        };
        let copy = source.copy_to(&to).expect("copied");
        assert_eq!((copy.root.as_path(), copy.commit.as_str(), copy.time), (to.as_path(), "abc", 5));
        assert!(to.join("src/lib.rs").exists() && !to.join(".git").exists());
    }
}
