//! Runs the tests of the page's pure modules with node's own test runner.

use std::{path::Path, process::Command};

#[test]
fn javascript_tests_pass() {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/js");
    let mut files: Vec<_> = std::fs::read_dir(&tests)
        .expect("tests/js")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.to_string_lossy().ends_with(".test.mjs"))
        .collect();
    files.sort();
    assert!(!files.is_empty(), "no tests in {}", tests.display());
    let output = Command::new("node")
        .arg("--test")
        .args(&files)
        .output()
        .expect("the page's tests need node 20 or newer on the PATH (on Debian: apt-get install nodejs)");
    assert!(
        output.status.success(),
        "node --test failed:\n{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
