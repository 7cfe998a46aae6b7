//! Virtual environments with a program from the Python package index in them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context as _, Result, bail};

use super::child::Child;

/// The release of litellm whose answers the cases describe.
pub(super) const VERSION: &str = "1.106.2";
/// litellm's error handler imports prisma while it builds a 401, so that without it every 401 is a bare 500.
const ALSO: &str = "prisma";
/// It is a large package with many dependencies.
const LIMIT: Duration = Duration::from_secs(20 * 60);

/// Returns the litellm program, installed into `folder` unless that release is there already.
///
/// # Errors
/// When Python is missing or the package index cannot be reached.
pub(super) async fn litellm(folder: &Path, version: &str) -> Result<PathBuf> {
    program(folder, &format!("litellm[proxy]=={version} {ALSO}"), "litellm").await
}

/// Returns a program, after `wanted` (requirements with spaces between) was installed into `folder` unless it is there
/// already.
///
/// # Errors
/// When Python is missing or the package index cannot be reached.
pub(crate) async fn program(folder: &Path, wanted: &str, name: &str) -> Result<PathBuf> {
    let (program, stamp) = (folder.join("bin").join(name), folder.join("installed"));
    if program.exists() && fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(program);
    }
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    println!("installing {wanted}; this takes a few minutes the first time");
    let mut venv = Command::new("python3");
    venv.args(["-m", "venv"]).arg(folder);
    finish("python3 -m venv", &mut venv, &folder.join("venv.log"))
        .await
        .context("a Python 3 with its venv module is needed; on Debian: apt-get install python3-venv")?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--timeout", "30"]);
    pip.args(wanted.split(' '));
    finish("pip install", &mut pip, &folder.join("pip.log")).await?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))?;
    Ok(program)
}

async fn finish(name: &'static str, command: &mut Command, log: &Path) -> Result<()> {
    let mut child = Child::start(name, command, log)?;
    let status = child.ended(LIMIT).await?;
    if !status.success() {
        bail!("{name} failed: {status}\n{}", child.tail());
    }
    Ok(())
}
