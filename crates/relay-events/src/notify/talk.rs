//! What to tell, and when: pure functions over a [`Conversation`].
//!
//! - An event joins what waits ([`hear`]). A DOWN is ripe after `min_down`; an UP that comes before takes it away, and
//!   neither is told.
//! - What is ripe is told at once, and for [`COLLECT`] from then on further events are collected; when these end they
//!   are told as one message, and the next event after that is told at once again ([`take`]).
//! - In quiet hours nothing is sent. What was held back by them, or because the receiver could not be reached, is
//!   reduced to what is still relevant: of each model the last word, and nothing if the receiver knows that already.
//! - A message on its way stays as it is, under the same key, until it arrives or is given up; only when a newer event
//!   makes it untrue it is taken back, and what is still relevant of it is told under another key.
//! - A receiver that may have heard a DOWN, because an attempt to tell it was made, always hears the UP.
//! - There is one message at a time between a notification and a channel, so that a receiver hears things in order.

use std::time::Duration;

use relay_core::{
    Timestamp,
    delivery::{COLLECT, Conversation, Delivery, Item, ItemKind, Outage, Sending},
    event::{Event, EventType},
    ports::repository::next_version,
};
use sha2::{Digest, Sha256};

use super::{
    backoff::{self, GIVE_UP},
    rules::Rules,
};

#[cfg(test)]
mod tests;

/// How many events may wait before only the last word of each model is kept.
const MAX_WAITING: usize = 256;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The receiver took it.
    Delivered,
    /// It did not, or may not have.
    Failed {
        /// Why, without secrets.
        error: String,
        /// When it wants to be asked again.
        retry_after: Option<Duration>,
    },
}

/// Tells whether an event may still be told: what came into the store long after it happened, such as the history of
/// another installation, is none.
#[must_use]
pub fn is_news(event: &Event, now: Timestamp) -> bool {
    now.since(Timestamp::from_secs(event.created_at)) < GIVE_UP
}

/// Takes note of an event that the notification is about; events come in the order of their numbers.
pub fn hear(rules: &Rules, conversation: &mut Conversation, event: &Event, now: Timestamp) {
    let model = event.event.key.model();
    let last = last_word(conversation, model);
    match event.event.kind {
        EventType::Down => {
            if matches!(last, Some((ItemKind::Down | ItemKind::StillDown, _))) {
                return;
            }
            conversation.waiting.push(item(ItemKind::Down, event, 0));
        }
        EventType::Up => {
            let waiting = conversation.waiting.iter().rposition(|item| about(item, model));
            if let Some(at) = waiting
                && conversation.waiting[at].kind == ItemKind::Down
                && !lasted(rules, &conversation.waiting[at].event, event)
            {
                conversation.waiting.remove(at);
            } else if !matches!(last, Some((ItemKind::Up, _))) {
                let since = last.map_or(0, |(_, since)| since);
                conversation.waiting.push(item(ItemKind::Up, event, since));
            }
        }
    }
    if conversation.waiting.is_empty() {
        conversation.held = false;
    } else if rules.quiet_until(now).is_some() || is_failing(conversation) {
        conversation.held = true;
    }
    if conversation.waiting.len() > MAX_WAITING {
        let all = std::mem::take(&mut conversation.waiting);
        conversation.waiting = still_relevant(all, &conversation.outages);
        conversation.held = true;
    }
    changed(rules, conversation, now);
}

/// Begins the next attempt, if there is something to tell now: returns the message, which is leased until `lease` has
/// passed. The conversation may change also when there is none.
pub fn take(
    rules: &Rules,
    conversation: &mut Conversation,
    now: Timestamp,
    lease: Duration,
) -> Option<Sending> {
    let taken = if rules.quiet_until(now).is_some() {
        // Nothing is told, so that nothing is collected any more either: it waits for the end of the quiet hours.
        conversation.collect_until = conversation.collect_until.filter(|until| *until > now);
        None
    } else {
        begin(rules, conversation, now, lease)
    };
    changed(rules, conversation, now);
    taken
}

/// Takes note of how an attempt ended. Returns the line of the log when the message is settled by that.
pub fn settle(
    rules: &Rules,
    conversation: &mut Conversation,
    outcome: Outcome,
    now: Timestamp,
    jitter: f64,
) -> Option<Delivery> {
    let mut sending = conversation.sending.take()?;
    let settled = match outcome {
        Outcome::Delivered => {
            learn(conversation, &sending.items);
            Some(delivery(conversation, &sending, true, now))
        }
        Outcome::Failed { error, retry_after } => {
            let mut error = error;
            cut(&mut error);
            sending.last_error = Some(error);
            sending.leased_until = None;
            conversation.held = true;
            let last_try = sending.since.plus(GIVE_UP);
            if now >= last_try {
                let ended = |item: &Item| item.kind == ItemKind::Up;
                let given_up: Vec<Item> = sending.items.iter().filter(|item| ended(item)).cloned().collect();
                learn(conversation, &given_up);
                Some(delivery(conversation, &sending, false, now))
            } else {
                let pause = backoff::pause(sending.attempts, retry_after, jitter);
                sending.retry_at = now.plus(pause).min(last_try);
                conversation.sending = Some(sending);
                None
            }
        }
    };
    changed(rules, conversation, now);
    settled
}

/// Fits a conversation to rules that may have changed: forgets what is not to be told any more, because the rules do
/// not want it or because nobody watches it, and reckons anew when it is due. `lost` says that nobody else can be at
/// work on it, so that an attempt under way is one that was lost.
pub fn refresh(rules: &Rules, conversation: &mut Conversation, lost: bool, now: Timestamp) {
    conversation
        .outages
        .retain(|outage| rules.wants(&outage.event.event) && rules.watches(&outage.event.event));
    conversation.waiting.retain(|item| rules.wants(&item.event.event));
    if lost && let Some(sending) = &mut conversation.sending {
        sending.leased_until = None;
        sending.retry_at = sending.retry_at.min(now);
    }
    changed(rules, conversation, now);
}

/// Begins an attempt outside of quiet hours.
fn begin(rules: &Rules, conversation: &mut Conversation, now: Timestamp, lease: Duration) -> Option<Sending> {
    let mut attempts = 0;
    if let Some(sending) = &mut conversation.sending {
        if sending.leased_until.unwrap_or(sending.retry_at) > now {
            return None;
        }
        let untrue = |item: &Item| conversation.waiting.iter().any(|newer| about(newer, model_of(item)));
        if !sending.items.iter().any(untrue) {
            sending.attempts = sending.attempts.saturating_add(1);
            sending.leased_until = Some(now.plus(lease));
            return Some(sending.clone());
        }
    }
    if let Some(sending) = conversation.sending.take() {
        attempts = sending.attempts;
        conversation.waiting.splice(0..0, sending.items);
        conversation.held = true;
    }
    if conversation.collect_until.is_some_and(|until| until > now) && attempts == 0 {
        return None;
    }
    let collecting = conversation.collect_until.take().is_some();
    let items = items_to_tell(rules, conversation, now);
    let told: Vec<Item> = items.into_iter().filter(|item| rules.tells(item.kind)).collect();
    if told.is_empty() {
        return None;
    }
    if !collecting && told.iter().any(|item| item.kind != ItemKind::StillDown) {
        conversation.collect_until = Some(now.plus(COLLECT));
    }
    let sending = Sending {
        key: key_of(conversation, &told),
        still_down: still_down(conversation, &told),
        items: told,
        attempts: attempts.saturating_add(1),
        since: now,
        leased_until: Some(now.plus(lease)),
        retry_at: now,
        last_error: None,
    };
    conversation.sending = Some(sending.clone());
    Some(sending)
}

/// Takes what is ripe and what is to be said again, and notes it as said; what is not told is noted as heard.
fn items_to_tell(rules: &Rules, conversation: &mut Conversation, now: Timestamp) -> Vec<Item> {
    let all = std::mem::take(&mut conversation.waiting);
    let mut ripe = Vec::new();
    for (at, item) in all.iter().enumerate() {
        let followed = all[at + 1..].iter().any(|later| about(later, model_of(item)));
        if followed || ripe_at(rules, item) <= now {
            ripe.push(item.clone());
        } else {
            conversation.waiting.push(item.clone());
        }
    }
    if std::mem::take(&mut conversation.held) {
        ripe = still_relevant(ripe, &conversation.outages);
    }
    for outage in &mut conversation.outages {
        let spoken_of = ripe.iter().any(|item| about(item, outage.event.event.key.model()));
        if !spoken_of && remind_at(rules, outage).is_some_and(|at| at <= now) {
            outage.reminders = outage.reminders.saturating_add(1);
            outage.told_at = now;
            let reminder = Item {
                kind: ItemKind::StillDown,
                event: outage.event.clone(),
                down_since: outage.event.event.observed_at,
                reminder: outage.reminders,
            };
            ripe.push(reminder);
        }
    }
    for item in &ripe {
        note(rules, conversation, item, now);
    }
    ripe
}

/// Notes what the receiver may have heard once the item was sent; what the rules do not tell counts as heard.
fn note(rules: &Rules, conversation: &mut Conversation, item: &Item, now: Timestamp) {
    let model = model_of(item);
    let told = rules.tells(item.kind);
    let known = conversation.outages.iter_mut().find(|outage| outage.event.event.key.model() == model);
    match (item.kind, known) {
        (ItemKind::Down, known) => {
            let outage = Outage { event: item.event.clone(), certain: !told, told_at: now, reminders: 0 };
            match known {
                Some(known) => *known = outage,
                None => conversation.outages.push(outage),
            }
        }
        (ItemKind::Up, Some(known)) if told => known.certain = false,
        (ItemKind::Up, _) if !told => {
            conversation.outages.retain(|outage| outage.event.event.key.model() != model);
        }
        _ => {}
    }
}

/// Notes what the receiver has heard.
fn learn(conversation: &mut Conversation, items: &[Item]) {
    for (at, item) in items.iter().enumerate() {
        let model = model_of(item);
        if items[at + 1..].iter().any(|later| about(later, model)) {
            continue;
        }
        match item.kind {
            ItemKind::Up => {
                conversation.outages.retain(|outage| outage.event.event.key.model() != model);
            }
            ItemKind::Down | ItemKind::StillDown => {
                let known =
                    conversation.outages.iter_mut().find(|outage| outage.event.event.key.model() == model);
                if let Some(known) = known {
                    known.certain = true;
                }
            }
        }
    }
}

/// Reduces items to the last word of each model, and leaves out what the receiver knows.
fn still_relevant(items: Vec<Item>, outages: &[Outage]) -> Vec<Item> {
    let mut kept = Vec::new();
    for (at, item) in items.iter().enumerate() {
        let model = model_of(item);
        if items[at + 1..].iter().any(|later| about(later, model)) {
            continue;
        }
        let known = outages.iter().find(|outage| outage.event.event.key.model() == model);
        let began_unheard = items.iter().any(|other| about(other, model) && other.kind == ItemKind::Down);
        let relevant = match (item.kind, known) {
            (ItemKind::Down, Some(known)) => !known.certain,
            (ItemKind::Up, None) => !began_unheard,
            _ => true,
        };
        if relevant {
            let mut item = item.clone();
            if let (ItemKind::Up, Some(known)) = (item.kind, known) {
                item.down_since = known.event.event.observed_at;
            }
            kept.push(item);
        }
    }
    kept
}

/// Gives the conversation its next version and the time when it is due.
fn changed(rules: &Rules, conversation: &mut Conversation, now: Timestamp) {
    conversation.version = next_version(conversation.version, now);
    let later = |at: Timestamp| rules.quiet_until(at).unwrap_or(at);
    if let Some(sending) = &conversation.sending {
        // An attempt that was lost in quiet hours, or just before them, is made again after them.
        conversation.due = Some(later(sending.leased_until.unwrap_or(sending.retry_at).max(now)));
        return;
    }
    let collected = conversation.collect_until.unwrap_or_default();
    let waiting = conversation.waiting.iter().enumerate().map(|(at, item)| {
        let followed = conversation.waiting[at + 1..].iter().any(|later| about(later, model_of(item)));
        if followed { Timestamp::default() } else { ripe_at(rules, item) }
    });
    let reminders = conversation.outages.iter().filter_map(|outage| remind_at(rules, outage));
    let said = waiting.map(|at| at.max(collected).max(now)).min();
    // What waits over quiet hours is told after them only as far as it is still relevant.
    conversation.held |= said.is_some_and(|at| rules.quiet_until(at).is_some());
    let reminded = reminders.map(|at| at.max(collected).max(now)).min();
    let told = [said, reminded].into_iter().flatten().map(later).min();
    conversation.due = [told, conversation.collect_until].into_iter().flatten().min();
}

fn ripe_at(rules: &Rules, item: &Item) -> Timestamp {
    match item.kind {
        ItemKind::Down => Timestamp::from_secs(item.event.event.observed_at).plus(rules.min_down),
        ItemKind::Up | ItemKind::StillDown => Timestamp::default(),
    }
}

fn remind_at(rules: &Rules, outage: &Outage) -> Option<Timestamp> {
    let every = rules.repeat_every.filter(|_| rules.tells(ItemKind::StillDown))?;
    Some(outage.told_at.plus(every))
}

/// Tells whether an outage was long enough to be told.
fn lasted(rules: &Rules, down: &Event, up: &Event) -> bool {
    let span = Timestamp::from_secs(up.event.observed_at).since(Timestamp::from_secs(down.event.observed_at));
    span >= rules.min_down
}

fn is_failing(conversation: &Conversation) -> bool {
    conversation.sending.as_ref().is_some_and(|sending| sending.attempts > 1 || sending.last_error.is_some())
}

/// Returns what was last said or is to be said of a model, and since when it is or was down.
fn last_word(conversation: &Conversation, model: &str) -> Option<(ItemKind, i64)> {
    let since = |item: &Item| match item.kind {
        ItemKind::Down => item.event.event.observed_at,
        ItemKind::Up | ItemKind::StillDown => item.down_since,
    };
    let sending = conversation.sending.iter().flat_map(|sending| &sending.items);
    let spoken = sending.chain(&conversation.waiting).rfind(|item| about(item, model));
    spoken.map(|item| (item.kind, since(item))).or_else(|| {
        let known = conversation.outages.iter().find(|outage| outage.event.event.key.model() == model)?;
        Some((ItemKind::Down, known.event.event.observed_at))
    })
}

fn still_down(conversation: &Conversation, told: &[Item]) -> Vec<String> {
    let ended = |model: &str| {
        told.iter().rfind(|item| about(item, model)).is_some_and(|item| item.kind == ItemKind::Up)
    };
    let models = conversation.outages.iter().map(|outage| outage.event.event.key.model());
    models.filter(|model| !ended(model)).map(str::to_owned).collect()
}

fn item(kind: ItemKind, event: &Event, down_since: i64) -> Item {
    Item { kind, event: event.clone(), down_since, reminder: 0 }
}

fn model_of(item: &Item) -> &str {
    item.event.event.key.model()
}

fn about(item: &Item, model: &str) -> bool {
    model_of(item) == model
}

fn delivery(conversation: &Conversation, sending: &Sending, delivered: bool, now: Timestamp) -> Delivery {
    Delivery {
        notification: conversation.notification.clone(),
        psc: conversation.psc.clone(),
        key: sending.key.clone(),
        delivered,
        attempts: sending.attempts,
        items: u32::try_from(sending.items.len()).unwrap_or(u32::MAX),
        event_id: sending.items.iter().map(|item| item.event.id).max().unwrap_or_default(),
        since: sending.since,
        settled_at: now,
        last_error: sending.last_error.clone(),
    }
}

/// Returns the idempotency key: 128 bits of a hash over what is told and to whom. Times are part of it, because event
/// numbers alone are not unique across installations.
fn key_of(conversation: &Conversation, items: &[Item]) -> String {
    let mut hash = Sha256::new();
    let psc = &conversation.psc;
    for part in [&conversation.notification, psc.provider(), psc.service(), psc.channel()] {
        hash.update(part.len().to_be_bytes());
        hash.update(part);
    }
    for item in items {
        hash.update(item.kind.as_str());
        hash.update(item.event.id.to_be_bytes());
        hash.update(item.event.event.observed_at.to_be_bytes());
        hash.update(item.reminder.to_be_bytes());
    }
    hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// Keeps an error short: it is kept with the message.
fn cut(error: &mut String) {
    const MOST: usize = 300;
    if error.len() > MOST {
        error.truncate(error.floor_char_boundary(MOST));
        error.push('…');
    }
}
