use std::sync::Arc;

use async_trait::async_trait;
use relay_core::{
    MonitorKey,
    ports::repository::{Error, Timelines},
    timeline::{Plan, Timeline},
};
use rusqlite::{Connection, Row, Rows};

use super::{
    SharedHead, SqliteRepository,
    error::{malformed, translate},
    pool::pin,
    records::list,
    write::prepare,
};
use crate::fold::{Fold, Pieces};

/// With fewer than one in this many of all monitors asked for, rows are looked up one by one instead of by range.
const FEW: usize = 4;

#[async_trait]
impl Timelines for SqliteRepository {
    async fn timelines(&self, keys: &[MonitorKey], plan: &Plan) -> Result<Vec<Timeline>, Error> {
        let (keys, plan, head) = (keys.to_vec(), *plan, Arc::clone(&self.head));
        self.readers.run(move |connection| timelines(connection, &head, &keys, &plan)).await
    }
}

fn timelines(
    connection: &mut Connection,
    head: &SharedHead,
    keys: &[MonitorKey],
    plan: &Plan,
) -> Result<Vec<Timeline>, Error> {
    let mut fold = Fold::new(plan, keys.len());
    let (transaction, pieces, wanted, latest) = {
        let head = head.read();
        let transaction = pin(connection)?;
        let pieces = Pieces::of(plan, head.closed_before());
        let ids: Vec<_> = keys.iter().map(|key| head.id_of(key)).collect();
        let latest: Vec<_> = ids.iter().map(|id| id.and_then(|id| head.latest(id))).collect();
        for (at, id) in ids.iter().enumerate() {
            if let Some(id) = id {
                fold.add_open(at, &head, *id, &pieces);
            }
        }
        (transaction, pieces, Wanted::new(&ids, head.monitor_count()), latest)
    };
    if !pieces.days.is_empty() {
        let sql = match wanted.few {
            Some(_) => include_str!("sql/day_rollups/by_day_and_monitor.sql"),
            None => include_str!("sql/day_rollups/by_day.sql"),
        };
        wanted.each(&transaction, sql, &pieces.days, |at, day, row| {
            fold.add_day(at, day, blob(row, 2)?).map_err(malformed("day_rollups", day))
        })?;
    }
    if !pieces.slots.is_empty() {
        let sql = match wanted.few {
            Some(_) => include_str!("sql/slot_rollups/by_slot_and_monitor.sql"),
            None => include_str!("sql/slot_rollups/by_slot.sql"),
        };
        wanted.each(&transaction, sql, &pieces.slots, |at, slot, row| {
            fold.add_slot(at, slot, blob(row, 2)?, blob(row, 3)?).map_err(malformed("slot_rollups", slot))
        })?;
    }
    Ok(fold.finish(|at| latest[at]))
}

fn blob<'r>(row: &'r Row<'_>, column: usize) -> Result<&'r [u8], Error> {
    let value = row.get_ref(column).map_err(translate)?;
    value.as_blob().map_err(|error| translate(rusqlite::Error::from(error)))
}

/// Which monitors are wanted, and where their timelines stand.
struct Wanted {
    /// By monitor id: the places of its timelines. A key may be asked for twice.
    places: Vec<Vec<usize>>,
    /// The ids as a JSON array when they are few.
    few: Option<String>,
}

impl Wanted {
    fn new(ids: &[Option<i64>], known: usize) -> Self {
        let mut places: Vec<Vec<usize>> = Vec::new();
        for (at, id) in ids.iter().enumerate() {
            let Some(index) = id.and_then(|id| usize::try_from(id).ok()) else { continue };
            if places.len() <= index {
                places.resize_with(index + 1, Vec::new);
            }
            places[index].push(at);
        }
        let wanted = places.iter().filter(|places| !places.is_empty()).count();
        let few = (wanted * FEW < known.max(FEW))
            .then(|| list((0i64..).zip(&places).filter(|(_, places)| !places.is_empty()).map(|(id, _)| id)));
        Self { places, few }
    }

    /// Runs a query over the given starts and calls `add` for each row of a wanted monitor.
    fn each(
        &self,
        connection: &Connection,
        sql: &str,
        starts: &[i64],
        mut add: impl FnMut(usize, i64, &Row<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut select = prepare(connection, sql)?;
        let starts = list(starts.iter().copied());
        let mut rows: Rows<'_> = match &self.few {
            Some(ids) => select.query([&starts, ids]),
            None => select.query([&starts]),
        }
        .map_err(translate)?;
        while let Some(row) = rows.next().map_err(translate)? {
            let (start, id): (i64, i64) = (row.get(0).map_err(translate)?, row.get(1).map_err(translate)?);
            let places = usize::try_from(id).ok().and_then(|index| self.places.get(index));
            for at in places.into_iter().flatten() {
                add(*at, start, row)?;
            }
        }
        Ok(())
    }
}
