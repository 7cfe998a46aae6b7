//! Fuzzing what reads hostile input: builds the programs of the `fuzz` workspace with libFuzzer and runs each for a
//! bounded time.
//!
//! The stable compiler is enough: the instrumentation that libFuzzer steers by is a pass of LLVM that `rustc` runs when
//! told to. What nightly would add is `AddressSanitizer`, which safe code needs less than its overflow checks; those
//! are on.
//!
//! Inputs that reach something new are kept below the target folder and used again by the next run; what broke
//! something lies in `fuzz/artifacts`. Neither is committed: a find that was fixed becomes a seed in `fuzz/seeds`, and
//! the ordinary tests check it from then on.

mod outcome;

use std::{
    ffi::OsString,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use cargo_metadata::MetadataCommand;

use self::outcome::{Outcome, table};
use crate::{shell, workspace};

/// The options of `cargo xtask fuzz`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run only these targets; all of them when none is named.
    targets: Vec<String>,
    /// How long each target runs, in seconds.
    #[arg(long, default_value_t = 30)]
    seconds: u32,
}

/// What makes `rustc` count branches and report compared values, the way libFuzzer reads them.
const INSTRUMENTATION: [&str; 7] = [
    "--cfg fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Ccodegen-units=16",
];

/// Bounds of every input: MiB of memory, seconds, and bytes.
const LIMITS: [&str; 3] = ["-rss_limit_mb=1024", "-timeout=10", "-max_len=16384"];

/// Builds the targets, runs them one after the other, and prints what they reached.
///
/// # Errors
/// Names the targets that found something; what and where was printed. Also when something cannot be built or started.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = workspace::root();
    let names = chosen(&targets(&root)?, &args.targets)?;
    let build = Build::new(&root)?;
    build.run(&root, &names)?;
    let mut outcomes = Vec::new();
    for name in &names {
        outcomes.push(fuzz(&root, &build, name, args.seconds)?);
    }
    println!("\n{}", table(&outcomes));
    let broken: Vec<&str> =
        outcomes.iter().filter(|outcome| !outcome.passed).map(|outcome| outcome.name.as_str()).collect();
    if !broken.is_empty() {
        bail!("found something: {}", broken.join(", "));
    }
    Ok(())
}

/// Runs every committed seed through the check it is for, without libFuzzer.
///
/// # Errors
/// When a seed breaks something.
pub(crate) fn run_seeds(root: &Path) -> Result<()> {
    let mut command = shell::cargo(root);
    // Sharing the target folder shares most dependencies, which are built alike.
    command.args(["test", "--manifest-path", "fuzz/Cargo.toml", "--lib", "--tests", "--target-dir"]);
    shell::run(command.arg(target_folder(root)?))
}

fn target_folder(root: &Path) -> Result<PathBuf> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("cannot read the manifests")?;
    Ok(metadata.target_directory.into_std_path_buf())
}

/// Returns the names of all targets: those of their programs.
fn targets(root: &Path) -> Result<Vec<String>> {
    let folder = root.join("fuzz/fuzz_targets");
    let entries = fs::read_dir(&folder).with_context(|| format!("cannot list {}", folder.display()))?;
    let mut names = Vec::new();
    for entry in entries {
        let path = entry.with_context(|| format!("cannot list {}", folder.display()))?.path();
        names.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
    }
    names.sort_unstable();
    Ok(names)
}

fn chosen(all: &[String], wanted: &[String]) -> Result<Vec<String>> {
    if let Some(unknown) = wanted.iter().find(|name| !all.contains(name)) {
        bail!("there is no target {unknown}; there are {}", all.join(", "));
    }
    Ok(if wanted.is_empty() { all.to_vec() } else { wanted.to_vec() })
}

/// Where the programs are built.
struct Build {
    folder: PathBuf,
    /// The triple of this machine. Naming it keeps the instrumentation away from build scripts.
    host: String,
}

impl Build {
    fn new(root: &Path) -> Result<Self> {
        let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| OsString::from("rustc"));
        let version =
            Command::new(rustc).arg("-vV").current_dir(root).output().context("cannot start rustc")?;
        let version = String::from_utf8_lossy(&version.stdout).into_owned();
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.context("rustc does not tell its host")?.to_owned();
        Ok(Self { folder: target_folder(root)?.join("fuzz"), host })
    }

    fn run(&self, root: &Path, names: &[String]) -> Result<()> {
        let mut command = shell::cargo(root);
        command.args(["build", "--manifest-path", "fuzz/Cargo.toml", "--release", "--features", "fuzzer"]);
        command.args(["--target", &self.host, "--target-dir"]).arg(&self.folder);
        command.args(names.iter().flat_map(|name| ["--bin", name]));
        command.env_remove("CARGO_ENCODED_RUSTFLAGS").env("RUSTFLAGS", INSTRUMENTATION.join(" "));
        shell::run(&mut command)
    }

    fn program(&self, name: &str) -> PathBuf {
        self.folder.join(&self.host).join("release").join(name)
    }
}

/// Runs one target. Its chatter goes to a file; only the end of that is shown, and only when it found something.
fn fuzz(root: &Path, build: &Build, name: &str, seconds: u32) -> Result<Outcome> {
    let corpus = build.folder.join("corpus").join(name);
    let artifacts = root.join("fuzz/artifacts").join(name);
    for folder in [&corpus, &artifacts] {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    let log = build.folder.join(format!("{name}.log"));
    let sink = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let mut prefix = OsString::from("-artifact_prefix=");
    prefix.push(artifacts.join(""));
    let program = build.program(name);
    let mut command = Command::new(&program);
    command.args(LIMITS).args([format!("-max_total_time={seconds}"), "-print_final_stats=1".to_owned()]);
    let dictionary = root.join("fuzz/dictionaries").join(format!("{name}.dict"));
    if dictionary.exists() {
        let mut option = OsString::from("-dict=");
        option.push(&dictionary);
        command.arg(option);
    }
    command.arg(prefix).arg(&corpus).arg(root.join("fuzz/seeds").join(name));
    command.stdout(sink.try_clone().context("cannot share the log")?).stderr(sink);
    println!("{name}: {seconds} s, log in {}", log.display());
    let status = command.status().with_context(|| format!("cannot start {}", program.display()))?;
    let bytes = fs::read(&log).with_context(|| format!("cannot read {}", log.display()))?;
    let outcome = Outcome::read(name, status.success(), &String::from_utf8_lossy(&bytes));
    let kept = fs::read_dir(&corpus).with_context(|| format!("cannot list {}", corpus.display()))?.count();
    println!("{name}: {kept} inputs for the next run in {}", corpus.display());
    if !outcome.passed {
        println!("{}", outcome.end);
        if let Some(artifact) = &outcome.artifact {
            println!("once more: {} {artifact}", program.display());
            println!(
                "as a test: copy it to fuzz/seeds/{name} and run cargo test --manifest-path fuzz/Cargo.toml"
            );
        }
    }
    Ok(outcome)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_chosen_by_name() {
        let all = ["a".to_owned(), "b".to_owned()];
        assert_eq!(chosen(&all, &[]).expect("all"), all);
        assert_eq!(chosen(&all, &all[1..]).expect("one"), ["b"]);
        let error = chosen(&all, &["c".to_owned()]).expect_err("unknown");
        assert_eq!(error.to_string(), "there is no target c; there are a, b");
    }

    #[test]
    fn every_program_is_a_target() {
        let targets = targets(&workspace::root()).expect("targets");
        assert!(targets.contains(&"config_load".to_owned()), "{targets:?}");
    }
}
