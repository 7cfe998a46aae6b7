//! Cases of `Maintenance::name_channels`: a channel that got a name keeps its history.

use std::sync::Arc;

use relay_core::{
    MonitorKey, Status, SubStatus, Timestamp,
    delivery::{Conversation, Outage},
    event::{Event, EventMeta, EventType, NewEvent, Stable},
    ports::repository::{Changed, DayRollup, EventFilter, HistoryQuery, Step},
    timeline::{Align, Period, Plan, Sample, Tally, Timeline},
};

use super::{Backend, Blinker, Case, NOW};
use crate::{key, record};

const DAY: i64 = 86_400;

/// When the records of these cases were made: in slots and days long written, in the last ones, now.
const TIMES: [i64; 8] =
    [NOW - 20 * DAY, NOW - 2 * DAY, NOW - DAY - 7, NOW - 7200, NOW - 1900, NOW - 60, NOW - 1, NOW];

async fn timelines<B: Backend>(case: &Case<B>, key: &MonitorKey) -> Vec<Timeline> {
    let mut all = Vec::new();
    for period in [Period::Minutes90, Period::Hours24, Period::Days30] {
        let plan = Plan::new(period, Align::Now, None, Timestamp::from_secs(NOW)).with_bucket_sketches();
        let keys = std::slice::from_ref(key);
        all.extend(case.repository().timelines(keys, &plan).await.expect("timelines"));
    }
    all
}

async fn history<B: Backend>(case: &Case<B>, key: &MonitorKey) -> Vec<i64> {
    let query = HistoryQuery { key: key.clone(), from: 0, to: NOW, before: None, limit: 100 };
    let records = case.repository().history(&query).await.expect("history");
    assert!(records.iter().all(|stored| stored.record.key == *key));
    records.iter().map(|stored| stored.id).collect()
}

async fn name<B: Backend>(case: &Case<B>, named: &MonitorKey) -> u64 {
    case.repository().name_channels(&[named.psc().clone()]).await.expect("named")
}

/// Records, rollups, imported days, the latest record and events are those of the named key then, each model its own,
/// also after reopening; nobody else is touched.
pub async fn a_named_channel_takes_its_history_along<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let models = ["", "m", "n"];
    let old = models.map(|model| MonitorKey::from_parts("a", "s", "", model));
    let new = models.map(|model| MonitorKey::from_parts("a", "s", "c", model));
    let others = [key("a/t"), key("b/s"), key("a/s/d")];
    for at in TIMES {
        let keys = old.iter().chain(&others);
        let batch =
            keys.enumerate().map(|(index, key)| record(key, at + i64::try_from(index).expect("few") - 6));
        let red = at % 7 == 0;
        let batch =
            batch.map(|one| if red { one.red(SubStatus::ServerError, 502) } else { one }.build()).collect();
        case.append_with(batch, Arc::new(Blinker { patience: 1 })).await.expect("stored");
    }
    let mut tally = Tally::default();
    let sample = relay_core::StoredRecord { id: 0, record: record(&old[1], NOW - 9 * DAY).build() };
    tally.add(&Sample::of(&sample));
    let day = NOW - NOW % DAY - 9 * DAY;
    let days = vec![DayRollup { key: old[1].clone(), day, tally }];
    case.repository().import_days(days).await.expect("imported");

    let mut before = Vec::new();
    for key in old.iter().chain(&others) {
        before.push((timelines(&case, key).await, history(&case, key).await));
    }
    let latest = case.repository().latest(&old).await.expect("latest");
    let events = case.repository().events(0, &EventFilter::default(), 100).await.expect("events");
    assert!(!events.is_empty());

    assert_eq!(name(&case, &new[0]).await, 3);
    for reopened in [false, true] {
        if reopened {
            case.backend.reopen().await;
        }
        for (key, (timelines_before, history_before)) in new.iter().chain(&others).zip(&before) {
            assert_eq!(&timelines(&case, key).await, timelines_before, "{key}, reopened: {reopened}");
            assert_eq!(&history(&case, key).await, history_before, "{key}, reopened: {reopened}");
        }
        assert_eq!(case.repository().latest(&new).await.expect("latest"), latest);
        assert_eq!(case.repository().latest(&old).await.expect("latest"), [None; 3]);
        assert!(history(&case, &old[1]).await.is_empty());
        let moved = case.repository().events(0, &EventFilter::default(), 100).await.expect("events");
        let expected: Vec<_> = events
            .iter()
            .cloned()
            .map(|mut event| {
                if let Some(at) = old.iter().position(|key| *key == event.event.key) {
                    event.event.key = new[at].clone();
                }
                event
            })
            .collect();
        assert_eq!(moved, expected);
    }
    assert_eq!(name(&case, &new[0]).await, 0);
}

/// Where both have history, records and counts add up in every slot, held or written, and the newer latest one stays.
pub async fn a_named_channel_adds_up_with_what_it_has<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let (old, new, both) = (key("a/s"), key("a/s/c"), key("z/z"));
    for (index, at) in TIMES.into_iter().enumerate() {
        let latency = 100 + u32::try_from(index).expect("few");
        // The record that both leave to the reference has the time of each of theirs.
        let mut batch = Vec::new();
        for (key, seconds) in [(&old, 0), (&new, 3)] {
            batch.push(record(key, at - seconds).latency(latency).build());
            batch.push(record(&both, at - seconds).latency(latency).build());
        }
        case.append(batch).await;
    }
    assert_eq!(name(&case, &new).await, 1);
    for reopened in [false, true] {
        if reopened {
            case.backend.reopen().await;
        }
        let (merged, reference) = (timelines(&case, &new).await, timelines(&case, &both).await);
        for (merged, reference) in merged.iter().zip(&reference) {
            assert_eq!(merged.whole.total(), reference.whole.total(), "reopened: {reopened}");
            assert_eq!(merged.whole.mean_latency(), reference.whole.mean_latency());
            assert_eq!(merged.whole.latencies, reference.whole.latencies);
        }
        assert_eq!(history(&case, &new).await.len(), 2 * TIMES.len());
        let latest = case.repository().latest(&[new.clone(), old.clone()]).await.expect("latest");
        assert_eq!(latest[0].map(|latest| latest.timestamp), Some(NOW));
        assert_eq!(latest[1], None);
    }
    case.append(vec![record(&new, NOW).build()]).await;
    assert_eq!(history(&case, &new).await.len(), 2 * TIMES.len() + 1);
}

/// A streak that began without channel ends with it; of a model that both have, the named one's machine stays.
pub async fn a_renamed_groups_machines_go_on<B: Backend>() {
    for reopened in [false, true] {
        let mut case = Case::<B>::new().await;
        let (old, new) = (key("a/s"), key("a/s/c"));
        let rules = || Arc::new(Blinker { patience: 3 });
        let down = |key: &MonitorKey, at| record(key, NOW - at).red(SubStatus::ServerError, 503).build();
        let batch = vec![record(&old, NOW - 90).build(), down(&old, 80), down(&old, 70)];
        case.append_with(batch, rules()).await.expect("stored");
        assert_eq!(name(&case, &new).await, 1);
        if reopened {
            case.backend.reopen().await;
        }
        let appended = case.append_with(vec![down(&new, 60)], rules()).await.expect("stored");
        let kinds: Vec<_> =
            appended.events.iter().map(|event| (event.event.kind, &event.event.key)).collect();
        assert_eq!(kinds, [(EventType::Down, &new)]);

        // Somebody took the channel out of the configuration and put it back: the named machine is down, and stays.
        let batch = vec![record(&old, NOW - 50).build(), down(&old, 40), down(&old, 39)];
        case.append_with(batch, rules()).await.expect("stored");
        assert_eq!(name(&case, &new).await, 1);
        if reopened {
            case.backend.reopen().await;
        }
        let appended = case.append_with(vec![down(&new, 30)], rules()).await.expect("stored");
        assert_eq!(appended.events, []);
        let up = (0..3).map(|at| record(&new, NOW - at).build()).rev().collect();
        let appended = case.append_with(up, rules()).await.expect("stored");
        assert_eq!(appended.events.iter().map(|event| event.event.kind).collect::<Vec<_>>(), [EventType::Up]);
    }
}

/// Who was told that something is down without channel is told that it is up with it: what is open follows, unless
/// something is open about the named channel already.
pub async fn what_is_open_with_receivers_follows<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let (old, new) = (key("a/s"), key("a/s/c"));
    let open = |name: &str, about: &MonitorKey, version| {
        let due = Some(Timestamp::from_millis(version));
        let conversation = Conversation { version, due, held: true, ..Conversation::new(name, about.psc()) };
        let outage = Outage {
            event: Event { id: 1, created_at: NOW, event: down_event(about) },
            certain: true,
            told_at: Timestamp::from_secs(NOW),
            reminders: 0,
        };
        Conversation { outages: vec![outage], ..conversation }
    };
    case.append(vec![record(&old, NOW).build()]).await;
    let conversations = [open("one", &old, 5), open("two", &old, 6), open("two", &new, 7)];
    let conversations = conversations.map(|to| Changed { from: None, to }).to_vec();
    assert!(case.repository().step(Step { conversations, ..Step::default() }).await.expect("made"));
    assert_eq!(name(&case, &new).await, 1);
    case.backend.reopen().await;
    for (notification, version) in [("one", 5), ("two", 7)] {
        let groups = [old.psc().clone(), new.psc().clone()];
        let found = case.repository().conversations(notification, &groups).await.expect("conversations");
        assert_eq!(found, [open(notification, &new, version)]);
    }
}

fn down_event(about: &MonitorKey) -> NewEvent {
    NewEvent {
        key: about.clone(),
        kind: EventType::Down,
        from_status: Stable::Up,
        to_status: Status::Red,
        trigger_record_id: 1,
        observed_at: NOW,
        meta: EventMeta::default(),
    }
}

/// Neither a group without history, nor one without channel, nor the same group twice does any harm.
pub async fn naming_without_history_does_nothing<B: Backend>() {
    let case = Case::<B>::new().await;
    let (a, b) = (key("a/s"), key("b/s/c"));
    assert_eq!(name(&case, &b).await, 0);
    case.append(vec![record(&a, NOW).build(), record(&b, NOW).build()]).await;
    assert_eq!(name(&case, &a).await, 0);
    assert_eq!(name(&case, &b).await, 0);
    assert_eq!(history(&case, &a).await.len(), 1);
    // The first group that asks for it gets it.
    let groups = ["a/s/c", "a/s/d", "a/s/c"].map(|name| key(name).psc().clone());
    assert_eq!(case.repository().name_channels(&groups).await.expect("named"), 1);
    assert_eq!(history(&case, &key("a/s/c")).await.len(), 1);
    assert_eq!(history(&case, &key("a/s/d")).await.len(), 0);
    assert_eq!(case.repository().name_channels(&[]).await.expect("nothing"), 0);
}
