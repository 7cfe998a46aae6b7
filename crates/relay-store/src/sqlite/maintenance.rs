//! Keeping the store in order.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use relay_core::{
    Psc,
    ports::repository::{Commits, DayRollup, Error, Maintenance, Rebuilt},
};

use super::{SqliteRepository, error::translate};

#[async_trait]
impl Maintenance for SqliteRepository {
    async fn ping(&self) -> Result<(), Error> {
        self.worker.ping().await?;
        self.read(|connection, _| {
            let look = connection.query_row("SELECT id FROM store_state", [], |_| Ok(()));
            look.map_err(|error| translate("cannot read", error))
        })
        .await
    }

    async fn import_days(&self, days: Vec<DayRollup>) -> Result<(), Error> {
        self.worker.import_days(days).await
    }

    async fn name_channels(&self, groups: &[Psc]) -> Result<u64, Error> {
        self.check_open()?;
        let unnamed = |group: &&Psc| self.shared.read().has_unnamed(group);
        let groups: Vec<Psc> = groups.iter().filter(unnamed).cloned().collect();
        if groups.is_empty() { Ok(0) } else { self.worker.name_channels(groups).await }
    }

    async fn rebuild_rollups(&self) -> Result<Rebuilt, Error> {
        self.rebuild().await
    }

    async fn close(&self) -> Result<(), Error> {
        if self.closed.swap(true, Ordering::SeqCst) {
            return Err(super::error::closed());
        }
        self.readers.close(self.reader_count).await;
        self.worker.close().await
    }
}

/// The file belongs to this process, which hears of its own commits without that.
#[async_trait]
impl Commits for SqliteRepository {
    async fn listen(&self, _wake: &(dyn Fn() + Send + Sync)) {
        std::future::pending().await
    }
}
