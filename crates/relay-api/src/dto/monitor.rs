//! What is shown of a monitor besides its timeline.

use std::collections::BTreeMap;

use jiff::civil::Date;
use relay_core::{
    Monitor,
    monitor::{Badge, LocalizedText, Risk},
    ports::catalog::Site,
};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

use crate::dto::number::Number;

/// The fields that monitors and groups share, up to `slow_latency_ms`.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct HeadDto<'a> {
    provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_name: Option<&'a str>,
    provider_slug: &'a str,
    provider_url: &'a str,
    service: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_name: Option<&'a str>,
    category: &'static str,
    sponsor: &'a str,
    sponsor_url: &'a str,
    /// Left out while `enable_badges` is false, as `risks` and `badges` are.
    #[serde(skip_serializing_if = "Option::is_none")]
    sponsor_level: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    risks: Vec<RiskDto<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    badges: Vec<BadgeDto<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price_min: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    price_max: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    listed_days: Option<i32>,
    channel: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_name: Option<&'a str>,
    board: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    cold_reason: Option<&'a str>,
    probe_url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    template_name: Option<&'a str>,
    /// 0 while `enable_badges` is false.
    interval_ms: u64,
    slow_latency_ms: u64,
}

#[derive(Debug, JsonSchema, Serialize)]
struct RiskDto<'a> {
    label: &'a str,
    #[serde(rename = "discussionUrl")]
    discussion_url: &'a str,
}

#[derive(Debug, JsonSchema, Serialize)]
struct BadgeDto<'a> {
    id: &'a str,
    kind: &'static str,
    variant: &'static str,
    #[serde(skip_serializing_if = "is_zero")]
    weight: u8,
    #[serde(skip_serializing_if = "str::is_empty")]
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    tooltip_override: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<LocalizedDto>")]
    label: Option<TextDto<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<LocalizedDto>")]
    tooltip: Option<TextDto<'a>>,
}

/// A text, or one by language.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "describes what `TextDto` writes")]
enum LocalizedDto {
    Plain(String),
    ByLanguage(BTreeMap<String, String>),
}

#[derive(Debug)]
struct TextDto<'a>(&'a LocalizedText);

impl Serialize for TextDto<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            LocalizedText::Plain(text) => serializer.serialize_str(text),
            LocalizedText::ByLanguage(texts) => serializer.collect_map(texts),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the form that serde asks for")]
const fn is_zero(weight: &u8) -> bool {
    *weight == 0
}

impl<'a> HeadDto<'a> {
    pub(crate) fn new(monitor: &'a Monitor, site: &Site, today: Date) -> Self {
        let listing = &monitor.listing;
        let badges = site.badges;
        Self {
            provider: monitor.key.provider(),
            provider_name: listing.provider_name.as_deref(),
            provider_slug: &listing.provider_slug,
            provider_url: &listing.provider_url,
            service: monitor.key.service(),
            service_name: listing.service_name.as_deref(),
            category: listing.category.as_str(),
            sponsor: &listing.sponsor,
            sponsor_url: &listing.sponsor_url,
            sponsor_level: listing.sponsor_level.filter(|_| badges).map(|level| level.as_str()),
            risks: if badges { listing.risks.iter().map(RiskDto::new).collect() } else { Vec::new() },
            badges: if badges { listing.badges.iter().map(BadgeDto::new).collect() } else { Vec::new() },
            price_min: listing.price_min.map(Number),
            price_max: listing.price_max.map(Number),
            listed_days: listing.listed_since.map(|since| days_between(since, today)),
            channel: monitor.key.channel(),
            channel_name: listing.channel_name.as_deref(),
            board: monitor.board.as_str(),
            cold_reason: monitor.cold_reason.as_deref().filter(|_| site.boards),
            probe_url: &listing.probe_url,
            template_name: listing.template_name.as_deref(),
            interval_ms: if badges { millis(monitor.interval) } else { 0 },
            slow_latency_ms: millis(monitor.probe.slow_latency),
        }
    }
}

impl<'a> RiskDto<'a> {
    fn new(risk: &'a Risk) -> Self {
        Self { label: &risk.label, discussion_url: &risk.discussion_url }
    }
}

impl<'a> BadgeDto<'a> {
    fn new(badge: &'a Badge) -> Self {
        Self {
            id: &badge.id,
            kind: badge.kind.as_str(),
            variant: badge.variant.as_str(),
            weight: badge.weight,
            url: &badge.url,
            tooltip_override: badge.tooltip_override.as_deref(),
            label: badge.label.as_ref().map(TextDto),
            tooltip: badge.tooltip.as_ref().map(TextDto),
        }
    }
}

/// Whole days from one date to another, never negative.
fn days_between(since: Date, today: Date) -> i32 {
    (today - since).get_days().max(0)
}

pub(crate) fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
