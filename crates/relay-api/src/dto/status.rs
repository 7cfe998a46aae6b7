//! The JSON of `/api/status`.

use jiff::civil::Date;
use relay_core::{
    Monitor, Status,
    ports::catalog::{Site, SponsorPin},
    record::LatestRecord,
    timeline::{Align, Period, Plan, Timeline},
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::{
    dto::{
        compact::{COUNT_FIELDS, CompactPoints, POINT_FIELDS},
        monitor::{HeadDto, millis},
        number::{LabelForm, Number, Rfc3339},
        point::{PointDto, Points, availability},
    },
    query::{Span, View},
};

/// Every monitor with its timeline.
#[derive(JsonSchema)]
#[schemars(rename = "StatusDto")]
#[expect(dead_code, reason = "describes what is written piece by piece")]
pub(crate) struct StatusSchema<'a> {
    meta: MetaDto<'a>,
    /// Monitors without a model.
    data: Vec<MonitorDto<'a>>,
    /// The models of one provider, service and channel.
    groups: Vec<GroupDto<'a>>,
}

/// What holds for the whole answer.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct MetaDto<'a> {
    period: &'static str,
    timeline_mode: &'static str,
    count: usize,
    slow_latency_ms: u64,
    enable_badges: bool,
    sponsor_pin: SponsorPinDto,
    boards: BoardsDto,
    all_monitor_ids: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    align: Option<&'static str>,
    /// With `align` or `view=compact`, as `end_time`.
    #[serde(skip_serializing_if = "Option::is_none")]
    start_time: Option<Rfc3339>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_time: Option<Rfc3339>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_filter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    point_fields: Option<[&'static str; 5]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count_fields: Option<[&'static str; 13]>,
}

/// How history was cut.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct SpanDto {
    period: &'static str,
    timeline_mode: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    align: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time_filter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timezone: Option<&'static str>,
}

#[derive(Debug, JsonSchema, Serialize)]
struct SponsorPinDto {
    enabled: bool,
    max_pinned: u32,
    service_count: u32,
    min_uptime: Number,
    min_level: &'static str,
}

#[derive(Debug, JsonSchema, Serialize)]
struct BoardsDto {
    enabled: bool,
}

/// A monitor without model.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct MonitorDto<'a> {
    #[serde(flatten)]
    head: HeadDto<'a>,
    current_status: Option<CurrentDto>,
    #[schemars(with = "PointsDto")]
    timeline: TimelineDto<'a>,
    #[serde(flatten)]
    measures: MeasuresDto,
}

/// What was measured over the whole window.
#[derive(Debug, Default, JsonSchema, Serialize)]
struct MeasuresDto {
    /// Of a group, the least of its layers that have data.
    availability: Option<Number>,
    /// Of a group, the parent's, as the next two.
    latency_p50: Option<u32>,
    latency_p95: Option<u32>,
    /// Of the newest record.
    first_token_ms: Option<u32>,
}

/// The models of one provider, service and channel.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct GroupDto<'a> {
    #[serde(flatten)]
    head: HeadDto<'a>,
    current_status: i8,
    #[serde(flatten)]
    measures: MeasuresDto,
    layers: Vec<LayerDto<'a>>,
}

/// One model of a group.
#[derive(Debug, JsonSchema, Serialize)]
struct LayerDto<'a> {
    model: &'a str,
    layer_order: usize,
    current_status: CurrentDto,
    availability: Number,
    #[schemars(with = "PointsDto")]
    timeline: TimelineDto<'a>,
}

/// The newest record.
#[derive(Debug, Clone, Copy, JsonSchema, Serialize)]
struct CurrentDto {
    status: i8,
    latency: u32,
    timestamp: i64,
}

/// Points as objects; with `view=compact` as short arrays in the order of `meta.point_fields`.
#[derive(JsonSchema)]
#[schemars(untagged, rename = "Points")]
#[expect(dead_code, reason = "describes what `TimelineDto` writes")]
enum PointsDto {
    Full(Vec<PointDto>),
    Compact(Vec<Vec<serde_json::Value>>),
}

#[derive(Debug)]
enum TimelineDto<'a> {
    Full(Points<'a>),
    Compact(CompactPoints<'a>),
}

impl Serialize for TimelineDto<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Full(points) => points.serialize(serializer),
            Self::Compact(points) => points.serialize(serializer),
        }
    }
}

/// A layer to be written: its monitor, its place and what was found.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layer<'a> {
    pub(crate) monitor: &'a Monitor,
    pub(crate) order: usize,
    pub(crate) timeline: &'a Timeline,
}

/// How everything in one answer is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Writer<'a> {
    pub(crate) site: &'a Site,
    pub(crate) span: Span,
    pub(crate) view: View,
    pub(crate) today: Date,
}

impl<'a> Writer<'a> {
    pub(crate) fn meta(&self, plan: &Plan, ids: &'a [String], count: usize) -> MetaDto<'a> {
        let SpanDto { period, timeline_mode, align, time_filter, timezone } = SpanDto::new(self.span, plan);
        let aligned = align.is_some();
        let compact = self.view == View::Compact;
        let windowed = aligned || compact;
        MetaDto {
            period,
            timeline_mode,
            count,
            slow_latency_ms: millis(self.site.slow_latency),
            enable_badges: self.site.badges,
            sponsor_pin: SponsorPinDto::new(self.site.sponsor_pin),
            boards: BoardsDto { enabled: self.site.boards },
            all_monitor_ids: ids,
            align,
            start_time: windowed.then_some(Rfc3339(plan.window.start)),
            end_time: windowed.then_some(Rfc3339(plan.window.end)),
            time_filter,
            timezone,
            point_fields: compact.then_some(POINT_FIELDS),
            count_fields: compact.then_some(COUNT_FIELDS),
        }
    }

    pub(crate) fn monitor(&self, monitor: &'a Monitor, timeline: &'a Timeline) -> MonitorDto<'a> {
        MonitorDto {
            head: HeadDto::new(monitor, self.site, self.today),
            current_status: timeline.latest.as_ref().map(CurrentDto::of),
            timeline: self.timeline(timeline),
            measures: self.measures(timeline),
        }
    }

    /// Writes a group; `layers` are the shown ones in their order, the parent's among them or not.
    pub(crate) fn group(&self, parent: &'a Monitor, layers: &[Layer<'a>]) -> GroupDto<'a> {
        let weight = self.site.degraded_weight;
        let status = layers
            .iter()
            .map(|layer| layer.timeline.latest.map_or(Status::Missing, |latest| latest.status))
            .fold(Status::Missing, Status::worst);
        let least = layers
            .iter()
            .filter_map(|layer| layer.timeline.whole.availability(weight))
            .reduce(f64::min)
            .unwrap_or(-1.0);
        let own = layers.iter().find(|layer| layer.order == 0).map(|layer| layer.timeline);
        let measures = own.map_or_else(MeasuresDto::default, |timeline| self.measures(timeline));
        GroupDto {
            head: HeadDto::new(parent, self.site, self.today),
            current_status: status.code(),
            measures: MeasuresDto { availability: Some(Number(least)), ..measures },
            layers: layers.iter().map(|layer| self.layer(*layer)).collect(),
        }
    }

    fn layer(&self, layer: Layer<'a>) -> LayerDto<'a> {
        LayerDto {
            model: layer.monitor.key.model(),
            layer_order: layer.order,
            current_status: layer.timeline.latest.as_ref().map_or(CurrentDto::NONE, CurrentDto::of),
            availability: availability(&layer.timeline.whole, self.site.degraded_weight),
            timeline: self.timeline(layer.timeline),
        }
    }

    fn measures(&self, timeline: &Timeline) -> MeasuresDto {
        MeasuresDto {
            availability: Some(availability(&timeline.whole, self.site.degraded_weight)),
            latency_p50: timeline.whole.latencies.quantile(0.5),
            latency_p95: timeline.whole.latencies.quantile(0.95),
            first_token_ms: timeline.latest.and_then(|latest| latest.first_token_ms),
        }
    }

    fn timeline(&self, timeline: &'a Timeline) -> TimelineDto<'a> {
        let (series, degraded_weight) = (&timeline.series, self.site.degraded_weight);
        match self.view {
            View::Compact => TimelineDto::Compact(CompactPoints { series, degraded_weight }),
            View::Full => {
                let form = label_form(self.span.period);
                TimelineDto::Full(Points { series, form, degraded_weight })
            }
        }
    }
}

impl SpanDto {
    pub(crate) fn new(span: Span, plan: &Plan) -> Self {
        let time_filter = plan.filter.map(|filter| filter.to_string());
        Self {
            period: span.period.as_str(),
            timeline_mode: if span.period == Period::Minutes90 { "raw" } else { "aggregated" },
            align: (span.align == Align::Hour).then_some("hour"),
            timezone: time_filter.is_some().then_some("UTC"),
            time_filter,
        }
    }
}

/// How the points of a period are labelled.
pub(crate) const fn label_form(period: Period) -> LabelForm {
    match period {
        Period::Minutes90 => LabelForm::Second,
        Period::Hours24 => LabelForm::Minute,
        Period::Days7 | Period::Days30 | Period::Days90 | Period::Year1 => LabelForm::Day,
    }
}

impl CurrentDto {
    const NONE: Self = Self { status: -1, latency: 0, timestamp: 0 };

    fn of(latest: &LatestRecord) -> Self {
        Self { status: latest.status.code(), latency: latest.latency_ms, timestamp: latest.timestamp }
    }
}

impl SponsorPinDto {
    fn new(pin: SponsorPin) -> Self {
        Self {
            enabled: pin.enabled,
            max_pinned: pin.max_pinned,
            service_count: pin.service_count,
            min_uptime: Number(pin.min_uptime),
            min_level: pin.min_level.as_str(),
        }
    }
}
