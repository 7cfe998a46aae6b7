//! One message as templates see it.

use relay_core::{
    Psc, UnixSeconds,
    delivery::{Item, ItemKind, Sending},
    event::{ChannelMeta, Event, EventMeta, EventType, NewEvent, Stable},
};
use serde::Serialize;

/// A message on its way to a receiver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// The notification's name.
    pub notification: String,
    /// The channel it is about.
    pub psc: Psc,
    /// The idempotency key.
    pub key: String,
    /// What is told, oldest first; at least one.
    pub items: Vec<Item>,
    /// What is down after it, model by model.
    pub still_down: Vec<String>,
}

impl Message {
    /// Makes the message of an attempt.
    #[must_use]
    pub fn of(notification: &str, psc: &Psc, sending: &Sending) -> Self {
        Self {
            notification: notification.to_owned(),
            psc: psc.clone(),
            key: sending.key.clone(),
            items: sending.items.clone(),
            still_down: sending.still_down.clone(),
        }
    }

    /// Makes a message about a channel that does not exist, as `notify test` sends it: something of every kind when
    /// `full`, else one DOWN.
    #[must_use]
    pub fn sample(notification: &str, key: &str, at: UnixSeconds, full: bool) -> Self {
        let psc = Psc::new("example-provider", "chat", "sample");
        let event = |id: i64, kind: EventType, model: &str, channel: Option<ChannelMeta>| Event {
            id,
            created_at: at,
            event: NewEvent {
                key: relay_core::MonitorKey::new(psc.clone(), model),
                kind,
                from_status: if kind == EventType::Down { Stable::Up } else { Stable::Down },
                to_status: if kind == EventType::Down {
                    relay_core::Status::Red
                } else {
                    relay_core::Status::Green
                },
                trigger_record_id: id,
                observed_at: at,
                meta: EventMeta {
                    http_code: if kind == EventType::Down { 503 } else { 200 },
                    latency_ms: 1234,
                    sub_status: (kind == EventType::Down).then_some(relay_core::SubStatus::ServerError),
                    detail: (kind == EventType::Down).then(|| "this is a test".to_owned()),
                    channel,
                },
            },
        };
        let item = |kind, event, down_since, reminder| Item { kind, event, down_since, reminder };
        let down = event(1, EventType::Down, "sample-model", None);
        let mut items = vec![item(ItemKind::Down, down.clone(), 0, 0)];
        if full {
            let meta = ChannelMeta {
                trigger_model: "sample-model".to_owned(),
                down_count: 0,
                known_count: 2,
                total_models: 2,
                down_threshold: None,
                down_models: Vec::new(),
                up_models: vec!["sample-model".to_owned(), "other-model".to_owned()],
                model_states: Vec::new(),
            };
            items.push(item(ItemKind::StillDown, down, at - 60, 1));
            items.push(item(ItemKind::Up, event(2, EventType::Up, "", Some(meta)), at - 3_725, 0));
        }
        Self {
            notification: notification.to_owned(),
            still_down: vec!["sample-model".to_owned()],
            key: key.to_owned(),
            items,
            psc,
        }
    }

    /// Fills every list, so that a template which takes their first element finds one.
    #[must_use]
    pub(super) fn with_full_lists(mut self) -> Self {
        let models = || vec!["sample-model".to_owned(), "other-model".to_owned()];
        self.still_down = models();
        for item in &mut self.items {
            item.event.event.meta.channel = Some(ChannelMeta {
                trigger_model: "sample-model".to_owned(),
                down_count: 2,
                known_count: 2,
                total_models: 2,
                down_threshold: Some(1),
                down_models: models(),
                up_models: models(),
                model_states: Vec::new(),
            });
        }
        self
    }
}

/// What templates are given. Everything is always there, so that a name that is not is a mistake.
#[derive(Debug, Serialize)]
pub(super) struct MessageView<'m> {
    notification: &'m str,
    idempotency_key: &'m str,
    provider: &'m str,
    service: &'m str,
    channel: &'m str,
    /// Provider, service and channel with slashes between.
    name: String,
    title: String,
    /// `UP` when nothing of the channel is down after this, else `DOWN`.
    state: &'static str,
    resolved: bool,
    still_down: Vec<String>,
    count: usize,
    events: Vec<ItemView<'m>>,
    /// The last of them.
    event: ItemView<'m>,
}

#[derive(Debug, Clone, Serialize)]
struct ItemView<'m> {
    r#type: &'static str,
    id: i64,
    provider: &'m str,
    service: &'m str,
    channel: &'m str,
    model: &'m str,
    name: String,
    from_status: i8,
    to_status: i8,
    observed_at: UnixSeconds,
    created_at: UnixSeconds,
    time: String,
    http_code: u16,
    latency_ms: u32,
    sub_status: &'static str,
    detail: &'m str,
    down_since: UnixSeconds,
    down_seconds: i64,
    down_for: String,
    reminder: u32,
    scope: &'static str,
    trigger_model: &'m str,
    down_count: u32,
    known_count: u32,
    total_models: u32,
    down_models: &'m [String],
    up_models: &'m [String],
}

impl<'m> MessageView<'m> {
    /// Shows `message` as of `now`; `None` when it tells nothing.
    pub(super) fn of(message: &'m Message, now: UnixSeconds) -> Option<Self> {
        let events: Vec<ItemView<'m>> = message.items.iter().map(|item| ItemView::of(item, now)).collect();
        let last = events.last()?.clone();
        let resolved = message.still_down.is_empty();
        let name = message.psc.to_string();
        let title = match events.len() {
            1 => format!("{}: {}", last.r#type.replace('_', " "), last.name),
            many => format!("{}: {name} ({many} events)", if resolved { "UP" } else { "DOWN" }),
        };
        Some(Self {
            notification: &message.notification,
            idempotency_key: &message.key,
            provider: message.psc.provider(),
            service: message.psc.service(),
            channel: message.psc.channel(),
            title,
            state: if resolved { "UP" } else { "DOWN" },
            resolved,
            // What has no model is called by the channel's name.
            still_down: message
                .still_down
                .iter()
                .map(|model| if model.is_empty() { name.clone() } else { model.clone() })
                .collect(),
            name,
            count: events.len(),
            events,
            event: last,
        })
    }
}

impl<'m> ItemView<'m> {
    fn of(item: &'m Item, now: UnixSeconds) -> Self {
        let NewEvent { key, from_status, to_status, observed_at, meta, .. } = &item.event.event;
        let channel = meta.channel.as_ref();
        let down_seconds = match item.kind {
            ItemKind::Down => 0,
            _ if item.down_since == 0 => 0,
            ItemKind::Up => (observed_at - item.down_since).max(0),
            ItemKind::StillDown => (now - item.down_since).max(0),
        };
        Self {
            r#type: item.kind.as_str(),
            id: item.event.id,
            provider: key.provider(),
            service: key.service(),
            channel: key.channel(),
            model: key.model(),
            name: if key.model().is_empty() {
                key.psc().to_string()
            } else {
                format!("{}/{}", key.psc(), key.model())
            },
            from_status: from_status.code(),
            to_status: to_status.code(),
            observed_at: *observed_at,
            created_at: item.event.created_at,
            time: time(*observed_at),
            http_code: meta.http_code,
            latency_ms: meta.latency_ms,
            sub_status: meta.sub_status.map_or("", |cause| cause.as_str()),
            detail: meta.detail.as_deref().unwrap_or_default(),
            down_since: item.down_since,
            down_seconds,
            down_for: span(down_seconds),
            reminder: item.reminder,
            scope: if channel.is_some() { "channel" } else { "model" },
            trigger_model: channel.map_or("", |meta| &meta.trigger_model),
            down_count: channel.map_or(0, |meta| meta.down_count),
            known_count: channel.map_or(0, |meta| meta.known_count),
            total_models: channel.map_or(0, |meta| meta.total_models),
            down_models: channel.map_or(&[], |meta| &meta.down_models),
            up_models: channel.map_or(&[], |meta| &meta.up_models),
        }
    }
}

/// Returns the time as `2026-03-10 12:34:56 UTC`; empty when the calendar does not go that far.
fn time(at: UnixSeconds) -> String {
    let at = jiff::Timestamp::from_second(at);
    at.map(|at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()).unwrap_or_default()
}

/// Returns the two largest parts of a span, such as `1 h 2 min`; empty for none.
fn span(seconds: i64) -> String {
    let parts = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut rest = seconds;
    let mut shown = Vec::new();
    for (size, unit) in parts {
        if rest >= size && shown.len() < 2 {
            shown.push(format!("{} {unit}", rest / size));
        } else if !shown.is_empty() {
            break;
        }
        rest %= size;
    }
    shown.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_have_two_parts_at_most() {
        for (seconds, shown) in
            [(0, ""), (59, "59 s"), (60, "1 min"), (3_725, "1 h 2 min"), (3_605, "1 h"), (90_000, "1 d 1 h")]
        {
            assert_eq!(span(seconds), shown);
        }
    }

    #[test]
    fn times_are_in_utc() {
        assert_eq!(time(1_773_146_096), "2026-03-10 12:34:56 UTC");
        assert_eq!(time(i64::MAX), "");
    }

    #[test]
    fn a_single_event_is_the_title() {
        let message = Message::sample("ops", "k", 1_773_146_096, false);
        let view = MessageView::of(&message, 1_773_146_096).expect("something to tell");
        assert_eq!(view.title, "DOWN: example-provider/chat/sample/sample-model");
        let message = Message::sample("ops", "k", 1_773_146_096, true);
        let view = MessageView::of(&message, 1_773_146_096).expect("something to tell");
        assert_eq!(view.title, "DOWN: example-provider/chat/sample (3 events)");
        assert_eq!(view.event.down_for, "1 h 2 min");
    }
}
