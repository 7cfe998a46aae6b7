//! Rows of the tables, and what they mean.

use relay_core::{
    MonitorKey, ProbeRecord, ProbeResult, Status, StoredRecord, SubStatus,
    record::{LatestRecord, RecordId, Source, Timings},
};
use rusqlite::{Row, types::FromSqlError};

use crate::rollup::{Malformed, MonitorId, Reader, put_signed, put_varint};

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

/// Returns the number that stands for a cause.
pub(super) fn cause_code(cause: Option<SubStatus>) -> Option<u8> {
    cause.map(|cause| cause as u8)
}

fn cause(number: Option<i64>) -> Option<SubStatus> {
    SubStatus::from_index(usize::try_from(number?).ok()?)
}

fn code(number: i64) -> u16 {
    u16::try_from(number.max(0)).unwrap_or(u16::MAX)
}

fn clamp_u32(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// Packs the phases of a probe; `None` when none is known. The last two are usually a little more than the latency,
/// so they are kept as the distance from it.
pub(super) fn pack_timings(timings: &Timings, latency_ms: u32) -> Option<Vec<u8>> {
    let Timings { dns_ms, connect_ms, tls_ms, first_token_ms, total_ms } = *timings;
    let all = [dns_ms, connect_ms, tls_ms, first_token_ms, total_ms];
    let mask = all
        .iter()
        .enumerate()
        .filter(|(_, phase)| phase.is_some())
        .fold(0u8, |mask, (bit, _)| mask | 1 << bit);
    if mask == 0 {
        return None;
    }
    let mut out = vec![mask];
    [dns_ms, connect_ms, tls_ms].into_iter().flatten().for_each(|phase| put_varint(&mut out, phase.into()));
    for phase in [first_token_ms, total_ms].into_iter().flatten() {
        put_signed(&mut out, i64::from(phase) - i64::from(latency_ms));
    }
    Some(out)
}

/// Reads packed phases.
pub(super) fn unpack_timings(packed: &[u8], latency_ms: u32) -> Result<Timings, Malformed> {
    let mut reader = Reader::new(packed);
    let mask = reader.byte()?;
    let mut phase = |bit: u8, from_latency: bool| -> Result<Option<u32>, Malformed> {
        if mask & (1 << bit) == 0 {
            return Ok(None);
        }
        if from_latency {
            let phase = i64::from(latency_ms).wrapping_add(reader.signed()?);
            return u32::try_from(phase).map(Some).map_err(|_| Malformed);
        }
        reader.varint32().map(Some)
    };
    Ok(Timings {
        dns_ms: phase(0, false)?,
        connect_ms: phase(1, false)?,
        tls_ms: phase(2, false)?,
        first_token_ms: phase(3, true)?,
        total_ms: phase(4, true)?,
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn timings_read_back(phases in any::<[Option<u32>; 5]>(), latency_ms in any::<u32>()) {
            let [dns_ms, connect_ms, tls_ms, first_token_ms, total_ms] = phases;
            let timings = Timings { dns_ms, connect_ms, tls_ms, first_token_ms, total_ms };
            let read = match pack_timings(&timings, latency_ms) {
                Some(packed) => unpack_timings(&packed, latency_ms),
                None => Ok(Timings::default()),
            };
            prop_assert_eq!(read, Ok(timings));
        }

        #[test]
        fn strange_bytes_never_panic(packed in prop::collection::vec(any::<u8>(), 0..30), latency_ms in any::<u32>()) {
            let _ = unpack_timings(&packed, latency_ms);
        }
    }
}
