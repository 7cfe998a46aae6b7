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
    Ok(serde_yaml::to_string(&typed)?)
}

/// The configuration could not be written out.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the configuration out")]
pub struct PrintError(#[from] serde_yaml::Error);
