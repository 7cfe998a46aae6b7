//! Events of the file system.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use notify_debouncer_full::{
    DebounceEventResult, DebouncedEvent, Debouncer, RecommendedCache, new_debouncer,
    notify::{
        EventKind, RecommendedWatcher, RecursiveMode,
        event::{AccessKind, AccessMode},
    },
};
use tokio::sync::Notify;

use super::is_unlinked;
use crate::{fingerprint::Fingerprint, load::folder_of};

/// Names whose events are worth a look; shared with the thread that takes the events.
type Names = Arc<RwLock<BTreeSet<OsString>>>;

type Events = Debouncer<RecommendedWatcher, RecommendedCache>;

/// Watches the folders of the configuration and its includes, and the configuration itself: a folder tells of files
/// that are replaced, the file tells of writes through a mount of that file alone.
///
/// Each has a debouncer of its own, because a debouncer thinks in paths: when a new file is renamed over the
/// configuration, the folder tells that a file came and the watch on the old file that it went, both under one name, and
/// together they would cancel out.
pub(super) struct FileWatch {
    path: PathBuf,
    folders: Option<Events>,
    file: Option<Events>,
    watched: BTreeSet<PathBuf>,
    names: Names,
    warned: bool,
}

impl FileWatch {
    /// Prepares to watch; nothing is watched before [`FileWatch::arm`]. Where the system gives no events, the poll has
    /// to do, which is said once.
    pub(super) fn new(path: &Path, debounce: Duration, hints: Arc<Notify>) -> Self {
        let names = Names::default();
        let events = || {
            let (seen, hints) = (Arc::clone(&names), Arc::clone(&hints));
            let made = new_debouncer(debounce, None, move |result: DebounceEventResult| {
                let names = seen.read().unwrap_or_else(PoisonError::into_inner);
                // An error of the watch (such as an overflow) may have swallowed events: look.
                if result.map_or(true, |events| events.iter().any(|event| is_hint(event, &names))) {
                    hints.notify_one();
                }
            });
            made.inspect_err(|error| {
                tracing::warn!("no file events ({error}): the configuration is only looked at now and then");
            })
            .ok()
        };
        let folders = events();
        // One warning is enough.
        let file = folders.is_some().then(events).flatten();
        Self { path: path.to_owned(), folders, file, watched: BTreeSet::new(), names, warned: false }
    }

    /// Watches whatever the files named in `noted` are now. Called before each look, since a replaced file or folder
    /// silently ends the watch on it.
    pub(super) fn arm(&mut self, noted: &Fingerprint) {
        let wanted = self.wanted(noted);
        let mut names: BTreeSet<OsString> =
            noted.paths().filter_map(|path| path.file_name().map(OsString::from)).collect();
        // Of a mounted ConfigMap only this link changes, and `data` may be a link as well.
        names.extend([OsString::from("..data"), OsString::from("data")]);
        names.extend(
            std::fs::canonicalize(&self.path).iter().filter_map(|path| path.file_name().map(OsString::from)),
        );
        *self.names.write().unwrap_or_else(PoisonError::into_inner) = names;
        // A watch that has ended by itself cannot be taken off, which is why it is renewed.
        if let Some(folders) = &mut self.folders {
            for path in std::mem::take(&mut self.watched) {
                let _ = folders.unwatch(&path);
            }
            for path in wanted {
                if folders.watch(&path, RecursiveMode::NonRecursive).is_ok() {
                    self.watched.insert(path);
                }
            }
        }
        if let Some(file) = &mut self.file {
            let _ = file.unwatch(&self.path);
            // While there is no file, its folder tells when it comes.
            let _ = file.watch(&self.path, RecursiveMode::NonRecursive);
        }
        if is_unlinked(&self.path) && !self.warned {
            self.warned = true;
            tracing::warn!(
                "{} was replaced outside its mount, so changes no longer arrive: mount its directory, not the file",
                self.path.display()
            );
        }
    }

    fn wanted(&self, noted: &Fingerprint) -> BTreeSet<PathBuf> {
        let mut wanted: BTreeSet<PathBuf> = noted.paths().map(|path| folder_of(path).to_owned()).collect();
        wanted.insert(folder_of(&self.path).to_owned());
        // A link to a file elsewhere: that folder is where it is replaced.
        wanted.extend(std::fs::canonicalize(&self.path).iter().map(|path| folder_of(path).to_owned()));
        wanted
    }

    /// Ends the watches and waits for their threads.
    pub(super) fn stop(self) {
        for events in [self.folders, self.file].into_iter().flatten() {
            events.stop();
        }
    }
}

/// Tells whether an event may mean that the configuration changed. Reading the files makes events too: those do not
/// count, or each look would cause the next.
fn is_hint(event: &DebouncedEvent, names: &BTreeSet<OsString>) -> bool {
    let changes = match event.kind {
        EventKind::Access(AccessKind::Close(AccessMode::Write)) => true,
        EventKind::Access(_) => false,
        _ => true,
    };
    changes
        && (event.need_rescan()
            || event.paths.is_empty()
            || event.paths.iter().any(|path| path.file_name().is_some_and(|name| names.contains(name))))
}
