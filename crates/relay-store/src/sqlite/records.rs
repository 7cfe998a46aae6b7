use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use async_trait::async_trait;
use relay_core::{
    MonitorKey, ProbeRecord, Psc, StoredRecord,
    event::{ChannelState, Event, GroupStates, ModelState},
    ports::{
        Transition,
        repository::{Appended, Error, HistoryQuery, Records},
    },
    record::LatestRecord,
    timeline::{SLOT_SECS, Sample},
};
use rusqlite::{Connection, params};
use tracing::error;

use super::{
    SqliteRepository,
    error::{malformed, translate},
    pool::pin,
    row::{HistoryRow, MetaRow, cause_index},
    write::{WriteSide, begin, prepare, write_late, write_model_state},
};
use crate::{
    head::{MonitorId, day_of, slot_of},
    packing,
};

#[async_trait]
impl Records for SqliteRepository {
    async fn append(
        &self,
        batch: Vec<ProbeRecord>,
        transition: Arc<dyn Transition>,
    ) -> Result<Appended, Error> {
        if batch.is_empty() {
            return Ok(Appended::default());
        }
        self.writer
            .run(move |side| {
                let appended = side.append(batch, transition.as_ref())?;
                // The records are committed whatever becomes of closing; it is tried again with the next batch.
                if let Err(error) = side.close_due() {
                    error!(%error, "cannot close rollup slots");
                }
                side.checkpoint_if_long();
                Ok(appended)
            })
            .await
    }

    async fn latest(&self, keys: &[MonitorKey]) -> Result<Vec<Option<LatestRecord>>, Error> {
        let head = self.head.read();
        Ok(keys.iter().map(|key| head.latest(head.id_of(key)?)).collect())
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<StoredRecord>, Error> {
        let (query, head) = (query.clone(), Arc::clone(&self.head));
        self.readers
            .run(move |connection| {
                let (transaction, id, open, closed_before) = {
                    let head = head.read();
                    let Some(id) = head.id_of(&query.key) else { return Ok(Vec::new()) };
                    let open: Vec<Sample> =
                        head.open_slots(id).iter().flat_map(|(_, samples)| samples).copied().collect();
                    (pin(connection)?, id, open, head.closed_before())
                };
                history(&transaction, &query, id, open, closed_before)
            })
            .await
    }
}

/// Finds the wanted ids newest first, in memory and then slot by slot backwards, and reads their records.
fn history(
    connection: &Connection,
    query: &HistoryQuery,
    id: MonitorId,
    open: Vec<Sample>,
    closed_before: i64,
) -> Result<Vec<StoredRecord>, Error> {
    let newest = query.before.map_or(query.to, |(timestamp, _)| query.to.min(timestamp));
    let wanted = |sample: &Sample| {
        (query.from..=query.to).contains(&sample.timestamp)
            && query.before.is_none_or(|before| (sample.timestamp, sample.id) < before)
    };
    let limit = query.limit as usize;
    let mut found: Vec<Sample> = open.into_iter().filter(wanted).collect();
    let oldest_slot: i64 = connection
        .query_row("SELECT coalesce(min(slot), ?1) FROM slot_rollups", [closed_before], |row| row.get(0))
        .map_err(translate)?;
    let first = slot_of(query.from).max(oldest_slot);
    let mut end = slot_of(newest).saturating_add(SLOT_SECS).min(closed_before);
    // A day of slots at first, more each time: monitors that are probed seldom need a longer look back.
    let mut span = 48;
    while found.len() < limit && end > first {
        let start = first.max(end - span * SLOT_SECS);
        let slots = list((start..end).step_by(SLOT_SECS as usize));
        let mut select = prepare(connection, include_str!("sql/slot_rollups/by_slot_and_monitor.sql"))?;
        let mut rows = select.query(params![slots, list([id])]).map_err(translate)?;
        while let Some(row) = rows.next().map_err(translate)? {
            let slot: i64 = row.get(0).map_err(translate)?;
            let blob = row.get_ref(3).map_err(translate)?.as_blob().unwrap_or_default();
            packing::read_samples(blob, slot, |sample| {
                if wanted(&sample) {
                    found.push(sample);
                }
            })
            .map_err(malformed("slot_rollups", slot))?;
        }
        end = start;
        span *= 4;
    }
    found.sort_unstable_by_key(|sample| std::cmp::Reverse((sample.timestamp, sample.id)));
    found.truncate(limit);

    let mut select = prepare(connection, include_str!("sql/probe_history/by_id.sql"))?;
    let mut rows = select.query([list(found.iter().map(|sample| sample.id))]).map_err(translate)?;
    let mut records = Vec::with_capacity(found.len());
    while let Some(row) = rows.next().map_err(translate)? {
        records.push(HistoryRow::read(row)?.into_record(query.key.clone()));
    }
    Ok(records)
}

/// Writes numbers as a JSON array, the form in which lists are bound.
pub(super) fn list(numbers: impl IntoIterator<Item = i64>) -> String {
    let mut text = String::from("[");
    for number in numbers {
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&number.to_string());
    }
    text.push(']');
    text
}

/// What one batch changes, before it is committed.
#[derive(Default)]
struct Staged {
    new_monitors: Vec<(MonitorKey, MonitorId)>,
    /// Every record with its monitor.
    records: Vec<(MonitorId, StoredRecord)>,
    /// Records of closed slots, by slot and monitor.
    late: BTreeMap<(i64, MonitorId), Vec<Sample>>,
    states: HashMap<Psc, GroupStates>,
    /// Model states the batch has moved.
    moved: HashMap<MonitorId, ModelState>,
    events: Vec<Event>,
}

impl WriteSide {
    /// Stores a batch in one transaction; memory follows when it is committed.
    fn append(&mut self, batch: Vec<ProbeRecord>, transition: &dyn Transition) -> Result<Appended, Error> {
        let closed_before = self.head.read().closed_before();
        let now = self.clock.now().as_secs();
        let mut staged = Staged { records: Vec::with_capacity(batch.len()), ..Staged::default() };
        let transaction = begin(&mut self.connection)?;
        {
            let head = self.head.read();
            let mut insert = prepare(&transaction, include_str!("sql/probe_history/insert.sql"))?;
            for (id, record) in (self.next_id..).zip(batch) {
                let monitor = match head.id_of(&record.key) {
                    Some(known) => known,
                    None => register(&transaction, &mut staged.new_monitors, &record.key)?,
                };
                let stored = StoredRecord { id, record };
                insert_record(&mut insert, monitor, &stored)?;
                let slot = slot_of(stored.record.timestamp);
                if slot < closed_before {
                    staged.late.entry((slot, monitor)).or_default().push(Sample::of(&stored));
                }
                staged.records.push((monitor, stored));
            }
        }
        write_late(&transaction, &staged.late, day_of(closed_before))?;
        for at in 0..staged.records.len() {
            let (monitor, stored) = &staged.records[at];
            let (monitor, psc) = (*monitor, stored.record.key.psc());
            let before = staged.states.get(psc).or_else(|| self.states.get(psc)).cloned().unwrap_or_default();
            let mut after = before.clone();
            let event = transition.apply(stored, &mut after);
            if after == before {
                continue;
            }
            let model = stored.record.key.model();
            let (old, new) = (before.models.get(model).copied(), after.models.get(model).copied());
            if let Some(new) = new.filter(|new| Some(*new) != old) {
                if event.is_some() || old.is_none_or(|old| old.stable != new.stable) {
                    write_model_state(&transaction, monitor, &new)?;
                }
                staged.moved.insert(monitor, new);
            }
            if let Some(channel) = after.channel.filter(|new| counts_differ(before.channel.as_ref(), new)) {
                write_channel_state(&transaction, psc, &channel)?;
            }
            if let Some(event) = event {
                staged.events.push(insert_event(&transaction, event, now)?);
            }
            let psc = psc.clone();
            staged.states.insert(psc, after);
        }

        let mut head = self.head.write();
        transaction.commit().map_err(translate)?;
        for (key, id) in staged.new_monitors {
            head.register(key, id);
        }
        for (monitor, stored) in &staged.records {
            head.add(*monitor, &Sample::of(stored), LatestRecord::of(stored));
        }
        drop(head);
        self.next_id += staged.records.len() as i64;
        self.states.extend(staged.states);
        self.changed_states.extend(staged.moved);
        Ok(Appended {
            records: staged.records.into_iter().map(|(_, stored)| stored).collect(),
            events: staged.events,
        })
    }
}

/// Returns the id of a monitor that is new in this batch, given now or a few records ago.
pub(super) fn register(
    connection: &Connection,
    new: &mut Vec<(MonitorKey, MonitorId)>,
    key: &MonitorKey,
) -> Result<MonitorId, Error> {
    if let Some((_, id)) = new.iter().find(|(known, _)| known == key) {
        return Ok(*id);
    }
    let id = prepare(
        connection,
        "INSERT INTO monitors (provider, service, channel, model) VALUES (?1, ?2, ?3, ?4) RETURNING id",
    )?
    .query_row(params![key.provider(), key.service(), key.channel(), key.model()], |row| row.get(0))
    .map_err(translate)?;
    new.push((key.clone(), id));
    Ok(id)
}

fn insert_record(
    insert: &mut rusqlite::CachedStatement<'_>,
    monitor: MonitorId,
    stored: &StoredRecord,
) -> Result<(), Error> {
    let ProbeRecord { timestamp, source, result, .. } = &stored.record;
    insert
        .execute(params![
            stored.id,
            monitor,
            timestamp,
            result.status.code(),
            cause_index(result.sub_status),
            result.http_code,
            result.latency_ms,
            packing::pack_timings(&result.timings),
            result.detail,
            source.code()
        ])
        .map_err(translate)?;
    Ok(())
}

/// Tells whether a channel's state is worth writing: which record it saw last does not decide anything.
fn counts_differ(before: Option<&ChannelState>, after: &ChannelState) -> bool {
    before.is_none_or(|before| {
        (before.stable, before.down_count, before.known_count)
            != (after.stable, after.down_count, after.known_count)
    })
}

fn write_channel_state(connection: &Connection, psc: &Psc, state: &ChannelState) -> Result<(), Error> {
    prepare(connection, include_str!("sql/channel_states/upsert.sql"))?
        .execute(params![
            psc.provider(),
            psc.service(),
            psc.channel(),
            state.stable.code(),
            state.down_count,
            state.known_count,
            state.last_record_id,
            state.last_timestamp
        ])
        .map_err(translate)?;
    Ok(())
}

fn insert_event(
    connection: &Connection,
    event: relay_core::event::NewEvent,
    created_at: i64,
) -> Result<Event, Error> {
    let meta = serde_json::to_string(&MetaRow::from(&event.meta))
        .map_err(|error| Error::Unsupported { reason: error.to_string() })?;
    prepare(connection, include_str!("sql/events/insert.sql"))?
        .execute(params![
            event.key.provider(),
            event.key.service(),
            event.key.channel(),
            event.key.model(),
            event.kind.as_str(),
            event.from_status.code(),
            event.to_status.code(),
            event.trigger_record_id,
            event.observed_at,
            created_at,
            meta
        ])
        .map_err(translate)?;
    Ok(Event { id: connection.last_insert_rowid(), created_at, event })
}
