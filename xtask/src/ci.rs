//! Everything that must hold before a change is merged, cheap checks first.

use std::{path::Path, time::Duration};

use anyhow::{Result, bail};

use crate::{codegen, deploy, shell, test, tidy, workspace};

/// The options of `cargo xtask ci`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Stop at the first step that fails, instead of running the others too.
    #[arg(long)]
    fail_fast: bool,
}

type Step = fn(&Path) -> Result<()>;

const STEPS: &[(&str, Step)] = &[
    ("format", format),
    ("tidy", tidy::check),
    ("codegen", codegen::check),
    ("deploy", deploy::check),
    ("deny", deny),
    ("clippy", clippy),
    ("docs", docs),
    ("test", test::run_all),
];

/// Runs all steps, prints how long each took, and fails when one of them did.
///
/// # Errors
/// Names the steps that failed.
pub(crate) fn run(args: &Args) -> Result<()> {
    let outcomes = run_steps(STEPS, args.fail_fast, &workspace::root());
    println!("\n{}", summary(&outcomes));
    let failed: Vec<&str> =
        outcomes.iter().filter(|outcome| !outcome.passed).map(|outcome| outcome.name).collect();
    if !failed.is_empty() {
        bail!("failed: {}", failed.join(", "));
    }
    Ok(())
}

/// How a step ended.
struct Outcome {
    name: &'static str,
    passed: bool,
    took: Duration,
}

fn run_steps(steps: &[(&'static str, Step)], fail_fast: bool, root: &Path) -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for (name, step) in steps {
        println!("\n=== {name}");
        let start = tokio::time::Instant::now();
        let result = step(root);
        let passed = result.is_ok();
        if let Err(error) = result {
            eprintln!("{name}: {error:#}");
        }
        outcomes.push(Outcome { name, passed, took: start.elapsed() });
        if fail_fast && !passed {
            break;
        }
    }
    outcomes
}

fn summary(outcomes: &[Outcome]) -> String {
    let lines = outcomes.iter().map(|Outcome { name, passed, took }| {
        let word = if *passed { "ok" } else { "FAILED" };
        format!("{name:<8} {word:<6} {:>7.1} s", took.as_secs_f64())
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn format(root: &Path) -> Result<()> {
    shell::run(shell::cargo(root).args(["fmt", "--all", "--check"]))?;
    // A workspace of its own.
    shell::run(shell::cargo(root).args(["fmt", "--manifest-path", "fuzz/Cargo.toml", "--check"]))
}

fn clippy(root: &Path) -> Result<()> {
    shell::run(shell::cargo(root).args([
        "clippy",
        "--workspace",
        "--all-targets",
        "--",
        "--deny",
        "warnings",
    ]))
}

/// Licences, sources and dependency arrows by cargo-deny, which is installed only when it is missing. Dependencies of
/// tests and benches are left out: they ship with nothing.
fn deny(root: &Path) -> Result<()> {
    if !shell::succeeds(shell::cargo(root).args(["deny", "--version"])) {
        shell::run(shell::cargo(root).args(["install", "--locked", "cargo-deny"]))?;
    }
    shell::run(shell::cargo(root).args(["fetch", "--locked"]))?;
    shell::run(shell::cargo(root).args([
        "deny",
        "--offline",
        "--exclude-dev",
        "check",
        "bans",
        "licenses",
        "sources",
    ]))
}

fn docs(root: &Path) -> Result<()> {
    shell::run(
        shell::cargo(root).args(["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passes(_: &Path) -> Result<()> {
        Ok(())
    }

    fn fails(_: &Path) -> Result<()> {
        bail!("on purpose")
    }

    fn verdicts(fail_fast: bool) -> Vec<(&'static str, bool)> {
        let steps: [(&str, Step); 3] = [("one", passes), ("two", fails), ("three", passes)];
        run_steps(&steps, fail_fast, Path::new("."))
            .iter()
            .map(|outcome| (outcome.name, outcome.passed))
            .collect()
    }

    #[test]
    fn a_failed_step_does_not_hide_the_others() {
        assert_eq!(verdicts(false), [("one", true), ("two", false), ("three", true)]);
    }

    #[test]
    fn fail_fast_stops_at_the_first_failure() {
        assert_eq!(verdicts(true), [("one", true), ("two", false)]);
    }

    #[test]
    fn the_summary_has_a_line_per_step() {
        let outcomes = [
            Outcome { name: "format", passed: true, took: Duration::from_millis(1234) },
            Outcome { name: "test", passed: false, took: Duration::from_secs(61) },
        ];
        assert_eq!(summary(&outcomes), "format   ok         1.2 s\ntest     FAILED    61.0 s");
    }
}
