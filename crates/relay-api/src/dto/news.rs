//! The JSON of the messages of `/api/stream`.

use relay_core::{MonitorKey, Status, UnixSeconds, record::LatestRecord};
use schemars::JsonSchema;
use serde::Serialize;

/// `record`: a monitor has a newer record.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct RecordNewsDto<'a> {
    #[serde(flatten)]
    key: KeyDto<'a>,
    status: i8,
    latency: u32,
    timestamp: UnixSeconds,
}

/// `status`: a monitor's status is another than before.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct StatusNewsDto<'a> {
    #[serde(flatten)]
    key: KeyDto<'a>,
    status: i8,
    /// -1 when there was no record before.
    previous_status: i8,
    timestamp: UnixSeconds,
}

#[derive(Debug, JsonSchema, Serialize)]
struct KeyDto<'a> {
    provider: &'a str,
    service: &'a str,
    channel: &'a str,
    model: &'a str,
}

impl<'a> KeyDto<'a> {
    fn new(key: &'a MonitorKey) -> Self {
        Self { provider: key.provider(), service: key.service(), channel: key.channel(), model: key.model() }
    }
}

impl<'a> RecordNewsDto<'a> {
    pub(crate) fn new(key: &'a MonitorKey, latest: &LatestRecord) -> Self {
        Self {
            key: KeyDto::new(key),
            status: latest.status.code(),
            latency: latest.latency_ms,
            timestamp: latest.timestamp,
        }
    }
}

impl<'a> StatusNewsDto<'a> {
    pub(crate) fn new(key: &'a MonitorKey, before: Status, latest: &LatestRecord) -> Self {
        Self {
            key: KeyDto::new(key),
            status: latest.status.code(),
            previous_status: before.code(),
            timestamp: latest.timestamp,
        }
    }
}
