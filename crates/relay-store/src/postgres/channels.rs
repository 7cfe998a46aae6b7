//! Channels that got a name: moving rows from a key without channel to the one with it.

use std::collections::{BTreeSet, HashSet};

use deadpool_postgres::{Object, Transaction};
use relay_core::{MonitorKey, Psc, ports::repository::Error, record::RecordId};

use super::{PgRepository, change::Change, error::translate, rollups::Grown, states::Machines};
use crate::rollup::MonitorId;

const MOVE_RECORDS: &str = "UPDATE probe_history SET monitor_id = $2 WHERE id = ANY ($3) AND monitor_id = $1";
const MOVE_LATEST: &str = include_str!("sql/channels/move_latest.sql");
const MOVE_EVENTS: &str = include_str!("sql/channels/move_events.sql");
const MOVE_CONVERSATIONS: &str = include_str!("sql/channels/move_conversations.sql");
const RENAME: &str = "UPDATE monitors SET channel = $2 WHERE id = $1";

impl PgRepository {
    /// Gives groups the history that is kept under their provider and service without channel, as the port says.
    pub(super) async fn move_unnamed(&self, client: &mut Object, groups: &[Psc]) -> Result<u64, Error> {
        self.names.refresh(&*client).await?;
        if !groups.iter().any(|group| !self.unnamed(group).is_empty()) {
            return Ok(0);
        }
        let change = Change::begin(client, 0).await?;
        let transaction = &change.transaction;
        self.names.refresh(transaction).await?;
        let (mut moved, mut done) = (0, HashSet::new());
        for group in groups {
            let unnamed = self.unnamed(group);
            if unnamed.is_empty() || !done.insert((group.provider(), group.service())) {
                continue;
            }
            for (key, from) in &unnamed {
                let named = MonitorKey::new(group.clone(), key.model());
                match self.names.look(std::slice::from_ref(&named)).wanted[..] {
                    [Some(to)] => merge(transaction, *from, to).await?,
                    _ => rename(transaction, *from, group.channel()).await?,
                }
                moved += 1;
            }
            move_rest(transaction, group).await?;
        }
        transaction
            .execute("UPDATE store_state SET names = names + 1 WHERE id = 1", &[])
            .await
            .map_err(translate("cannot move history"))?;
        change.commit().await?;
        Ok(moved)
    }

    /// Returns the monitors of the group's provider and service that have no channel; none for a group without.
    fn unnamed(&self, group: &Psc) -> Vec<(MonitorKey, MonitorId)> {
        let channel = !group.channel().is_empty();
        self.names.like(|key| {
            channel
                && key.channel().is_empty()
                && key.provider() == group.provider()
                && key.service() == group.service()
        })
    }
}

async fn rename(transaction: &Transaction<'_>, monitor: MonitorId, channel: &str) -> Result<(), Error> {
    let renamed = transaction.execute(RENAME, &[&monitor, &channel]).await;
    renamed.map(drop).map_err(translate("cannot rename a monitor"))
}

/// Moves everything of one monitor to another.
async fn merge(transaction: &Transaction<'_>, from: MonitorId, to: MonitorId) -> Result<(), Error> {
    let trouble = translate("cannot merge two monitors");
    let merged = Grown::merged(transaction, from, to).await?;
    // The records in short stand in for an index by monitor; they are kept longer than the records.
    let ids: Vec<RecordId> =
        merged.slots.values().flat_map(|open| open.samples.iter().map(|sample| sample.id)).collect();
    transaction.execute(MOVE_RECORDS, &[&from, &to, &ids]).await.map_err(&trouble)?;
    merged.write(transaction).await?;
    transaction.execute(MOVE_LATEST, &[&from, &to]).await.map_err(&trouble)?;
    for table in ["slot_rollups", "slot_samples", "day_rollups", "latest"] {
        let sql = format!("DELETE FROM {table} WHERE monitor_id = $1");
        transaction.execute(&sql, &[&from]).await.map_err(&trouble)?;
    }
    transaction.execute("DELETE FROM monitors WHERE id = $1", &[&from]).await.map(drop).map_err(&trouble)
}

/// Moves events and states. Events are unique by key, type and record, and a record has one monitor: no two collide,
/// unless somebody copied rows.
async fn move_rest(transaction: &Transaction<'_>, group: &Psc) -> Result<(), Error> {
    let trouble = translate("cannot move events");
    let (provider, service, channel) = (group.provider(), group.service(), group.channel());
    transaction.execute(MOVE_EVENTS, &[&provider, &service, &channel]).await.map_err(&trouble)?;
    let rest = "DELETE FROM events WHERE provider = $1 AND service = $2 AND channel = ''";
    transaction.execute(rest, &[&provider, &service]).await.map_err(&trouble)?;
    transaction.execute(MOVE_CONVERSATIONS, &[&provider, &service, &channel]).await.map_err(&trouble)?;
    let rest = "DELETE FROM outbox_conversations WHERE provider = $1 AND service = $2 AND channel = ''";
    transaction.execute(rest, &[&provider, &service]).await.map_err(&trouble)?;
    let unnamed = Psc::new(provider, service, "");
    let mut machines = Machines::read(transaction, BTreeSet::from([unnamed.clone(), group.clone()])).await?;
    machines.adopt(&unnamed, group);
    machines.write(transaction).await
}
