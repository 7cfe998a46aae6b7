//! The outbox: steps are made as a whole, and only when nobody else was faster.

use relay_core::{
    Psc, Timestamp,
    delivery::{Conversation, Delivery, Item, ItemKind, Outage, Sending},
    event::{ChannelMeta, Event, EventMeta, EventType, NewEvent, Stable},
    ports::repository::{Changed, CursorMove, Step},
};

use super::{Backend, Case, NOW};
use crate::key;

fn event(id: i64, model: &str) -> Event {
    let channel = ChannelMeta {
        trigger_model: model.to_owned(),
        down_count: 1,
        known_count: 2,
        total_models: 2,
        down_threshold: Some(1),
        down_models: vec![model.to_owned()],
        up_models: vec!["other \"model\"".to_owned()],
        model_states: vec![(model.to_owned(), Stable::Down, Some(relay_core::Status::Red))],
    };
    let event = NewEvent {
        key: relay_core::MonitorKey::new(key("p/s/c").psc().clone(), model),
        kind: EventType::Down,
        from_status: Stable::Up,
        to_status: relay_core::Status::Red,
        trigger_record_id: 7,
        observed_at: NOW - 5,
        meta: EventMeta {
            http_code: 503,
            latency_ms: 12,
            sub_status: Some(relay_core::SubStatus::ServerError),
            detail: Some("no\nroom".to_owned()),
            channel: Some(channel),
        },
    };
    Event { id, created_at: NOW + id, event }
}

fn item(kind: ItemKind, id: i64) -> Item {
    Item { kind, event: event(id, "m"), down_since: NOW - 60, reminder: 2 }
}

/// A conversation with something everywhere.
fn full(notification: &str, psc: &Psc, version: i64, due: Option<i64>) -> Conversation {
    Conversation {
        notification: notification.to_owned(),
        psc: psc.clone(),
        version,
        due: due.map(Timestamp::from_millis),
        outages: vec![Outage {
            event: event(1, "m"),
            certain: true,
            told_at: Timestamp::from_millis(1_234_567),
            reminders: 3,
        }],
        waiting: vec![item(ItemKind::Up, 2), item(ItemKind::StillDown, 1)],
        collect_until: Some(Timestamp::from_millis(987_654_321)),
        held: true,
        sending: Some(Sending {
            key: "k".to_owned(),
            items: vec![item(ItemKind::Down, 1)],
            still_down: vec!["m".to_owned(), String::new()],
            attempts: 4,
            since: Timestamp::from_millis(5),
            leased_until: Some(Timestamp::from_millis(6)),
            retry_at: Timestamp::from_millis(7),
            last_error: Some("busy".to_owned()),
        }),
    }
}

fn psc(channel: &str) -> Psc {
    Psc::new("p", "s", channel)
}

/// In a real backend an event belongs to the channel of its conversation.
fn about(channel: &str, notification: &str, version: i64, due: Option<i64>) -> Conversation {
    let mut conversation = full(notification, &psc(channel), version, due);
    let rename = |event: &mut Event| {
        event.event.key = relay_core::MonitorKey::new(psc(channel), event.event.key.model());
    };
    conversation.outages.iter_mut().for_each(|outage| rename(&mut outage.event));
    conversation.waiting.iter_mut().for_each(|item| rename(&mut item.event));
    let sending = conversation.sending.iter_mut().flat_map(|sending| &mut sending.items);
    sending.for_each(|item| rename(&mut item.event));
    conversation
}

fn put(from: Option<i64>, to: Conversation) -> Step {
    Step { conversations: vec![Changed { from, to }], ..Step::default() }
}

fn cursor(notification: &str, from: Option<i64>, to: i64) -> CursorMove {
    CursorMove { notification: notification.to_owned(), from, to }
}

fn delivery(number: u32) -> Delivery {
    Delivery {
        notification: "ops".to_owned(),
        psc: psc("c"),
        key: format!("key-{number}"),
        delivered: number.is_multiple_of(2),
        attempts: number,
        items: 3,
        event_id: 9,
        since: Timestamp::from_millis(11),
        settled_at: Timestamp::from_millis(12),
        last_error: (!number.is_multiple_of(2)).then(|| "busy".to_owned()),
    }
}

/// Everything of a conversation reads back, also after reopening.
pub async fn conversations_read_back<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let conversation = about("c", "ops", 5, Some(77));
    assert!(case.repository().step(put(None, conversation.clone())).await.expect("written"));
    case.backend.reopen().await;
    let wanted = [psc("c"), psc("absent")];
    let repository = case.repository();
    assert_eq!(repository.conversations("ops", &wanted).await.expect("read"), [conversation]);
    assert_eq!(repository.conversations("other", &wanted).await.expect("read"), []);
}

/// A conversation changes only from the version that was seen.
pub async fn conversations_change_from_what_was_seen<B: Backend>() {
    let case = Case::<B>::new().await;
    let repository = case.repository();
    assert!(repository.step(put(None, about("c", "ops", 1, None))).await.expect("written"));
    assert!(!repository.step(put(None, about("c", "ops", 2, None))).await.expect("answered"), "there is one");
    assert!(!repository.step(put(Some(7), about("c", "ops", 8, None))).await.expect("answered"), "another");
    assert!(repository.step(put(Some(1), about("c", "ops", 2, None))).await.expect("written"));
    let found = repository.conversations("ops", &[psc("c")]).await.expect("read");
    assert_eq!(found[0].version, 2);

    let over = Conversation { version: 3, ..Conversation::new("ops", &psc("c")) };
    assert!(!repository.step(put(Some(1), over.clone())).await.expect("answered"));
    assert!(repository.step(put(Some(2), over.clone())).await.expect("written"));
    assert_eq!(repository.conversations("ops", &[psc("c")]).await.expect("read"), []);
    assert!(!repository.step(put(Some(2), over.clone())).await.expect("answered"), "it is gone");
    assert!(repository.step(put(None, over)).await.expect("answered"), "nothing becomes nothing");
}

/// A step is made as a whole or not at all.
pub async fn steps_are_whole<B: Backend>() {
    let case = Case::<B>::new().await;
    let repository = case.repository();
    assert!(repository.step(put(None, about("b", "ops", 1, None))).await.expect("written"));
    let step = Step {
        cursor: Some(cursor("ops", None, 9)),
        conversations: vec![
            Changed { from: None, to: about("a", "ops", 1, None) },
            Changed { from: None, to: about("b", "ops", 2, None) },
        ],
        settled: vec![delivery(1)],
    };
    assert!(!repository.step(step.clone()).await.expect("answered"));
    assert_eq!(repository.cursors().await.expect("read"), []);
    assert_eq!(repository.conversations("ops", &[psc("a")]).await.expect("read"), []);
    assert_eq!(repository.deliveries(9).await.expect("read"), []);

    let mut right = step;
    right.conversations[1].from = Some(1);
    assert!(repository.step(right).await.expect("written"));
    assert_eq!(repository.cursors().await.expect("read"), [("ops".to_owned(), 9)]);
    assert_eq!(repository.deliveries(9).await.expect("read"), [delivery(1)]);
}

/// A cursor moves only from where it is.
pub async fn cursors_move_from_where_they_are<B: Backend>() {
    let case = Case::<B>::new().await;
    let repository = case.repository();
    let go = |from, to| {
        let repository = repository.clone();
        async move {
            let step = Step { cursor: Some(cursor("ops", from, to)), ..Step::default() };
            repository.step(step).await.expect("answered")
        }
    };
    assert!(!go(Some(0), 1).await, "not seen yet");
    assert!(go(None, 4).await);
    assert!(!go(None, 5).await, "seen already");
    assert!(go(Some(4), 6).await);
    assert!(!go(Some(4), 7).await);
    assert_eq!(repository.cursors().await.expect("read"), [("ops".to_owned(), 6)]);
}

/// Conversations come in the order in which they are due.
pub async fn conversations_come_when_they_are_due<B: Backend>() {
    let case = Case::<B>::new().await;
    let repository = case.repository();
    for (channel, notification, due) in [
        ("never", "ops", None),
        ("late", "ops", Some(30)),
        ("soon", "ops", Some(10)),
        ("x", "other", Some(1)),
    ] {
        let step = put(None, about(channel, notification, 1, due));
        assert!(repository.step(step).await.expect("written"));
    }
    let channels = |found: Vec<Conversation>| -> Vec<String> {
        found.iter().map(|conversation| conversation.psc.channel().to_owned()).collect()
    };
    assert_eq!(channels(repository.upcoming("ops", 9).await.expect("read")), ["soon", "late", "never"]);
    assert_eq!(channels(repository.upcoming("ops", 1).await.expect("read")), ["soon"]);
    assert!(repository.upcoming("nobody", 9).await.expect("read").is_empty());
}

/// What is forgotten is gone, and only that.
pub async fn what_is_forgotten_is_gone<B: Backend>() {
    let case = Case::<B>::new().await;
    let repository = case.repository();
    for name in ["ops", "other"] {
        let step = Step {
            cursor: Some(cursor(name, None, 3)),
            settled: vec![delivery(2)],
            ..put(None, about("c", name, 1, None))
        };
        assert!(repository.step(step).await.expect("written"));
    }
    assert!(repository.forget("ops").await.expect("written"));
    assert!(!repository.forget("ops").await.expect("answered"), "there is nothing left");
    assert_eq!(repository.cursors().await.expect("read"), [("other".to_owned(), 3)]);
    assert_eq!(repository.upcoming("ops", 9).await.expect("read"), []);
    assert_eq!(repository.upcoming("other", 9).await.expect("read").len(), 1);
    assert_eq!(repository.deliveries(9).await.expect("read").len(), 2, "the log stays");
}

/// The log tells the newest first.
pub async fn deliveries_are_logged<B: Backend>() {
    let case = Case::<B>::new().await;
    let repository = case.repository();
    for number in 1..=4 {
        let step = Step { settled: vec![delivery(number)], ..Step::default() };
        assert!(repository.step(step).await.expect("written"));
    }
    let newest: Vec<Delivery> = (2..=4).rev().map(delivery).collect();
    assert_eq!(repository.deliveries(3).await.expect("read"), newest);
}

/// What waits is counted by notification.
pub async fn the_backlog_is_counted<B: Backend>() {
    let case = Case::<B>::new().await;
    let repository = case.repository();
    assert_eq!(repository.backlog().await.expect("read"), []);
    for (channel, name) in [("a", "ops"), ("b", "ops"), ("a", "also")] {
        assert!(repository.step(put(None, about(channel, name, 1, None))).await.expect("written"));
    }
    let mut told = about("told", "ops", 1, None);
    told.waiting.clear();
    told.sending = None;
    assert!(repository.step(put(None, told)).await.expect("written"));
    let counts: Vec<(String, u64, i64)> = repository
        .backlog()
        .await
        .expect("read")
        .into_iter()
        .map(|backlog| (backlog.notification, backlog.waiting, backlog.since))
        .collect();
    assert_eq!(counts, [("also".to_owned(), 1, NOW + 1), ("ops".to_owned(), 2, NOW + 1)]);
}
