//! Loading: text, tree, typed settings, environment, includes, and what they mean.

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use crate::{
    Environment, Problem, Problems, Severity,
    config::Config,
    env::{overlay, parse_dotenv},
    include::{Included, MAX_CONFIG_BYTES, read_include, read_text},
    reader::{Read as _, Reader},
    resolve::resolve,
    schema::{monitors::Body, root::Root},
    yaml::{Kind, Mark, compose},
};

/// The most bytes of a `.env` file.
const MAX_DOTENV_BYTES: u64 = 1024 * 1024;

/// A configuration that loaded.
#[derive(Debug)]
pub struct Loaded {
    /// What it says.
    pub config: Config,
    /// Its warnings and infos, in the order of the file.
    pub notices: Vec<Problem>,
    /// Every file it was made of: itself, `.env` when there is one, and included bodies.
    pub sources: Vec<PathBuf>,
    pub(crate) typed: Root,
}

impl Loaded {
    /// Returns how many warnings there are, which a strict check takes for errors.
    #[must_use]
    pub fn warnings(&self) -> usize {
        self.notices.iter().filter(|notice| notice.severity == Severity::Warning).count()
    }
}

/// Loads a file, with the `.env` beside it. Reads plain files only and never waits; time and memory are bounded whatever
/// they hold.
///
/// # Errors
/// All problems of the file when at least one of them is an error.
pub fn load(path: &Path, env: &Environment) -> Result<Loaded, Problems> {
    let name: Arc<str> = path.display().to_string().into();
    let text = read_text(path, MAX_CONFIG_BYTES).map_err(|message| {
        Problems::new(vec![Problem {
            severity: Severity::Error,
            file: Arc::clone(&name),
            line: 0,
            col: 0,
            path: String::new(),
            message,
        }])
    })?;
    let dir = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let mut sources = vec![path.to_owned()];
    let mut notices = Vec::new();
    let env = with_dotenv(&dir.join(".env"), env, &mut sources, &mut notices)?;
    load_text(&text, &name, Some(dir), &env, sources, notices)
}

/// Loads a text as if it stood in a file called `name`. There is no `.env` beside it, and nothing to include.
///
/// # Errors
/// All problems of the text when at least one of them is an error.
pub fn load_str(text: &str, name: &str, env: &Environment) -> Result<Loaded, Problems> {
    load_text(text, &name.into(), None, env, Vec::new(), Vec::new())
}

fn with_dotenv(
    path: &Path,
    env: &Environment,
    sources: &mut Vec<PathBuf>,
    notices: &mut Vec<Problem>,
) -> Result<Environment, Problems> {
    let problem = |severity, line, message: String| Problem {
        severity,
        file: path.display().to_string().into(),
        line,
        col: u32::from(line > 0),
        path: String::new(),
        message,
    };
    if std::fs::symlink_metadata(path).is_err() {
        return Ok(env.clone());
    }
    let text = read_text(path, MAX_DOTENV_BYTES)
        .map_err(|message| Problems::new(vec![problem(Severity::Error, 0, message)]))?;
    sources.push(path.to_owned());
    let (variables, strange) = parse_dotenv(&text);
    for line in strange {
        notices.push(problem(Severity::Warning, line, "not NAME=value; ignored".to_owned()));
    }
    Ok(env.over(variables))
}

fn load_text(
    text: &str,
    name: &Arc<str>,
    dir: Option<&Path>,
    env: &Environment,
    mut sources: Vec<PathBuf>,
    mut notices: Vec<Problem>,
) -> Result<Loaded, Problems> {
    let mut reader = Reader::new(Arc::clone(name), env);
    let mut root = read_root(text, &mut reader);
    let mut config = None;
    if let Some(root) = &mut root {
        overlay(root, &mut reader);
        let includes = include(root, dir, &mut reader);
        sources.extend(includes.values().map(|included| included.file.clone()));
        config = Some(resolve(root, &includes, &mut reader));
    }
    let failed = reader.count_errors() > 0;
    notices.extend(reader.into_problems());
    match (root, config) {
        (Some(typed), Some(config)) if !failed => {
            sources.sort();
            sources.dedup();
            Ok(Loaded { config, notices, sources, typed })
        }
        _ => Err(Problems::new(notices)),
    }
}

/// Reads the text up to its typed form; `None` when there is nothing to go on with.
fn read_root(text: &str, reader: &mut Reader<'_>) -> Option<Root> {
    if let Some(at) = text.find('\0') {
        reader.error(place(text, at), "holds a NUL byte; this is no text");
        return None;
    }
    let composed = compose(text);
    for fault in composed.faults {
        reader.error(fault.mark, fault.message);
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

/// Reads included bodies in place of their references. Returns them by the position of their monitor.
fn include(root: &mut Root, dir: Option<&Path>, reader: &mut Reader<'_>) -> HashMap<usize, Included> {
    let mut includes = HashMap::new();
    let Some(monitors) = &mut root.monitors else { return includes };
    for (index, monitor) in monitors.value.iter_mut() {
        let Some(body) = &mut monitor.value.body else { continue };
        let Body::Include(typed) = &body.value else { continue };
        let read = match dir {
            Some(dir) => read_include(dir, typed),
            None => Err("there is no folder to include from".to_owned()),
        };
        match read {
            Ok(included) => {
                body.value = Body::Included { text: included.text.clone(), name: included.name.clone() };
                includes.insert(index, included);
            }
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
    includes
}
