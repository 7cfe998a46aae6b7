//! The numbers of monitors, remembered. They hardly ever change, and every statement would have to look them up.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock},
};

use deadpool_postgres::{GenericClient, Transaction};
use relay_core::{MonitorKey, ports::repository::Error};

use super::error::translate;
use crate::rollup::MonitorId;

const NAMES: &str = include_str!("sql/monitors/names.sql");
const INSERT: &str = include_str!("sql/monitors/insert.sql");
/// What tells whether memory is up to date; read in the same snapshot as what the numbers are used for.
pub(super) const STAMP: &str = "SELECT next_monitor, names FROM store_state WHERE id = 1";

/// Which monitors there are: equal stamps, equal monitors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Stamp {
    /// The number of the next monitor.
    pub(super) next: MonitorId,
    /// How often a number came to stand for another key.
    pub(super) names: i64,
}

/// What is remembered. Locked for a look or a change of memory only, never across an await.
#[derive(Debug, Default)]
pub(super) struct Names(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    stamp: Stamp,
    numbers: HashMap<MonitorKey, MonitorId>,
}

/// The numbers of some keys, as they were at a stamp.
#[derive(Debug)]
pub(super) struct Numbers {
    /// In the order of the keys; `None` for one that was never seen.
    pub(super) wanted: Vec<Option<MonitorId>>,
    /// How many monitors there were.
    pub(super) known: usize,
    /// When that was.
    pub(super) stamp: Stamp,
}

impl Names {
    /// Returns the numbers of keys as far as they are remembered.
    pub(super) fn look(&self, keys: &[MonitorKey]) -> Numbers {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        Numbers {
            wanted: keys.iter().map(|key| known.numbers.get(key).copied()).collect(),
            known: known.numbers.len(),
            stamp: known.stamp,
        }
    }

    /// Returns the monitors whose keys are like this.
    pub(super) fn like(&self, wanted: impl Fn(&MonitorKey) -> bool) -> Vec<(MonitorKey, MonitorId)> {
        let known = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let found = known.numbers.iter().filter(|(key, _)| wanted(key));
        found.map(|(key, number)| (key.clone(), *number)).collect()
    }

    fn stamp(&self) -> Stamp {
        self.0.read().unwrap_or_else(PoisonError::into_inner).stamp
    }

    /// Brings memory up to date.
    pub(super) async fn refresh(&self, client: &impl GenericClient) -> Result<(), Error> {
        let trouble = translate("cannot read monitors");
        let mut known = self.stamp();
        loop {
            let statement = client.prepare_cached(NAMES).await.map_err(&trouble)?;
            let rows = client.query(&statement, &[&known.next]).await.map_err(&trouble)?;
            let Some(first) = rows.first() else {
                return Err(Error::Corrupt { reason: "store_state has no row".to_owned() });
            };
            let stamp = Stamp { names: first.get(0), next: first.get(1) };
            if stamp.names != known.names && known.next > 0 {
                // What was remembered may be wrong: everything is read again.
                known = Stamp::default();
                continue;
            }
            let numbered = rows.iter().filter_map(|row| {
                // The one row without monitor has no parts either.
                let number = row.get::<_, Option<MonitorId>>(2)?;
                Some((MonitorKey::from_parts(row.get(3), row.get(4), row.get(5), row.get(6)), number))
            });
            let fresh: HashMap<MonitorKey, MonitorId> = numbered.collect();
            let mut memory = self.0.write().unwrap_or_else(PoisonError::into_inner);
            if known.next == 0 {
                memory.numbers = fresh;
            } else if memory.stamp == known {
                memory.numbers.extend(fresh);
            } else {
                // Somebody else brought it up to date meanwhile.
                return Ok(());
            }
            memory.stamp = stamp;
            return Ok(());
        }
    }

    /// Returns the number of each key under the lock of all writers; those that are new are written.
    pub(super) async fn number(
        &self,
        transaction: &Transaction<'_>,
        stamp: Stamp,
        keys: &[MonitorKey],
    ) -> Result<Vec<MonitorId>, Error> {
        let mut numbers = self.look(keys);
        if numbers.stamp != stamp {
            self.refresh(transaction).await?;
            numbers = self.look(keys);
        }
        let mut fresh: HashMap<&MonitorKey, MonitorId> = HashMap::new();
        let mut out = Vec::with_capacity(keys.len());
        for (key, number) in keys.iter().zip(numbers.wanted) {
            let next = stamp.next + MonitorId::try_from(fresh.len()).unwrap_or_default();
            out.push(number.unwrap_or_else(|| *fresh.entry(key).or_insert(next)));
        }
        if !fresh.is_empty() {
            insert(transaction, &fresh, stamp.next).await?;
        }
        Ok(out)
    }
}

async fn insert(
    transaction: &Transaction<'_>,
    fresh: &HashMap<&MonitorKey, MonitorId>,
    next: MonitorId,
) -> Result<(), Error> {
    let trouble = translate("cannot write a monitor");
    let part = |part: fn(&MonitorKey) -> &str| fresh.keys().map(|key| part(key)).collect::<Vec<&str>>();
    let (ids, next) =
        (fresh.values().collect::<Vec<_>>(), next + MonitorId::try_from(fresh.len()).unwrap_or_default());
    let (providers, services) = (part(MonitorKey::provider), part(MonitorKey::service));
    let (channels, models) = (part(MonitorKey::channel), part(MonitorKey::model));
    let statement = transaction.prepare_cached(INSERT).await.map_err(&trouble)?;
    transaction
        .execute(&statement, &[&ids, &providers, &services, &channels, &models, &next])
        .await
        .map(drop)
        .map_err(&trouble)
}
