//! Rows of the tables, and what they mean.

use relay_core::{
    MonitorKey, ProbeRecord, ProbeResult, Status, StoredRecord,
    ports::repository::Error,
    record::{LatestRecord, Source, Timings},
};
use tokio_postgres::Row;

use super::error::malformed;
use crate::{
    columns::{cause, clamp_u32, code, unpack_timings},
    rollup::MonitorId,
};

/// Reads the columns of `sql/records/by_ids.sql`. Values that do not fit, which other programs may have written, become
/// the nearest that does.
pub(super) fn read_record(row: &Row, key: MonitorKey) -> Result<StoredRecord, Error> {
    let latency_ms = clamp_u32(row.get(2));
    let timings = match row.get::<_, Option<&[u8]>>(7) {
        Some(packed) => unpack_timings(packed, latency_ms).map_err(malformed("probe_history.timings"))?,
        None => Timings::default(),
    };
    let result = ProbeResult {
        status: Status::from_code(row.get::<_, i16>(4).into()),
        sub_status: cause(row.get::<_, Option<i16>>(5).map(i64::from)),
        http_code: code(row.get::<_, i32>(3).into()),
        latency_ms,
        timings,
        detail: row.get(8),
    };
    let source = Source::from_code(row.get::<_, i16>(6).into()).unwrap_or_default();
    Ok(StoredRecord { id: row.get(0), record: ProbeRecord { key, timestamp: row.get(1), source, result } })
}

/// Reads the columns of `sql/records/latest.sql`.
pub(super) fn read_latest(row: &Row) -> (MonitorId, LatestRecord) {
    let latest = LatestRecord {
        id: row.get(1),
        timestamp: row.get(2),
        latency_ms: clamp_u32(row.get(3)),
        first_token_ms: row.get::<_, Option<i64>>(4).map(clamp_u32),
        http_code: code(row.get::<_, i32>(5).into()),
        status: Status::from_code(row.get::<_, i16>(6).into()),
        sub_status: cause(row.get::<_, Option<i16>>(7).map(i64::from)),
    };
    (row.get(0), latest)
}
