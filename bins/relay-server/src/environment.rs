//! The environment of the process, read once and handed on.

use relay_config::Environment;

/// Returns the variables of the process; those that are not Unicode cannot be meant for this program.
pub(crate) fn of_process() -> Environment {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}
