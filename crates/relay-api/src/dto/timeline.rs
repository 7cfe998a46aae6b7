//! The JSON of `/api/timeline`.

use relay_core::{
    Monitor, StoredRecord,
    timeline::{Bucket, Plan, Sample, Series, Sketch, Timeline},
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{
    dto::{
        number::{Number, Rfc3339},
        point::{PointDto, Points, availability},
        status::{SpanDto, label_form},
    },
    query::Span,
};

/// One monitor in detail.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct TimelineDto<'a> {
    meta: TimelineMetaDto<'a>,
    points: Vec<DetailDto>,
}

#[derive(Debug, JsonSchema, Serialize)]
struct TimelineMetaDto<'a> {
    provider: &'a str,
    service: &'a str,
    channel: &'a str,
    model: &'a str,
    #[serde(flatten)]
    span: SpanDto,
    start_time: Rfc3339,
    end_time: Rfc3339,
    slow_latency_ms: u64,
    availability: Number,
    latency_p50: Option<u32>,
    latency_p95: Option<u32>,
    latency_p99: Option<u32>,
}

/// A point with what the detail view draws besides.
#[derive(Debug, JsonSchema, Serialize)]
struct DetailDto {
    #[serde(flatten)]
    point: PointDto,
    latency_p50: Option<u32>,
    latency_p95: Option<u32>,
    latency_p99: Option<u32>,
    #[serde(flatten)]
    phases: PhasesDto,
}

/// How long the phases took: means in milliseconds, the first token's median. Null where the phase did not happen, and
/// where the single records are no longer there or too many.
#[derive(Debug, Default, Clone, JsonSchema, Serialize)]
struct PhasesDto {
    first_token_p50: Option<u32>,
    dns_ms: Option<u32>,
    connect_ms: Option<u32>,
    tls_ms: Option<u32>,
    total_ms: Option<u32>,
}

/// Sums up the phases of the records of one point.
#[derive(Debug, Default, Clone)]
struct Phases {
    first_token: Sketch,
    dns: Mean,
    connect: Mean,
    tls: Mean,
    total: Mean,
}

#[derive(Debug, Default, Clone, Copy)]
struct Mean {
    sum: u64,
    count: u64,
}

impl Mean {
    fn add(&mut self, millis: Option<u32>) {
        if let Some(millis) = millis {
            self.sum += u64::from(millis);
            self.count += 1;
        }
    }

    /// Returns the mean, rounded half up.
    fn get(self) -> Option<u32> {
        (self.count > 0)
            .then(|| (2 * self.sum + self.count) / (2 * self.count))
            .and_then(|mean| mean.try_into().ok())
    }
}

impl Phases {
    fn add(&mut self, stored: &StoredRecord) {
        let timings = &stored.record.result.timings;
        if let Some(millis) = timings.first_token_ms {
            self.first_token.add(millis);
        }
        self.dns.add(timings.dns_ms);
        self.connect.add(timings.connect_ms);
        self.tls.add(timings.tls_ms);
        self.total.add(timings.total_ms);
    }

    fn dto(&self) -> PhasesDto {
        PhasesDto {
            first_token_p50: self.first_token.quantile(0.5),
            dns_ms: self.dns.get(),
            connect_ms: self.connect.get(),
            tls_ms: self.tls.get(),
            total_ms: self.total.get(),
        }
    }
}

/// The phases of each point of a series, summed up from records in any order.
#[derive(Debug)]
pub(crate) struct Phasing<'a> {
    series: &'a Series,
    phases: Vec<Phases>,
}

impl<'a> Phasing<'a> {
    pub(crate) fn new(series: &'a Series) -> Self {
        let points = match series {
            Series::Samples(samples) => samples.len(),
            Series::Buckets(buckets) => buckets.len(),
        };
        Self { series, phases: vec![Phases::default(); points] }
    }

    pub(crate) fn add(&mut self, plan: &Plan, stored: &StoredRecord) {
        if let Some(place) = self.place(plan, stored) {
            self.phases[place].add(stored);
        }
    }

    /// Forgets the point of a record, because only some of its records were added.
    pub(crate) fn forget(&mut self, plan: &Plan, stored: &StoredRecord) {
        if let Some(place) = self.place(plan, stored) {
            self.phases[place] = Phases::default();
        }
    }

    fn place(&self, plan: &Plan, stored: &StoredRecord) -> Option<usize> {
        let at = stored.record.timestamp;
        match self.series {
            Series::Samples(samples) => {
                samples.binary_search_by_key(&(at, stored.id), |sample| (sample.timestamp, sample.id)).ok()
            }
            Series::Buckets(buckets) => {
                plan.bucket_of(at).filter(|place| plan.counts(at) && *place < buckets.len())
            }
        }
    }
}

impl<'a> TimelineDto<'a> {
    pub(crate) fn new(
        monitor: &'a Monitor,
        span: Span,
        plan: &Plan,
        timeline: &Timeline,
        phasing: &Phasing<'_>,
        degraded_weight: f64,
    ) -> Self {
        let writer = Points { series: &timeline.series, form: label_form(span.period), degraded_weight };
        let points = match &timeline.series {
            Series::Samples(samples) => {
                let pairs = samples.iter().zip(&phasing.phases);
                pairs.map(|(sample, phases)| of_sample(&writer, sample, phases)).collect()
            }
            Series::Buckets(buckets) => {
                let pairs = buckets.iter().zip(&phasing.phases);
                pairs.map(|(bucket, phases)| of_bucket(&writer, bucket, phases)).collect()
            }
        };
        let whole = &timeline.whole;
        Self {
            meta: TimelineMetaDto {
                provider: monitor.key.provider(),
                service: monitor.key.service(),
                channel: monitor.key.channel(),
                model: monitor.key.model(),
                span: SpanDto::new(span, plan),
                start_time: Rfc3339(plan.window.start),
                end_time: Rfc3339(plan.window.end),
                slow_latency_ms: crate::dto::monitor::millis(monitor.probe.slow_latency),
                availability: availability(whole, degraded_weight),
                latency_p50: whole.latencies.quantile(0.5),
                latency_p95: whole.latencies.quantile(0.95),
                latency_p99: whole.latencies.quantile(0.99),
            },
            points,
        }
    }
}

fn of_sample(writer: &Points<'_>, sample: &Sample, phases: &Phases) -> DetailDto {
    let latency = sample.status.is_available().then_some(sample.latency_ms);
    DetailDto {
        point: writer.of_sample(sample),
        latency_p50: latency,
        latency_p95: latency,
        latency_p99: latency,
        phases: phases.dto(),
    }
}

fn of_bucket(writer: &Points<'_>, bucket: &Bucket, phases: &Phases) -> DetailDto {
    let latencies = &bucket.tally.latencies;
    DetailDto {
        point: writer.of_bucket(bucket),
        latency_p50: latencies.quantile(0.5),
        latency_p95: latencies.quantile(0.95),
        latency_p99: latencies.quantile(0.99),
        phases: phases.dto(),
    }
}
