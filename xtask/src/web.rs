//! The page in a real browser, and its types.
//!
//! The tests are JavaScript, since what they drive is: Node's own runner, playwright-core for the browser, axe-core for
//! what people with other senses meet. npm installs them from a committed lock file into the target folder, so that
//! nothing of it lies in the sources; pictures of the page are kept beside them.

use std::{
    env,
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result};
use cargo_metadata::MetadataCommand;

use crate::{setup, shell, workspace};

/// Where the tests are, from the root.
const TESTS: &str = "crates/relay-web/tests/browser";

/// The files that say which packages they need.
const LISTS: [&str; 2] = ["package.json", "package-lock.json"];

/// The options of `cargo xtask web`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Run only tests whose name matches this regular expression.
    filter: Option<String>,
}

/// Sets up what the tests of the page need and runs them.
///
/// # Errors
/// When something is missing and cannot be installed, or a test fails.
pub(crate) fn run(args: &Args) -> Result<()> {
    let path = setup::path_with_tools()?;
    check(&workspace::root(), &path, args.filter.as_deref())
}

/// Checks the types of the page's modules and of their tests, then tries the page in a browser. `path` is where the
/// tools are.
///
/// # Errors
/// As for [`run`].
pub(crate) fn check(root: &Path, path: &OsStr, filter: Option<&str>) -> Result<()> {
    let target = target_folder(root)?;
    let packages = install(&root.join(TESTS), &target.join("web/packages"), path)?;
    let modules = packages.join("node_modules");
    // The packages are not above the sources, so tsc has to be told where types are: those of Node and of the others.
    for project in ["tsconfig.json", "tests/tsconfig.json"] {
        shell::run(
            node(path)
                .arg(modules.join("typescript/bin/tsc"))
                .arg("--project")
                .arg(root.join("crates/relay-web").join(project))
                .arg("--typeRoots")
                .arg(format!("{0}/@types,{0}", modules.display())),
        )?;
    }
    shell::run(shell::cargo(root).args(["build", "--package", "relay-server"]))?;
    let mut tests = node(path);
    tests.arg("--test").arg("--test-reporter=spec");
    if let Some(filter) = filter {
        tests.arg("--test-name-pattern").arg(filter);
    }
    tests
        .arg(root.join(TESTS).join("all.test.mjs"))
        .env("RELAY_WEB_SERVER", target.join("debug/relay-server"))
        .env("RELAY_WEB_CHROMIUM", program("chromium", path)?)
        .env("RELAY_WEB_PACKAGES", &packages)
        .env("RELAY_WEB_ARTIFACTS", target.join("web/pictures"));
    shell::run(&mut tests)
}

/// Installs what the lock file of `tests` lists into `folder`, unless that is there already; returns `folder`.
fn install(tests: &Path, folder: &Path, path: &OsStr) -> Result<PathBuf> {
    if is_installed(tests, folder) {
        return Ok(folder.to_path_buf());
    }
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    for list in LISTS {
        let from = tests.join(list);
        fs::copy(&from, folder.join(list)).with_context(|| format!("cannot copy {}", from.display()))?;
    }
    let npm = program("npm", path)?;
    shell::run(
        Command::new(npm)
            .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"])
            .env("PATH", path)
            .current_dir(folder),
    )
    .context("npm could not install the packages of the page's tests; they come from the registry it is set up with")?;
    fs::write(folder.join("installed"), "")
        .with_context(|| format!("cannot write to {}", folder.display()))?;
    Ok(folder.to_path_buf())
}

/// Tells whether an installation was finished, of the same lists.
fn is_installed(tests: &Path, folder: &Path) -> bool {
    let same = |list: &str| {
        fs::read(tests.join(list))
            .is_ok_and(|wanted| fs::read(folder.join(list)).is_ok_and(|found| found == wanted))
    };
    folder.join("installed").exists() && LISTS.into_iter().all(same)
}

fn node(path: &OsStr) -> Command {
    let mut command = Command::new("node");
    command.env("PATH", path);
    command
}

fn program(name: &str, path: &OsStr) -> Result<PathBuf> {
    let mut places = env::split_paths(path).map(|folder| folder.join(name));
    places.find(|program| program.is_file()).with_context(|| format!("`{name}` is not on PATH"))
}

fn target_folder(root: &Path) -> Result<PathBuf> {
    let metadata = MetadataCommand::new()
        .manifest_path(root.join("Cargo.toml"))
        .no_deps()
        .exec()
        .context("cannot read the manifests")?;
    Ok(metadata.target_directory.into_std_path_buf())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_installed_again_when_a_list_changed_or_the_last_time_was_cut_short() {
        let (tests, folder) =
            (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        for list in LISTS {
            fs::write(tests.path().join(list), "{}").expect("written");
            fs::write(folder.path().join(list), "{}").expect("written");
        }
        assert!(!is_installed(tests.path(), folder.path()));
        fs::write(folder.path().join("installed"), "").expect("written");
        assert!(is_installed(tests.path(), folder.path()));
        fs::write(tests.path().join(LISTS[1]), "{ }").expect("written");
        assert!(!is_installed(tests.path(), folder.path()));
    }

    #[test]
    fn the_lock_file_pins_every_package_and_names_no_registry() {
        let text = fs::read_to_string(workspace::root().join(TESTS).join(LISTS[1])).expect("the lock file");
        assert!(!text.contains("://"), "addresses belong to whoever installs");
        let lock: serde_json::Value = serde_json::from_str(&text).expect("JSON");
        let packages = lock["packages"].as_object().expect("packages");
        assert!(packages.len() > 3);
        for (name, package) in packages.iter().filter(|(name, _)| !name.is_empty()) {
            assert!(package["integrity"].as_str().is_some_and(|sum| sum.starts_with("sha512-")), "{name}");
        }
    }
}
