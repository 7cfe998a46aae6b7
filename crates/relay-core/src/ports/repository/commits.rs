use async_trait::async_trait;

/// Hearing of what others commit to the same store.
#[async_trait]
pub trait Commits: Send + Sync {
    /// Calls `wake` whenever another process may have committed records or events, and whenever that may have been
    /// missed: at the beginning, and when a connection was lost and is back. It may be called without cause, also for
    /// what this process commits. Never completes; a backend that belongs to one process never calls it.
    ///
    /// # Cancel safety
    /// Dropping the future ends the listening and closes what it needed.
    async fn listen(&self, wake: &(dyn Fn() + Send + Sync));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commits_is_dyn_compatible() {
        fn takes(_: Option<&dyn Commits>) {}
        takes(None);
    }
}
