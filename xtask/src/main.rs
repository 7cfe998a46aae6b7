//! Chores of the workspace, run as `cargo xtask NAME`.
//!
//! | chore | what it does |
//! | --- | --- |
//! | `ci` | everything that must hold before a change is merged |
//! | `test` | sets up what the tests need, then runs all of them |
//! | `codegen` | files that are made from types and committed |
//! | `api-fuzz` | the HTTP API under a fuzzer that reads its OpenAPI document, not part of `ci` |
//! | `bench` | figures, each beside what the same work costs otherwise |
//! | `deploy` | whether the examples of deployments hold together |
//! | `dist` | the archive that is released: program, licences, examples, completions |
//! | `fuzz` | hostile input, invented by libFuzzer, for whatever reads any |
//! | `web` | the types of the page's modules, and the page in a real browser |
//! | `notify-check` | a notification to a mail server that nobody here wrote, not part of `ci` |
//! | `litellm` | relay-server against a real LLM proxy, not part of `ci` |
//! | `soak` | what CI repeats a little, repeated for long, not part of `ci` |
//! | `tidy` | the rules of the workspace that no compiler knows |
//!
//! To add one, write a module with `Args` (a [`clap::Args`]) and `run(&Args)`, and name it in [`Chore`]. A chore that
//! only starts other programs goes through [`shell`], which prints the command before it runs.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "chores talk to the person or the CI log that runs them"
)]

mod api_fuzz;
mod bench;
mod ci;
mod codegen;
mod deploy;
mod dist;
mod fuzz;
mod litellm;
mod notify_check;
mod setup;
mod shell;
mod soak;
mod test;
mod tidy;
mod web;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The command line of `cargo xtask`.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Chores of the Relay Pulse workspace")]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

/// One chore each.
#[derive(Debug, Subcommand)]
enum Chore {
    /// Run everything that must hold before a change is merged.
    Ci(ci::Args),
    /// Set up what the tests need, then run all of them.
    Test(test::Args),
    /// Write the committed files that are made from types.
    Codegen(codegen::Args),
    /// Let schemathesis, installed for it, ask the HTTP API whatever its OpenAPI document allows and more.
    ApiFuzz(api_fuzz::Args),
    /// Measure what the product promises, beside what the same work costs otherwise.
    Bench(bench::Args),
    /// Check the examples of deployments: container files, service unit, manifests, proxies.
    Deploy(deploy::Args),
    /// Build and pack what is released.
    Dist(dist::Args),
    /// Feed hostile input, invented by libFuzzer, to whatever reads any.
    Fuzz(fuzz::Args),
    /// Run relay-server against the litellm proxy, installed for it, and compare its verdicts.
    Litellm(litellm::Args),
    /// Repeat for long what CI repeats a little, such as reloads.
    Soak(soak::Args),
    /// Let relay-server send a notification to aiosmtpd, installed for it.
    NotifyCheck(notify_check::Args),
    /// Check the rules of the workspace that no compiler knows.
    Tidy(tidy::Args),
    /// Check the types of the page's modules, and try the page in a real browser.
    Web(web::Args),
}

fn main() -> ExitCode {
    let result = match Cli::parse().chore {
        Chore::Ci(args) => ci::run(&args),
        Chore::Test(args) => test::run(&args),
        Chore::Codegen(args) => codegen::run(&args),
        Chore::ApiFuzz(args) => api_fuzz::run(&args),
        Chore::Bench(args) => bench::run(&args),
        Chore::Deploy(args) => deploy::run(&args),
        Chore::Dist(args) => dist::run(&args),
        Chore::Fuzz(args) => fuzz::run(&args),
        Chore::Litellm(args) => litellm::run(&args),
        Chore::Soak(args) => soak::run(&args),
        Chore::NotifyCheck(args) => notify_check::run(&args),
        Chore::Tidy(args) => tidy::run(&args),
        Chore::Web(args) => web::run(&args),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
