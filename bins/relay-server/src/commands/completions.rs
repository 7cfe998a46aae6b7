//! `completions`: what makes a shell complete the command line.

use clap::CommandFactory as _;

use crate::cli::{Cli, CompletionsArgs};

/// Prints a shell's script to standard output.
///
/// # Errors
/// None; it has the shape of the other commands.
pub(crate) fn run(args: &CompletionsArgs) -> anyhow::Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "relay-server", &mut script);
    super::print(&String::from_utf8_lossy(&script));
    Ok(())
}
