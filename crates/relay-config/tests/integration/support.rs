//! What the tests share.

use std::fmt::Write as _;

use relay_config::{Config, Environment, Loaded, Problem, load_str};

/// A file with one good monitor, to be completed.
pub(crate) const MONITOR: &str = "\
monitors:
  - provider: acme
    service: cc
    category: public
    sponsor: us
    url: https://api.acme.example/v1
    method: GET
";

/// Loads a text called `config.yaml` without any variable.
pub(crate) fn load(text: &str) -> Result<Loaded, relay_config::Problems> {
    load_str(text, "config.yaml", &Environment::new())
}

/// Loads a text that must be fine.
pub(crate) fn config(text: &str) -> Config {
    load(text).unwrap_or_else(|problems| panic!("{problems}")).config
}

/// Returns everything that is told of a text, one line each, with severities.
pub(crate) fn told(text: &str, env: &Environment) -> String {
    match load_str(text, "config.yaml", env) {
        Ok(loaded) => lines(&loaded.notices),
        Err(problems) => lines(problems.all()),
    }
}

/// Writes problems with their severities.
pub(crate) fn lines(problems: &[Problem]) -> String {
    problems.iter().fold(String::new(), |mut lines, problem| {
        let _ = writeln!(lines, "{} {problem}", problem.severity.as_str());
        lines
    })
}
