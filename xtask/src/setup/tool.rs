//! Finding a program, and installing it where that is possible.

use std::{
    env,
    ffi::OsStr,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};

use crate::shell;

/// A program that tests start.
#[derive(Debug)]
pub(crate) struct Tool {
    /// What people call it.
    pub(crate) name: &'static str,
    /// The name of its file.
    pub(crate) program: &'static str,
    /// Which tests need it, for messages.
    pub(crate) needed_for: &'static str,
    /// Folders where Debian keeps it when it is not on `PATH`, without the leading slash. A part may be `*`, for
    /// folders named by version: the highest one wins.
    pub(crate) places: &'static [&'static str],
    /// The Debian packages that bring it.
    pub(crate) packages: &'static [&'static str],
}

impl Tool {
    /// Returns where the program is, after installing it by apt when this process may.
    ///
    /// # Errors
    /// When it is nowhere and cannot be installed: says which command does it.
    pub(crate) fn find_or_install(&self, path: &OsStr, root: &Path) -> Result<PathBuf> {
        if let Some(found) = self.find(path, root) {
            return Ok(found);
        }
        if !rustix::process::geteuid().is_root() || !shell::succeeds(Command::new("apt-get").arg("--version"))
        {
            bail!(self.missing());
        }
        self.install().with_context(|| self.missing())?;
        self.find(path, root).with_context(|| self.missing())
    }

    /// Looks on `path` first, then in the usual places below `root`.
    fn find(&self, path: &OsStr, root: &Path) -> Option<PathBuf> {
        let usual = self.places.iter().flat_map(|place| expand(root, place));
        env::split_paths(path)
            .chain(usual)
            .map(|folder| folder.join(self.program))
            .find(|program| is_executable(program))
    }

    fn install(&self) -> Result<()> {
        let apt = || {
            let mut command = Command::new("apt-get");
            command.env("DEBIAN_FRONTEND", "noninteractive");
            command
        };
        shell::run(apt().args(["--quiet", "update"]))?;
        shell::run(apt().args(["--quiet", "--yes", "--no-install-recommends", "install"]).args(self.packages))
    }

    fn missing(&self) -> String {
        format!(
            "{} is needed for {}, and `{}` is neither on PATH nor in /{}: install it with `sudo apt-get install {}`",
            self.name,
            self.needed_for,
            self.program,
            self.places.join(", /"),
            self.packages.join(" "),
        )
    }
}

/// Returns the folders that `place` stands for, the highest version first.
fn expand(root: &Path, place: &str) -> Vec<PathBuf> {
    place.split('/').fold(vec![root.to_path_buf()], |folders, part| {
        folders
            .into_iter()
            .flat_map(|folder| if part == "*" { versions(&folder) } else { vec![folder.join(part)] })
            .collect()
    })
}

fn versions(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found: Vec<(u32, PathBuf)> = entries
        .flatten()
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path())))
        .collect();
    found.sort_by(|a, b| b.cmp(a));
    found.into_iter().map(|(_, path)| path).collect()
}

fn is_executable(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATABASE: Tool = Tool {
        name: "Database",
        program: "based",
        needed_for: "tests of tools",
        places: &["usr/bin", "usr/lib/based/*/bin"],
        packages: &["based", "based-client"],
    };

    fn machine(programs: &[(&str, u32)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a folder");
        for (program, mode) in programs {
            let path = root.path().join(program);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
            fs::write(&path, "").expect("a file");
            fs::set_permissions(&path, fs::Permissions::from_mode(*mode)).expect("permissions");
        }
        root
    }

    fn found(path: &str, programs: &[(&str, u32)]) -> Option<String> {
        let root = machine(programs);
        let path = root.path().join(path);
        let program = DATABASE.find(path.as_os_str(), root.path())?;
        let relative = program.strip_prefix(root.path()).expect("below the root");
        Some(relative.display().to_string())
    }

    #[test]
    fn path_comes_before_the_usual_places() {
        let programs = [("opt/bin/based", 0o755), ("usr/bin/based", 0o755)];
        assert_eq!(found("opt/bin", &programs).as_deref(), Some("opt/bin/based"));
        assert_eq!(found("empty", &programs).as_deref(), Some("usr/bin/based"));
    }

    #[test]
    fn the_highest_version_is_taken() {
        let programs = [("usr/lib/based/9/bin/based", 0o755), ("usr/lib/based/17/bin/based", 0o755)];
        assert_eq!(found("empty", &programs).as_deref(), Some("usr/lib/based/17/bin/based"));
    }

    #[test]
    fn a_file_that_cannot_be_run_does_not_count() {
        assert_eq!(found("empty", &[("usr/bin/based", 0o644)]), None);
    }

    #[test]
    fn the_message_names_the_command_to_run() {
        assert_eq!(
            DATABASE.missing(),
            "Database is needed for tests of tools, and `based` is neither on PATH nor in /usr/bin, \
             /usr/lib/based/*/bin: install it with `sudo apt-get install based based-client`"
        );
    }
}
