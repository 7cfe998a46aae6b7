//! Tests that repeat themselves far longer than CI has time for, on the optimised program.
//!
//! `reload` is a test that CI runs, with another number of rounds; what it measures it prints. `load` is everything at
//! once for minutes: it writes a table and a picture of what the process held, and fails when that grew.

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
    /// How many reloads, for `reload`.
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
    /// Probes, hostile relays, outages, reloads and clients, all at once.
    Load,
}

/// The package of the test of reloads, the test, and the variable that tells it the number of rounds.
const RELOADS: [&str; 3] =
    ["relay-server", "soak::reloads_under_load_leak_nothing_and_lose_no_probe", "RELAY_SOAK_ROUNDS"];

/// Repeats, and shows what was seen.
///
/// # Errors
/// When the test fails, or something grew.
pub(crate) fn run(args: &Args) -> Result<()> {
    match args.part {
        Part::Reload => reloads(args),
        Part::Load => load::run(args.minutes, args.program.as_deref()),
    }
}

fn reloads(args: &Args) -> Result<()> {
    let [package, test, rounds] = RELOADS;
    println!("{} rounds", args.rounds);
    let mut command = shell::cargo(&workspace::root());
    command.args(["test", "--release", "--package", package, "--test", "integration", "--"]);
    command.args(["--exact", test, "--nocapture"]);
    shell::run(command.env(rounds, args.rounds.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_that_are_repeated_exist() {
        let files = workspace::files(&workspace::root()).expect("the files of the workspace");
        let [package, test, variable] = RELOADS;
        let (module, function) = test.split_once("::").expect("a module");
        let path = format!("bins/{package}/tests/integration/{module}.rs");
        let file = files.iter().find(|file| file.path == path).expect("the file of the test");
        assert!(file.text().contains(&format!("fn {function}(")), "{test}");
        assert!(file.text().contains(&format!("\"{variable}\"")), "{variable}");
    }
}
