//! From the located tree to typed settings, collecting problems on the way instead of stopping at the first.

use std::{collections::HashSet, fmt::Display, sync::Arc};

use serde::{Serialize, Serializer};

use crate::{
    Environment, Problem, Severity,
    spending::Spending,
    yaml::{Entry, Kind, Mark, Node},
};

/// A value together with the place it was written at.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) mark: Mark,
}

impl<T> Located<T> {
    /// Wraps a value that stands nowhere in the file: a default, or one from the environment.
    pub(crate) fn nowhere(value: T) -> Self {
        Self { value, mark: Mark::default() }
    }
}

impl<T: Serialize> Serialize for Located<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> std::borrow::Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        T::json_schema(generator)
    }
}

/// A setting as typed: absent, null and the empty string are all "not set".
pub(crate) type Field<T> = Option<Located<T>>;

/// Returns where a setting stands; nowhere when it is not set.
pub(crate) fn mark_of<T>(field: &Field<T>) -> Mark {
    field.as_ref().map(|located| located.mark).unwrap_or_default()
}

/// What can be read from a node.
pub(crate) trait Read: Sized {
    /// The most of it that a list may hold.
    const MAX_ITEMS: usize = 100_000;

    /// Reads the value. `None` means that it counts as not set, or that a problem was reported.
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self>;

    /// Sets what is not set to its default, all the way down.
    fn fill(&mut self) {}
}

/// Whether errors of a tentative reading count.
pub(crate) enum Tentative<T> {
    /// They do.
    Keep(T),
    /// They are forgotten; warnings stay.
    Forget(T),
}

/// How many problems are kept.
const MAX_PROBLEMS: usize = 10_000;
/// How many unknown keys are compared with the known ones.
const MAX_SUGGESTIONS: usize = 100;

/// Collects problems while a tree is read; knows which key it stands at.
pub(crate) struct Reader<'a> {
    pub(crate) env: &'a Environment,
    pub(crate) spending: Spending,
    file: Arc<str>,
    path: String,
    problems: Vec<Problem>,
    /// What was told of which place, since an inherited or aliased value is looked at more than once.
    told: HashSet<(Mark, String, String)>,
    /// Keys with an error.
    wrong: HashSet<String>,
    errors: usize,
    suggested: usize,
    /// Keys of other versions that were told of: once is enough.
    foreign: HashSet<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(file: Arc<str>, env: &'a Environment) -> Self {
        Self {
            env,
            spending: Spending::default(),
            file,
            path: String::new(),
            problems: Vec::new(),
            told: HashSet::new(),
            wrong: HashSet::new(),
            errors: 0,
            suggested: 0,
            foreign: HashSet::new(),
        }
    }

    pub(crate) fn report(&mut self, severity: Severity, mark: Mark, message: impl Into<String>) {
        let message = message.into();
        self.errors += usize::from(severity == Severity::Error);
        if self.problems.len() >= MAX_PROBLEMS {
            return;
        }
        let key = self.path.rsplit('.').next().unwrap_or_default().to_owned();
        // What is told at one place only is wrong at all of them.
        if severity == Severity::Error {
            self.wrong.insert(self.path.clone());
        }
        if !self.told.insert((mark, key, message.clone())) {
            return;
        }
        let last = self.problems.len() + 1 == MAX_PROBLEMS;
        self.problems.push(Problem {
            severity: if last { Severity::Error } else { severity },
            file: Arc::clone(&self.file),
            line: if last { 0 } else { mark.line },
            col: if last { 0 } else { mark.col },
            path: if last { String::new() } else { self.path.clone() },
            message: if last {
                format!("more than {MAX_PROBLEMS} problems; the rest is not told")
            } else {
                message
            },
        });
    }

    pub(crate) fn error(&mut self, mark: Mark, message: impl Into<String>) {
        self.report(Severity::Error, mark, message);
    }

    pub(crate) fn warn(&mut self, mark: Mark, message: impl Into<String>) {
        self.report(Severity::Warning, mark, message);
    }

    pub(crate) fn info(&mut self, mark: Mark, message: impl Into<String>) {
        self.report(Severity::Info, mark, message);
    }

    /// Runs `read` one key deeper.
    pub(crate) fn within<T>(&mut self, key: impl Display, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(&key.to_string());
        let value = read(self);
        self.path.truncate(length);
        value
    }

    /// Runs `read` at a key of the whole file, wherever the reader stands.
    pub(crate) fn at_root<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        self.at_path(key.to_owned(), read)
    }

    /// Runs `read` at a path from the root.
    pub(crate) fn at_path<T>(&mut self, path: String, read: impl FnOnce(&mut Self) -> T) -> T {
        let outer = std::mem::replace(&mut self.path, path);
        let value = read(self);
        self.path = outer;
        value
    }

    /// Runs `read` at one item of a list.
    pub(crate) fn within_item<T>(&mut self, index: usize, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        self.path.push_str(&format!("[{index}]"));
        let value = read(self);
        self.path.truncate(length);
        value
    }

    /// Reads something whose errors may not matter.
    pub(crate) fn tentatively<T>(&mut self, read: impl FnOnce(&mut Self) -> Tentative<T>) -> T {
        let (count, errors) = (self.problems.len(), self.errors);
        match read(self) {
            Tentative::Keep(value) => value,
            Tentative::Forget(value) => {
                let told = self.problems.split_off(count);
                self.problems.extend(told.into_iter().filter(|problem| problem.severity != Severity::Error));
                self.errors = errors;
                value
            }
        }
    }

    /// Tells whether the key the reader stands at has an error already.
    pub(crate) fn is_wrong(&self) -> bool {
        self.wrong.contains(&self.path)
    }

    /// Returns how many errors there are by now.
    pub(crate) fn count_errors(&self) -> usize {
        self.errors
    }

    /// Gives up the problems, those with a place in the order of the file.
    pub(crate) fn into_problems(self) -> Vec<Problem> {
        let mut problems = self.problems;
        problems.sort_by_key(|problem| (problem.line == 0, problem.line, problem.col));
        problems.dedup();
        problems
    }

    /// Returns the entries of a mapping; anything else is reported.
    pub(crate) fn entries<'n>(&mut self, node: &'n Node) -> Option<&'n [Entry]> {
        match &node.kind {
            Kind::Map(entries) => Some(entries),
            _ => {
                self.error(node.mark, format!("must be a mapping, not {}", node.kind_name()));
                None
            }
        }
    }

    /// Returns the text of a scalar exactly as written, and whether it stood without quotes; anything else is reported.
    pub(crate) fn scalar<'n>(&mut self, node: &'n Node) -> Option<(&'n str, bool)> {
        match &node.kind {
            Kind::Scalar { text, plain } => {
                if let Some(tag) = &node.tag {
                    self.error(node.mark, format!("the tag {tag} is not understood here"));
                    return None;
                }
                Some((text, *plain))
            }
            _ => {
                self.error(node.mark, format!("must be a single value, not {}", node.kind_name()));
                None
            }
        }
    }

    /// Reads one setting of a mapping.
    pub(crate) fn field<T: Read>(&mut self, entries: &[Entry], key: &str) -> Field<T> {
        let entry = entries.iter().find(|entry| &*entry.key == key)?;
        if entry.value.is_unset() {
            return None;
        }
        self.within(key, |reader| {
            let value = T::read(&entry.value, reader)?;
            Some(Located { value, mark: entry.value.mark })
        })
    }

    /// Returns what an unknown word is likely meant to be; after many of them no more is guessed.
    pub(crate) fn suggest<'k>(&mut self, key: &str, known: &[&'k str]) -> Option<&'k str> {
        self.suggested += 1;
        if self.suggested > MAX_SUGGESTIONS {
            return None;
        }
        suggestion(key, known)
    }

    /// Reports keys that `known` does not hold.
    pub(crate) fn unknown_keys(&mut self, entries: &[Entry], known: &[&str], foreign: &[&str]) {
        for entry in entries {
            let key = &*entry.key;
            // Keys that start with x- are the user's own, such as a place for anchors.
            if known.contains(&key) || key.starts_with("x-") {
                continue;
            }
            let shown: String = key.chars().take(64).flat_map(char::escape_debug).collect();
            self.within(shown, |reader| {
                if foreign.contains(&key) {
                    if reader.foreign.insert(key.to_owned()) {
                        reader.info(entry.mark, "not supported");
                    }
                } else if let Some(meant) = reader.suggest(key, known) {
                    reader.warn(entry.mark, format!("unknown key, did you mean {meant}?"));
                } else {
                    reader.warn(entry.mark, "unknown key");
                }
            });
        }
    }
}

/// Returns the word of `known` that `typed` is most likely meant to be.
pub(crate) fn suggestion<'k>(typed: &str, known: &[&'k str]) -> Option<&'k str> {
    if typed.len() > 64 {
        return None;
    }
    let typed = typed.to_lowercase().replace('-', "_");
    known
        .iter()
        .map(|word| (strsim::damerau_levenshtein(&typed, &word.to_lowercase()), *word))
        .filter(|(distance, word)| *distance <= word.len().max(3) / 3)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}
