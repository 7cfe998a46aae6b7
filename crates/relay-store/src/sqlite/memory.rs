//! What the store holds in memory beside the database.

use std::{
    collections::HashMap,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use relay_core::{MonitorKey, Psc, StoredRecord, ports::repository::Error, record::LatestRecord};
use rusqlite::{Connection, Transaction};

use super::pool;
use crate::rollup::{Held, MonitorId};

/// The part of the data that is read from memory.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The monitors' numbers.
    pub(super) monitors: HashMap<MonitorKey, MonitorId>,
    /// The highest of these numbers.
    pub(super) last_monitor: MonitorId,
    /// The rollups that records are still expected for.
    pub(super) held: Held,
    /// The newest record of each monitor.
    pub(super) latest: HashMap<MonitorId, LatestRecord>,
}

impl Memory {
    /// Returns the number of each record's monitor, and the monitors that are new with theirs.
    pub(super) fn number<'a>(
        &self,
        keys: impl Iterator<Item = &'a MonitorKey>,
    ) -> (Vec<MonitorId>, HashMap<MonitorKey, MonitorId>) {
        let mut fresh: HashMap<MonitorKey, MonitorId> = HashMap::new();
        let mut numbers = Vec::with_capacity(keys.size_hint().0);
        for key in keys {
            let number = self.monitors.get(key).or_else(|| fresh.get(key)).copied().unwrap_or_else(|| {
                let number = self.last_monitor + 1 + MonitorId::try_from(fresh.len()).unwrap_or_default();
                fresh.insert(key.clone(), number);
                number
            });
            numbers.push(number);
        }
        (numbers, fresh)
    }

    /// Tells whether there is history of the group's provider and service without channel, and the group has one.
    pub(super) fn has_unnamed(&self, group: &Psc) -> bool {
        !group.channel().is_empty() && self.unnamed(group).next().is_some()
    }

    /// Returns the monitors of the group's provider and service that have no channel.
    pub(super) fn unnamed(&self, group: &Psc) -> impl Iterator<Item = (&MonitorKey, MonitorId)> {
        let wanted = (group.provider().to_owned(), group.service().to_owned());
        self.monitors
            .iter()
            .filter(move |(key, _)| {
                key.channel().is_empty() && key.provider() == wanted.0 && key.service() == wanted.1
            })
            .map(|(key, number)| (key, *number))
    }

    /// Takes monitors over that were committed.
    pub(super) fn learn(&mut self, fresh: HashMap<MonitorKey, MonitorId>) {
        self.last_monitor = fresh.values().copied().fold(self.last_monitor, MonitorId::max);
        self.monitors.extend(fresh);
    }

    /// Takes a committed record into the newest ones.
    pub(super) fn see_latest(&mut self, monitor: MonitorId, stored: &StoredRecord) {
        let latest = LatestRecord::of(stored);
        let known = self.latest.entry(monitor).or_insert(latest);
        if latest.is_newer_than(known) {
            *known = latest;
        }
    }
}

/// The memory, and the gate that keeps it and the database in one picture: the writer commits and changes the memory
/// under the write lock; a reader begins its transaction and reads what it needs of the memory under one read lock,
/// and goes on in the database's snapshot without it. So it sees both before a commit or both after it, and neither a
/// record twice nor one missing while a slot moves from one to the other. Never held across an await.
#[derive(Debug, Default)]
pub(super) struct Shared(RwLock<Memory>);

impl Shared {
    /// Wraps what was loaded.
    pub(super) fn new(memory: Memory) -> Self {
        Self(RwLock::new(memory))
    }

    /// Opens the gate for reading.
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Memory> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns memory and database as they were after one and the same commit. The memory should be let go of soon; the
    /// transaction keeps its picture.
    pub(super) fn picture<'a>(
        &'a self,
        connection: &'a mut Connection,
    ) -> Result<(RwLockReadGuard<'a, Memory>, Transaction<'a>), Error> {
        let memory = self.read();
        let transaction = pool::begin_reading(connection)?;
        Ok((memory, transaction))
    }

    /// Opens the gate for a commit.
    pub(super) fn write(&self) -> RwLockWriteGuard<'_, Memory> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
