//! What a conversation holds, as the text that databases keep. Shared by all drivers.

use relay_core::{
    MonitorKey, Psc, Status, Timestamp, UnixSeconds,
    delivery::{Conversation, Item, ItemKind, Outage, Sending},
    event::{Event, EventMeta, EventType, NewEvent, Stable},
    ports::repository::Error,
};
use serde::{Deserialize, Serialize};

use crate::event_meta::MetaRow;

/// Everything of a conversation that has no column of its own. What is empty is not written.
#[derive(Debug, Serialize, Deserialize)]
struct ContentRow {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    outages: Vec<OutageRow>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    waiting: Vec<ItemRow>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    collect_until: Option<i64>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    held: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sending: Option<SendingRow>,
}

#[derive(Debug, Serialize, Deserialize)]
struct OutageRow {
    event: EventRow,
    certain: bool,
    told_at: i64,
    reminders: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct ItemRow {
    kind: String,
    event: EventRow,
    #[serde(default)]
    down_since: UnixSeconds,
    #[serde(default)]
    reminder: u32,
}

#[derive(Debug, Serialize, Deserialize)]
struct SendingRow {
    key: String,
    items: Vec<ItemRow>,
    still_down: Vec<String>,
    attempts: u32,
    since: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leased_until: Option<i64>,
    retry_at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

/// An event without its channel, which is the conversation's.
#[derive(Debug, Serialize, Deserialize)]
struct EventRow {
    id: i64,
    model: String,
    kind: String,
    from_status: i8,
    to_status: i8,
    trigger_record_id: i64,
    observed_at: i64,
    created_at: i64,
    meta: MetaRow,
}

/// Writes what a conversation holds as JSON.
pub(crate) fn to_json(conversation: &Conversation) -> Result<String, Error> {
    let row = ContentRow {
        outages: conversation.outages.iter().map(OutageRow::from).collect(),
        waiting: conversation.waiting.iter().map(ItemRow::from).collect(),
        collect_until: conversation.collect_until.map(Timestamp::as_millis),
        held: conversation.held,
        sending: conversation.sending.as_ref().map(SendingRow::from),
    };
    serde_json::to_string(&row)
        .map_err(|error| Error::Corrupt { reason: format!("a conversation cannot be written: {error}") })
}

/// The columns of a conversation, as every driver reads them.
#[derive(Debug)]
pub(crate) struct Columns {
    /// The notification's name.
    pub(crate) notification: String,
    /// The channel.
    pub(crate) psc: Psc,
    /// The version.
    pub(crate) version: i64,
    /// When it is due, in milliseconds.
    pub(crate) due: Option<i64>,
    /// What [`to_json`] wrote.
    pub(crate) content: String,
}

impl TryFrom<Columns> for Conversation {
    type Error = Error;

    /// Fields that are not known are ignored.
    fn try_from(columns: Columns) -> Result<Self, Error> {
        let Columns { notification, psc, version, due, content } = columns;
        let corrupt = || Error::Corrupt {
            reason: format!("outbox_conversations.content of {notification} about {psc}"),
        };
        let row: ContentRow = serde_json::from_str(&content).map_err(|_| corrupt())?;
        let outages = row.outages.into_iter().map(|row| row.read(&psc));
        let waiting = row.waiting.into_iter().map(|row| row.read(&psc));
        let sending = row.sending.map(|row| row.read(&psc).ok_or_else(corrupt)).transpose()?;
        Ok(Self {
            outages: outages.collect::<Option<_>>().ok_or_else(corrupt)?,
            waiting: waiting.collect::<Option<_>>().ok_or_else(corrupt)?,
            collect_until: row.collect_until.map(Timestamp::from_millis),
            held: row.held,
            sending,
            version,
            due: due.map(Timestamp::from_millis),
            notification,
            psc,
        })
    }
}

impl From<&Outage> for OutageRow {
    fn from(outage: &Outage) -> Self {
        Self {
            event: EventRow::from(&outage.event),
            certain: outage.certain,
            told_at: outage.told_at.as_millis(),
            reminders: outage.reminders,
        }
    }
}

impl OutageRow {
    fn read(self, psc: &Psc) -> Option<Outage> {
        let told_at = Timestamp::from_millis(self.told_at);
        Some(Outage {
            event: self.event.read(psc)?,
            certain: self.certain,
            told_at,
            reminders: self.reminders,
        })
    }
}

impl From<&Item> for ItemRow {
    fn from(item: &Item) -> Self {
        Self {
            kind: item.kind.as_str().to_owned(),
            event: EventRow::from(&item.event),
            down_since: item.down_since,
            reminder: item.reminder,
        }
    }
}

impl ItemRow {
    fn read(self, psc: &Psc) -> Option<Item> {
        let kind = ItemKind::parse(&self.kind)?;
        let event = self.event.read(psc)?;
        Some(Item { kind, event, down_since: self.down_since, reminder: self.reminder })
    }
}

impl From<&Sending> for SendingRow {
    fn from(sending: &Sending) -> Self {
        Self {
            key: sending.key.clone(),
            items: sending.items.iter().map(ItemRow::from).collect(),
            still_down: sending.still_down.clone(),
            attempts: sending.attempts,
            since: sending.since.as_millis(),
            leased_until: sending.leased_until.map(Timestamp::as_millis),
            retry_at: sending.retry_at.as_millis(),
            last_error: sending.last_error.clone(),
        }
    }
}

impl SendingRow {
    fn read(self, psc: &Psc) -> Option<Sending> {
        Some(Sending {
            key: self.key,
            items: self.items.into_iter().map(|row| row.read(psc)).collect::<Option<_>>()?,
            still_down: self.still_down,
            attempts: self.attempts,
            since: Timestamp::from_millis(self.since),
            leased_until: self.leased_until.map(Timestamp::from_millis),
            retry_at: Timestamp::from_millis(self.retry_at),
            last_error: self.last_error,
        })
    }
}

impl From<&Event> for EventRow {
    fn from(event: &Event) -> Self {
        let Event { id, created_at, event } = event;
        Self {
            id: *id,
            model: event.key.model().to_owned(),
            kind: event.kind.as_str().to_owned(),
            from_status: event.from_status.code(),
            to_status: event.to_status.code(),
            trigger_record_id: event.trigger_record_id,
            observed_at: event.observed_at,
            created_at: *created_at,
            meta: MetaRow::from(&event.meta),
        }
    }
}

impl EventRow {
    fn read(self, psc: &Psc) -> Option<Event> {
        let event = NewEvent {
            key: MonitorKey::new(psc.clone(), self.model),
            kind: EventType::parse(&self.kind)?,
            from_status: Stable::from_code(self.from_status.into()),
            to_status: Status::from_code(self.to_status.into()),
            trigger_record_id: self.trigger_record_id,
            observed_at: self.observed_at,
            meta: EventMeta::from(self.meta),
        };
        Some(Event { id: self.id, created_at: self.created_at, event })
    }
}
