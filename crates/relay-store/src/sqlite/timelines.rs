//! Timelines: held rollups from memory, all others from their tables.

use async_trait::async_trait;
use relay_core::{
    MonitorKey,
    ports::repository::{Error, Timelines},
    timeline::{Plan, Timeline},
};

use super::{SqliteRepository, rollups};
use crate::{
    rollup::MonitorId,
    timeline::{Fold, Pieces},
};

#[async_trait]
impl Timelines for SqliteRepository {
    async fn timelines(&self, keys: &[MonitorKey], plan: &Plan) -> Result<Vec<Timeline>, Error> {
        let (keys, plan) = (keys.to_vec(), *plan);
        self.read(move |connection, shared| {
            let (memory, transaction) = shared.picture(connection)?;
            let wanted: Vec<Option<MonitorId>> =
                keys.iter().map(|key| memory.monitors.get(key).copied()).collect();
            let latest = wanted.iter().flatten().map(|id| (*id, memory.latest.get(id).copied()));
            let mut fold = Fold::new(&plan, latest);
            let mut pieces = Pieces::of(&plan);
            fold.take_held(&memory.held, &mut pieces);
            let known = memory.monitors.len();
            drop(memory);
            rollups::fold(&transaction, &pieces, known, &mut fold)?;
            Ok(fold.finish(&wanted))
        })
        .await
    }
}
