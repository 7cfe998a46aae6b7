//! The configuration in effect, written out, secrets masked.

use crate::{Loaded, reader::Read as _};

/// Writes the settings as a file that loads to the same configuration, apart from masked secrets: defaults filled in,
/// variables of the environment applied, included bodies written out, children still naming their parents.
///
/// # Errors
/// What the writer says; the settings themselves can always be written.
pub fn print_yaml(loaded: &Loaded) -> Result<String, PrintError> {
    let mut typed = loaded.typed.clone();
    typed.fill();
    serde_yaml::to_string(&typed).map_err(|error| PrintError(error.to_string()))
}

/// The configuration could not be written out.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the configuration out: {0}")]
pub struct PrintError(String);
