//! Replacing the configuration of a running program, with real files and real events of the file system.

mod mounts;

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use relay_config::{Environment, Published, Reloader, WatchDeps, WatchOptions, load};
use relay_core::ports::{Health as _, clock::SystemClock, health::Fact};
use tempfile::TempDir;
use tokio::{sync::watch::Receiver, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How long any change may take to arrive; far more than it needs.
const PATIENCE: Duration = Duration::from_secs(20);

/// A configuration with one monitor per name.
fn text(names: &[&str]) -> String {
    names.iter().fold("monitors:\n".to_owned(), |text, name| {
        format!(
            "{text}  - {{provider: {name}, service: cc, category: public, sponsor: us, \
             url: 'https://{name}.example/v1', method: GET}}\n"
        )
    })
}

/// A watched configuration.
struct Watched {
    reloader: Reloader,
    seen: Receiver<Published>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Watched {
    fn start(path: &Path, poll: Duration) -> Self {
        let env = Environment::new();
        let loaded = load(path, &env).unwrap_or_else(|problems| panic!("{problems}"));
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let deps = WatchDeps {
            path: path.to_owned(),
            env,
            clock: Arc::new(SystemClock),
            tracker: tracker.clone(),
            stop: stop.clone(),
        };
        let options = WatchOptions { debounce: Duration::from_millis(40), poll };
        let reloader = Reloader::start(loaded, options, deps);
        let seen = reloader.subscribe();
        Self { reloader, seen, tracker, stop }
    }

    /// Waits for a state in which exactly these providers are configured.
    async fn shows(&mut self, names: &[&str]) -> Published {
        let wanted = |published: &Published| {
            published.config.monitors.iter().map(|monitor| monitor.key.provider()).eq(names.iter().copied())
        };
        let seen = timeout(PATIENCE, self.seen.wait_for(wanted)).await;
        seen.expect("the change should arrive").expect("the reloader should live").clone()
    }

    /// Waits for a failed reload and returns what it says.
    async fn fails(&self) -> String {
        timeout(PATIENCE, self.reloader.state().failure()).await.expect("the failure should be told")
    }

    async fn stop(self) {
        self.stop.cancel();
        self.tracker.close();
        timeout(PATIENCE, self.tracker.wait()).await.expect("the reloader should stop");
    }
}

/// Long enough that no test is helped by the poll.
const NEVER: Duration = Duration::from_secs(3600);

fn folder_with(names: &[&str]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("config.yaml");
    fs::write(&path, text(names)).expect("a file");
    (dir, path)
}

fn replace(path: &Path, content: &str) {
    let temporary = path.with_extension("tmp");
    fs::write(&temporary, content).expect("a file");
    fs::rename(&temporary, path).expect("a rename");
}

#[tokio::test]
async fn a_write_in_place_is_loaded() {
    let (_dir, path) = folder_with(&["a"]);
    let mut watched = Watched::start(&path, NEVER);
    fs::write(&path, text(&["a", "b"])).expect("a write");
    let now = watched.shows(&["a", "b"]).await;
    assert!(now.generation >= 2);
    assert_eq!(now.config.monitors.len(), 2);
    watched.stop().await;
}

#[tokio::test]
async fn a_file_replaced_by_rename_is_loaded_again_and_again() {
    let (_dir, path) = folder_with(&["a"]);
    let mut watched = Watched::start(&path, NEVER);
    for names in [["b"], ["c"], ["d"]] {
        replace(&path, &text(&names));
        watched.shows(&names).await;
    }
    watched.stop().await;
}

/// When nobody has read the old file for a while, the only events are those of the new one, and the end of the old one
/// must not be taken for the end of both.
#[tokio::test]
async fn a_file_replaced_after_a_quiet_while_is_loaded() {
    let (_dir, path) = folder_with(&["a"]);
    let mut watched = Watched::start(&path, NEVER);
    for names in [["b"], ["c"]] {
        // The quiet while is what is tested: several times as long as events are collected.
        tokio::time::sleep(Duration::from_millis(250)).await;
        replace(&path, &text(&names));
        watched.shows(&names).await;
    }
    watched.stop().await;
}

#[tokio::test]
async fn a_deleted_file_keeps_the_old_and_its_return_is_loaded() {
    let (_dir, path) = folder_with(&["a"]);
    let mut watched = Watched::start(&path, NEVER);
    fs::remove_file(&path).expect("a removal");
    assert!(watched.fails().await.contains("there is no such file"));
    assert_eq!(watched.reloader.current().config.monitors.len(), 1);
    fs::write(&path, text(&["b"])).expect("a write");
    watched.shows(&["b"]).await;
    assert_eq!(watched.reloader.state().last_error(), None);
    watched.stop().await;
}

#[tokio::test]
async fn a_swap_of_config_map_links_is_loaded() {
    let dir = tempfile::tempdir().expect("a folder");
    let version = |name: &str, names: &[&str]| {
        let folder = dir.path().join(name);
        fs::create_dir(&folder).expect("a folder");
        fs::write(folder.join("config.yaml"), text(names)).expect("a file");
    };
    version("..1", &["a"]);
    symlink("..1", dir.path().join("..data")).expect("a link");
    symlink("..data/config.yaml", dir.path().join("config.yaml")).expect("a link");
    let path = dir.path().join("config.yaml");
    let mut watched = Watched::start(&path, NEVER);
    for (at, names) in [["b"], ["c"]].iter().enumerate() {
        let name = format!("..{}", at + 2);
        version(&name, names);
        symlink(&name, dir.path().join("..data_tmp")).expect("a link");
        fs::rename(dir.path().join("..data_tmp"), dir.path().join("..data")).expect("a rename");
        watched.shows(names).await;
    }
    watched.stop().await;
}

#[tokio::test]
async fn a_half_written_file_keeps_the_old_and_the_whole_one_is_loaded() {
    let (_dir, path) = folder_with(&["a"]);
    let mut watched = Watched::start(&path, NEVER);
    let whole = text(&["b", "c"]);
    fs::write(&path, &whole[..whole.len() - 20]).expect("a write");
    assert!(watched.fails().await.contains("config.yaml:"));
    assert_eq!(watched.reloader.current().generation, 1);
    fs::write(&path, &whole).expect("a write");
    watched.shows(&["b", "c"]).await;
    watched.stop().await;
}

#[tokio::test]
async fn a_changed_include_and_a_changed_dotenv_are_loaded() {
    let dir = tempfile::tempdir().expect("a folder");
    fs::create_dir(dir.path().join("data")).expect("a folder");
    fs::write(dir.path().join("data/body.json"), "one").expect("a file");
    let path = dir.path().join("config.yaml");
    let with_body =
        text(&["a"]).replace("method: GET", "method: POST, body: '!include data/body.json {{API_KEY}}'");
    let with_body = with_body.replace(" {{API_KEY}}'", "', headers: {x: '{{API_KEY}}'}");
    fs::write(&path, with_body).expect("a file");
    let mut watched = Watched::start(&path, NEVER);
    fs::write(dir.path().join("data/body.json"), "two").expect("a write");
    let changed = |body: &'static [u8], key: Option<&'static str>| {
        move |published: &Published| {
            let probe = &published.config.monitors[0].probe;
            probe.body == body && probe.api_key.as_ref().map(|key| key.expose()) == key
        }
    };
    timeout(PATIENCE, watched.seen.wait_for(changed(b"two", None))).await.expect("in time").expect("alive");
    fs::write(dir.path().join(".env"), "MONITOR_A_CC_API_KEY=sk-1\n").expect("a write");
    timeout(PATIENCE, watched.seen.wait_for(changed(b"two", Some("sk-1"))))
        .await
        .expect("in time")
        .expect("alive");
    watched.stop().await;
}

#[tokio::test]
async fn the_slow_poll_finds_what_no_event_told() {
    let (dir, path) = folder_with(&["a"]);
    // A chain of links: the folder in the middle is not watched, so its swap makes no event that counts.
    let other = tempfile::tempdir().expect("a folder");
    symlink(dir.path(), other.path().join("here")).expect("a link");
    let entry = tempfile::tempdir().expect("a folder");
    symlink(other.path().join("here/config.yaml"), entry.path().join("config.yaml")).expect("a link");
    let mut watched = Watched::start(&entry.path().join("config.yaml"), Duration::from_millis(50));
    let (second, _) = folder_with(&["b"]);
    symlink(second.path(), other.path().join("next")).expect("a link");
    fs::rename(other.path().join("next"), other.path().join("here")).expect("a rename");
    watched.shows(&["b"]).await;
    assert!(path.exists());
    watched.stop().await;
}

#[tokio::test]
async fn a_request_reloads_without_a_change() {
    let (_dir, path) = folder_with(&["a"]);
    let mut watched = Watched::start(&path, NEVER);
    let before = watched.reloader.current();
    watched.reloader.reload_now();
    let after = timeout(PATIENCE, watched.seen.wait_for(|p| p.generation == 2))
        .await
        .expect("in time")
        .expect("alive");
    assert!(after.diff.added.is_empty() && after.diff.changed.is_empty());
    assert!(
        Arc::ptr_eq(&before.config.monitors[0], &after.config.monitors[0]),
        "unchanged monitors are shared"
    );
    drop(after);
    watched.stop().await;
}

#[tokio::test]
async fn a_touched_file_is_not_loaded_again() {
    let (_dir, path) = folder_with(&["a"]);
    let mut watched = Watched::start(&path, NEVER);
    replace(&path, &text(&["a"]));
    replace(&path, &text(&["b"]));
    let now = watched.shows(&["b"]).await;
    assert_eq!(now.generation, 2, "the same content is no change");
    watched.stop().await;
}

#[tokio::test]
async fn what_needs_a_restart_keeps_its_value() {
    let (_dir, path) = folder_with(&["a"]);
    let mut watched = Watched::start(&path, NEVER);
    let before = watched.reloader.current().config;
    let changed = "storage: {sqlite: {path: other.db}}\nserver: {listen: '127.0.0.1:1', public_details: true, \
                   tls: {cert: c, key: k}, limits: {streams: 7}}\n";
    replace(&path, &format!("{changed}{}", text(&["b"])));
    let after = watched.shows(&["b"]).await.config;
    assert_eq!(after.storage, before.storage);
    assert_eq!(after.server.listen, before.server.listen);
    assert_eq!(after.server.tls, before.server.tls);
    assert_eq!(after.server.limits, before.server.limits);
    assert!(after.server.public_details, "everything else is live");
    watched.stop().await;
}

#[tokio::test]
async fn reloads_are_told_to_operators() {
    let (_dir, path) = folder_with(&["a"]);
    let mut watched = Watched::start(&path, NEVER);
    let report = watched.reloader.state().check().await;
    assert_eq!(report.component, "config");
    assert_eq!(report.facts[0], ("generation", Fact::Number(1)));
    assert_eq!(report.facts[1], ("last_reload", Fact::None));
    replace(&path, &text(&["b", "c"]));
    let now = watched.shows(&["b", "c"]).await;
    assert_eq!(now.diff.to_string(), "2 monitors (+2 -1 ~0)");
    replace(&path, "monitors: [");
    let error = watched.fails().await;
    let report = watched.reloader.state().check().await;
    assert_eq!(report.trouble, None);
    assert_eq!(report.facts[0], ("generation", Fact::Number(2)));
    assert!(matches!(report.facts[1], ("last_reload", Fact::Number(_))));
    assert_eq!(report.facts[2], ("last_error", Fact::Text(error)));
    watched.stop().await;
}

#[tokio::test]
async fn a_thousand_reloads_leak_nothing() {
    let (_dir, path) = folder_with(&["a"]);
    let mut watched = Watched::start(&path, NEVER);
    watched.shows(&["a"]).await;
    let count = |what: &str| fs::read_dir(format!("/proc/self/{what}")).map_or(0, Iterator::count);
    let (files, tasks) = (count("fd"), watched.tracker.len());
    for round in 1..=1000_u64 {
        watched.reloader.reload_now();
        timeout(PATIENCE, watched.seen.wait_for(|p| p.generation > round))
            .await
            .expect("in time")
            .expect("alive");
    }
    // Other tests of this process open and close files meanwhile; a leak would be one for each reload.
    assert!(count("fd") < files + 500, "{} files were {files}", count("fd"));
    assert!(watched.tracker.len() <= tasks + 1, "{} tasks", watched.tracker.len());
    watched.stop().await;
}
