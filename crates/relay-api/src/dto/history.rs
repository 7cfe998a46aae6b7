//! The JSON of `/api/history`.

use relay_core::{Status, StoredRecord, SubStatus, UnixSeconds};
use schemars::JsonSchema;
use serde::Serialize;

/// A page of records, newest first.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct HistoryDto<'a> {
    pub(crate) records: Vec<RecordDto<'a>>,
    /// Where the next page begins, null at the end.
    pub(crate) next_cursor: Option<String>,
}

/// One record.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct RecordDto<'a> {
    id: i64,
    timestamp: UnixSeconds,
    status: i8,
    /// Empty when green.
    sub_status: &'static str,
    http_code: u16,
    latency: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    dns_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_token_ms: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_ms: Option<u32>,
    /// Why it is not green, in our own words.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// What the upstream said; for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
}

impl<'a> RecordDto<'a> {
    pub(crate) fn new(stored: &'a StoredRecord, details: bool) -> Self {
        let result = &stored.record.result;
        let timings = &result.timings;
        Self {
            id: stored.id,
            timestamp: stored.record.timestamp,
            status: result.status.code(),
            sub_status: result.sub_status.map_or("", SubStatus::as_str),
            http_code: result.http_code,
            latency: result.latency_ms,
            dns_ms: timings.dns_ms,
            connect_ms: timings.connect_ms,
            tls_ms: timings.tls_ms,
            first_token_ms: timings.first_token_ms,
            total_ms: timings.total_ms,
            reason: reason(result.status, result.sub_status, result.http_code),
            detail: result.detail.as_deref().filter(|_| details),
        }
    }
}

/// Says in our own words why a record is not green.
pub(crate) fn reason(status: Status, cause: Option<SubStatus>, http_code: u16) -> Option<String> {
    if status == Status::Green {
        return None;
    }
    let words = match cause? {
        SubStatus::SlowLatency => "slower than the limit",
        SubStatus::RateLimit => "too many requests",
        SubStatus::ServerError => "server error",
        SubStatus::ClientError => "unexpected answer",
        SubStatus::AuthError => "key refused",
        SubStatus::InvalidRequest => "request refused",
        SubStatus::NetworkError => "no usable answer",
        SubStatus::ContentMismatch => "wrong content",
    };
    Some(if http_code == 0 { words.to_owned() } else { format!("{words} (HTTP {http_code})") })
}
