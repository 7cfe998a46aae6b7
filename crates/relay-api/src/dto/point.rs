//! The points of a timeline in full.

use std::collections::BTreeMap;

use relay_core::{
    Status, SubStatus, UnixSeconds,
    timeline::{Bucket, Sample, Series, Tally},
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer, ser::SerializeSeq};

use crate::dto::number::{Label, LabelForm, Number};

/// The causes whose HTTP codes are broken down.
const BROKEN_DOWN: [SubStatus; 5] = [
    SubStatus::ServerError,
    SubStatus::ClientError,
    SubStatus::AuthError,
    SubStatus::InvalidRequest,
    SubStatus::RateLimit,
];

/// One point.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct PointDto {
    time: Label,
    timestamp: UnixSeconds,
    status: i8,
    latency: u32,
    availability: Number,
    status_counts: CountsDto,
}

/// How many records of a point were what.
#[derive(Debug, Default, JsonSchema, Serialize)]
pub(crate) struct CountsDto {
    available: u32,
    degraded: u32,
    unavailable: u32,
    missing: u32,
    slow_latency: u32,
    rate_limit: u32,
    server_error: u32,
    client_error: u32,
    auth_error: u32,
    invalid_request: u32,
    network_error: u32,
    content_mismatch: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    http_code_breakdown: Option<Breakdown>,
}

/// Red records by cause and HTTP code.
pub(crate) type Breakdown = BTreeMap<&'static str, BTreeMap<u16, u32>>;

/// Writes a series as a list of points.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Points<'a> {
    pub(crate) series: &'a Series,
    pub(crate) form: LabelForm,
    pub(crate) degraded_weight: f64,
}

impl Serialize for Points<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.series {
            Series::Samples(samples) => {
                let mut list = serializer.serialize_seq(Some(samples.len()))?;
                for sample in samples {
                    list.serialize_element(&self.of_sample(sample))?;
                }
                list.end()
            }
            Series::Buckets(buckets) => {
                let mut list = serializer.serialize_seq(Some(buckets.len()))?;
                for bucket in buckets {
                    list.serialize_element(&self.of_bucket(bucket))?;
                }
                list.end()
            }
        }
    }
}

impl Points<'_> {
    pub(crate) fn of_sample(&self, sample: &Sample) -> PointDto {
        PointDto {
            time: Label(self.form, sample.timestamp),
            timestamp: sample.timestamp,
            status: sample.status.code(),
            latency: sample.latency_ms,
            availability: sample_availability(sample.status, self.degraded_weight),
            status_counts: CountsDto::of_sample(sample),
        }
    }

    pub(crate) fn of_bucket(&self, bucket: &Bucket) -> PointDto {
        let tally = &bucket.tally;
        PointDto {
            time: Label(self.form, bucket.start),
            timestamp: bucket.start,
            status: tally.status().code(),
            latency: tally.mean_latency(),
            availability: availability(tally, self.degraded_weight),
            status_counts: CountsDto::of_tally(tally),
        }
    }
}

/// Percent, -1 without records.
pub(crate) fn availability(tally: &Tally, degraded_weight: f64) -> Number {
    Number(tally.availability(degraded_weight).unwrap_or(-1.0))
}

/// What one record counts for, percent.
pub(crate) fn sample_availability(status: Status, degraded_weight: f64) -> Number {
    Number(match status {
        Status::Green => 100.0,
        Status::Yellow => degraded_weight * 100.0,
        Status::Red | Status::Missing => 0.0,
    })
}

/// Returns the codes of red records by cause, `None` when there are none.
pub(crate) fn breakdown(codes: &[(SubStatus, u16, u32)]) -> Option<Breakdown> {
    let mut map = Breakdown::new();
    for &(cause, code, count) in codes {
        if BROKEN_DOWN.contains(&cause) && count > 0 {
            *map.entry(cause.as_str()).or_default().entry(code).or_default() += count;
        }
    }
    (!map.is_empty()).then_some(map)
}

/// Returns the code of a single red record as a breakdown.
pub(crate) fn sample_breakdown(sample: &Sample) -> Option<Breakdown> {
    let cause = sample.sub_status?;
    (sample.status == Status::Red && sample.http_code > 0)
        .then(|| breakdown(&[(cause, sample.http_code, 1)]))
        .flatten()
}

impl CountsDto {
    pub(crate) fn of_tally(tally: &Tally) -> Self {
        let cause = |cause: SubStatus| tally.causes[cause.index()];
        Self {
            available: tally.green,
            degraded: tally.yellow,
            unavailable: tally.red,
            missing: tally.missing,
            slow_latency: cause(SubStatus::SlowLatency),
            rate_limit: cause(SubStatus::RateLimit),
            server_error: cause(SubStatus::ServerError),
            client_error: cause(SubStatus::ClientError),
            auth_error: cause(SubStatus::AuthError),
            invalid_request: cause(SubStatus::InvalidRequest),
            network_error: cause(SubStatus::NetworkError),
            content_mismatch: cause(SubStatus::ContentMismatch),
            http_code_breakdown: breakdown(&tally.codes),
        }
    }

    fn of_sample(sample: &Sample) -> Self {
        let is = |status: Status| u32::from(sample.status == status);
        let cause = |cause: SubStatus| u32::from(sample.sub_status == Some(cause));
        Self {
            available: is(Status::Green),
            degraded: is(Status::Yellow),
            unavailable: is(Status::Red),
            missing: is(Status::Missing),
            slow_latency: cause(SubStatus::SlowLatency),
            rate_limit: cause(SubStatus::RateLimit),
            server_error: cause(SubStatus::ServerError),
            client_error: cause(SubStatus::ClientError),
            auth_error: cause(SubStatus::AuthError),
            invalid_request: cause(SubStatus::InvalidRequest),
            network_error: cause(SubStatus::NetworkError),
            content_mismatch: cause(SubStatus::ContentMismatch),
            http_code_breakdown: sample_breakdown(sample),
        }
    }
}
