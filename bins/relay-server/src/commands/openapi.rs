//! `openapi`: the OpenAPI document of the HTTP API.

/// Prints the document to standard output.
///
/// # Errors
/// None; it has the shape of the other commands.
pub(crate) fn run() -> anyhow::Result<()> {
    super::print(&relay_api::openapi_json());
    Ok(())
}
