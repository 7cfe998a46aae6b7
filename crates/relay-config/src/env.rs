//! The variables a configuration is completed with.

mod dotenv;
mod names;
mod overlay;

use std::{collections::BTreeMap, fmt};

pub(crate) use dotenv::parse as parse_dotenv;
pub(crate) use names::key_names;
pub(crate) use overlay::overlay;

/// Variables by name, handed in by the program: this library reads no environment of its own. Values are often secrets,
/// so `Debug` shows names only.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// Makes an empty environment.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets one variable.
    #[must_use]
    pub fn with(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Returns the value of a variable; an empty one counts as not set.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// Returns this environment with `below` filling what it does not set.
    pub(crate) fn over(&self, below: BTreeMap<String, String>) -> Self {
        let mut variables = below;
        for (name, value) in &self.variables {
            variables.insert(name.clone(), value.clone());
        }
        Self { variables }
    }
}

impl FromIterator<(String, String)> for Environment {
    fn from_iter<I: IntoIterator<Item = (String, String)>>(pairs: I) -> Self {
        Self { variables: pairs.into_iter().collect() }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_names_only() {
        let shown = format!("{:?}", Environment::new().with("MONITOR_A_API_KEY", "sk-secret"));
        assert!(shown.contains("MONITOR_A_API_KEY"), "{shown}");
        assert!(!shown.contains("sk-secret"), "{shown}");
    }

    #[test]
    fn the_real_environment_wins_and_empty_is_not_set() {
        let below = [("A".to_owned(), "file".to_owned()), ("B".to_owned(), "file".to_owned())];
        let both = Environment::new().with("A", "real").over(below.into_iter().collect());
        assert_eq!(both.get("A"), Some("real"));
        assert_eq!(both.get("B"), Some("file"));
        assert_eq!(Environment::new().with("A", "").get("A"), None);
    }
}
