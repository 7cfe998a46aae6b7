//! Replacing the configuration while the program runs.
//!
//! A [`Reloader`] waits for hints that something changed: from the file system, from [`Reloader::reload_now`] (the
//! program calls it on SIGHUP), and from a slow poll for mounts that tell nothing. A hint is only a hint: what the files
//! hold is compared with what was loaded last, and only a difference (or an explicit request) loads them again. On any
//! error the old configuration stays. Each swap is published on a `watch` channel with its generation.

mod files;
mod loader;
mod state;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use relay_core::ports::Clock;
use tokio::sync::{Notify, oneshot, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use crate::{
    Config, Diff, Environment, Loaded, Problem, Problems, Severity, diff, diff::share,
    fingerprint::Fingerprint, load::load_noting,
};
use files::FileWatch;
use loader::Loader;
pub use state::ReloadState;

/// How changes are noticed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WatchOptions {
    /// How long file events are collected before one look at the files; 200 ms by default.
    pub debounce: Duration,
    /// How often the files are looked at without any event, for mounts that tell of none; 30 s by default.
    pub poll: Duration,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self { debounce: Duration::from_millis(200), poll: Duration::from_secs(30) }
    }
}

/// What a [`Reloader`] works with.
pub struct WatchDeps {
    /// The configuration file.
    pub path: PathBuf,
    /// The variables it was loaded with.
    pub env: Environment,
    /// Tells when a reload happened.
    pub clock: Arc<dyn Clock>,
    /// Its work runs here, so that shutdown can wait for it.
    pub tracker: TaskTracker,
    /// Ends it.
    pub stop: CancellationToken,
}

/// One published state of the configuration.
#[derive(Debug, Clone)]
pub struct Published {
    /// 1 for the configuration of the start, one more with every swap.
    pub generation: u64,
    /// What is in force.
    pub config: Arc<Config>,
    /// The difference to the generation before; everything is added in the first.
    pub diff: Arc<Diff>,
}

/// Holds the configuration in force and replaces it when its files change. Cheap to clone; the work ends with the token
/// it was started with.
#[derive(Clone)]
pub struct Reloader {
    published: watch::Receiver<Published>,
    state: Arc<ReloadState>,
    requests: Arc<Notify>,
}

impl Reloader {
    /// Starts to watch the files that `loaded` was made of. A change since then is noticed at once.
    pub fn start(loaded: Loaded, options: WatchOptions, deps: WatchDeps) -> Self {
        let config = Arc::new(loaded.config);
        let first = Diff {
            added: config.monitors.iter().map(|monitor| monitor.key.clone()).collect(),
            total: config.monitors.len(),
            ..Diff::default()
        };
        let (publish, published) = watch::channel(Published { generation: 1, config, diff: Arc::new(first) });
        let state = Arc::new(ReloadState::new());
        let requests = Arc::new(Notify::new());
        let reloader = Self { published, state: Arc::clone(&state), requests: Arc::clone(&requests) };
        let tracker = deps.tracker.clone();
        let work = Work { options, deps, publish, state, requests, noted: loaded.noted };
        tracker.spawn(work.run());
        reloader
    }

    /// Returns the configuration in force.
    #[must_use]
    pub fn current(&self) -> Published {
        self.published.borrow().clone()
    }

    /// Returns a receiver of every later state; several swaps in a row may be seen as one.
    #[must_use]
    pub fn subscribe(&self) -> watch::Receiver<Published> {
        self.published.clone()
    }

    /// Asks for a reload even if no file changed. Returns at once; the outcome is published, logged and kept in
    /// [`Reloader::state`].
    pub fn reload_now(&self) {
        self.requests.notify_one();
    }

    /// Returns what is known of reloads: for `/ready` ([`relay_core::ports::Health`]) and `/metrics`
    /// ([`relay_core::ports::MetricSource`]).
    #[must_use]
    pub fn state(&self) -> Arc<ReloadState> {
        Arc::clone(&self.state)
    }
}

/// The long task behind a [`Reloader`].
struct Work {
    options: WatchOptions,
    deps: WatchDeps,
    publish: watch::Sender<Published>,
    state: Arc<ReloadState>,
    requests: Arc<Notify>,
    /// What the files held when they were last loaded, whether that went well or not.
    noted: Fingerprint,
}

/// What a look at the files brought.
struct Look {
    files: FileWatch,
    /// What was loaded and noted, when there was reason to load.
    loaded: Option<(Result<Next, Problems>, Fingerprint)>,
}

/// A configuration that is ready to take the place of the one in force.
struct Next {
    config: Arc<Config>,
    diff: Arc<Diff>,
    notices: Vec<Problem>,
}

impl Work {
    async fn run(mut self) {
        let loader = match Loader::start(self.deps.tracker.token()) {
            Ok(loader) => loader,
            Err(error) => {
                tracing::error!("the configuration files cannot be watched: {error}");
                return;
            }
        };
        let hints = Arc::new(Notify::new());
        let mut files = Some(FileWatch::new(&self.deps.path, self.options.debounce, Arc::clone(&hints)));
        // The first look arms the watches and finds what changed between loading and watching.
        let mut forced = false;
        while let Some(watching) = files.take() {
            let Ok(look) = self.look(&loader, watching, forced).await else {
                tracing::error!("the look at the configuration files broke off; they are no longer watched");
                break;
            };
            let mut again = false;
            if let Some((next, noted)) = look.loaded {
                // Files that were not known before are not watched yet.
                again = noted.paths().ne(self.noted.paths());
                self.noted = noted;
                self.take(next);
            }
            files = Some(look.files);
            forced = false;
            if again {
                continue;
            }
            tokio::select! {
                () = self.deps.stop.cancelled() => break,
                () = self.requests.notified() => forced = true,
                () = hints.notified() => {}
                () = tokio::time::sleep(self.options.poll) => {}
            }
        }
        if let Some(files) = files {
            // Waits for the thread of the watch, so that nothing of it outlives the task.
            let _ = self.deps.tracker.spawn_blocking(move || files.stop()).await;
        }
    }

    /// Looks at the files and loads them if they changed or if it is `forced`, all of it away from the runtime's threads.
    fn look(&self, loader: &Loader, mut files: FileWatch, forced: bool) -> oneshot::Receiver<Look> {
        let (path, env, noted) = (self.deps.path.clone(), self.deps.env.clone(), self.noted.clone());
        let old = Arc::clone(&self.publish.borrow().config);
        loader.run(move || {
            // Armed before the files are read: what changes later brings a hint of its own.
            files.arm(&noted);
            let changed = forced || noted.again() != noted;
            let loaded = changed.then(|| {
                let (loaded, noted) = load_noting(&path, &env);
                (loaded.map(|loaded| prepare(loaded, &old)), noted)
            });
            Look { files, loaded }
        })
    }

    fn take(&self, next: Result<Next, Problems>) {
        let now = self.deps.clock.now();
        match next {
            Ok(next) => {
                log_notices(&next.notices);
                let generation = self.publish.borrow().generation + 1;
                tracing::info!(generation, "config reloaded: {}", next.diff);
                // The state is told first, so that whoever sees the swap finds it there.
                self.state.succeeded(generation, now);
                self.publish.send_replace(Published { generation, config: next.config, diff: next.diff });
            }
            Err(problems) => {
                let count = problems.errors().count();
                tracing::error!(errors = count, "config not reloaded, the one in force stays");
                for problem in problems.errors().take(MAX_LOGGED) {
                    tracing::error!("{problem}");
                }
                let first = problems.errors().next().map(ToString::to_string).unwrap_or_default();
                self.state
                    .failed(now, if count > 1 { format!("{first} (and {} more)", count - 1) } else { first });
            }
        }
    }
}

/// The most problems of one reload that are logged.
const MAX_LOGGED: usize = 200;

fn log_notices(notices: &[Problem]) {
    for notice in notices.iter().take(MAX_LOGGED) {
        match notice.severity {
            Severity::Info => tracing::info!("{notice}"),
            Severity::Warning | Severity::Error => tracing::warn!("{notice}"),
        }
    }
    if let Some(more) = notices.len().checked_sub(MAX_LOGGED).filter(|more| *more > 0) {
        tracing::warn!("{more} more notices; relay-server check shows all");
    }
}

/// Makes a loaded configuration ready to follow `old`.
fn prepare(loaded: Loaded, old: &Config) -> Next {
    let mut config = loaded.config;
    keep_what_needs_a_restart(old, &mut config);
    share(old, &mut config);
    let diff = Arc::new(diff(old, &config));
    Next { config: Arc::new(config), diff, notices: loaded.notices }
}

/// Restores what only a restart can change, and says so.
fn keep_what_needs_a_restart(old: &Config, new: &mut Config) {
    let warn = |what: &str| tracing::warn!("{what} changed in the configuration: restart to apply it");
    if new.storage != old.storage {
        warn("storage");
        new.storage.clone_from(&old.storage);
    }
    if new.server.listen != old.server.listen {
        warn("server.listen");
        new.server.listen = old.server.listen;
    }
    if new.server.tls != old.server.tls {
        warn("server.tls");
        new.server.tls.clone_from(&old.server.tls);
    }
    if new.server.limits != old.server.limits {
        warn("server.limits");
        new.server.limits.clone_from(&old.server.limits);
    }
}

/// Tells whether a file stands under no name any more: the mount of a file that was replaced outside.
fn is_unlinked(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).is_ok_and(|file| file.nlink() == 0)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::fd::AsRawFd as _};

    use super::*;

    #[test]
    fn a_file_that_was_replaced_outside_its_mount_is_noticed() {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("config.yaml");
        fs::write(&path, "monitors: []").expect("a file");
        // Like the mount of a single file, this path keeps showing a file whose name is gone.
        let held = fs::File::open(&path).expect("a file");
        let mount = PathBuf::from(format!("/proc/self/fd/{}", held.as_raw_fd()));
        assert!(!is_unlinked(&mount));
        let next = dir.path().join("next");
        fs::write(&next, "monitors: []").expect("a file");
        fs::rename(&next, &path).expect("a rename");
        assert!(is_unlinked(&mount));
        assert!(!is_unlinked(&path));
    }
}
