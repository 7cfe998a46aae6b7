//! Rows as they stand in the tables.

use relay_core::{
    MonitorKey, ProbeRecord, ProbeResult, Status, StoredRecord, SubStatus,
    event::{ChannelMeta, Event, EventMeta, EventType, ModelState, NewEvent, Stable},
    ports::repository::Error,
    record::{LatestRecord, Source, Timings},
};
use rusqlite::Row;
use serde::{Deserialize, Serialize};

use super::error::{malformed, translate};
use crate::packing;

/// Columns of `probe_history` in the order that [`HistoryRow::read`] wants.
pub(super) const HISTORY_COLUMNS: &str =
    "id, monitor_id, timestamp, status, sub_status, http_code, latency, timings, detail, source";

/// A row of `probe_history`.
pub(super) struct HistoryRow {
    pub(super) id: i64,
    pub(super) monitor_id: i64,
    pub(super) timestamp: i64,
    pub(super) source: i64,
    pub(super) result: ProbeResult,
}

impl HistoryRow {
    pub(super) fn read(row: &Row<'_>) -> Result<Self, Error> {
        let id: i64 = row.get(0).map_err(translate)?;
        let timings = match row.get_ref(7).map_err(translate)?.as_blob_or_null() {
            Ok(Some(blob)) => packing::unpack_timings(blob).map_err(malformed("probe_history", id))?,
            Ok(None) => Timings::default(),
            Err(error) => return Err(translate(rusqlite::Error::from(error))),
        };
        Ok(Self {
            id,
            monitor_id: row.get(1).map_err(translate)?,
            timestamp: row.get(2).map_err(translate)?,
            source: row.get(9).map_err(translate)?,
            result: ProbeResult {
                status: Status::from_code(row.get(3).map_err(translate)?),
                sub_status: cause(row.get(4).map_err(translate)?),
                http_code: row.get(5).map_err(translate)?,
                latency_ms: row.get(6).map_err(translate)?,
                timings,
                detail: row.get(8).map_err(translate)?,
            },
        })
    }

    pub(super) fn into_record(self, key: MonitorKey) -> StoredRecord {
        let Self { id, timestamp, source, result, .. } = self;
        let source = Source::from_code(source).unwrap_or_default();
        StoredRecord { id, record: ProbeRecord { key, timestamp, source, result } }
    }
}

/// The cause at an index, as columns hold it.
pub(super) fn cause(index: Option<i64>) -> Option<SubStatus> {
    index.and_then(|index| usize::try_from(index).ok()).and_then(SubStatus::from_index)
}

/// The index of a cause.
pub(super) fn cause_index(cause: Option<SubStatus>) -> Option<i64> {
    cause.map(|cause| cause.index() as i64)
}

/// Reads a row of `latest`, columns in the order of `sql/latest/all.sql`.
pub(super) fn latest(row: &Row<'_>) -> rusqlite::Result<(i64, LatestRecord)> {
    let latest = LatestRecord {
        id: row.get(1)?,
        timestamp: row.get(2)?,
        status: Status::from_code(row.get(3)?),
        sub_status: cause(row.get(4)?),
        http_code: row.get(5)?,
        latency_ms: row.get(6)?,
        first_token_ms: row.get(7)?,
    };
    Ok((row.get(0)?, latest))
}

/// Reads a row of `model_states`.
pub(super) fn model_state(row: &Row<'_>) -> rusqlite::Result<(i64, ModelState)> {
    let state = ModelState {
        stable: Stable::from_code(row.get(1)?),
        streak: Stable::from_code(row.get(2)?),
        streak_count: row.get(3)?,
        last_record_id: row.get(4)?,
        last_timestamp: row.get(5)?,
        last_status: row.get::<_, Option<i64>>(6)?.map(Status::from_code),
    };
    Ok((row.get(0)?, state))
}

/// Reads a row of `events`, columns in the order of `sql/events/since.sql`.
pub(super) fn event(row: &Row<'_>) -> Result<Event, Error> {
    let read = || -> rusqlite::Result<_> {
        let part = |at| row.get::<_, String>(at);
        let key = MonitorKey::from_parts(&part(1)?, &part(2)?, &part(3)?, &part(4)?);
        Ok((
            row.get::<_, i64>(0)?,
            key,
            part(5)?,
            row.get(6)?,
            row.get(7)?,
            row.get(8)?,
            row.get(9)?,
            row.get(10)?,
            part(11)?,
        ))
    };
    let (id, key, kind, from, to, trigger_record_id, observed_at, created_at, meta) =
        read().map_err(translate)?;
    let corrupt = |what: &str| Error::Corrupt { reason: format!("events, row {id}: {what}") };
    let meta: MetaRow = serde_json::from_str(&meta).map_err(|error| corrupt(&error.to_string()))?;
    Ok(Event {
        id,
        created_at,
        event: NewEvent {
            key,
            kind: EventType::parse(&kind).ok_or_else(|| corrupt("unknown type"))?,
            from_status: Stable::from_code(from),
            to_status: Status::from_code(to),
            trigger_record_id,
            observed_at,
            meta: meta.into(),
        },
    })
}

/// The JSON of `events.meta`.
#[derive(Serialize, Deserialize)]
pub(super) struct MetaRow {
    http_code: u16,
    latency_ms: u32,
    sub_status: Option<String>,
    detail: Option<String>,
    channel: Option<ChannelRow>,
}

#[derive(Serialize, Deserialize)]
struct ChannelRow {
    trigger_model: String,
    down_count: u32,
    known_count: u32,
    total_models: u32,
    down_threshold: Option<u32>,
    down_models: Vec<String>,
    up_models: Vec<String>,
    /// (model, stable, last status).
    model_states: Vec<(String, i8, Option<i8>)>,
}

impl From<&EventMeta> for MetaRow {
    fn from(meta: &EventMeta) -> Self {
        Self {
            http_code: meta.http_code,
            latency_ms: meta.latency_ms,
            sub_status: meta.sub_status.map(|cause| cause.as_str().to_owned()),
            detail: meta.detail.clone(),
            channel: meta.channel.as_ref().map(|channel| ChannelRow {
                trigger_model: channel.trigger_model.clone(),
                down_count: channel.down_count,
                known_count: channel.known_count,
                total_models: channel.total_models,
                down_threshold: channel.down_threshold,
                down_models: channel.down_models.clone(),
                up_models: channel.up_models.clone(),
                model_states: channel
                    .model_states
                    .iter()
                    .map(|(model, stable, status)| (model.clone(), stable.code(), status.map(Status::code)))
                    .collect(),
            }),
        }
    }
}

impl From<MetaRow> for EventMeta {
    fn from(row: MetaRow) -> Self {
        Self {
            http_code: row.http_code,
            latency_ms: row.latency_ms,
            sub_status: row.sub_status.as_deref().and_then(SubStatus::parse),
            detail: row.detail,
            channel: row.channel.map(|channel| ChannelMeta {
                trigger_model: channel.trigger_model,
                down_count: channel.down_count,
                known_count: channel.known_count,
                total_models: channel.total_models,
                down_threshold: channel.down_threshold,
                down_models: channel.down_models,
                up_models: channel.up_models,
                model_states: channel
                    .model_states
                    .into_iter()
                    .map(|(model, stable, status)| {
                        (
                            model,
                            Stable::from_code(stable.into()),
                            status.map(|code| Status::from_code(code.into())),
                        )
                    })
                    .collect(),
            }),
        }
    }
}
