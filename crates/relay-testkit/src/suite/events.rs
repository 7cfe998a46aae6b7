//! Cases of `EventLog`, and of states and events in `append`.

use std::sync::Arc;

use relay_core::{
    ProbeRecord, StoredRecord, SubStatus,
    event::{
        ChannelMeta, ChannelState, Event, EventMeta, EventType, GroupStates, ModelState, NewEvent, Stable,
    },
    ports::{Transition, repository::EventFilter, transition::NoTransition},
};

use super::{Backend, Blinker, Case, NOW};
use crate::{key, record};

fn up(name: &str, at: i64) -> ProbeRecord {
    record(&key(name), NOW + at).build()
}

fn down(name: &str, at: i64) -> ProbeRecord {
    record(&key(name), NOW + at).red(SubStatus::ServerError, 503).latency(77).detail("no capacity").build()
}

fn blinker(patience: u32) -> Arc<dyn Transition> {
    Arc::new(Blinker { patience })
}

async fn all<B: Backend>(case: &Case<B>) -> Vec<Event> {
    case.repository().events(0, &EventFilter::default(), 1000).await.expect("events")
}

/// What the append returns is what is read back, facts included.
pub async fn events_are_stored_with_their_records<B: Backend>() {
    let mut case = Case::<B>::new().await;
    assert_eq!(case.repository().latest_event_id().await.expect("an id"), 0);
    let batch = vec![up("a/s/c/m", 0), down("a/s/c/m", 1), down("a/s/c/m", 2), up("a/s/c/m", 3)];
    let appended = case.append_with(batch, blinker(2)).await.expect("stored");
    let kinds: Vec<_> = appended.events.iter().map(|event| event.event.kind).collect();
    // One success is not two: still down.
    assert_eq!(kinds, [EventType::Down]);
    let event = &appended.events[0];
    assert_eq!(event.event.trigger_record_id, appended.records[2].id);
    assert_eq!((event.created_at, event.event.observed_at), (NOW, NOW + 2));
    assert_eq!(event.event.meta.detail.as_deref(), Some("no capacity"));
    assert_eq!(all(&case).await, appended.events);
    case.backend.reopen().await;
    assert_eq!(all(&case).await, appended.events);
    assert_eq!(case.repository().latest_event_id().await.expect("an id"), event.id);
}

/// Continuing from the last number misses nothing; parts compare exactly.
pub async fn events_page_by_number_and_filter<B: Backend>() {
    let case = Case::<B>::new().await;
    for at in 0..6 {
        let flip = |name| if at % 2 == 0 { up(name, at) } else { down(name, at) };
        case.append_with(vec![flip("a/s/c"), flip("a/s/d"), flip("B/s")], blinker(1)).await.expect("stored");
    }
    let events = all(&case).await;
    assert_eq!(events.len(), 15);
    assert!(events.is_sorted_by(|left, right| left.id < right.id));
    let (mut since, mut paged) = (0, Vec::new());
    loop {
        let page = case.repository().events(since, &EventFilter::default(), 4).await.expect("events");
        let Some(last) = page.last() else { break };
        since = last.id;
        paged.extend(page);
    }
    assert_eq!(paged, events);
    let count =
        async |filter: EventFilter| case.repository().events(0, &filter, 1000).await.expect("events").len();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(count(EventFilter { provider: text("a"), ..EventFilter::default() }).await, 10);
    assert_eq!(count(EventFilter { provider: text("b"), ..EventFilter::default() }).await, 0);
    assert_eq!(count(EventFilter { channel: text(""), ..EventFilter::default() }).await, 5);
    let downs = EventFilter { channel: text("d"), kind: Some(EventType::Down), ..EventFilter::default() };
    assert_eq!(count(downs).await, 3);
    assert_eq!(count(EventFilter { service: text("x"), ..EventFilter::default() }).await, 0);
}

/// A streak that began before the store was closed goes on after it, also over slots that end meanwhile.
pub async fn states_go_on_over_reopening<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let both = |make: fn(&str, i64) -> ProbeRecord, at| vec![make("a/s//m", at), make("a/s//n", at)];
    let mut at = 0;
    for round in 0..3 {
        // Up again, or up for the first time, then for some slots.
        let mut events = 0;
        for _ in 0..12 {
            at += 700;
            case.clock.set_secs(NOW + at);
            events += case.append_with(both(up, at), blinker(3)).await.expect("stored").events.len();
        }
        assert_eq!(events, if round == 0 { 0 } else { 2 }, "round {round}");
        for _ in 0..2 {
            at += 700;
            case.clock.set_secs(NOW + at);
            assert!(case.append_with(both(down, at), blinker(3)).await.expect("stored").events.is_empty());
        }
        case.backend.reopen().await;
        at += 1;
        let events = case.append_with(both(down, at), blinker(3)).await.expect("stored").events;
        assert_eq!(events.len(), 2, "round {round}");
        case.backend.reopen().await;
    }
}

/// Records without machines move nothing, however often the store is opened in between.
pub async fn states_stay_while_events_are_off<B: Backend>() {
    let mut case = Case::<B>::new().await;
    case.append_with(vec![up("a/s", 0), down("a/s", 1)], blinker(3)).await.expect("stored");
    case.append_with(vec![down("a/s", 2), down("a/s", 3), down("a/s", 4)], Arc::new(NoTransition))
        .await
        .expect("stored");
    case.backend.reopen().await;
    case.append_with(vec![down("a/s", 5)], Arc::new(NoTransition)).await.expect("stored");
    case.backend.reopen().await;
    // The second failure in a row that the machine sees, and the third.
    assert!(case.append_with(vec![down("a/s", 6)], blinker(3)).await.expect("stored").events.is_empty());
    assert_eq!(case.append_with(vec![down("a/s", 7)], blinker(3)).await.expect("stored").events.len(), 1);
}

/// A machine that says the same thing twice of one record, with everything an event can hold.
struct Stutter;

impl Transition for Stutter {
    fn apply(&self, stored: &StoredRecord, states: &mut GroupStates) -> Option<NewEvent> {
        let seen = states.channel.map_or(stored.id, |channel| channel.last_record_id);
        states.channel = Some(ChannelState { last_record_id: seen, ..ChannelState::default() });
        states.models.insert("m".to_owned(), ModelState::default());
        Some(NewEvent {
            key: key("a/s/c"),
            kind: EventType::Down,
            from_status: Stable::Up,
            to_status: stored.record.result.status,
            trigger_record_id: seen,
            observed_at: stored.record.timestamp,
            meta: EventMeta {
                http_code: 503,
                latency_ms: 1,
                sub_status: Some(SubStatus::ServerError),
                detail: None,
                channel: Some(ChannelMeta {
                    trigger_model: "m".to_owned(),
                    down_count: 1,
                    known_count: 2,
                    total_models: 3,
                    down_threshold: Some(1),
                    down_models: vec!["m".to_owned()],
                    up_models: vec![String::new()],
                    model_states: vec![
                        ("m".to_owned(), Stable::Down, Some(stored.record.result.status)),
                        (String::new(), Stable::Up, None),
                    ],
                }),
            },
        })
    }
}

/// Unique by key, direction and record: what was there is neither doubled nor an error.
pub async fn a_record_causes_an_event_once<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let transition: Arc<dyn Transition> = Arc::new(Stutter);
    let first = case.append_with(vec![down("a/s/c/m", 0), down("a/s/c/m", 1)], Arc::clone(&transition)).await;
    let first = first.expect("stored");
    assert_eq!((first.records.len(), first.events.len()), (2, 1));
    case.backend.reopen().await;
    let second = case.append_with(vec![down("a/s/c/m", 2)], transition).await.expect("stored");
    assert!(second.events.is_empty());
    assert_eq!(all(&case).await, first.events);
}
