//! Channels that got a name: moving rows from a key without channel to the one with it.

use relay_core::{MonitorKey, Psc, ports::repository::Error};
use rusqlite::Connection;

use super::{error::translate, memory::Memory, records, rollups};
use crate::rollup::MonitorId;

/// Gives a group the monitors of its provider and service without channel, and the events. Returns how many monitors
/// that were.
pub(super) fn name(connection: &Connection, memory: &Memory, group: &Psc) -> Result<u64, Error> {
    let mut moved = 0;
    for (key, from) in memory.unnamed(group) {
        match memory.monitors.get(&MonitorKey::new(group.clone(), key.model())) {
            Some(to) => merge(connection, from, *to)?,
            None => rename(connection, from, group.channel())?,
        }
        moved += 1;
    }
    move_told(connection, group).map_err(|error| translate("cannot move events", error))?;
    Ok(moved)
}

fn rename(connection: &Connection, monitor: MonitorId, channel: &str) -> Result<(), Error> {
    connection
        .execute("UPDATE monitors SET channel = ?2 WHERE id = ?1", (monitor, channel))
        .map(drop)
        .map_err(|error| translate("cannot rename a monitor", error))
}

/// Moves everything of one monitor to another. There is no index by monitor, so each table is read once; that is rare.
fn merge(connection: &Connection, from: MonitorId, to: MonitorId) -> Result<(), Error> {
    let trouble = |error| translate("cannot merge two monitors", error);
    connection
        .execute("UPDATE probe_history SET monitor_id = ?2 WHERE monitor_id = ?1", (from, to))
        .map_err(trouble)?;
    rollups::move_all(connection, from, to)?;
    records::move_latest(connection, from, to)?;
    connection.execute("DELETE FROM monitors WHERE id = ?1", [from]).map(drop).map_err(trouble)
}

/// Moves events, and what is open with those who are told of them. Events are unique by key, type and record, and a record has one monitor: no two collide, unless somebody copied rows.
fn move_told(connection: &Connection, group: &Psc) -> rusqlite::Result<()> {
    let names = (group.provider(), group.service());
    connection.execute(
        "UPDATE OR IGNORE events SET channel = ?3 WHERE provider = ?1 AND service = ?2 AND channel = ''",
        (names.0, names.1, group.channel()),
    )?;
    connection.execute("DELETE FROM events WHERE provider = ?1 AND service = ?2 AND channel = ''", names)?;
    // What is open with the named channel already stays as it is.
    connection.execute(
        "UPDATE OR IGNORE outbox_conversations SET channel = ?3 WHERE provider = ?1 AND service = ?2 AND channel = ''",
        (names.0, names.1, group.channel()),
    )?;
    connection
        .execute(
            "DELETE FROM outbox_conversations WHERE provider = ?1 AND service = ?2 AND channel = ''",
            names,
        )
        .map(drop)
}
