//! The rows of the event machines.

use std::collections::{BTreeMap, BTreeSet};

use deadpool_postgres::Transaction;
use futures_util::future;
use relay_core::{
    Psc, Status, StoredRecord,
    event::{ChannelState, GroupStates, ModelState, NewEvent, Stable},
    ports::{Transition, repository::Error},
};
use tokio_postgres::{Row, types::ToSql};

use super::error::translate;

const MODELS: &str = include_str!("sql/states/models.sql");
const CHANNELS: &str = include_str!("sql/states/channels.sql");
const PUT_MODELS: &str = include_str!("sql/states/put_models.sql");
const PUT_CHANNELS: &str = include_str!("sql/states/put_channels.sql");
const DROP_MODELS: &str = include_str!("sql/states/drop_models.sql");
const DROP_CHANNELS: &str = include_str!("sql/states/drop_channels.sql");

/// The states of some groups, as they are stored and as they will be.
#[derive(Debug, Default)]
pub(super) struct Machines {
    groups: BTreeMap<Psc, Machine>,
}

#[derive(Debug, Default)]
struct Machine {
    before: GroupStates,
    now: GroupStates,
}

impl Machine {
    /// Makes one that nothing moved yet.
    fn of(states: GroupStates) -> Self {
        Self { before: states.clone(), now: states }
    }
}

impl Machines {
    /// Reads the states of groups, in two statements that are sent together.
    pub(super) async fn read(transaction: &Transaction<'_>, groups: BTreeSet<Psc>) -> Result<Self, Error> {
        let trouble = translate("cannot read event states");
        let groups: Vec<Psc> = groups.into_iter().collect();
        let keys = Keys::of(groups.iter());
        let models = transaction.prepare_cached(MODELS).await.map_err(&trouble)?;
        let channels = transaction.prepare_cached(CHANNELS).await.map_err(&trouble)?;
        let (columns, again) = (keys.columns(), keys.columns());
        let (models, channels) =
            future::try_join(transaction.query(&models, &columns), transaction.query(&channels, &again))
                .await
                .map_err(&trouble)?;
        let mut found: Vec<GroupStates> = groups.iter().map(|_| GroupStates::default()).collect();
        for row in &models {
            if let Some(states) = place(row).and_then(|place| found.get_mut(place)) {
                states.models.insert(row.get(1), read_model(row)?);
            }
        }
        for row in &channels {
            if let Some(states) = place(row).and_then(|place| found.get_mut(place)) {
                states.channel = Some(read_channel(row)?);
            }
        }
        Ok(Self { groups: groups.into_iter().zip(found.into_iter().map(Machine::of)).collect() })
    }

    /// Reads the states of groups, but for those that are `known`.
    pub(super) async fn read_beside(
        transaction: &Transaction<'_>,
        mut groups: BTreeSet<Psc>,
        known: BTreeMap<Psc, GroupStates>,
    ) -> Result<Self, Error> {
        groups.retain(|group| !known.contains_key(group));
        let mut machines =
            if groups.is_empty() { Self::default() } else { Self::read(transaction, groups).await? };
        let known = known.into_iter().map(|(psc, states)| (psc, Machine::of(states)));
        machines.groups.extend(known);
        Ok(machines)
    }

    /// Returns the states as they will be.
    pub(super) fn into_states(self) -> BTreeMap<Psc, GroupStates> {
        self.groups.into_iter().map(|(psc, machine)| (psc, machine.now)).collect()
    }

    /// Lets records move the states, and returns the events they cause.
    pub(super) fn apply(&mut self, records: &[StoredRecord], transition: &dyn Transition) -> Vec<NewEvent> {
        let mut events = Vec::new();
        for stored in records {
            if let Some(machine) = self.groups.get_mut(stored.record.key.psc()) {
                events.extend(transition.apply(stored, &mut machine.now));
            }
        }
        events
    }

    /// Moves the states of one group to another, which keeps what it has.
    pub(super) fn adopt(&mut self, from: &Psc, to: &Psc) {
        let old = self.groups.get_mut(from).map(|machine| std::mem::take(&mut machine.now));
        if let Some((old, machine)) = old.zip(self.groups.get_mut(to)) {
            machine.now.adopt(old);
        }
    }

    /// Gives a group states that has none, and tells whether it was so.
    pub(super) fn fill(&mut self, psc: &Psc, states: GroupStates) -> bool {
        match self.groups.get_mut(psc) {
            Some(machine) if machine.now == GroupStates::default() => {
                machine.now = states;
                true
            }
            _ => false,
        }
    }

    /// Writes what changed.
    pub(super) async fn write(&self, transaction: &Transaction<'_>) -> Result<(), Error> {
        let mut changed = Changed::default();
        for (psc, machine) in &self.groups {
            changed.add(psc, machine);
        }
        future::try_join4(
            put_models(transaction, &changed.models),
            put_channels(transaction, &changed.channels),
            drop_models(transaction, &changed.models_gone),
            drop_channels(transaction, &changed.channels_gone),
        )
        .await
        .map(drop)
        .map_err(translate("cannot write event states"))
    }
}

/// What is to be written.
#[derive(Default)]
struct Changed<'a> {
    models: Vec<(&'a Psc, &'a str, &'a ModelState)>,
    channels: Vec<(&'a Psc, ChannelState)>,
    models_gone: Vec<(&'a Psc, &'a str)>,
    channels_gone: Vec<&'a Psc>,
}

impl<'a> Changed<'a> {
    fn add(&mut self, psc: &'a Psc, machine: &'a Machine) {
        let Machine { before, now } = machine;
        let moved = now.models.iter().filter(|(name, state)| before.models.get(*name) != Some(*state));
        self.models.extend(moved.map(|(name, state)| (psc, name.as_str(), state)));
        let gone = before.models.keys().filter(|name| !now.models.contains_key(*name));
        self.models_gone.extend(gone.map(|name| (psc, name.as_str())));
        match now.channel {
            Some(channel) if before.channel != Some(channel) => self.channels.push((psc, channel)),
            None if before.channel.is_some() => self.channels_gone.push(psc),
            _ => {}
        }
    }
}

/// The parts of groups, column by column.
struct Keys<'a> {
    providers: Vec<&'a str>,
    services: Vec<&'a str>,
    channels: Vec<&'a str>,
}

impl<'a> Keys<'a> {
    fn of(groups: impl Iterator<Item = &'a Psc>) -> Self {
        let mut keys = Self { providers: Vec::new(), services: Vec::new(), channels: Vec::new() };
        for psc in groups {
            keys.providers.push(psc.provider());
            keys.services.push(psc.service());
            keys.channels.push(psc.channel());
        }
        keys
    }

    fn columns(&self) -> [&(dyn ToSql + Sync); 3] {
        [&self.providers, &self.services, &self.channels]
    }
}

async fn put_models(
    transaction: &Transaction<'_>,
    rows: &[(&Psc, &str, &ModelState)],
) -> Result<(), tokio_postgres::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let keys = Keys::of(rows.iter().map(|row| row.0));
    let [providers, services, channels] = keys.columns();
    let models: Vec<&str> = rows.iter().map(|row| row.1).collect();
    let state = || rows.iter().map(|row| row.2);
    let stables: Vec<i16> = state().map(|state| state.stable.code().into()).collect();
    let streaks: Vec<i16> = state().map(|state| state.streak.code().into()).collect();
    let statuses: Vec<Option<i16>> =
        state().map(|state| state.last_status.map(|one| one.code().into())).collect();
    let counts: Vec<i64> = state().map(|state| state.streak_count.into()).collect();
    let ids: Vec<i64> = state().map(|state| state.last_record_id).collect();
    let times: Vec<i64> = state().map(|state| state.last_timestamp).collect();
    let statement = transaction.prepare_cached(PUT_MODELS).await?;
    let columns: [&(dyn ToSql + Sync); 10] =
        [providers, services, channels, &models, &stables, &streaks, &statuses, &counts, &ids, &times];
    transaction.execute(&statement, &columns).await.map(drop)
}

async fn put_channels(
    transaction: &Transaction<'_>,
    rows: &[(&Psc, ChannelState)],
) -> Result<(), tokio_postgres::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let keys = Keys::of(rows.iter().map(|row| row.0));
    let [providers, services, channels] = keys.columns();
    let state = || rows.iter().map(|row| row.1);
    let stables: Vec<i16> = state().map(|state| state.stable.code().into()).collect();
    let downs: Vec<i64> = state().map(|state| state.down_count.into()).collect();
    let knowns: Vec<i64> = state().map(|state| state.known_count.into()).collect();
    let ids: Vec<i64> = state().map(|state| state.last_record_id).collect();
    let times: Vec<i64> = state().map(|state| state.last_timestamp).collect();
    let statement = transaction.prepare_cached(PUT_CHANNELS).await?;
    let columns: [&(dyn ToSql + Sync); 8] =
        [providers, services, channels, &stables, &downs, &knowns, &ids, &times];
    transaction.execute(&statement, &columns).await.map(drop)
}

async fn drop_models(
    transaction: &Transaction<'_>,
    rows: &[(&Psc, &str)],
) -> Result<(), tokio_postgres::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let keys = Keys::of(rows.iter().map(|row| row.0));
    let [providers, services, channels] = keys.columns();
    let models: Vec<&str> = rows.iter().map(|row| row.1).collect();
    let statement = transaction.prepare_cached(DROP_MODELS).await?;
    transaction.execute(&statement, &[providers, services, channels, &models]).await.map(drop)
}

async fn drop_channels(transaction: &Transaction<'_>, rows: &[&Psc]) -> Result<(), tokio_postgres::Error> {
    if rows.is_empty() {
        return Ok(());
    }
    let keys = Keys::of(rows.iter().copied());
    let statement = transaction.prepare_cached(DROP_CHANNELS).await?;
    transaction.execute(&statement, &keys.columns()).await.map(drop)
}

/// Returns the place of a row's group in the list that was asked for; the server counts from 1.
fn place(row: &Row) -> Option<usize> {
    usize::try_from(row.get::<_, i64>(0)).ok()?.checked_sub(1)
}

fn read_model(row: &Row) -> Result<ModelState, Error> {
    Ok(ModelState {
        stable: Stable::from_code(row.get::<_, i16>(2).into()),
        streak: Stable::from_code(row.get::<_, i16>(3).into()),
        last_status: row.get::<_, Option<i16>>(4).map(|code| Status::from_code(code.into())),
        streak_count: count(row, 5)?,
        last_record_id: row.get(6),
        last_timestamp: row.get(7),
    })
}

fn read_channel(row: &Row) -> Result<ChannelState, Error> {
    Ok(ChannelState {
        stable: Stable::from_code(row.get::<_, i16>(1).into()),
        down_count: count(row, 2)?,
        known_count: count(row, 3)?,
        last_record_id: row.get(4),
        last_timestamp: row.get(5),
    })
}

fn count(row: &Row, column: usize) -> Result<u32, Error> {
    u32::try_from(row.get::<_, i64>(column))
        .map_err(|_| Error::Corrupt { reason: "a count of an event state is out of range".to_owned() })
}
