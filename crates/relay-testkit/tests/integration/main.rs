//! The in-memory repository passes the suite that real backends are held to.

use std::sync::Arc;

use async_trait::async_trait;
use relay_core::{UnixSeconds, ports::Repository};
use relay_testkit::{ManualClock, MemoryRepository, repository_suite, suite::Backend};

struct Memory(Arc<MemoryRepository>);

#[async_trait]
impl Backend for Memory {
    async fn create(clock: Arc<ManualClock>) -> Self {
        Self(Arc::new(MemoryRepository::new(clock)))
    }

    fn repository(&self) -> Arc<dyn Repository> {
        self.0.clone()
    }

    /// What is kept in memory is still there.
    async fn reopen(&mut self) {}

    async fn damage(&mut self, _from_slot: UnixSeconds, _from_day: UnixSeconds) {}
}

repository_suite!(Memory);
