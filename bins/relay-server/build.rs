//! Notes what `/api/version` and `--version` tell: the compiler, the commit and its time.
//!
//! The commit is that of the checkout which holds this file, else what `RELAY_GIT_COMMIT` and `RELAY_BUILD_TIME` say,
//! for builds of files without their history, as in a container; else none is known.

use std::{env, path::Path, process::Command};

/// Where this package is in the repository; another repository that files were unpacked in is not ours.
const PREFIX: &str = "bins/relay-server/";

fn main() {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let compiler = output(&rustc, &["--version"]);
    let checkout = output("git", &["rev-parse", "--show-prefix"]) == PREFIX;
    let git = |arguments: &[&str]| if checkout { output("git", arguments) } else { String::new() };
    let commit = told("RELAY_GIT_COMMIT", || git(&["rev-parse", "--short=12", "HEAD"]));
    // The commit's time and not the build's: the same source gives the same binary.
    let time = told("RELAY_BUILD_TIME", || git(&["show", "-s", "--format=%cI", "HEAD"]));
    let version = env::var("CARGO_PKG_VERSION").unwrap_or_default();
    let of =
        if commit.is_empty() { "unknown commit".to_owned() } else { format!("commit {commit} of {time}") };
    println!("cargo::rustc-env=RELAY_LONG_VERSION={version} ({of}, {compiler})");
    println!("cargo::rustc-env=RELAY_RUST_VERSION={compiler}");
    println!("cargo::rustc-env=RELAY_GIT_COMMIT={commit}");
    println!("cargo::rustc-env=RELAY_BUILD_TIME={time}");
    for path in ["HEAD", "logs/HEAD"] {
        let path = git(&["rev-parse", "--git-path", path]);
        if !path.is_empty() && Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
}

/// Returns the value of a variable, else what `otherwise` finds out.
fn told(variable: &str, otherwise: impl FnOnce() -> String) -> String {
    println!("cargo::rerun-if-env-changed={variable}");
    let value = env::var(variable).unwrap_or_default();
    if value.trim().is_empty() { otherwise() } else { value.trim().to_owned() }
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}
