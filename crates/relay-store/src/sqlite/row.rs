//! Rows of the tables, and what they mean.

use relay_core::{
    MonitorKey, ProbeRecord, ProbeResult, Status, StoredRecord,
    record::{LatestRecord, RecordId, Source, Timings},
    timeline::Sample,
};
use rusqlite::{Row, types::FromSqlError};

use crate::{
    columns::{cause, clamp_u32, code, unpack_timings},
    rollup::MonitorId,
};

/// A row of `probe_history`: a record, but for its monitor's key.
#[derive(Debug)]
pub(super) struct RecordRow {
    pub(super) id: RecordId,
    pub(super) monitor: MonitorId,
    record: UnkeyedRecord,
}

#[derive(Debug)]
struct UnkeyedRecord {
    timestamp: i64,
    source: Source,
    result: ProbeResult,
}

impl RecordRow {
    /// Reads the columns in the order of `sql/records/by_id.sql`. Values that do not fit, which other programs may
    /// have written, become the nearest that does.
    pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Self> {
        let latency_ms = clamp_u32(row.get(6)?);
        let packed: Option<&[u8]> = row.get_ref(7)?.as_blob_or_null().map_err(from_sql(7))?;
        let timings = match packed {
            Some(packed) => unpack_timings(packed, latency_ms)
                .map_err(|error| from_sql(7)(FromSqlError::Other(Box::new(error))))?,
            None => Timings::default(),
        };
        let result = ProbeResult {
            status: Status::from_code(row.get(3)?),
            sub_status: cause(row.get(4)?),
            http_code: code(row.get(5)?),
            latency_ms,
            timings,
            detail: row.get(8)?,
        };
        let source = Source::from_code(row.get(9)?).unwrap_or_default();
        let record = UnkeyedRecord { timestamp: row.get(2)?, source, result };
        Ok(Self { id: row.get(0)?, monitor: row.get(1)?, record })
    }

    /// Returns what is kept of it as the newest record.
    pub(super) fn latest(&self) -> LatestRecord {
        let UnkeyedRecord { timestamp, result, .. } = &self.record;
        LatestRecord {
            id: self.id,
            timestamp: *timestamp,
            status: result.status,
            sub_status: result.sub_status,
            http_code: result.http_code,
            latency_ms: result.latency_ms,
            first_token_ms: result.timings.first_token_ms,
        }
    }

    /// Returns the record of the monitor with this key.
    pub(super) fn keyed(self, key: MonitorKey) -> StoredRecord {
        let UnkeyedRecord { timestamp, source, result } = self.record;
        StoredRecord { id: self.id, record: ProbeRecord { key, timestamp, source, result } }
    }
}

fn from_sql(column: usize) -> impl Fn(FromSqlError) -> rusqlite::Error {
    move |error| {
        rusqlite::Error::FromSqlConversionFailure(column, rusqlite::types::Type::Blob, Box::new(error))
    }
}

/// Reads what a timeline needs: the columns of `sql/records/by_id.sql` up to the latency.
pub(super) fn read_sample(row: &Row<'_>) -> rusqlite::Result<(MonitorId, Sample)> {
    let sample = Sample {
        id: row.get(0)?,
        timestamp: row.get(2)?,
        status: Status::from_code(row.get(3)?),
        sub_status: cause(row.get(4)?),
        http_code: code(row.get(5)?),
        latency_ms: clamp_u32(row.get(6)?),
    };
    Ok((row.get(1)?, sample))
}

/// Reads the columns of `latest` from `monitor_id` on.
pub(super) fn read_latest(row: &Row<'_>) -> rusqlite::Result<(MonitorId, LatestRecord)> {
    let latest = LatestRecord {
        id: row.get(1)?,
        timestamp: row.get(2)?,
        status: Status::from_code(row.get(3)?),
        sub_status: cause(row.get(4)?),
        http_code: code(row.get(5)?),
        latency_ms: clamp_u32(row.get(6)?),
        first_token_ms: row.get::<_, Option<i64>>(7)?.map(clamp_u32),
    };
    Ok((row.get(0)?, latest))
}
