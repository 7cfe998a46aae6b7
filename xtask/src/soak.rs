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
}

impl Part {
    /// Returns the package of the test, the test, and the variable that tells it the number of rounds.
    fn test(self) -> [&'static str; 3] {
        match self {
            Self::Reload => [
                "relay-server",
                "soak::reloads_under_load_leak_nothing_and_lose_no_probe",
                "RELAY_SOAK_ROUNDS",
            ],
        }
    }
}

/// Runs the test with this many rounds and shows what it prints.
///
/// # Errors
/// When the test fails.
pub(crate) fn run(args: &Args) -> Result<()> {
    let [package, test, rounds] = args.part.test();
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
        for part in Part::value_variants() {
            let [package, test, variable] = part.test();
            let (module, function) = test.split_once("::").expect("a module");
            let path = format!("bins/{package}/tests/integration/{module}.rs");
            let file = files.iter().find(|file| file.path == path).expect("the file of the test");
            assert!(file.text().contains(&format!("fn {function}(")), "{test}");
            assert!(file.text().contains(&format!("\"{variable}\"")), "{variable}");
        }
    }
}
