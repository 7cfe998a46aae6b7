//! Starting, watching and stopping the long tasks.
//!
//! Stopping has two steps. The soft token asks: accept nothing new, finish what is in flight, write everything down.
//! The hard token ends: drop what is left. A second signal or the end of the grace period escalates from one to the
//! other. A long task that ends before it was asked to is a crash: the process stops with a failing exit code instead
//! of going on half dead.

use std::{
    future::Future,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

/// How long a soft stop may take before it becomes a hard one: probes and requests in flight get 10 s each side by
/// side, and the store needs a moment after them.
const GRACE: Duration = Duration::from_secs(15);

/// The tokens and tasks of one process.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lifecycle {
    /// Asks every task to finish.
    pub(crate) soft: CancellationToken,
    /// Drops what has not finished.
    pub(crate) hard: CancellationToken,
    /// All long tasks; shutdown waits for them.
    pub(crate) tasks: TaskTracker,
    crashed: Arc<OnceLock<&'static str>>,
}

impl Lifecycle {
    /// Starts a task that must live until the soft token is cancelled.
    pub(crate) fn spawn_essential(
        &self,
        name: &'static str,
        task: impl Future<Output = ()> + Send + 'static,
    ) {
        let guard = Guard { name, lifecycle: self.clone(), finished: false };
        self.tasks.spawn(async move {
            // Taken whole: assigning to its field alone would move only that into the task.
            let mut guard = guard;
            task.await;
            guard.finished = true;
        });
    }

    /// Waits until a stop is asked for (by a signal, a crash, or somebody who cancels the soft token), then until all
    /// tasks have ended or the grace period is over.
    ///
    /// # Errors
    /// [`Crashed`] when a task ended on its own.
    pub(crate) async fn finish(&self) -> Result<(), Crashed> {
        self.soft.cancelled().await;
        self.tasks.close();
        tokio::select! {
            () = self.tasks.wait() => {}
            () = tokio::time::sleep(GRACE) => {
                warn!(grace_seconds = GRACE.as_secs(), "tasks are still busy after the grace period, dropping them");
            }
            () = self.hard.cancelled() => warn!("stopping at once"),
        }
        self.hard.cancel();
        self.crashed.get().map_or(Ok(()), |task| Err(Crashed(task)))
    }

    /// Stops softly on the first SIGINT or SIGTERM and hard on the second; calls `reload` on SIGHUP.
    ///
    /// # Errors
    /// When the signal handlers cannot be installed.
    pub(crate) fn watch_signals(&self, reload: impl Fn() + Send + 'static) -> std::io::Result<()> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut terminate = signal(SignalKind::terminate())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let Self { soft, hard, .. } = self.clone();
        // Not one of `tasks`: it must listen while those are being waited for.
        TaskTracker::new().spawn(async move {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                    Some(()) = hangup.recv() => {
                        reload();
                        continue;
                    }
                    () = hard.cancelled() => return,
                }
                if soft.is_cancelled() {
                    hard.cancel();
                    return;
                }
                info!("stopping: finishing what is in flight; a second signal stops at once");
                soft.cancel();
            }
        });
        Ok(())
    }
}

/// A long task ended although nobody asked it to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the task \"{0}\" ended unexpectedly; the log above says why")]
pub(crate) struct Crashed(&'static str);

struct Guard {
    name: &'static str,
    lifecycle: Lifecycle,
    finished: bool,
}

impl Drop for Guard {
    fn drop(&mut self) {
        let Lifecycle { soft, hard, crashed, .. } = &self.lifecycle;
        let expected = if self.finished { soft.is_cancelled() } else { hard.is_cancelled() };
        if !expected {
            error!(task = self.name, "task ended unexpectedly");
            let _ = crashed.set(self.name);
            soft.cancel();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_early_stops_the_process_and_fails_it() {
        let lifecycle = Lifecycle::default();
        let soft = lifecycle.soft.clone();
        lifecycle.spawn_essential("patient", async move { soft.cancelled().await });
        lifecycle.spawn_essential("hasty", async {});
        assert_eq!(lifecycle.finish().await, Err(Crashed("hasty")));
    }

    #[tokio::test]
    async fn a_panic_is_a_crash() {
        let lifecycle = Lifecycle::default();
        lifecycle.spawn_essential("fragile", async { panic!("on purpose") });
        assert_eq!(lifecycle.finish().await, Err(Crashed("fragile")));
    }

    #[tokio::test]
    async fn tasks_that_finish_when_asked_are_fine() {
        let lifecycle = Lifecycle::default();
        let soft = lifecycle.soft.clone();
        lifecycle.spawn_essential("patient", async move { soft.cancelled().await });
        lifecycle.soft.cancel();
        assert_eq!(lifecycle.finish().await, Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn the_grace_period_ends_what_does_not_finish() {
        let lifecycle = Lifecycle::default();
        let hard = lifecycle.hard.clone();
        lifecycle.spawn_essential("stubborn", async move { hard.cancelled().await });
        lifecycle.soft.cancel();
        assert_eq!(lifecycle.finish().await, Ok(()));
        assert!(lifecycle.hard.is_cancelled());
    }
}
