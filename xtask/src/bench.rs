//! Measures what the product promises, beside what the same work costs otherwise.
//!
//! Every figure is the median of several runs and stands beside a comparison measured in the same run, because a
//! machine that is busy or slow changes both. `--quick` measures less of everything, to see that it works.

mod bare;
mod cleaner;
pub(crate) mod config;
mod encrypted;
mod figure;
mod fixture;
mod generator;
mod http;
mod load;
mod naive;
mod notify;
mod pipeline;
mod postgres;
mod probe;
mod relay;
pub(crate) mod server;
mod store;
mod usage;
pub(crate) mod wire;

use anyhow::Result;
use clap::ValueEnum;

use self::figure::Figure;
use crate::{shell, workspace};

/// The options of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Measure these only.
    #[arg(value_enum)]
    parts: Vec<Part>,
    /// Measure less of everything: quick, and not to be quoted.
    #[arg(long)]
    quick: bool,
    /// Measure PostgreSQL with ten times as many monitors too; filling it takes half an hour.
    #[arg(long)]
    large: bool,
}

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Probes per second and what a probe costs.
    Probe,
    /// Appending and reading history, in SQLite and in PostgreSQL.
    Store,
    /// The same in PostgreSQL alone.
    Postgres,
    /// Start, memory and answers of the whole program.
    Http,
    /// From the end of a probe to the first webhook about it.
    Notify,
    /// Loading a large configuration, and replacing it while the whole program probes and answers.
    Config,
}

/// How much is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scale {
    /// What is quoted.
    Full,
    /// Enough to see that it works.
    Quick,
}

impl Scale {
    /// Returns the one that fits.
    pub(crate) fn pick<T>(self, full: T, quick: T) -> T {
        match self {
            Self::Full => full,
            Self::Quick => quick,
        }
    }
}

/// Measures and prints a Markdown table.
///
/// # Errors
/// When something that is measured does not work.
pub(crate) fn run(args: &Args) -> Result<()> {
    if cfg!(debug_assertions) {
        return in_release(args);
    }
    let scale = if args.quick { Scale::Quick } else { Scale::Full };
    let parts = if args.parts.is_empty() { Part::ALL } else { &args.parts };
    let mut figures = Vec::new();
    for part in parts {
        eprintln!("measuring: {}", part.name());
        figures.extend(part.measure(scale, args.large)?);
    }
    println!("\n{}", figure::table(&figures));
    Ok(())
}

/// Builds this program with optimisations and lets that measure.
fn in_release(args: &Args) -> Result<()> {
    let mut command = shell::cargo(&workspace::root());
    command.args(["run", "--release", "--package", "xtask", "--", "bench"]);
    command.args(args.parts.iter().map(|part| part.name()));
    if args.quick {
        command.arg("--quick");
    }
    if args.large {
        command.arg("--large");
    }
    shell::run(&mut command)
}

impl Part {
    /// What is measured when nothing is named: everything, once.
    const ALL: &[Self] = &[Self::Probe, Self::Store, Self::Http, Self::Notify, Self::Config];

    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    fn measure(self, scale: Scale, large: bool) -> Result<Vec<Figure>> {
        match self {
            Self::Probe => Ok([probe::figures(scale)?, pipeline::figures(scale)?].concat()),
            Self::Store => Ok([store::figures(scale)?, postgres::figures(scale, large)?].concat()),
            Self::Postgres => postgres::figures(scale, large),
            Self::Http => http::figures(scale),
            Self::Notify => notify::figures(scale),
            Self::Config => config::figures(scale),
        }
    }
}
