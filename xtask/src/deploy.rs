//! Checks of what operators copy: container files, the service unit, manifests and proxies.
//!
//! No container engine is needed: each file is read for what an engine would trip over, and for the rules of this
//! house (pinned bases, nobody is root, no secrets). The steps that compile run for real with `--build`, in a folder that
//! holds what the build stage copies and nothing else.

mod containerfile;
mod manifests;
mod monitoring;
mod services;

use std::{fs, path::Path, process::Command};

use anyhow::{Context as _, Result, bail};

use self::containerfile::Containerfile;
use crate::{
    dist, shell,
    workspace::{self, File},
};

/// The options of `cargo xtask deploy`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run the commands of the Dockerfile's build stage too, which compile with the profile `dist`.
    #[arg(long)]
    build: bool,
}

/// Checks the files, and builds if so asked.
///
/// # Errors
/// What is wrong, or the command that failed.
pub(crate) fn run(args: &Args) -> Result<()> {
    let root = workspace::root();
    check(&root)?;
    if args.build {
        build(&root)?;
    }
    Ok(())
}

/// Checks the files in `root`.
///
/// # Errors
/// What is wrong.
pub(crate) fn check(root: &Path) -> Result<()> {
    let files = workspace::files(root)?;
    let findings = findings(&files)?;
    for finding in &findings {
        println!("{finding}");
    }
    if !findings.is_empty() {
        bail!("{} things are wrong with the examples of deployments", findings.len());
    }
    copied_is_whole(root, &files)?;
    verify_unit(root)
}

/// Returns what is wrong, as sentences that begin with a path.
fn findings(files: &[File]) -> Result<Vec<String>> {
    let text = |path: &str| {
        let file = files.iter().find(|file| file.path == path).map(File::text);
        file.with_context(|| format!("there is no {path}"))
    };
    let mut findings = Containerfile::parse(text("Dockerfile")?).findings(files, text(".dockerignore")?);
    findings.extend(manifests::compose(text("compose.yaml")?));
    findings.extend(manifests::kubernetes(text("docs/deploy/kubernetes.yaml")?));
    findings.extend(services::unit(text("docs/deploy/relay-server.service")?));
    findings.extend(services::nginx(text("docs/deploy/nginx.conf")?));
    findings.extend(services::caddy(text("docs/deploy/Caddyfile")?));
    findings.extend(monitoring::rules(text("docs/deploy/alerts.yaml")?));
    findings.extend(monitoring::dashboard(text("docs/deploy/grafana.json")?));
    Ok(findings)
}

/// Makes sure that what the build stage copies is a workspace that cargo understands.
fn copied_is_whole(root: &Path, files: &[File]) -> Result<()> {
    let folder = copied(root, files)?;
    let mut command = shell::cargo(folder.path());
    command.args(["metadata", "--no-deps", "--format-version", "1"]);
    if !shell::succeeds(&mut command) {
        bail!("Dockerfile: what is copied for the build is no workspace; see `cargo metadata` on it");
    }
    Ok(())
}

/// Returns a folder with what the build stage copies.
fn copied(root: &Path, files: &[File]) -> Result<tempfile::TempDir> {
    let text = fs::read_to_string(root.join("Dockerfile")).context("cannot read Dockerfile")?;
    let ignore = fs::read_to_string(root.join(".dockerignore")).context("cannot read .dockerignore")?;
    let folder = tempfile::tempdir().context("no folder")?;
    for path in Containerfile::parse(&text).copied(files, &ignore) {
        let to = folder.path().join(&path);
        fs::create_dir_all(to.parent().unwrap_or_else(|| folder.path())).context("cannot make a folder")?;
        fs::copy(root.join(&path), &to).with_context(|| format!("cannot copy {path}"))?;
    }
    Ok(folder)
}

/// Runs the commands of the build stage where only what it copies is.
fn build(root: &Path) -> Result<()> {
    let text = fs::read_to_string(root.join("Dockerfile")).context("cannot read Dockerfile")?;
    let folder = copied(root, &workspace::files(root)?)?;
    for step in Containerfile::parse(&text).build_commands() {
        let mut command = Command::new("sh");
        command.args(["-c", &step]).current_dir(folder.path()).env_remove("CARGO_TARGET_DIR");
        shell::run(&mut command)?;
    }
    let program = folder.path().join("out/usr/local/bin/relay-server");
    let bytes = fs::read(&program).context("the build stage made no program")?;
    dist::allocates_as_set(root, &bytes)?;
    println!("{}: {} bytes", program.display(), bytes.len());
    shell::run(Command::new(&program).arg("--version"))?;
    shell::run(Command::new(&program).arg("openapi").stdout(std::process::Stdio::null()))
}

/// Lets systemd look at the unit, where it is installed: it knows more than any list of rules.
fn verify_unit(root: &Path) -> Result<()> {
    if !shell::succeeds(Command::new("systemd-analyze").arg("--version")) {
        println!("systemd-analyze is not installed here: the unit was only read");
        return Ok(());
    }
    // The program is not installed on the machine that checks; what is true everywhere stands in for it.
    let unit =
        fs::read_to_string(root.join("docs/deploy/relay-server.service")).context("cannot read the unit")?;
    let folder = tempfile::tempdir().context("no folder")?;
    let path = folder.path().join("relay-server.service");
    let checkable = unit.replace("ExecStart=/usr/local/bin/relay-server", "ExecStart=/bin/true");
    fs::write(&path, checkable.replace("man:relay-server(1)", "https://example.com"))
        .context("cannot write")?;
    shell::run(Command::new("systemd-analyze").args(["verify", "--man=no"]).arg(&path))?;
    let level = ["security", "--offline=true", "--threshold=20", "--no-pager"];
    shell::run(Command::new("systemd-analyze").args(level).arg(&path).stdout(std::process::Stdio::null()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_hold_together() {
        let root = workspace::root();
        let files = workspace::files(&root).expect("files");
        assert_eq!(findings(&files).expect("all there"), [""; 0]);
        copied_is_whole(&root, &files).expect("a workspace");
    }

    #[test]
    fn a_missing_file_is_an_error_that_names_it() {
        let error = findings(&[]).expect_err("nothing is there");
        assert_eq!(error.to_string(), "there is no Dockerfile");
    }
}
