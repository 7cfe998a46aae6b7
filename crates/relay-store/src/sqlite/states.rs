//! The rows of the event machines.

use std::collections::HashMap;

use relay_core::{
    Psc, Status,
    event::{ChannelState, GroupStates, ModelState, Stable},
    ports::repository::Error,
    record::RecordId,
};
use rusqlite::{Connection, Row};

use super::error::translate;
use crate::states::{States, Tracked};

const PUT_GROUP: &str = include_str!("sql/states/put_group.sql");
const DROP_MODELS: &str = include_str!("sql/states/drop_models.sql");
const DROP_GROUP: &str = "DELETE FROM group_states WHERE provider = ?1 AND service = ?2 AND channel = ?3";
const PUT_MODEL: &str = include_str!("sql/states/put_model.sql");

/// Writes the states of groups as they are after record `seen`.
pub(super) fn write<'a>(
    connection: &Connection,
    groups: impl Iterator<Item = (&'a Psc, &'a GroupStates, bool)>,
    seen: RecordId,
) -> Result<(), Error> {
    for (psc, states, follows) in groups {
        write_group(connection, psc, states, follows, seen)
            .map_err(|error| translate("cannot write event states", error))?;
    }
    Ok(())
}

/// Deletes the rows of a group.
pub(super) fn delete(connection: &Connection, psc: &Psc) -> Result<(), Error> {
    let key = (psc.provider(), psc.service(), psc.channel());
    let delete = || -> rusqlite::Result<()> {
        connection.prepare_cached(DROP_MODELS)?.execute(key)?;
        connection.prepare_cached(DROP_GROUP)?.execute(key).map(drop)
    };
    delete().map_err(|error| translate("cannot delete event states", error))
}

fn write_group(
    connection: &Connection,
    psc: &Psc,
    states: &GroupStates,
    follows: bool,
    seen: RecordId,
) -> rusqlite::Result<()> {
    let key = (psc.provider(), psc.service(), psc.channel());
    let channel = states.channel.as_ref();
    connection.prepare_cached(PUT_GROUP)?.execute((
        key.0,
        key.1,
        key.2,
        seen,
        follows,
        channel.map(|channel| channel.stable.code()),
        channel.map(|channel| channel.down_count),
        channel.map(|channel| channel.known_count),
        channel.map(|channel| channel.last_record_id),
        channel.map(|channel| channel.last_timestamp),
    ))?;
    connection.prepare_cached(DROP_MODELS)?.execute(key)?;
    let mut put = connection.prepare_cached(PUT_MODEL)?;
    for (model, state) in &states.models {
        put.execute((
            key.0,
            key.1,
            key.2,
            model,
            state.stable.code(),
            state.streak_count,
            state.streak.code(),
            state.last_record_id,
            state.last_timestamp,
            state.last_status.map(Status::code),
        ))?;
    }
    Ok(())
}

/// Reads the states of all groups, and which record each of them has seen.
pub(super) fn load(connection: &Connection) -> Result<(States, HashMap<Psc, RecordId>), Error> {
    load_rows(connection).map_err(|error| translate("cannot read event states", error))
}

fn load_rows(connection: &Connection) -> rusqlite::Result<(States, HashMap<Psc, RecordId>)> {
    let mut models: HashMap<Psc, GroupStates> = HashMap::new();
    let mut statement = connection.prepare(
        "SELECT provider, service, channel, model, stable, streak_count, streak, last_record_id, last_timestamp, \
         last_status FROM model_states",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        models.entry(read_psc(row)?).or_default().models.insert(row.get(3)?, read_model(row)?);
    }
    let (mut states, mut seen) = (States::default(), HashMap::new());
    let mut statement = connection.prepare(
        "SELECT provider, service, channel, seen_record_id, follows, channel_stable, channel_down_count, \
         channel_known_count, channel_last_record_id, channel_last_timestamp FROM group_states",
    )?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let psc = read_psc(row)?;
        let mut group = models.remove(&psc).unwrap_or_default();
        group.channel = read_channel(row)?;
        seen.insert(psc.clone(), row.get(3)?);
        states.restore(psc, Tracked::stored(group, row.get(4)?));
    }
    Ok((states, seen))
}

fn read_psc(row: &Row<'_>) -> rusqlite::Result<Psc> {
    Ok(Psc::new(row.get::<_, String>(0)?, row.get::<_, String>(1)?, row.get::<_, String>(2)?))
}

fn read_model(row: &Row<'_>) -> rusqlite::Result<ModelState> {
    Ok(ModelState {
        stable: Stable::from_code(row.get(4)?),
        streak_count: row.get(5)?,
        streak: Stable::from_code(row.get(6)?),
        last_record_id: row.get(7)?,
        last_timestamp: row.get(8)?,
        last_status: row.get::<_, Option<i64>>(9)?.map(Status::from_code),
    })
}

fn read_channel(row: &Row<'_>) -> rusqlite::Result<Option<ChannelState>> {
    let Some(stable) = row.get::<_, Option<i64>>(5)? else { return Ok(None) };
    Ok(Some(ChannelState {
        stable: Stable::from_code(stable),
        down_count: row.get(6)?,
        known_count: row.get(7)?,
        last_record_id: row.get(8)?,
        last_timestamp: row.get(9)?,
    }))
}
