//! What the program prints about itself: completions, the manual page, the version.

use crate::support::{finish, program};

fn printed(arguments: &[&str]) -> String {
    let dir = tempfile::tempdir().expect("a directory");
    let output = finish(program(dir.path()).args(arguments));
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn completions_know_the_commands_and_their_options() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = printed(&["completions", shell]);
        for word in ["healthcheck", "no-probe", "import"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
}

#[test]
fn the_manual_page_names_every_command() {
    let page = printed(&["man"]);
    for command in ["run", "demo", "init", "check", "probe", "migrate", "healthcheck"] {
        assert!(page.contains(&format!("relay\\-server\\-{command}(1)")), "{command}: {page}");
    }
}

#[test]
fn the_version_tells_the_commit() {
    let short = printed(&["-V"]);
    assert_eq!(short.trim(), concat!("relay-server ", env!("CARGO_PKG_VERSION")));
    let long = printed(&["--version"]);
    assert!(long.starts_with(short.trim()) && long.contains("commit") && long.contains("rustc"), "{long}");
}
