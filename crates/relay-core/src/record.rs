//! The result of one probe, before and after it is stored.

use crate::{MonitorKey, Status, SubStatus, UnixSeconds};

/// The unique, growing number of a stored record.
pub type RecordId = i64;

/// How long the phases of a probe took, in milliseconds. `None` means the phase did not happen: no look-up, connect
/// or handshake on a reused connection, no token in an answer that is no stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Timings {
    /// Name resolution.
    pub dns_ms: Option<u32>,
    /// TCP connect.
    pub connect_ms: Option<u32>,
    /// TLS handshake.
    pub tls_ms: Option<u32>,
    /// Start to the first non-empty content delta of a stream.
    pub first_token_ms: Option<u32>,
    /// Start to the last byte of the body that was read.
    pub total_ms: Option<u32>,
}

/// What one probe found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeResult {
    /// Green, yellow or red.
    pub status: Status,
    /// Why it is yellow or red; `None` when green.
    pub sub_status: Option<SubStatus>,
    /// The HTTP status code, 0 when no answer came.
    pub http_code: u16,
    /// Milliseconds from just before the request was sent (connection set-up included) to the response headers;
    /// without headers, to the failure.
    pub latency_ms: u32,
    /// The phases.
    pub timings: Timings,
    /// One line, at most 512 characters, that says why; secrets masked.
    pub detail: Option<String>,
}

/// Who asked for the probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Source {
    /// The schedule.
    #[default]
    Schedule,
    /// Somebody, by hand.
    Manual,
    /// Traffic that passed through the gateway.
    Gateway,
}

impl Source {
    /// Returns the number that databases know the source by.
    #[must_use]
    pub const fn code(self) -> i64 {
        match self {
            Self::Schedule => 0,
            Self::Manual => 1,
            Self::Gateway => 2,
        }
    }

    /// Returns the source of a number, `None` for an unknown one.
    #[must_use]
    pub const fn from_code(code: i64) -> Option<Self> {
        match code {
            0 => Some(Self::Schedule),
            1 => Some(Self::Manual),
            2 => Some(Self::Gateway),
            _ => None,
        }
    }
}

/// A result that belongs to a monitor and a moment, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeRecord {
    /// The monitor.
    pub key: MonitorKey,
    /// When the probe started.
    pub timestamp: UnixSeconds,
    /// Who asked for it.
    pub source: Source,
    /// What it found.
    pub result: ProbeResult,
}

/// A record with the number it was stored under.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredRecord {
    /// Unique and growing in the order of commits.
    pub id: RecordId,
    /// The record.
    pub record: ProbeRecord,
}

/// The newest record of a monitor, by (timestamp, id); what the API calls its current status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LatestRecord {
    /// The record's number.
    pub id: RecordId,
    /// When the probe started.
    pub timestamp: UnixSeconds,
    /// Its status.
    pub status: Status,
    /// Its cause.
    pub sub_status: Option<SubStatus>,
    /// Its HTTP code, 0 when there was no answer.
    pub http_code: u16,
    /// Its latency in milliseconds.
    pub latency_ms: u32,
    /// Its time to the first token, when it was a stream.
    pub first_token_ms: Option<u32>,
}

impl LatestRecord {
    /// Returns what is kept of `stored` as the latest record.
    #[must_use]
    pub fn of(stored: &StoredRecord) -> Self {
        let ProbeRecord { timestamp, result, .. } = &stored.record;
        Self {
            id: stored.id,
            timestamp: *timestamp,
            status: result.status,
            sub_status: result.sub_status,
            http_code: result.http_code,
            latency_ms: result.latency_ms,
            first_token_ms: result.timings.first_token_ms,
        }
    }

    /// Tells whether this record is newer than `other`, by (timestamp, id).
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        (self.timestamp, self.id) > (other.timestamp, other.id)
    }
}
