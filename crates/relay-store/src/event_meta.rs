//! The facts of an event as the text that databases keep. Shared by all drivers.

use relay_core::{
    Status, SubStatus,
    event::{ChannelMeta, EventMeta, Stable},
};
use serde::{Deserialize, Serialize};

/// The facts of an event, in the form that is written.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MetaRow {
    http_code: u16,
    latency_ms: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sub_status: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    channel: Option<ChannelRow>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ChannelRow {
    trigger_model: String,
    down_count: u32,
    known_count: u32,
    total_models: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    down_threshold: Option<u32>,
    down_models: Vec<String>,
    up_models: Vec<String>,
    model_states: Vec<(String, i8, Option<i8>)>,
}

impl From<&EventMeta> for MetaRow {
    fn from(meta: &EventMeta) -> Self {
        let channel = meta.channel.as_ref().map(|channel| ChannelRow {
            trigger_model: channel.trigger_model.clone(),
            down_count: channel.down_count,
            known_count: channel.known_count,
            total_models: channel.total_models,
            down_threshold: channel.down_threshold,
            down_models: channel.down_models.clone(),
            up_models: channel.up_models.clone(),
            model_states: channel
                .model_states
                .iter()
                .map(|(model, stable, last)| (model.clone(), stable.code(), last.map(Status::code)))
                .collect(),
        });
        Self {
            http_code: meta.http_code,
            latency_ms: meta.latency_ms,
            sub_status: meta.sub_status.map(|cause| cause.as_str().to_owned()),
            detail: meta.detail.clone(),
            channel,
        }
    }
}

impl From<MetaRow> for EventMeta {
    fn from(row: MetaRow) -> Self {
        let channel = row.channel.map(|channel| ChannelMeta {
            trigger_model: channel.trigger_model,
            down_count: channel.down_count,
            known_count: channel.known_count,
            total_models: channel.total_models,
            down_threshold: channel.down_threshold,
            down_models: channel.down_models,
            up_models: channel.up_models,
            model_states: channel
                .model_states
                .into_iter()
                .map(|(model, stable, last)| {
                    let last = last.map(|code| Status::from_code(code.into()));
                    (model, Stable::from_code(stable.into()), last)
                })
                .collect(),
        });
        Self {
            http_code: row.http_code,
            latency_ms: row.latency_ms,
            sub_status: row.sub_status.as_deref().and_then(SubStatus::parse),
            detail: row.detail,
            channel,
        }
    }
}

/// Writes the facts of an event as JSON.
pub(crate) fn to_json(meta: &EventMeta) -> Result<String, serde_json::Error> {
    serde_json::to_string(&MetaRow::from(meta))
}

/// Reads what [`to_json`] wrote; fields that are not known are ignored.
pub(crate) fn from_json(text: &str) -> Result<EventMeta, serde_json::Error> {
    serde_json::from_str::<MetaRow>(text).map(EventMeta::from)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn facts_read_back() {
        let meta = EventMeta {
            http_code: 503,
            latency_ms: 12,
            sub_status: Some(SubStatus::ServerError),
            detail: Some("no \"capacity\"".to_owned()),
            channel: Some(ChannelMeta {
                trigger_model: String::new(),
                down_count: 1,
                known_count: 2,
                total_models: 3,
                down_threshold: Some(1),
                down_models: vec![String::new()],
                up_models: vec!["m".to_owned()],
                model_states: vec![
                    (String::new(), Stable::Down, Some(Status::Red)),
                    ("m".to_owned(), Stable::Up, None),
                ],
            }),
        };
        assert_eq!(from_json(&to_json(&meta).expect("JSON")).expect("a meta"), meta);
        let plain = EventMeta::default();
        assert_eq!(from_json(&to_json(&plain).expect("JSON")).expect("a meta"), plain);
    }
}
