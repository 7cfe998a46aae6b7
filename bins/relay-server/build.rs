//! Notes what `/api/version` tells: the compiler, the commit and its time. A build outside a checkout knows no commit.

use std::{env, process::Command};

fn main() {
    let rustc = env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    note("RELAY_RUST_VERSION", output(&rustc, &["--version"]));
    note("RELAY_GIT_COMMIT", output("git", &["rev-parse", "--short=12", "HEAD"]));
    // The commit's time and not the build's: the same source gives the same binary.
    note("RELAY_BUILD_TIME", output("git", &["show", "-s", "--format=%cI", "HEAD"]));
    for path in ["HEAD", "logs/HEAD"] {
        let path = output("git", &["rev-parse", "--git-path", path]);
        if !path.is_empty() && std::path::Path::new(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    println!("cargo::rerun-if-changed=build.rs");
}

fn note(name: &str, value: String) {
    println!("cargo::rustc-env={name}={value}");
}

fn output(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).output();
    output
        .ok()
        .filter(|output| output.status.success())
        .map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
        .unwrap_or_default()
}
