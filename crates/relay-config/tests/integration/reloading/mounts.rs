//! A single file that is mounted, as `docker run -v ./config.yaml:/config.yaml` does.
//!
//! The mount is a real one, in a mount namespace of its own that a child process holds; the tests look at it through
//! that process's root.

use std::{
    fmt,
    io::{BufRead as _, BufReader, Read as _},
    process::{Child, Command, Stdio},
};

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

use super::*;

/// A file over another, as long as this lives.
struct Mount {
    holder: Child,
}

impl Mount {
    /// Mounts `source` over `target`, both files; says why when this system does not let us.
    fn of(source: &Path, target: &Path) -> Result<Self, String> {
        let mut reasons = String::new();
        // Root may do it at once, others in a user namespace of their own.
        for namespaces in [&["--mount"][..], &["--user", "--map-root-user", "--mount"]] {
            let holder = Command::new("unshare")
                .args(namespaces)
                .args(["sh", "-c", r#"mount --bind "$0" "$1" && echo mounted && exec cat"#])
                .args([source, target])
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn();
            let mut mount = match holder {
                Ok(holder) => Self { holder },
                Err(error) => return Err(format!("no unshare: {error}")),
            };
            let mut line = String::new();
            if let Some(output) = mount.holder.stdout.take() {
                BufReader::new(output).read_line(&mut line).expect("an output");
            }
            if line.trim() == "mounted" {
                return Ok(mount);
            }
            if let Some(mut errors) = mount.holder.stderr.take() {
                errors.read_to_string(&mut reasons).expect("errors");
            }
        }
        Err(reasons)
    }

    /// Returns the path under which the mounted file is seen.
    fn seen(&self, target: &Path) -> PathBuf {
        let root = PathBuf::from(format!("/proc/{}/root", self.holder.id()));
        root.join(target.strip_prefix("/").expect("an absolute path"))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        // It has ended by itself when there is nothing to kill.
        let _ = self.holder.kill();
        let _ = self.holder.wait();
    }
}

/// Hands on the message of every warning, from whichever thread it comes.
struct Warnings(UnboundedSender<String>);

struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && *metadata.level() == tracing::Level::WARN
    }

    fn event(&self, event: &Event<'_>) {
        let mut message = Message(String::new());
        event.record(&mut message);
        // Nobody listens any more when the test is over.
        let _ = self.0.send(message.0);
    }

    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }

    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}

    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}

    fn enter(&self, _: &span::Id) {}

    fn exit(&self, _: &span::Id) {}
}

/// Listens to the warnings of the whole process; only one test may.
fn warnings() -> UnboundedReceiver<String> {
    let (send, receive) = unbounded_channel();
    tracing::subscriber::set_global_default(Warnings(send)).expect("no other subscriber");
    receive
}

#[tokio::test]
async fn a_mounted_file_is_loaded_in_place_and_its_loss_is_warned_of_once() {
    let (_outside, source) = folder_with(&["a"]);
    let (_inside, target) = folder_with(&["hidden by the mount"]);
    let mount = match Mount::of(&source, &target) {
        Ok(mount) => mount,
        Err(reasons) => {
            eprintln!("NOT RUN: this system does not let the test mount a file: {}", reasons.trim());
            return;
        }
    };
    let mounted = mount.seen(&target);
    let mut warnings = warnings();
    let mut watched = Watched::start(&mounted, NEVER);
    watched.shows(&["a"]).await;
    fs::write(&source, text(&["b"])).expect("a write from outside");
    watched.shows(&["b"]).await;
    fs::write(&mounted, text(&["c"])).expect("a write from inside");
    watched.shows(&["c"]).await;

    replace(&source, &text(&["d"]));
    let told = |warning: &String| warning.contains("mount its directory") && warning.contains("config.yaml");
    let warning = async {
        while let Some(warning) = warnings.recv().await {
            if told(&warning) {
                return;
            }
        }
    };
    timeout(PATIENCE, warning).await.expect("the loss should be told");
    let before = watched.reloader.current();
    assert_eq!(before.config.monitors[0].key.provider(), "c", "the old file is still mounted");
    for round in 1..=2 {
        watched.reloader.reload_now();
        let wanted = before.generation + round;
        let reloaded = timeout(PATIENCE, watched.seen.wait_for(|now| now.generation == wanted)).await;
        reloaded.expect("in time").expect("alive");
    }
    watched.stop().await;
    let again: Vec<String> = std::iter::from_fn(|| warnings.try_recv().ok()).filter(told).collect();
    assert_eq!(again, [""; 0], "once is enough");
}
