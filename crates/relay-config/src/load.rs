//! Loading: text, tree, typed settings, environment, includes, and what they mean.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    Environment, Problem, Problems, Severity,
    config::{Config, Server},
    env::{overlay, parse_dotenv},
    fingerprint::Fingerprint,
    include::{Includes, MAX_CONFIG_BYTES, decode, read_bytes},
    inherit::text,
    reader::{Read as _, Reader, mark_of},
    resolve::resolve,
    schema::{monitors::Body, root::Root},
    yaml::{Kind, Mark, compose},
};

/// The most bytes of a `.env` file.
const MAX_DOTENV_BYTES: u64 = 1024 * 1024;

/// A configuration that loaded. `Debug` leaves out what was typed, which may hold secrets anywhere.
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// Its warnings and infos, in the order of the file.
    pub notices: Vec<Problem>,
    /// Every file it was made of: itself, `.env` when there is one, and included bodies.
    pub sources: Vec<PathBuf>,
    pub(crate) typed: Root,
    pub(crate) noted: Fingerprint,
    /// The file as it is named in problems.
    file: Arc<str>,
}

impl fmt::Debug for Loaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Loaded")
            .field("config", &self.config)
            .field("notices", &self.notices)
            .field("sources", &self.sources)
            .finish_non_exhaustive()
    }
}

impl Loaded {
    /// Returns how many warnings there are, which a strict check takes for errors.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.notices.iter().filter(|notice| notice.severity == Severity::Warning).count()
    }

    /// Returns an error about the setting `key` of the notification of this name, with its place: for what only those who
    /// send messages can tell. Without such a setting the place is the notification's.
    #[must_use]
    pub fn error_in_notification(&self, name: &str, key: &str, message: String) -> Problem {
        let list = self.typed.notifications.as_ref();
        let mut items = list.into_iter().flat_map(|list| list.value.iter());
        let (path, mark) = match items.find(|(_, item)| text(&item.value.name) == name) {
            None => ("notifications".to_owned(), Mark::default()),
            Some((index, item)) => {
                let typed = &item.value;
                let mark = match key {
                    "template" => mark_of(&typed.template),
                    "body" => mark_of(&typed.body),
                    "from" => mark_of(&typed.from),
                    "to" => mark_of(&typed.to),
                    "quiet_hours" => mark_of(&typed.quiet_hours),
                    _ => Mark::default(),
                };
                let key = if key.is_empty() { String::new() } else { format!(".{key}") };
                let mark = if mark == Mark::default() { item.mark } else { mark };
                (format!("notifications[{index}]{key}"), mark)
            }
        };
        let (line, col) = (mark.line, mark.col);
        Problem { severity: Severity::Error, file: Arc::clone(&self.file), line, col, path, message }
    }
}

/// Loads a file, with the `.env` beside it. Reads plain files only and never waits; time and memory are bounded whatever
/// they hold.
///
/// # Errors
/// All problems of the file when at least one of them is an error.
pub fn load(path: &Path, env: &Environment) -> Result<Loaded, Problems> {
    load_noting(path, env).0
}

/// Loads a text as if it stood in a file called `name`. There is no `.env` beside it, and nothing to include.
///
/// # Errors
/// All problems of the text when at least one of them is an error.
pub fn load_str(text: &str, name: &str, env: &Environment) -> Result<Loaded, Problems> {
    let mut noted = Fingerprint::default();
    let name: Arc<str> = name.into();
    read_text(text, &name, None, env, Vec::new(), &mut noted).into_loaded(name, &noted)
}

/// Returns what a file says of the server, whatever else is wrong with it, for those who ask a server that goes on with
/// an older configuration; `None` when the file or its YAML cannot be read.
#[must_use]
pub fn server_of(path: &Path, env: &Environment) -> Option<Server> {
    let read = read_file(path, env, &mut Fingerprint::default());
    read.meant.map(|(_, config)| config.server)
}

/// Loads a file and notes what it was made of, also when it has errors.
pub(crate) fn load_noting(path: &Path, env: &Environment) -> (Result<Loaded, Problems>, Fingerprint) {
    let mut noted = Fingerprint::default();
    let loaded = read_file(path, env, &mut noted).into_loaded(shown(path), &noted);
    (loaded, noted)
}

/// What a file or a text was read to.
#[derive(Default)]
struct Read {
    /// What was typed and what it means, also when there are errors; `None` when there is nothing to go on with.
    meant: Option<(Root, Config)>,
    /// Whether there is an error among the problems.
    failed: bool,
    problems: Vec<Problem>,
}

impl Read {
    /// `file` is how the file is named in problems.
    fn into_loaded(self, file: Arc<str>, noted: &Fingerprint) -> Result<Loaded, Problems> {
        let notices = self.problems;
        match self.meant {
            Some((typed, config)) if !self.failed => {
                let (sources, noted) = (noted.readable(), noted.clone());
                Ok(Loaded { config, notices, sources, typed, noted, file })
            }
            _ => Err(Problems::new(notices)),
        }
    }
}

fn read_file(path: &Path, env: &Environment, noted: &mut Fingerprint) -> Read {
    let dir = folder_of(path);
    let (mut notices, mut errors) = (Vec::new(), Vec::new());
    let text = read_noting(path, MAX_CONFIG_BYTES, noted);
    let env = with_dotenv(&dir.join(".env"), env, noted, &mut notices);
    if let Err(message) = &text {
        errors.push(whole_file(path, Severity::Error, 0, message.clone()));
    }
    match (text, env) {
        (Ok(text), Ok(env)) => read_text(&text, &shown(path), Some(dir), &env, notices, noted),
        (_, env) => {
            errors.extend(env.err());
            Read { failed: true, problems: errors, ..Read::default() }
        }
    }
}

/// Returns the folder a file lies in.
pub(crate) fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    }
}

fn read_noting(path: &Path, limit: u64, noted: &mut Fingerprint) -> Result<String, String> {
    let bytes = read_bytes(path, limit);
    noted.note(path.to_owned(), bytes.as_deref().ok());
    decode(bytes?)
}

/// Returns how a file is named in problems.
fn shown(path: &Path) -> Arc<str> {
    path.display().to_string().into()
}

fn whole_file(path: &Path, severity: Severity, line: u32, message: String) -> Problem {
    Problem { severity, file: shown(path), line, col: u32::from(line > 0), path: String::new(), message }
}

fn with_dotenv(
    path: &Path,
    env: &Environment,
    noted: &mut Fingerprint,
    notices: &mut Vec<Problem>,
) -> Result<Environment, Problem> {
    let text = read_noting(path, MAX_DOTENV_BYTES, noted);
    if std::fs::symlink_metadata(path).is_err() {
        return Ok(env.clone());
    }
    let text = text.map_err(|message| whole_file(path, Severity::Error, 0, message))?;
    let (variables, strange) = parse_dotenv(&text);
    for line in strange {
        notices.push(whole_file(path, Severity::Warning, line, "not NAME=value; ignored".to_owned()));
    }
    Ok(env.over(variables))
}

fn read_text(
    text: &str,
    name: &Arc<str>,
    dir: Option<&Path>,
    env: &Environment,
    mut notices: Vec<Problem>,
    noted: &mut Fingerprint,
) -> Read {
    let mut reader = Reader::new(Arc::clone(name), env);
    let meant = read_root(text, &mut reader).map(|mut root| {
        overlay(&mut root, &mut reader);
        include(&mut root, dir, &mut reader, noted);
        let config = resolve(&root, &mut reader);
        (root, config)
    });
    let failed = reader.count_errors() > 0;
    let problems = reader.into_problems();
    // A file with more problems than are told is refused, whatever they are.
    let failed = failed || problems.iter().any(|problem| problem.severity == Severity::Error);
    notices.extend(problems);
    Read { meant, failed, problems: notices }
}

/// Reads the text up to its typed form; `None` when there is nothing to go on with.
fn read_root(text: &str, reader: &mut Reader<'_>) -> Option<Root> {
    if let Some(at) = text.find('\0') {
        reader.error(place(text, at), "holds a NUL byte; this is no text");
        return None;
    }
    let composed = compose(text);
    for fault in composed.faults {
        reader.at_path(fault.path, |reader| reader.error(fault.mark, fault.message));
    }
    if let Some(mark) = composed.second_document {
        reader.warn(mark, "a second document starts here; only the first is read");
    }
    let root = match composed.root {
        Some(node) if !matches!(node.kind, Kind::Null) => node,
        _ if reader.count_errors() > 0 => return None,
        _ => {
            reader.error(Mark::default(), "the file is empty; at least monitors is needed");
            return None;
        }
    };
    Root::read(&root, reader)
}

fn place(text: &str, at: usize) -> Mark {
    let before = &text[..at];
    let line = before.matches('\n').count() + 1;
    let col = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Mark { line: u32::try_from(line).unwrap_or(u32::MAX), col: u32::try_from(col).unwrap_or(u32::MAX) }
}

/// Reads included bodies in place of their references.
fn include(root: &mut Root, dir: Option<&Path>, reader: &mut Reader<'_>, noted: &mut Fingerprint) {
    let mut includes = Includes::new(dir);
    let Some(monitors) = &mut root.monitors else { return };
    for (index, monitor) in monitors.value.iter_mut() {
        let Some(body) = &mut monitor.value.body else { continue };
        let Body::Include(typed) = &body.value else { continue };
        match includes.read(typed, noted) {
            Ok(included) => body.value = Body::Included(included),
            Err(message) => {
                let typed: String = typed.chars().take(200).flat_map(char::escape_debug).collect();
                let message = format!("{typed}: {message}");
                reader.within("monitors", |reader| {
                    reader.within_item(index, |reader| {
                        reader.within("body", |reader| reader.error(body.mark, message));
                    });
                });
            }
        }
    }
}
