//! `schema`: the JSON Schema of the configuration file.

/// Prints the schema to standard output.
///
/// # Errors
/// None; it has the shape of the other commands.
pub(crate) fn run() -> anyhow::Result<()> {
    super::print(&relay_config::json_schema());
    Ok(())
}
