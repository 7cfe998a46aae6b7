//! What is wrong with a configuration, and where.

use std::{error::Error, fmt, sync::Arc};

/// How bad a problem is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing; never stops anything.
    Info,
    /// Probably a mistake; the file still loads, unless it is checked strictly.
    Warning,
    /// The file is refused.
    Error,
}

impl Severity {
    /// Returns the word for logs and terminals.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// One thing to tell about a configuration. Holds no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// How bad it is.
    pub severity: Severity,
    /// The file as it was named when it was loaded.
    pub file: Arc<str>,
    /// Line, counted from 1; 0 when not known.
    pub line: u32,
    /// Column in characters, counted from 1; 0 when not known.
    pub col: u32,
    /// The key it is about, such as `monitors[3].category`; empty for the file as a whole.
    pub path: String,
    /// What is wrong, one line.
    pub message: String,
}

/// Prints `file:line:col: path: message` without the parts that are not known.
impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.col)?;
        }
        if !self.path.is_empty() {
            write!(f, ": {}", self.path)?;
        }
        write!(f, ": {}", self.message)
    }
}

/// Everything found in a configuration that was refused: its errors, and the warnings and infos beside them, in the
/// order of the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    pub(crate) fn new(problems: Vec<Problem>) -> Self {
        Self(problems)
    }

    /// Returns all problems.
    #[must_use]
    pub fn all(&self) -> &[Problem] {
        &self.0
    }

    /// Returns the errors only.
    pub fn errors(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter().filter(|problem| problem.severity == Severity::Error)
    }
}

/// Prints the errors, one a line.
impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.errors().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl Error for Problems {}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem() -> Problem {
        Problem {
            severity: Severity::Error,
            file: "config.yaml".into(),
            line: 41,
            col: 5,
            path: "monitors[3].category".to_owned(),
            message: "required (commercial or public)".to_owned(),
        }
    }

    #[test]
    fn display_names_file_place_and_key() {
        assert_eq!(
            problem().to_string(),
            "config.yaml:41:5: monitors[3].category: required (commercial or public)"
        );
    }

    #[test]
    fn display_leaves_out_what_is_not_known() {
        let whole = Problem { line: 0, path: String::new(), ..problem() };
        assert_eq!(whole.to_string(), "config.yaml: required (commercial or public)");
    }

    #[test]
    fn display_of_all_lists_errors_only() {
        let warning = Problem { severity: Severity::Warning, ..problem() };
        let problems = Problems::new(vec![warning, problem(), problem()]);
        assert_eq!(problems.to_string().lines().count(), 2);
        assert_eq!(problems.all().len(), 3);
    }
}
