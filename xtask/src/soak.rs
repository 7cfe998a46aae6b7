//! Tests that repeat themselves far longer than CI has time for, on the optimised program.
//!
//! The tests are the ones that CI runs; only the number of rounds is another one. What they measure they print.

use anyhow::Result;
use clap::ValueEnum;

use crate::{shell, workspace};

/// The options of `cargo xtask soak`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What is repeated.
    #[arg(value_enum)]
    part: Part,
    /// How often.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(5..))]
    rounds: u64,
}

/// What can be repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Reloads of the configuration under probing load.
    Reload,
    /// Processes that write the store, killed at any moment.
    Kill,
    /// Probes while PostgreSQL is away; a round is a second.
    Outage,
}

/// A test and how to repeat it.
struct Repeated {
    package: &'static str,
    tests: &'static [&'static str],
    /// Tells the tests the number of rounds.
    variable: &'static str,
}

impl Part {
    fn repeated(self) -> Repeated {
        match self {
            Self::Reload => Repeated {
                package: "relay-server",
                tests: &["soak::reloads_under_load_leak_nothing_and_lose_no_probe"],
                variable: "RELAY_SOAK_ROUNDS",
            },
            Self::Outage => Repeated {
                package: "relay-server",
                tests: &["postgres::probing_goes_on_while_postgres_is_away"],
                variable: "RELAY_SOAK_PROBES_AWAY",
            },
            Self::Kill => Repeated {
                package: "relay-store",
                tests: &[
                    "crash::kill_nine_loses_nothing",
                    "crash::kill_nine_loses_nothing_on_postgres",
                    "killed::kill_nine_while_records_age_loses_none",
                ],
                variable: "RELAY_SOAK_KILLS",
            },
        }
    }
}

/// Runs the tests with this many rounds and shows what they print.
///
/// # Errors
/// When a test fails.
pub(crate) fn run(args: &Args) -> Result<()> {
    let Repeated { package, tests, variable, .. } = args.part.repeated();
    println!("{} rounds", args.rounds);
    let mut command = shell::cargo(&workspace::root());
    command.args(["test", "--release", "--package", package, "--test", "integration", "--", "--exact"]);
    command.args(tests).arg("--nocapture");
    shell::run(command.env(variable, args.rounds.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_that_are_repeated_exist() {
        let files = workspace::files(&workspace::root()).expect("the files of the workspace");
        for part in Part::value_variants() {
            let Repeated { package, tests, variable } = part.repeated();
            let text_of = |module: &str| {
                let path = format!("/{package}/tests/integration/{module}.rs");
                files.iter().find(|file| file.path.ends_with(&path)).expect("the file of the test").text()
            };
            for test in tests {
                let (module, function) = test.split_once("::").expect("a module");
                assert!(text_of(module).contains(&format!("fn {function}(")), "{test}");
            }
            let (module, _) = tests.first().and_then(|test| test.split_once("::")).expect("a test");
            assert!(text_of(module).contains(&format!("\"{variable}\"")), "{variable}");
        }
    }
}
