//! The database of the Go version: its columns, and what a row of them means. Shared by all drivers.
//!
//! Its schema grew over time: columns and tables that came later may be missing. They are looked up, never assumed.

use std::collections::HashSet;

use relay_core::{
    MonitorKey, ProbeRecord, ProbeResult, Psc, Status, StoredRecord, SubStatus, UnixSeconds,
    event::{
        ChannelMeta, ChannelState, Event, EventMeta, EventType, GroupStates, ModelState, NewEvent, Stable,
    },
    record::{Source, Timings},
};
use serde_json::Value;

use super::source::HIGHEST_ID;

/// The most characters of a detail.
const DETAIL_CHARS: usize = 512;

/// The most bytes of an event's facts that are looked at.
pub(crate) const META_BYTES: usize = 256 * 1024;

/// A column, and what stands in its place where it is missing.
pub(crate) type Column = (&'static str, &'static str);

/// The columns of `probe_history`, in the order in which drivers select them. The last ones are in archives only.
pub(crate) const RECORD: [Column; 17] = [
    ("id", "0"),
    ("provider", "''"),
    ("service", "''"),
    ("channel", "''"),
    ("model", "''"),
    ("status", "-1"),
    ("sub_status", "''"),
    ("http_code", "0"),
    ("latency", "0"),
    ("timestamp", "0"),
    ("error_detail", "''"),
    ("dns_ms", "NULL"),
    ("connect_ms", "NULL"),
    ("tls_ms", "NULL"),
    ("first_token_ms", "NULL"),
    ("total_ms", "NULL"),
    ("source", "0"),
];

/// The columns of `status_events`.
pub(crate) const EVENT: [Column; 12] = [
    ("id", "0"),
    ("provider", "''"),
    ("service", "''"),
    ("channel", "''"),
    ("model", "''"),
    ("event_type", "''"),
    ("from_status", "-1"),
    ("to_status", "-1"),
    ("trigger_record_id", "0"),
    ("observed_at", "0"),
    ("created_at", "0"),
    ("meta", "''"),
];

/// The columns of `service_states`.
pub(crate) const MODEL_STATE: [Column; 9] = [
    ("provider", "''"),
    ("service", "''"),
    ("channel", "''"),
    ("model", "''"),
    ("stable_available", "-1"),
    ("streak_count", "0"),
    ("streak_status", "-1"),
    ("last_record_id", "0"),
    ("last_timestamp", "0"),
];

/// The columns of `channel_states`.
pub(crate) const CHANNEL_STATE: [Column; 8] = [
    ("provider", "''"),
    ("service", "''"),
    ("channel", "''"),
    ("stable_available", "-1"),
    ("down_count", "0"),
    ("known_count", "0"),
    ("last_record_id", "0"),
    ("last_timestamp", "0"),
];

/// Returns the list to select, with what stands in for columns that are not `there`.
pub(crate) fn select_list(columns: &[Column], there: &HashSet<String>) -> String {
    let one = |(name, instead): &Column| if there.contains(*name) { *name } else { *instead };
    columns.iter().map(one).collect::<Vec<_>>().join(", ")
}

/// The numbers of a record as they stand in a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RecordNumbers {
    pub(crate) id: i64,
    pub(crate) status: i64,
    pub(crate) http_code: i64,
    pub(crate) latency: i64,
    pub(crate) timestamp: UnixSeconds,
    /// DNS, connect, TLS, first token and total in milliseconds.
    pub(crate) phases: [Option<i64>; 5],
    pub(crate) source: i64,
}

/// Makes the record of a row. Numbers that cannot be become the nearest that can.
pub(crate) fn record(key: MonitorKey, numbers: RecordNumbers, cause: &str, detail: &str) -> StoredRecord {
    let RecordNumbers { id, status, http_code, latency, timestamp, phases, source } = numbers;
    let [dns_ms, connect_ms, tls_ms, first_token_ms, total_ms] = phases.map(|phase| phase.map(clamp_u32));
    let result = ProbeResult {
        status: Status::from_code(status),
        sub_status: SubStatus::parse(cause),
        http_code: clamp_code(http_code),
        latency_ms: clamp_u32(latency),
        timings: Timings { dns_ms, connect_ms, tls_ms, first_token_ms, total_ms },
        detail: one_line(detail),
    };
    let source = Source::from_code(source).unwrap_or_default();
    let record = ProbeRecord { key, timestamp, source, result };
    StoredRecord { id: if (1..=HIGHEST_ID).contains(&id) { id } else { 0 }, record }
}

/// The numbers of an event as they stand in a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EventNumbers {
    pub(crate) id: i64,
    pub(crate) from_status: i64,
    pub(crate) to_status: i64,
    pub(crate) trigger_record_id: i64,
    pub(crate) observed_at: UnixSeconds,
    pub(crate) created_at: UnixSeconds,
}

/// Makes the event of a row; `None` when it is none.
pub(crate) fn event(key: MonitorKey, numbers: EventNumbers, kind: &str, meta: &str) -> Option<Event> {
    let EventNumbers { id, from_status, to_status, trigger_record_id, observed_at, created_at } = numbers;
    let kind = EventType::parse(kind)?;
    let event = NewEvent {
        key,
        kind,
        from_status: Stable::from_code(from_status),
        to_status: Status::from_code(to_status),
        trigger_record_id: trigger_record_id.clamp(0, HIGHEST_ID),
        observed_at,
        meta: event_meta(meta),
    };
    (1..=HIGHEST_ID).contains(&id).then_some(Event { id, created_at, event })
}

/// Reads the facts of an event. What is missing, or not of its kind, is left out: an event is worth more than a number
/// in it.
pub(crate) fn event_meta(text: &str) -> EventMeta {
    let looked_at = Some(text).filter(|text| text.len() <= META_BYTES);
    let Some(Ok(Value::Object(meta))) = looked_at.map(serde_json::from_str) else {
        return EventMeta::default();
    };
    let meta = Value::Object(meta);
    let cause = meta["sub_status"].as_str().and_then(SubStatus::parse);
    let detail = ["detail", "error_detail"].iter().find_map(|name| meta[*name].as_str());
    EventMeta {
        http_code: clamp_code(number(&meta["http_code"])),
        latency_ms: clamp_u32(number(&meta["latency_ms"])),
        sub_status: cause,
        detail: detail.and_then(one_line),
        channel: (meta["scope"] == "channel").then(|| channel_meta(&meta)),
    }
}

fn channel_meta(meta: &Value) -> ChannelMeta {
    let texts = |name: &str| -> Vec<String> {
        let list = meta[name].as_array().into_iter().flatten();
        list.filter_map(Value::as_str).map(str::to_owned).collect()
    };
    let count = |name: &str| clamp_u32(number(&meta[name]));
    let state = |(model, state): (&String, &Value)| {
        let stable = state["stable"].as_i64().map_or(Stable::Unknown, Stable::from_code);
        (model.clone(), stable, state["last_status"].as_i64().map(Status::from_code))
    };
    ChannelMeta {
        trigger_model: meta["trigger_model"].as_str().unwrap_or_default().to_owned(),
        down_count: count("down_count"),
        known_count: count("known_count"),
        total_models: count("total_models"),
        down_threshold: meta["channel_down_threshold"].is_number().then(|| count("channel_down_threshold")),
        down_models: texts("down_models"),
        up_models: texts("up_models"),
        model_states: meta["model_states"].as_object().into_iter().flatten().map(state).collect(),
    }
}

/// A row of `service_states`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ModelStateNumbers {
    pub(crate) stable: i64,
    pub(crate) streak_count: i64,
    pub(crate) streak: i64,
    pub(crate) last_record_id: i64,
    pub(crate) last_timestamp: UnixSeconds,
    /// The status of the last record, when it is still there.
    pub(crate) last_status: Option<i64>,
}

impl From<ModelStateNumbers> for ModelState {
    fn from(row: ModelStateNumbers) -> Self {
        Self {
            stable: Stable::from_code(row.stable),
            streak_count: clamp_u32(row.streak_count),
            streak: Stable::from_code(row.streak),
            last_record_id: row.last_record_id.clamp(0, HIGHEST_ID),
            last_timestamp: row.last_timestamp,
            last_status: row.last_status.map(Status::from_code),
        }
    }
}

/// A row of `channel_states`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ChannelStateNumbers {
    pub(crate) stable: i64,
    pub(crate) down_count: i64,
    pub(crate) known_count: i64,
    pub(crate) last_record_id: i64,
    pub(crate) last_timestamp: UnixSeconds,
}

impl From<ChannelStateNumbers> for ChannelState {
    fn from(row: ChannelStateNumbers) -> Self {
        Self {
            stable: Stable::from_code(row.stable),
            down_count: clamp_u32(row.down_count),
            known_count: clamp_u32(row.known_count),
            last_record_id: row.last_record_id.clamp(0, HIGHEST_ID),
            last_timestamp: row.last_timestamp,
        }
    }
}

/// Collects rows of states by group.
#[derive(Debug, Default)]
pub(crate) struct Groups(std::collections::BTreeMap<Psc, GroupStates>);

impl Groups {
    /// Takes a row of `service_states`.
    pub(crate) fn model(&mut self, key: &MonitorKey, row: ModelStateNumbers) {
        let group = self.0.entry(key.psc().clone()).or_default();
        group.models.insert(key.model().to_owned(), row.into());
    }

    /// Takes a row of `channel_states`.
    pub(crate) fn channel(&mut self, psc: &Psc, row: ChannelStateNumbers) {
        self.0.entry(psc.clone()).or_default().channel = Some(row.into());
    }

    /// Returns the groups.
    pub(crate) fn into_vec(self) -> Vec<(Psc, GroupStates)> {
        self.0.into_iter().collect()
    }
}

fn number(value: &Value) -> i64 {
    #[expect(clippy::cast_possible_truncation, reason = "what does not fit is clamped afterwards")]
    let whole = |number: f64| number as i64;
    value.as_i64().or_else(|| value.as_f64().map(whole)).unwrap_or_default()
}

fn clamp_u32(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

/// Codes have three digits; anything else is no answer.
fn clamp_code(code: i64) -> u16 {
    u16::try_from(code).ok().filter(|code| (100..1000).contains(code)).unwrap_or_default()
}

fn one_line(text: &str) -> Option<String> {
    let line: String = text
        .chars()
        .map(|char| if char.is_control() { ' ' } else { char })
        .take(DETAIL_CHARS)
        .collect::<String>()
        .trim()
        .to_owned();
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_that_came_later_are_stood_in_for() {
        let there = ["id", "provider", "service", "status", "latency", "timestamp"].map(str::to_owned);
        assert_eq!(
            select_list(&RECORD, &there.into()),
            "id, provider, service, '', '', status, '', 0, latency, timestamp, '', NULL, NULL, NULL, NULL, NULL, 0"
        );
    }

    #[test]
    fn odd_numbers_become_the_nearest_that_can_be() {
        let phases = [None, Some(-1), Some(7), None, None];
        let numbers = RecordNumbers {
            id: -4,
            status: 9,
            http_code: 70_000,
            latency: -1,
            timestamp: 5,
            phases,
            source: 9,
        };
        let stored = record(MonitorKey::from_parts("a", "s", "", ""), numbers, "odd", "one\ntwo\u{7f}");
        assert_eq!(stored.id, 0);
        let result = &stored.record.result;
        assert_eq!((result.status, result.sub_status), (Status::Missing, None));
        assert_eq!((result.http_code, result.latency_ms), (0, 0));
        assert_eq!((result.timings.connect_ms, result.timings.tls_ms), (Some(0), Some(7)));
        assert_eq!(stored.record.source, Source::Schedule);
        assert_eq!(result.detail.as_deref(), Some("one two"));
    }

    #[test]
    fn facts_of_a_channel_event_are_read() {
        let meta = event_meta(
            r#"{"scope":"channel","trigger_model":"m1","down_count":1,"known_count":2,"total_models":2,
                "channel_down_threshold":1,"down_models":["m1"],"up_models":["m2"],"models":["m1"],"http_code":503,
                "latency_ms":12.0,"sub_status":"server_error",
                "model_states":{"m1":{"stable":0,"last_status":0},"m2":{"stable":1}}}"#,
        );
        assert_eq!((meta.http_code, meta.latency_ms), (503, 12));
        assert_eq!(meta.sub_status, Some(SubStatus::ServerError));
        let channel = meta.channel.expect("a channel's facts");
        assert_eq!((channel.down_count, channel.known_count, channel.total_models), (1, 2, 2));
        assert_eq!(channel.down_threshold, Some(1));
        assert_eq!(
            channel.model_states,
            [("m1".to_owned(), Stable::Down, Some(Status::Red)), ("m2".to_owned(), Stable::Up, None)]
        );
    }

    #[test]
    fn facts_that_are_none_are_left_out() {
        for text in ["", "null", "[]", "{", r#"{"http_code":"x","latency_ms":null,"sub_status":7,"scope":1}"#]
        {
            assert_eq!(event_meta(text), EventMeta::default(), "{text}");
        }
    }
}
