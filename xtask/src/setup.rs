//! What the tests need from the machine. To add a tool, write its [`Tool`] and name it in [`NEEDED`].

mod tool;

use std::{env, ffi::OsString, path::Path};

use anyhow::Result;

use self::tool::Tool;

/// Every tool that some test starts.
const NEEDED: &[Tool] = &[
    Tool {
        name: "Node.js",
        program: "node",
        needed_for: "the unit tests of the page's JavaScript",
        places: &["usr/bin", "usr/local/bin"],
        packages: &["nodejs"],
    },
    Tool {
        name: "Python",
        program: "python3",
        needed_for: "the test of the worker in docs/examples",
        places: &["usr/bin", "usr/local/bin"],
        packages: &["python3"],
    },
    Tool {
        name: "npm",
        program: "npm",
        needed_for: "the packages that the tests of the page use",
        places: &["usr/bin", "usr/local/bin"],
        packages: &["npm"],
    },
    Tool {
        name: "Chromium",
        program: "chromium",
        needed_for: "the tests of the page in a browser",
        places: &["usr/bin", "usr/local/bin"],
        packages: &["chromium"],
    },
    Tool {
        name: "PostgreSQL",
        program: "postgres",
        needed_for: "the tests of the store",
        places: &["usr/lib/postgresql/*/bin", "usr/local/bin"],
        packages: &["postgresql"],
    },
];

/// Finds or installs every tool, and returns a `PATH` on which the tests find them.
///
/// # Errors
/// Names the tool that is missing, and the command that installs it.
pub(crate) fn path_with_tools() -> Result<OsString> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<_> = env::split_paths(&path).collect();
    for tool in NEEDED {
        let program = tool.find_or_install(&path, Path::new("/"))?;
        println!("{}: {}", tool.name, program.display());
        if let Some(folder) = program.parent().map(Path::to_path_buf)
            && !folders.contains(&folder)
        {
            folders.push(folder);
        }
    }
    Ok(env::join_paths(folders)?)
}
