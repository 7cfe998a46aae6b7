//! `man`: the manual page, which names every command.

use anyhow::Context as _;
use clap::CommandFactory as _;
use clap_mangen::Man;

use crate::cli::Cli;

/// Prints the page to standard output.
///
/// # Errors
/// None that memory does not make.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut page = Vec::new();
    Man::new(Cli::command()).render(&mut page).context("cannot write the page")?;
    super::print(&String::from_utf8_lossy(&page));
    Ok(())
}
