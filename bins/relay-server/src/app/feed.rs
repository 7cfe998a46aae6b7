//! Tells whoever follows the store that somebody has written: this process, or another one on the same database.

use std::sync::Arc;

use async_trait::async_trait;
use relay_core::ports::{Feed, Repository, Subscription};
use tokio::sync::{
    broadcast::{Receiver, error::RecvError},
    watch,
};
use tokio_util::sync::CancellationToken;

/// A feed over the writer's broadcast and what the store hears of others. Followers wait on a flag, not on the broadcast itself: what was committed is
/// not kept for those of them who are slow.
#[derive(Debug, Clone, Default)]
pub(crate) struct LocalFeed {
    committed: watch::Sender<()>,
}

impl LocalFeed {
    /// Passes on every message of `commits`, and what `others` hears, until `stop` is cancelled.
    pub(crate) async fn run<T: Clone>(
        self,
        commits: Receiver<T>,
        others: Arc<dyn Repository>,
        stop: CancellationToken,
    ) {
        let wake = || {
            self.committed.send_replace(());
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = others.listen(&wake) => {}
            () = pass_on(commits, &wake) => {}
        }
    }
}

/// Never completes: once there are no more messages, there is nothing to pass on.
async fn pass_on<T: Clone>(mut commits: Receiver<T>, wake: &(dyn Fn() + Send + Sync)) {
    loop {
        match commits.recv().await {
            Ok(_) | Err(RecvError::Lagged(_)) => wake(),
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}

impl Feed for LocalFeed {
    fn subscribe(&self) -> Box<dyn Subscription> {
        Box::new(Flag(self.committed.subscribe()))
    }
}

struct Flag(watch::Receiver<()>);

#[async_trait]
impl Subscription for Flag {
    async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending().await
        }
    }
}

#[cfg(test)]
mod tests {
    use relay_core::ports::clock::SystemClock;
    use relay_testkit::MemoryRepository;
    use tokio::sync::broadcast;

    use super::*;

    #[tokio::test]
    async fn a_commit_wakes_everybody_once_also_those_who_were_not_waiting() {
        let feed = LocalFeed::default();
        let (commits, receiver) = broadcast::channel(4);
        let stop = CancellationToken::new();
        let mut early = feed.subscribe();
        for number in 0..10 {
            commits.send(number).expect("somebody listens");
        }
        let others = Arc::new(MemoryRepository::new(Arc::new(SystemClock)));
        let run = feed.clone().run(receiver, others, stop.clone());
        let wait = async {
            early.changed().await;
            stop.cancel();
        };
        tokio::join!(run, wait);
        assert!(!is_awake(&mut *early).await, "all of them were one wake");
        assert!(!is_awake(&mut *feed.subscribe()).await, "nothing since it began");
    }

    async fn is_awake(subscription: &mut dyn Subscription) -> bool {
        tokio::select! {
            biased;
            () = subscription.changed() => true,
            () = std::future::ready(()) => false,
        }
    }
}
