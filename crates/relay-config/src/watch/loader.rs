//! The thread that reads the configuration again.

use std::{io, sync::mpsc, thread};

use tokio::sync::oneshot;
use tokio_util::task::task_tracker::TaskTrackerToken;

/// One thread for all loads after the first. Allocators keep what a large load gave back with the thread that had it: a
/// pool that hands each load to another thread would keep that as often as it has threads.
pub(super) struct Loader {
    jobs: mpsc::Sender<Job>,
}

type Job = Box<dyn FnOnce() + Send>;

impl Loader {
    /// Starts the thread. It ends after the last job once this is dropped, and holds `tracked` until then.
    ///
    /// # Errors
    /// When the system has no thread to give.
    pub(super) fn start(tracked: TaskTrackerToken) -> io::Result<Self> {
        let (jobs, given) = mpsc::channel::<Job>();
        thread::Builder::new().name("config".to_owned()).spawn(move || {
            let _tracked = tracked;
            given.into_iter().for_each(|job| job());
        })?;
        Ok(Self { jobs })
    }

    /// Does `work` after what was given before, and returns where its result will arrive; nothing does when the thread
    /// is gone because a job panicked.
    pub(super) fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (done, result) = oneshot::channel();
        let job = Box::new(move || {
            // Nobody waits any more when the task was dropped.
            let _ = done.send(work());
        });
        // A job that cannot be given is dropped, and with it the sender: the receiver learns of it.
        let _ = self.jobs.send(job);
        result
    }
}
