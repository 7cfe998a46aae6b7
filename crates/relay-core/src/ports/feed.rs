//! Learning that something was committed.

use async_trait::async_trait;

/// Wakes those who follow the store. It carries no data: a follower reads what is new by the ids it has seen, so a
/// wake that is lost or doubled loses and doubles nothing. Implemented by the binary over the writer's broadcast, or
/// over whatever else tells that another process has written.
pub trait Feed: Send + Sync {
    /// Begins to listen: whatever is committed after this call wakes the subscription.
    fn subscribe(&self) -> Box<dyn Subscription>;
}

/// One listener of a [`Feed`].
#[async_trait]
pub trait Subscription: Send {
    /// Waits until something may have been committed since the subscription began or last woke. Several commits may be
    /// one wake, and a wake may be without cause. Never completes once the feed has ended.
    ///
    /// # Cancel safety
    /// A wake that comes while nobody waits is kept for the next call.
    async fn changed(&mut self);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn feed_is_dyn_compatible() {
        fn takes(_: Option<&dyn Feed>, _: Option<&dyn Subscription>) {}
        takes(None, None);
    }
}
