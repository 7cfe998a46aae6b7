//! The rollup tables: writing rows that are no longer held, reading them back, folding them into timelines.

use std::collections::{BTreeMap, HashMap};

use relay_core::{
    UnixSeconds,
    ports::repository::{DayRollup, Error},
    time::DAY_SECS,
    timeline::{SLOT_SECS, Sample, Tally},
};
use rusqlite::{Connection, OptionalExtension};

use super::error::{malformed, translate};
use crate::{
    import::fuller_day,
    rollup::{
        Base, Change, Held, HeldWindow, MonitorId, OpenSlot, Outgoing, day_of, pack_samples, pack_tally,
        unpack_samples, unpack_tally,
    },
    timeline::{Fold, Pieces},
};

const PUT_SLOT: &str = include_str!("sql/rollups/put_slot.sql");
const PUT_SAMPLES: &str = include_str!("sql/rollups/put_samples.sql");
const PUT_DAY: &str = include_str!("sql/rollups/put_day.sql");
const SLOT: &str = "SELECT tally FROM slot_rollups WHERE slot = ?1 AND monitor_id = ?2";
const SAMPLES: &str = "SELECT samples FROM slot_samples WHERE slot = ?1 AND monitor_id = ?2";
const DAY: &str = "SELECT tally FROM day_rollups WHERE day = ?1 AND monitor_id = ?2";
const SLOTS_BETWEEN: &str = include_str!("sql/rollups/slots_between.sql");
const TALLIES_OF_DAY: &str = "SELECT monitor_id, tally FROM day_rollups WHERE day = ?1";

/// A key range read for all monitors and filtered here costs less than looking each of them up, unless only one in
/// this many is wanted.
const FEW: usize = 8;

/// From one slot of a day to the next.
const SLOT_STEP: usize = SLOT_SECS as usize;

type BySlot = BTreeMap<UnixSeconds, HashMap<MonitorId, OpenSlot>>;
type ByDay = BTreeMap<UnixSeconds, HashMap<MonitorId, Tally>>;

/// Writes the rows that `change` makes necessary.
pub(super) fn write(connection: &Connection, held: &Held, change: &Change) -> Result<(), Error> {
    write_rows(connection, held.outgoing(change))
}

/// Writes rows.
pub(super) fn write_rows(connection: &Connection, rows: Outgoing<'_>) -> Result<(), Error> {
    let Outgoing { slots, days } = rows;
    for ((slot, monitor), (base, added)) in slots {
        write_slot(connection, slot, monitor, base, &added)?;
    }
    for ((day, monitor), (base, added)) in days {
        let mut tally = match base {
            Base::Held(tally) => tally.clone(),
            Base::Stored => stored_tally(connection, DAY, day, monitor)?,
        };
        added.iter().for_each(|sample| tally.add(sample));
        put(connection, PUT_DAY, day, monitor, &pack_tally(&tally, day))?;
    }
    Ok(())
}

fn write_slot(
    connection: &Connection,
    slot: UnixSeconds,
    monitor: MonitorId,
    base: Base<&OpenSlot>,
    added: &[Sample],
) -> Result<(), Error> {
    match base {
        Base::Held(open) if added.is_empty() => put_slot(connection, slot, monitor, open),
        Base::Held(open) => put_grown(connection, slot, monitor, open.clone(), added),
        Base::Stored => put_grown(connection, slot, monitor, stored_slot(connection, slot, monitor)?, added),
    }
}

fn put_grown(
    connection: &Connection,
    slot: UnixSeconds,
    monitor: MonitorId,
    mut open: OpenSlot,
    added: &[Sample],
) -> Result<(), Error> {
    added.iter().for_each(|sample| open.add(sample));
    put_slot(connection, slot, monitor, &open)
}

/// Writes the rows of a slot.
pub(super) fn put_slot(
    connection: &Connection,
    slot: UnixSeconds,
    monitor: MonitorId,
    open: &OpenSlot,
) -> Result<(), Error> {
    let (tally, samples) = (pack_tally(&open.tally, slot), pack_samples(open.samples.iter(), slot));
    put_packed_slot(connection, slot, monitor, &tally, &samples)
}

/// Writes the packed rows of a slot.
pub(super) fn put_packed_slot(
    connection: &Connection,
    slot: UnixSeconds,
    monitor: MonitorId,
    tally: &[u8],
    samples: &[u8],
) -> Result<(), Error> {
    put(connection, PUT_SLOT, slot, monitor, tally)?;
    put(connection, PUT_SAMPLES, slot, monitor, samples)
}

/// Writes the packed row of a day.
pub(super) fn put_packed_day(
    connection: &Connection,
    day: UnixSeconds,
    monitor: MonitorId,
    tally: &[u8],
) -> Result<(), Error> {
    put(connection, PUT_DAY, day, monitor, tally)
}

fn put(
    connection: &Connection,
    sql: &str,
    start: UnixSeconds,
    monitor: MonitorId,
    packed: &[u8],
) -> Result<(), Error> {
    let execute = || connection.prepare_cached(sql)?.execute((start, monitor, packed));
    execute().map(drop).map_err(|error| translate("cannot write a rollup", error))
}

/// Replaces the counts of whole days, except where there are as many already. Returns the last one that was replaced.
pub(super) fn put_days(
    connection: &Connection,
    days: &[(MonitorId, DayRollup)],
) -> Result<Option<UnixSeconds>, Error> {
    let mut last = None;
    for (monitor, rollup) in days {
        let day = day_of(rollup.day);
        if stored_tally(connection, DAY, day, *monitor)?.total() >= rollup.tally.total() {
            continue;
        }
        put(connection, PUT_DAY, day, *monitor, &pack_tally(&rollup.tally, day))?;
        last = last.max(Some(day));
    }
    Ok(last)
}

/// Counts a stored day again after its slots have grown.
pub(super) fn count_day_again(
    connection: &Connection,
    day: UnixSeconds,
    monitor: MonitorId,
) -> Result<(), Error> {
    let slots = (day..day.saturating_add(DAY_SECS)).step_by(SLOT_STEP);
    let slots: Vec<Tally> =
        slots.map(|slot| stored_tally(connection, SLOT, slot, monitor)).collect::<Result<_, _>>()?;
    let before = stored_tally(connection, DAY, day, monitor)?;
    put(connection, PUT_DAY, day, monitor, &pack_tally(&fuller_day(before, slots.iter()), day))
}

/// Adds every stored rollup of one monitor to those of another, and leaves none of the first.
pub(super) fn move_all(connection: &Connection, from: MonitorId, to: MonitorId) -> Result<(), Error> {
    for slot in starts(connection, "SELECT slot FROM slot_rollups WHERE monitor_id = ?1", from)? {
        let mut tally = stored_tally(connection, SLOT, slot, to)?;
        tally.merge(&stored_tally(connection, SLOT, slot, from)?);
        put(connection, PUT_SLOT, slot, to, &pack_tally(&tally, slot))?;
    }
    for slot in starts(connection, "SELECT slot FROM slot_samples WHERE monitor_id = ?1", from)? {
        let mut samples = stored_samples(connection, slot, to)?;
        samples.extend(stored_samples(connection, slot, from)?);
        samples.sort_unstable_by_key(|sample| (sample.timestamp, sample.id));
        put(connection, PUT_SAMPLES, slot, to, &pack_samples(samples.iter(), slot))?;
    }
    for day in starts(connection, "SELECT day FROM day_rollups WHERE monitor_id = ?1", from)? {
        let mut tally = stored_tally(connection, DAY, day, to)?;
        tally.merge(&stored_tally(connection, DAY, day, from)?);
        put(connection, PUT_DAY, day, to, &pack_tally(&tally, day))?;
    }
    for table in ["slot_rollups", "slot_samples", "day_rollups"] {
        let delete = || connection.execute(&format!("DELETE FROM {table} WHERE monitor_id = ?1"), [from]);
        delete().map_err(|error| translate("cannot delete a rollup", error))?;
    }
    Ok(())
}

fn starts(connection: &Connection, sql: &str, monitor: MonitorId) -> Result<Vec<UnixSeconds>, Error> {
    let read = || -> rusqlite::Result<Vec<UnixSeconds>> {
        connection.prepare(sql)?.query_map([monitor], |row| row.get(0))?.collect()
    };
    read().map_err(|error| translate("cannot read rollups", error))
}

fn stored_tally(
    connection: &Connection,
    sql: &str,
    start: UnixSeconds,
    monitor: MonitorId,
) -> Result<Tally, Error> {
    let packed: Option<Vec<u8>> = look_up(connection, sql, start, monitor)?;
    packed.map_or_else(
        || Ok(Tally::default()),
        |packed| unpack_tally(&packed, start).map_err(malformed("a rollup's tally")),
    )
}

/// Returns a stored slot.
pub(super) fn stored_slot(
    connection: &Connection,
    slot: UnixSeconds,
    monitor: MonitorId,
) -> Result<OpenSlot, Error> {
    let tally = stored_tally(connection, SLOT, slot, monitor)?;
    Ok(OpenSlot::stored(tally, stored_samples(connection, slot, monitor)?))
}

/// Returns the records of a stored slot in short.
pub(super) fn stored_samples(
    connection: &Connection,
    slot: UnixSeconds,
    monitor: MonitorId,
) -> Result<Vec<Sample>, Error> {
    let packed: Option<Vec<u8>> = look_up(connection, SAMPLES, slot, monitor)?;
    packed.map_or_else(
        || Ok(Vec::new()),
        |packed| unpack_samples(&packed, slot).map_err(malformed("slot_samples.samples")),
    )
}

fn look_up(
    connection: &Connection,
    sql: &str,
    start: UnixSeconds,
    monitor: MonitorId,
) -> Result<Option<Vec<u8>>, Error> {
    let query = || connection.prepare_cached(sql)?.query_row((start, monitor), |row| row.get(0)).optional();
    query().map_err(|error| translate("cannot read a rollup", error))
}

/// Reads stored slots and days that are about to be held.
pub(super) fn load(
    connection: &Connection,
    slots: &[UnixSeconds],
    days: &[UnixSeconds],
) -> Result<(BySlot, ByDay), Error> {
    let (mut by_slot, mut by_day) = (BySlot::new(), ByDay::new());
    for &slot in slots {
        let open = by_slot.entry(slot).or_default();
        each(connection, SLOTS_BETWEEN, (slot, slot.saturating_add(1)), |row| {
            let tally = unpack_tally(row.2, slot).map_err(malformed("slot_rollups.tally"))?;
            open.insert(row.1, OpenSlot::stored(tally, stored_samples(connection, slot, row.1)?));
            Ok(())
        })?;
    }
    for &day in days {
        let tallies = by_day.entry(day).or_default();
        let read = || -> rusqlite::Result<Vec<(MonitorId, Vec<u8>)>> {
            let mut statement = connection.prepare_cached(TALLIES_OF_DAY)?;
            statement.query_map([day], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        };
        for (monitor, packed) in read().map_err(|error| translate("cannot read a rollup", error))? {
            tallies.insert(monitor, unpack_tally(&packed, day).map_err(malformed("day_rollups.tally"))?);
        }
    }
    Ok((by_slot, by_day))
}

/// Reads the slots of `window` that have rows, and counts its days outside of them.
pub(super) fn load_window(connection: &Connection, window: HeldWindow) -> Result<(BySlot, ByDay), Error> {
    let slots: Vec<_> = window.slots().collect();
    let (by_slot, mut by_day) = load(connection, &slots, &[])?;
    for day in window.days() {
        let tallies = by_day.entry(day).or_default();
        let until = day.saturating_add(DAY_SECS);
        each(connection, SLOTS_BETWEEN, (day, until), |(slot, monitor, packed)| {
            if !window.holds_slot(slot) {
                let tally = unpack_tally(packed, slot).map_err(malformed("slot_rollups.tally"))?;
                tallies.entry(monitor).or_default().merge(&tally);
            }
            Ok(())
        })?;
    }
    Ok((by_slot, by_day))
}

/// Counts the stored rows that `pieces` names: three queries at most, whatever is asked for.
pub(super) fn fold(
    connection: &Connection,
    pieces: &Pieces,
    monitors_known: usize,
    fold: &mut Fold<'_>,
) -> Result<(), Error> {
    let some = fold.monitors().len().saturating_mul(FEW) < monitors_known;
    let monitors = some.then(|| json_list(fold.monitors()));
    let pick = |all: &'static str, some: &'static str| if monitors.is_some() { some } else { all };
    let at = |list: &[(UnixSeconds, usize)], index: i64| {
        usize::try_from(index).ok().and_then(|i| list.get(i).copied())
    };

    let days = json_list(pieces.days.iter().map(|(day, _)| *day));
    let sql = pick(include_str!("sql/rollups/days_of_all.sql"), include_str!("sql/rollups/days_of_some.sql"));
    if !pieces.days.is_empty() {
        each_wanted(connection, sql, &days, monitors.as_deref(), |(index, monitor, packed)| {
            let Some((day, bucket)) = at(&pieces.days, index) else { return Ok(()) };
            fold.packed(monitor, bucket, day, packed).map_err(malformed("day_rollups.tally"))
        })?;
    }
    let slots = json_list(pieces.slots.iter().map(|(slot, _)| *slot));
    let sql =
        pick(include_str!("sql/rollups/slots_of_all.sql"), include_str!("sql/rollups/slots_of_some.sql"));
    if !pieces.slots.is_empty() {
        each_wanted(connection, sql, &slots, monitors.as_deref(), |(index, monitor, packed)| {
            let Some((slot, bucket)) = at(&pieces.slots, index) else { return Ok(()) };
            fold.packed(monitor, bucket, slot, packed).map_err(malformed("slot_rollups.tally"))
        })?;
    }
    let samples = json_list(pieces.samples.iter().map(|(slot, _)| *slot));
    let sql =
        pick(include_str!("sql/rollups/samples_of_all.sql"), include_str!("sql/rollups/samples_of_some.sql"));
    if !pieces.samples.is_empty() {
        each_wanted(connection, sql, &samples, monitors.as_deref(), |(index, monitor, packed)| {
            let piece = usize::try_from(index).ok().and_then(|index| pieces.samples.get(index));
            let Some((slot, cuts)) = piece else { return Ok(()) };
            fold.packed_samples(monitor, *slot, cuts, packed).map_err(malformed("slot_samples.samples"))
        })?;
    }
    Ok(())
}

/// The columns of a rollup: a number that says which piece it is, the monitor, the packed content.
type Rollup<'a> = (i64, MonitorId, &'a [u8]);

fn each_wanted(
    connection: &Connection,
    sql: &str,
    pieces: &str,
    monitors: Option<&str>,
    take: impl FnMut(Rollup<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    match monitors {
        Some(monitors) => each(connection, sql, (pieces, monitors), take),
        None => each(connection, sql, (pieces,), take),
    }
}

fn each(
    connection: &Connection,
    sql: &str,
    params: impl rusqlite::Params,
    mut take: impl FnMut(Rollup<'_>) -> Result<(), Error>,
) -> Result<(), Error> {
    let trouble = |error| translate("cannot read rollups", error);
    let mut statement = connection.prepare_cached(sql).map_err(trouble)?;
    let mut rows = statement.query(params).map_err(trouble)?;
    while let Some(row) = rows.next().map_err(trouble)? {
        let packed = row.get_ref(2).map_err(trouble)?;
        let packed = packed.as_blob().map_err(|error| trouble(error.into()))?;
        take((row.get(0).map_err(trouble)?, row.get(1).map_err(trouble)?, packed))?;
    }
    Ok(())
}

/// Writes numbers as the JSON list that a statement takes as one parameter.
fn json_list(numbers: impl Iterator<Item = i64>) -> String {
    let mut list = String::from("[");
    for number in numbers {
        if list.len() > 1 {
            list.push(',');
        }
        list.push_str(&number.to_string());
    }
    list.push(']');
    list
}
