//! Keeping the store in order.

use std::sync::atomic::Ordering;

use async_trait::async_trait;
use deadpool_postgres::Object;
use relay_core::{
    MonitorKey, Psc,
    ports::repository::{DayRollup, Error, Maintenance, Rebuilt},
    time::DAY_SECS,
};
use tokio::time::timeout;

use super::{
    PgRepository, answered,
    change::Change,
    error::{closed, translate},
    retention, rollups,
};
use crate::rollup::day_of;

/// Whether the store could be written: a standby can only be read.
const WRITABLE: &str = "SELECT NOT pg_is_in_recovery() AND NOT current_setting('transaction_read_only')::boolean \
                        FROM store_state WHERE id = 1";

#[async_trait]
impl Maintenance for PgRepository {
    async fn ping(&self) -> Result<(), Error> {
        self.read(|client| async move {
            let trouble = translate("cannot read the state of the store");
            let statement = client.prepare_cached(WRITABLE).await.map_err(&trouble)?;
            let row = client.query_opt(&statement, &[]).await.map_err(&trouble)?;
            match row.map(|row| row.get(0)) {
                Some(true) => Ok(()),
                Some(false) => {
                    let reason = "the server takes no changes: it is a standby, or read-only".to_owned();
                    Err(Error::Unavailable { reason, source: None })
                }
                None => Err(Error::Corrupt { reason: "store_state has no row".to_owned() }),
            }
        })
        .await
    }

    async fn import_days(&self, days: Vec<DayRollup>) -> Result<(), Error> {
        let mut client = self.client().await?;
        let answer = timeout(self.patience, self.put_days(&mut client, days)).await;
        answered(client, answer)
    }

    async fn name_channels(&self, groups: &[Psc]) -> Result<u64, Error> {
        let mut client = self.client().await?;
        let answer = timeout(self.patience, self.move_unnamed(&mut client, groups)).await;
        answered(client, answer)
    }

    async fn rebuild_rollups(&self) -> Result<Rebuilt, Error> {
        self.rebuild().await
    }

    async fn close(&self) -> Result<(), Error> {
        if self.closed.swap(true, Ordering::SeqCst) {
            return Err(closed());
        }
        // An append that is under way ends before.
        let _appending = self.appending.lock().await;
        self.pool.close();
        Ok(())
    }
}

impl PgRepository {
    async fn put_days(&self, client: &mut Object, days: Vec<DayRollup>) -> Result<(), Error> {
        let Some(newest) = days.iter().map(|rollup| day_of(rollup.day)).max() else { return Ok(()) };
        let change = Change::begin(client, 0).await?;
        if newest >= day_of(self.clock.now().as_secs()) {
            return Err(Error::Conflict { reason: format!("the day that begins at {newest} is not over") });
        }
        let keys: Vec<MonitorKey> = days.iter().map(|rollup| rollup.key.clone()).collect();
        let monitors = self.names.number(&change.transaction, change.stamp, &keys).await?;
        let days = monitors.into_iter().zip(days).collect();
        if let Some(last) = rollups::put_days(&change.transaction, days).await? {
            retention::raise_horizon(&change.transaction, last.saturating_add(DAY_SECS)).await?;
        }
        change.commit().await
    }
}
