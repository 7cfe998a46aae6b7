//! The JSON of events.

use std::collections::BTreeMap;

use relay_core::{
    MonitorKey, Status, SubStatus, UnixSeconds,
    event::{ChannelMeta, Event, EventId, EventMeta, EventType},
    record::RecordId,
};
use schemars::JsonSchema;
use serde::Serialize;

use crate::{index::Index, middleware::auth::Reader};

/// A page of events, oldest first.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct EventsDto<'a> {
    pub(crate) events: Vec<EventDto<'a>>,
    pub(crate) meta: EventsMetaDto,
}

#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct EventsMetaDto {
    /// What to ask for next: the last id of this page.
    pub(crate) next_since_id: EventId,
    pub(crate) has_more: bool,
    pub(crate) count: usize,
}

/// The number of the newest event.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct LatestDto {
    /// 0 when there is none.
    pub(crate) latest_id: EventId,
}

/// One event.
#[derive(Debug, JsonSchema, Serialize)]
pub(crate) struct EventDto<'a> {
    id: EventId,
    provider: &'a str,
    service: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    channel: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    model: &'a str,
    r#type: &'static str,
    from_status: i8,
    to_status: i8,
    trigger_record_id: RecordId,
    observed_at: UnixSeconds,
    created_at: UnixSeconds,
    #[serde(skip_serializing_if = "Option::is_none")]
    meta: Option<EventMetaDto<'a>>,
}

#[derive(Debug, JsonSchema, Serialize)]
struct EventMetaDto<'a> {
    /// 0 when there was no answer.
    http_code: u16,
    latency_ms: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_status: Option<&'static str>,
    /// What the upstream said; for operators.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(flatten)]
    channel: Option<ChannelMetaDto<'a>>,
}

#[derive(Debug, JsonSchema, Serialize)]
struct ChannelMetaDto<'a> {
    scope: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    trigger_model: Option<&'a str>,
    down_count: u32,
    known_count: u32,
    total_models: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel_down_threshold: Option<u32>,
    down_models: Vec<&'a str>,
    up_models: Vec<&'a str>,
    model_states: BTreeMap<&'a str, ModelStateDto>,
    models: Vec<&'a str>,
}

#[derive(Debug, JsonSchema, Serialize)]
struct ModelStateDto {
    stable: i8,
    last_status: i8,
}

/// What somebody may see of events.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sight<'a> {
    pub(crate) reader: Reader,
    /// Whether the public may read what upstreams said.
    pub(crate) public_details: bool,
    pub(crate) index: &'a Index,
}

impl Sight<'_> {
    /// Tells whether an event may be seen at all. The public sees those of monitors that are visible now.
    pub(crate) fn sees(&self, event: &Event) -> bool {
        let key = &event.event.key;
        match self.reader {
            Reader::Operator => true,
            Reader::Public if event.event.meta.channel.is_some() => {
                self.index.visible_in(key.psc()).is_some()
            }
            Reader::Public => self.index.visible(key).is_some(),
        }
    }

    fn sees_model(&self, key: &MonitorKey, model: &str) -> bool {
        self.reader == Reader::Operator
            || self.index.visible(&MonitorKey::new(key.psc().clone(), model)).is_some()
    }

    fn sees_detail(&self) -> bool {
        self.reader == Reader::Operator || self.public_details
    }
}

impl<'a> EventDto<'a> {
    pub(crate) fn new(stored: &'a Event, sight: &Sight<'_>) -> Self {
        let event = &stored.event;
        let key = &event.key;
        Self {
            id: stored.id,
            provider: key.provider(),
            service: key.service(),
            channel: key.channel(),
            model: key.model(),
            r#type: event.kind.as_str(),
            from_status: event.from_status.code(),
            to_status: event.to_status.code(),
            trigger_record_id: event.trigger_record_id,
            observed_at: event.observed_at,
            created_at: stored.created_at,
            meta: (event.meta != EventMeta::default())
                .then(|| EventMetaDto::new(&event.meta, key, event.kind, sight)),
        }
    }
}

impl<'a> EventMetaDto<'a> {
    fn new(meta: &'a EventMeta, key: &MonitorKey, kind: EventType, sight: &Sight<'_>) -> Self {
        let tells_cause = meta.channel.is_none() || kind == EventType::Down;
        Self {
            http_code: meta.http_code,
            latency_ms: meta.latency_ms,
            sub_status: meta.sub_status.filter(|_| tells_cause).map(SubStatus::as_str),
            detail: meta.detail.as_deref().filter(|_| sight.sees_detail()),
            channel: meta.channel.as_ref().map(|channel| ChannelMetaDto::new(channel, key, kind, sight)),
        }
    }
}

impl<'a> ChannelMetaDto<'a> {
    fn new(meta: &'a ChannelMeta, key: &MonitorKey, kind: EventType, sight: &Sight<'_>) -> Self {
        let seen = |models: &'a [String]| -> Vec<&'a str> {
            models.iter().map(String::as_str).filter(|model| sight.sees_model(key, model)).collect()
        };
        let state = |(model, stable, last): &'a (String, relay_core::event::Stable, Option<Status>)| {
            let state =
                ModelStateDto { stable: stable.code(), last_status: last.unwrap_or(Status::Missing).code() };
            sight.sees_model(key, model).then_some((model.as_str(), state))
        };
        Self {
            scope: "channel",
            trigger_model: Some(meta.trigger_model.as_str()).filter(|model| sight.sees_model(key, model)),
            down_count: meta.down_count,
            known_count: meta.known_count,
            total_models: meta.total_models,
            channel_down_threshold: meta.down_threshold,
            down_models: seen(&meta.down_models),
            up_models: seen(&meta.up_models),
            model_states: meta.model_states.iter().filter_map(state).collect(),
            models: seen(if kind == EventType::Down { &meta.down_models } else { &meta.up_models }),
        }
    }
}
