//! Cases of `Imports`.

use std::{collections::BTreeMap, sync::Arc};

use relay_core::{
    MonitorKey, Status, StoredRecord, SubStatus, Timestamp, UnixSeconds,
    event::{Event, EventMeta, EventType, GroupStates, ModelState, NewEvent, Stable},
    ports::repository::{
        DayRollup, EventFilter, HistoryQuery, ImportProgress, ImportSource, ImportedDay, Repository,
    },
    timeline::{Align, Period, Plan, Sample, Tally, Timeline},
};

use super::{Backend, Blinker, Case, NOW};
use crate::{key, record};

const DAY: i64 = 86_400;

fn source(last_record_id: i64, last_event_id: i64) -> ImportSource {
    ImportSource { name: "old".to_owned(), last_record_id, last_event_id }
}

/// Groups records by monitor and day, as the port wants them.
fn days(records: impl IntoIterator<Item = StoredRecord>) -> Vec<ImportedDay> {
    let mut days: BTreeMap<(MonitorKey, UnixSeconds), Vec<StoredRecord>> = BTreeMap::new();
    for stored in records {
        let day = stored.record.timestamp.div_euclid(DAY) * DAY;
        days.entry((stored.record.key.clone(), day)).or_default().push(stored);
    }
    days.into_iter().map(|((key, day), records)| ImportedDay { key, day, records }).collect()
}

/// Records of several monitors over a month, up to now, red ones among them, in no order of time.
fn month() -> Vec<StoredRecord> {
    let keys = ["a/s", "a/s/c/m", "b/s"].map(key);
    (0..300i64)
        .map(|index| {
            let at = NOW - (index * 7919) % 300 * 9001;
            let one = record(&keys[usize::try_from(index % 3).expect("small")], at);
            let one = one.latency(100 + u32::try_from(index).expect("small"));
            let one = if index % 5 == 0 { one.red(SubStatus::RateLimit, 429) } else { one };
            StoredRecord { id: index + 1, record: one.build() }
        })
        .collect()
}

async fn timelines(repository: &dyn Repository, keys: &[MonitorKey]) -> Vec<Vec<Timeline>> {
    let mut all = Vec::new();
    for period in [Period::Minutes90, Period::Hours24, Period::Days7, Period::Days30, Period::Days90] {
        let plan = Plan::new(period, Align::Now, None, Timestamp::from_secs(NOW)).with_bucket_sketches();
        all.push(repository.timelines(keys, &plan).await.expect("timelines"));
    }
    all
}

async fn total(repository: &dyn Repository, key: &MonitorKey) -> u32 {
    let plan = Plan::new(Period::Days30, Align::Now, None, Timestamp::from_secs(NOW));
    repository.timelines(std::slice::from_ref(key), &plan).await.expect("timelines")[0].whole.total()
}

async fn history(repository: &dyn Repository, key: &MonitorKey) -> Vec<StoredRecord> {
    let query = HistoryQuery { key: key.clone(), from: 0, to: NOW, before: None, limit: 1000 };
    repository.history(&query).await.expect("history")
}

async fn import(repository: &dyn Repository, records: Vec<StoredRecord>) -> u64 {
    repository.import_records(days(records)).await.expect("imported")
}

/// Timelines, history and latest records are those of a store whose probes made them, in whatever order they came in,
/// also after reopening, and live records come on top.
pub async fn imported_records_are_as_if_they_had_been_made_here<B: Backend>() {
    let (made_here, mut imported) = (Case::<B>::new().await, Case::<B>::new().await);
    let keys = ["a/s", "a/s/c/m", "b/s"].map(key);
    let all = month();
    made_here.append(all.iter().map(|stored| stored.record.clone()).collect()).await;
    let progress = imported.repository().begin_import(&source(300, 0)).await.expect("begun");
    assert_eq!(progress, ImportProgress::default());
    let (newer, older): (Vec<_>, Vec<_>) =
        all.iter().cloned().partition(|one| one.record.timestamp >= NOW - NOW % DAY - 3 * DAY);
    let (expected_newer, expected_older) = (newer.len() as u64, older.len() as u64);
    assert_eq!(import(imported.repository().as_ref(), newer).await, expected_newer);
    assert_eq!(import(imported.repository().as_ref(), older).await, expected_older);

    for step in ["imported", "reopened", "live"] {
        match step {
            "reopened" => imported.backend.reopen().await,
            "live" => {
                let batch: Vec<_> = keys.iter().map(|key| record(key, NOW - 5).latency(7).build()).collect();
                made_here.append(batch.clone()).await;
                imported.append(batch).await;
            }
            _ => {}
        }
        let (expected, got) = (made_here.repository(), imported.repository());
        assert_eq!(timelines(got.as_ref(), &keys).await, timelines(expected.as_ref(), &keys).await, "{step}");
        for key in &keys {
            assert_eq!(history(got.as_ref(), key).await, history(expected.as_ref(), key).await, "{step}");
        }
        let latest =
            (got.latest(&keys).await.expect("latest"), expected.latest(&keys).await.expect("latest"));
        assert_eq!(latest.0, latest.1, "{step}");
    }
}

/// A second try adds nothing, and is told how far the first one was.
pub async fn importing_twice_counts_nothing_twice<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let keys = ["a/s", "a/s/c/m", "b/s"].map(key);
    case.repository().begin_import(&source(300, 9)).await.expect("begun");
    assert_eq!(import(case.repository().as_ref(), month()).await, 300);
    let before = timelines(case.repository().as_ref(), &keys).await;
    case.repository().note_import("old", Some(NOW - DAY), false).await.expect("noted");
    case.backend.reopen().await;
    let progress = case.repository().begin_import(&source(300, 9)).await.expect("begun");
    assert_eq!(progress, ImportProgress { id_offset: 0, done_from: Some(NOW - DAY), finished: false });
    assert_eq!(import(case.repository().as_ref(), month()).await, 0);
    case.backend.reopen().await;
    assert_eq!(timelines(case.repository().as_ref(), &keys).await, before);
    case.repository().note_import("old", None, true).await.expect("noted");
    assert!(case.repository().begin_import(&source(300, 9)).await.expect("begun").finished);
}

/// Slots that both have part of become whole; of same records as many stay as the fuller side has.
pub async fn what_the_store_has_already_is_not_added<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let a = key("a/s");
    for at in [NOW - 40, NOW - 5 * DAY] {
        let live = vec![record(&a, at).latency(1).build(), record(&a, at + 2).latency(1).build()];
        case.append(live).await;
        let stored =
            |id: i64, at, latency| StoredRecord { id, record: record(&a, at).latency(latency).build() };
        let records = vec![stored(1, at, 1), stored(2, at, 1), stored(3, at + 1, 1), stored(4, at + 2, 2)];
        case.repository().begin_import(&source(4, 0)).await.expect("begun");
        assert_eq!(import(case.repository().as_ref(), records.clone()).await, 3);
        assert_eq!(import(case.repository().as_ref(), records).await, 0);
    }
    for reopened in [false, true] {
        if reopened {
            case.backend.reopen().await;
        }
        assert_eq!(total(case.repository().as_ref(), &a).await, 10);
        let records = history(case.repository().as_ref(), &a).await;
        assert_eq!(records.len(), 10);
        let mut ids: Vec<_> = records.iter().map(|stored| stored.id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 10, "no number is given twice");
    }
}

/// A day that was counted without its records keeps that count until as many records are there.
pub async fn counts_without_records_stay_when_they_are_more<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let a = key("a/s");
    let day = NOW - NOW % DAY - 4 * DAY;
    let stored = |id: i64| StoredRecord { id, record: record(&a, day + id * 1000).build() };
    let counted = |count: i64| {
        let mut tally = Tally::default();
        (1..=count).for_each(|id| tally.add(&Sample::of(&stored(id))));
        vec![DayRollup { key: a.clone(), day, tally }]
    };
    case.repository().import_days(counted(5)).await.expect("imported");
    case.repository().begin_import(&source(9, 0)).await.expect("begun");
    for (records, expected) in [(3, 5), (5, 5), (7, 7)] {
        import(case.repository().as_ref(), (1..=records).map(stored).collect()).await;
        assert_eq!(total(case.repository().as_ref(), &a).await, expected);
        case.backend.reopen().await;
        assert_eq!(total(case.repository().as_ref(), &a).await, expected);
    }
    // Fewer counts do not replace more records.
    case.repository().import_days(counted(6)).await.expect("imported");
    assert_eq!(total(case.repository().as_ref(), &a).await, 7);
    case.repository().import_days(counted(8)).await.expect("imported");
    assert_eq!(total(case.repository().as_ref(), &a).await, 8);
}

/// Records of one day, one every ten minutes; `number` is that of the first.
fn every_ten_minutes(key: &MonitorKey, day: UnixSeconds, number: i64) -> Vec<StoredRecord> {
    let stored = |step: i64| {
        let latency = 100 + u32::try_from(step).expect("small");
        let one = record(key, day + step * 600).latency(latency);
        let one = if step % 7 == 0 { one.red(SubStatus::ServerError, 500) } else { one };
        StoredRecord { id: number + step, record: one.build() }
    };
    (0..144).map(stored).collect()
}

async fn clean(repository: &dyn Repository, before: UnixSeconds) {
    while repository.delete_records(before, 50).await.expect("deleted") > 0 {}
}

/// The cleaner took part of a day's records, or all of them, and left their counts: however often an archive of that
/// day brings them back, whole or in parts, each is counted once.
pub async fn records_that_come_back_are_counted_once<B: Backend>() {
    let (a, b) = (key("a/s"), key("b/s/c/m"));
    let day = NOW - NOW % DAY - 4 * DAY;
    for cleaned_until in [day + 15 * 3600 + 1800, day + DAY] {
        let mut case = Case::<B>::new().await;
        case.repository().begin_import(&source(432, 0)).await.expect("begun");
        let archive = [every_ten_minutes(&a, day, 1), every_ten_minutes(&b, day, 145)].concat();
        let next_day = every_ten_minutes(&a, day + DAY, 289);
        assert_eq!(import(case.repository().as_ref(), [archive.clone(), next_day].concat()).await, 432);
        let keys = [a.clone(), b.clone()];
        let before = timelines(case.repository().as_ref(), &keys).await;
        clean(case.repository().as_ref(), cleaned_until).await;
        let (half, others): (Vec<_>, Vec<_>) = archive.iter().cloned().partition(|stored| stored.id % 2 == 0);
        let gone_of = |some: &[StoredRecord]| {
            some.iter().filter(|stored| stored.record.timestamp < cleaned_until).count() as u64
        };
        let (half_gone, others_gone) = (gone_of(&half), gone_of(&others));

        assert_eq!(import(case.repository().as_ref(), half).await, half_gone);
        assert_eq!(total(case.repository().as_ref(), &a).await, 288);
        for expected in [others_gone, 0] {
            assert_eq!(import(case.repository().as_ref(), archive.clone()).await, expected);
            assert_eq!(timelines(case.repository().as_ref(), &keys).await, before);
            case.backend.reopen().await;
            assert_eq!(timelines(case.repository().as_ref(), &keys).await, before);
        }
        assert_eq!(history(case.repository().as_ref(), &b).await.len(), 144);
        // And once more, after the next clean-up and a recount.
        clean(case.repository().as_ref(), cleaned_until).await;
        case.repository().rebuild_rollups().await.expect("rebuilt");
        assert_eq!(import(case.repository().as_ref(), archive.clone()).await, half_gone + others_gone);
        case.repository().rebuild_rollups().await.expect("rebuilt");
        assert_eq!(timelines(case.repository().as_ref(), &keys).await, before);
    }
}

/// What came late for a slot whose records were gone is counted beside those that come back; an archive that knows more
/// than was counted is counted whole.
pub async fn late_records_and_those_that_come_back_add_up<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let (a, b) = (key("a/s"), key("b/s/c/m"));
    let day = NOW - NOW % DAY - 4 * DAY;
    case.repository().begin_import(&source(288, 0)).await.expect("begun");
    let archive = every_ten_minutes(&a, day, 1);
    let fuller = every_ten_minutes(&b, day, 145);
    let less = fuller.iter().filter(|stored| stored.id % 3 != 0).cloned().collect();
    assert_eq!(import(case.repository().as_ref(), archive.clone()).await, 144);
    assert_eq!(import(case.repository().as_ref(), less).await, 96);
    clean(case.repository().as_ref(), day + DAY / 2).await;
    case.append(vec![record(&a, day + 7).latency(1).build(), record(&b, day + 8).latency(1).build()]).await;
    for _ in 0..2 {
        import(case.repository().as_ref(), [archive.clone(), fuller.clone()].concat()).await;
        assert_eq!(total(case.repository().as_ref(), &a).await, 145);
        assert_eq!(total(case.repository().as_ref(), &b).await, 145);
        case.backend.reopen().await;
    }
    case.repository().rebuild_rollups().await.expect("rebuilt");
    assert_eq!(total(case.repository().as_ref(), &a).await, 145);
    assert_eq!(total(case.repository().as_ref(), &b).await, 145);
}

/// The same for the current day, which live records are counted into meanwhile.
pub async fn records_of_today_that_come_back_are_counted_once<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let (a, today) = (key("a/s"), NOW - NOW % DAY);
    let batch = every_ten_minutes(&a, today, 1).into_iter().filter(|one| one.record.timestamp <= NOW);
    let appended = case.append(batch.map(|stored| stored.record).collect()).await.records;
    let count = u32::try_from(appended.len()).expect("few");
    let keys = [a.clone()];
    let before = timelines(case.repository().as_ref(), &keys).await;
    clean(case.repository().as_ref(), i64::MAX).await;
    for _ in 0..2 {
        import(case.repository().as_ref(), appended.clone()).await;
        assert_eq!(timelines(case.repository().as_ref(), &keys).await, before);
        case.backend.reopen().await;
        assert_eq!(timelines(case.repository().as_ref(), &keys).await, before);
    }
    for live in 1..4 {
        case.append(vec![record(&a, NOW).latency(live).build()]).await;
        assert_eq!(total(case.repository().as_ref(), &a).await, count + live);
        case.backend.reopen().await;
        assert_eq!(total(case.repository().as_ref(), &a).await, count + live);
    }
}

/// Nothing that is made later gets a number of the source, and in a store that has records the source's are shifted.
pub async fn numbers_of_the_source_are_reserved<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let a = key("a/s");
    case.repository().begin_import(&source(500, 70)).await.expect("begun");
    case.backend.reopen().await;
    let batch =
        vec![record(&a, NOW - 9).build(), record(&a, NOW - 8).red(SubStatus::ServerError, 500).build()];
    let appended = case.append_with(batch, Arc::new(Blinker { patience: 1 })).await.expect("stored");
    assert!(appended.records[0].id > 500, "{:?}", appended.records);
    assert!(appended.events[0].id > 70, "{:?}", appended.events);
    let last = appended.records[1].id;

    let other = ImportSource { name: "other".to_owned(), last_record_id: 3, last_event_id: 0 };
    let progress = case.repository().begin_import(&other).await.expect("begun");
    assert!(progress.id_offset >= last);
    assert_eq!(case.repository().begin_import(&other).await.expect("begun"), progress);
    let records = (1..=3)
        .map(|id| StoredRecord { id: id + progress.id_offset, record: record(&a, NOW - 100 * id).build() });
    assert_eq!(import(case.repository().as_ref(), records.collect()).await, 3);
    let next = case.append(vec![record(&a, NOW).build()]).await.records[0].id;
    assert!(next > progress.id_offset + 3);
}

fn event(id: i64, name: &str, kind: EventType) -> Event {
    let event = NewEvent {
        key: key(name),
        kind,
        from_status: if kind == EventType::Down { Stable::Up } else { Stable::Down },
        to_status: Status::Red,
        trigger_record_id: id * 10,
        observed_at: NOW - 1000 + id,
        meta: EventMeta { http_code: 503, ..EventMeta::default() },
    };
    Event { id, created_at: NOW - 999 + id, event }
}

/// Events keep their numbers and times; a second try and a taken number change nothing; known states stay.
pub async fn events_and_states_come_along_once<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let model = ModelState {
        stable: Stable::Down,
        streak: Stable::Down,
        last_record_id: 70,
        ..ModelState::default()
    };
    let mut states = GroupStates::default();
    states.models.insert("m".to_owned(), model);
    let groups = vec![(key("a/s/c").psc().clone(), states)];
    let events = vec![event(3, "a/s/c/m", EventType::Down), event(7, "b/s", EventType::Up)];
    case.repository().begin_import(&source(70, 7)).await.expect("begun");
    let outcome = case.repository().import_events(events.clone(), groups.clone()).await.expect("imported");
    assert_eq!((outcome.events, outcome.events_left_out, outcome.groups), (2, 0, 1));
    case.backend.reopen().await;
    let mut again = events.clone();
    again.push(event(7, "c/s", EventType::Down));
    again.push(event(7, "b/s", EventType::Down));
    let outcome = case.repository().import_events(again, groups).await.expect("imported");
    assert_eq!((outcome.events, outcome.events_left_out, outcome.groups), (0, 2, 0));
    // Another name of the same source has another offset of record numbers.
    let shifted = events.iter().map(|event| {
        let trigger_record_id = event.event.trigger_record_id + 1_000_000;
        Event { event: NewEvent { trigger_record_id, ..event.event.clone() }, ..event.clone() }
    });
    let outcome = case.repository().import_events(shifted.collect(), Vec::new()).await.expect("imported");
    assert_eq!((outcome.events, outcome.events_left_out), (0, 0));
    let all = case.repository().events(0, &EventFilter::default(), 10).await.expect("events");
    assert_eq!(all, events);

    // Of events whose record is unknown there is one of a kind; the others are told of, however often they come.
    let uncaused = [8, 9].map(|id| {
        let up = event(id, "d/s", EventType::Up);
        Event { event: NewEvent { trigger_record_id: 0, ..up.event }, ..up }
    });
    for copied in [1, 0] {
        let outcome = case.repository().import_events(uncaused.to_vec(), Vec::new()).await.expect("imported");
        assert_eq!((outcome.events, outcome.events_left_out), (copied, 1));
    }

    // The machine goes on where it was: down, so that a success is news.
    let up = vec![record(&key("a/s/c/m"), NOW).build()];
    let appended = case.append_with(up, Arc::new(Blinker { patience: 1 })).await.expect("stored");
    assert_eq!(appended.events.len(), 1);
    assert_eq!(appended.events[0].event.kind, EventType::Up);
    assert!(appended.events[0].id > 7);
}

/// States are what live records made them, whatever is imported beside, also after reopening.
pub async fn machines_do_not_see_imported_records<B: Backend>() {
    for reopened in [false, true] {
        let mut case = Case::<B>::new().await;
        let a = key("a/s/c/m");
        let rules = || Arc::new(Blinker { patience: 3 });
        let down = |at| record(&a, NOW - at).red(SubStatus::ServerError, 503).build();
        let batch = vec![record(&a, NOW - 90).build(), down(80), down(70)];
        case.append_with(batch, rules()).await.expect("stored");
        let progress = case.repository().begin_import(&source(2, 0)).await.expect("begun");
        let records = [60, 50].map(|at| StoredRecord { id: progress.id_offset + at / 30, record: down(at) });
        assert_eq!(import(case.repository().as_ref(), records.to_vec()).await, 2);
        if reopened {
            case.backend.reopen().await;
        }
        assert_eq!(case.repository().latest_event_id().await.expect("an id"), 0);
        let appended = case.append_with(vec![record(&a, NOW - 40).build()], rules()).await.expect("stored");
        assert_eq!(appended.events, []);
        let appended = case.append_with(vec![down(3), down(2), down(1)], rules()).await.expect("stored");
        assert_eq!(appended.events.len(), 1, "reopened: {reopened}");
    }
}
