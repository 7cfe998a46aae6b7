//! `relay-server`: reads the command line, starts logging, and turns the outcome of a command into an exit code.
//!
//! - `cli` is the command line, `commands` what each command does.
//! - `app` wires the crates together; each file below it maps the configuration to the options of one of them.
//! - `reload` hands a new configuration on, `lifecycle` starts and stops the long tasks.
//! - `catalog` and `pages` are the two ports that need more than one crate.

mod app;
mod catalog;
mod cli;
mod commands;
mod count;
mod environment;
mod lifecycle;
mod pages;
mod reload;
mod telemetry;

use std::process::ExitCode;

use clap::Parser;
use tikv_jemallocator::Jemalloc;

/// Gives what a burst of probes, answers or a reload used back to the system; `.cargo/config.toml` says how soon. The C
/// library's allocator keeps the most that each of its arenas ever needed, which over hours is several times as much.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

fn main() -> ExitCode {
    match cli::Cli::try_parse() {
        Ok(cli) => cli.run(),
        Err(error) => cli::usage(&error),
    }
}
