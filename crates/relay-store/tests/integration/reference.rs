//! Each backend against the plainest reading of the contract, on random histories.

use std::sync::Arc;

use proptest::prelude::*;
use relay_core::{
    MonitorKey, ProbeRecord, Status, StoredRecord, SubStatus, Timestamp, UnixSeconds,
    ports::{
        Repository, Transition,
        repository::{
            DayRollup, EventFilter, EventLog, HistoryQuery, ImportedDay, Imports, Maintenance, Records,
            Timelines,
        },
        transition::NoTransition,
    },
    timeline::{Align, DailyFilter, Period, Plan, Sample, Tally},
};
use relay_testkit::{
    ManualClock, MemoryRepository, key, record,
    suite::{Backend, Blinker},
};

use crate::support::{Sqlite, postgres::Postgres};

/// 2026-03-10 00:00:00 UTC.
const START: UnixSeconds = 1_773_100_800;
const MONITORS: u8 = 4;

/// One thing that happens to a store.
#[derive(Debug, Clone)]
enum Step {
    /// Records, each of a monitor and some seconds before (or after) the clock.
    Append { records: Vec<(u8, i64, u8)>, patience: u8 },
    /// The clock moves.
    Wait(i64),
    /// The store is closed and opened.
    Reopen,
    /// Days come from elsewhere.
    Import(Vec<(u8, i64, u8)>),
    /// Everything that was ever recorded on the day so many days ago comes back from an archive.
    Return(i64),
    /// What is older than so many seconds is deleted, slots a day later, days as many days later as said.
    Expire { age: i64, days_later: i64, limit: u32 },
}

fn any_age() -> impl Strategy<Value = i64> {
    prop_oneof![
        8 => 0i64..120,
        3 => 0i64..7200,
        2 => 0i64..200_000,
        1 => 0i64..40 * 86_400,
        1 => -7200i64..0,
        1 => -200_000i64..0,
        // Exactly on borders of slots and days, seen from a clock that often stands on one.
        2 => (0i64..100).prop_map(|slots| slots * 1800),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    let record = (0..MONITORS, any_age(), any::<u8>());
    prop_oneof![
        12 => (prop::collection::vec(record, 1..12), 0u8..4)
            .prop_map(|(records, patience)| Step::Append { records, patience }),
        6 => prop_oneof![
            4 => 1i64..1900,
            2 => (1i64..5).prop_map(|slots| slots * 1800),
            2 => 3600i64..100_000,
            1 => -90_000i64..0,
        ]
        .prop_map(Step::Wait),
        2 => Just(Step::Reopen),
        1 => prop::collection::vec((0..MONITORS, 1i64..5, any::<u8>()), 1..4).prop_map(Step::Import),
        2 => prop_oneof![0i64..7, 0i64..40].prop_map(Step::Return),
        2 => (prop_oneof![86_400i64..400_000, 86_400i64..3_000_000], 1i64..20, 1u32..30)
            .prop_map(|(age, days_later, limit)| Step::Expire { age, days_later, limit }),
    ]
}

fn name(monitor: u8) -> MonitorKey {
    key(["a/cc/vip/m", "a/cc/vip/n", "b/cc", "c/cx//m"][usize::from(monitor % MONITORS)])
}

fn made(monitor: u8, at: UnixSeconds, draw: u8) -> ProbeRecord {
    let base = record(&name(monitor), at).latency(u32::from(draw) * 37);
    match draw % 9 {
        0 => base.red(SubStatus::ServerError, 500 + u16::from(draw % 4)).build(),
        1 => base.red(SubStatus::NetworkError, 0).latency(0).build(),
        2 => base.red(SubStatus::RateLimit, 429).detail("slow down").build(),
        3 => base.yellow(SubStatus::SlowLatency).build(),
        4 => base.status(Status::Missing).build(),
        _ => base.build(),
    }
}

fn imported(monitor: u8, day: UnixSeconds, draw: u8) -> DayRollup {
    let mut tally = Tally::default();
    for index in 0..i64::from(draw % 7) {
        let record = made(monitor, day + index * 600, draw);
        tally.add(&Sample::of(&StoredRecord { id: 0, record }));
    }
    DayRollup { key: name(monitor), day, tally }
}

fn days_of(archive: &[StoredRecord], day: UnixSeconds) -> Vec<ImportedDay> {
    let of_day = |stored: &&StoredRecord| stored.record.timestamp.div_euclid(86_400) * 86_400 == day;
    let days = (0..MONITORS).map(name).map(|key| {
        let records = archive.iter().filter(of_day).filter(|stored| stored.record.key == key).cloned();
        ImportedDay { records: records.collect(), key, day }
    });
    days.filter(|day| !day.records.is_empty()).collect()
}

async fn compare(
    clock: &ManualClock,
    memory: &MemoryRepository,
    store: &dyn Repository,
    look: (i64, u16, u16),
) {
    let stranger = key("nobody/s");
    let keys: Vec<_> = (0..MONITORS).map(name).chain([stranger, name(0)]).collect();
    assert_eq!(store.latest(&keys).await.expect("latest"), memory.latest(&keys).await.expect("latest"));
    let all = EventFilter::default();
    let events = memory.events(0, &all, 10_000).await.expect("events");
    assert_eq!(store.events(0, &all, 10_000).await.expect("events"), events);

    let now = Timestamp::from_secs(relay_core::ports::Clock::now(clock).as_secs() + look.0);
    let half = |half: u16| format!("{:02}:{:02}", half / 2, half % 2 * 30);
    let filter = DailyFilter::parse(&format!("{}-{}", half(look.1), half(look.2))).ok();
    for period in Period::ALL {
        for plan in [
            Plan::new(period, Align::Now, None, now),
            Plan::new(period, Align::Hour, filter, now).with_bucket_sketches(),
        ] {
            let expected = memory.timelines(&keys, &plan).await.expect("timelines");
            assert_eq!(store.timelines(&keys, &plan).await.expect("timelines"), expected, "{plan:?}");
            let one = std::slice::from_ref(&keys[1]);
            assert_eq!(store.timelines(one, &plan).await.expect("timelines"), expected[1..2], "{plan:?}");
        }
    }
    for key in &keys {
        let (from, to) = (now.as_secs() - 50_000, now.as_secs());
        let page = HistoryQuery { key: key.clone(), from, to, before: None, limit: 20 };
        let expected = memory.history(&page).await.expect("history");
        assert_eq!(store.history(&page).await.expect("history"), expected);
        let before = expected.get(5).map(|stored| (stored.record.timestamp, stored.id));
        let next = HistoryQuery { before, from: i64::MIN, to: i64::MAX, ..page };
        assert_eq!(
            store.history(&next).await.expect("history"),
            memory.history(&next).await.expect("history")
        );
    }
}

/// Deletes what is old, and returns how many records that were and what else an observer can tell.
async fn expire(
    store: &dyn Repository,
    before: UnixSeconds,
    days_later: i64,
    limit: u32,
) -> (u64, Option<UnixSeconds>, Option<UnixSeconds>) {
    let mut records = 0;
    loop {
        match store.delete_records(before, limit).await.expect("deleted") {
            0 => break,
            count => records += count,
        }
    }
    while store.delete_slots(before - 86_400, limit).await.expect("deleted") > 0 {}
    while store.delete_days(before - days_later * 86_400, limit).await.expect("deleted") > 0 {}
    let oldest = store.oldest_record().await.expect("an answer");
    (records, oldest, store.raw_horizon().await.expect("an answer"))
}

async fn run<B: Backend>(steps: Vec<Step>, look: (i64, u16, u16)) {
    let clock = Arc::new(ManualClock::at_secs(START));
    let memory = MemoryRepository::new(clock.clone());
    let mut backend = B::create(clock.clone()).await;
    let now = || relay_core::ports::Clock::now(clock.as_ref()).as_secs();
    let count = steps.len();
    // What an archive of each day would have.
    let mut archive: Vec<StoredRecord> = Vec::new();
    for (index, step) in steps.into_iter().enumerate() {
        match step {
            Step::Append { records, patience } => {
                let batch: Vec<_> = records
                    .into_iter()
                    .map(|(monitor, age, draw)| made(monitor, now() - age, draw))
                    .collect();
                let transition: Arc<dyn Transition> = match patience {
                    0 => Arc::new(NoTransition),
                    patience => Arc::new(Blinker { patience: patience.into() }),
                };
                let expected = memory.append(batch.clone(), transition.clone()).await.expect("stored");
                let appended = backend.repository().append(batch, transition).await.expect("stored");
                assert_eq!(appended, expected);
                archive.extend(appended.records);
            }
            Step::Wait(secs) => clock.set_secs(now() + secs),
            Step::Reopen => backend.reopen().await,
            Step::Import(days) => {
                let today = now() - now().rem_euclid(86_400);
                let days: Vec<_> = days
                    .into_iter()
                    .map(|(monitor, ago, draw)| imported(monitor, today - ago * 86_400, draw))
                    .collect();
                memory.import_days(days.clone()).await.expect("imported");
                backend.repository().import_days(days).await.expect("imported");
            }
            Step::Return(ago) => {
                let day = (now() - ago * 86_400).div_euclid(86_400) * 86_400;
                let days = days_of(&archive, day);
                let expected = memory.import_records(days.clone()).await.expect("imported");
                assert_eq!(backend.repository().import_records(days).await.expect("imported"), expected);
            }
            Step::Expire { age, days_later, limit } => {
                // With the newest record gone, numbers would go on higher after the next start.
                let newest = vec![made(0, now(), 7)];
                let appended = memory.append(newest.clone(), Arc::new(NoTransition)).await.expect("stored");
                archive.extend(appended.records);
                backend.repository().append(newest, Arc::new(NoTransition)).await.expect("stored");
                let before = now() - age;
                let deleted = expire(&memory, before, days_later, limit).await;
                assert_eq!(expire(backend.repository().as_ref(), before, days_later, limit).await, deleted);
            }
        }
        if index % 5 == 4 || index + 1 == count {
            compare(&clock, &memory, backend.repository().as_ref(), look).await;
        }
    }
    backend.reopen().await;
    compare(&clock, &memory, backend.repository().as_ref(), look).await;
}

fn any_look() -> impl Strategy<Value = (i64, u16, u16)> {
    (prop_oneof![Just(0i64), -3600i64..3600, -90_000i64..90_000], 0u16..48, 0u16..=48)
}

fn check<B: Backend>(steps: Vec<Step>, look: (i64, u16, u16)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(run::<B>(steps, look));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    /// Whatever happens, every port answers as if each record were counted by itself.
    #[test]
    fn every_answer_of_sqlite_is_that_of_the_reference(
        steps in prop::collection::vec(any_step(), 1..40),
        look in any_look(),
    ) {
        check::<Sqlite>(steps, look);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn every_answer_of_postgres_is_that_of_the_reference(
        steps in prop::collection::vec(any_step(), 1..40),
        look in any_look(),
    ) {
        check::<Postgres>(steps, look);
    }
}
