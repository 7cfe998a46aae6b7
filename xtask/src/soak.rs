//! Tests that repeat themselves far longer than CI has time for, on the optimised program.
//!
//! `reload`, `kill` and `outage` are tests that CI runs, with another number of rounds; what they measure they print.
//! `load` is everything at once for minutes: it writes a table and a picture of what the process held, and fails when
//! that grew.

mod load;
mod picture;
mod sample;

use std::path::PathBuf;

use anyhow::Result;
use clap::ValueEnum;

use crate::{shell, workspace};

/// The options of `cargo xtask soak`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// What is repeated.
    #[arg(value_enum)]
    part: Part,
    /// How often, for all but `load`.
    #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u64).range(5..))]
    rounds: u64,
    /// How long, for `load`.
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..))]
    minutes: u64,
    /// A relay-server that is built already, for `load`; otherwise one is built with optimisations.
    #[arg(long, value_name = "FILE")]
    program: Option<PathBuf>,
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
    /// Probes, hostile relays, outages, reloads and clients, all at once.
    Load,
}

/// A test and how to repeat it.
struct Repeated {
    package: &'static str,
    tests: &'static [&'static str],
    /// Tells the tests the number of rounds.
    variable: &'static str,
}

impl Part {
    /// Returns the tests that are this part; `None` when it is no test.
    fn repeated(self) -> Option<Repeated> {
        Some(match self {
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
            Self::Load => return None,
        })
    }
}

/// Repeats, and shows what was seen.
///
/// # Errors
/// When a test fails, or something grew.
pub(crate) fn run(args: &Args) -> Result<()> {
    let Some(Repeated { package, tests, variable }) = args.part.repeated() else {
        return load::run(args.minutes, args.program.as_deref());
    };
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
            let Some(Repeated { package, tests, variable }) = part.repeated() else { continue };
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
