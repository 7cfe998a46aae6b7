//! Cases of `Maintenance`.

use relay_core::{
    MonitorKey, Timestamp, UnixSeconds,
    ports::repository::{DayRollup, Error, EventFilter, HistoryQuery},
    timeline::{Align, DailyFilter, Period, Plan, Sample, Tally},
};

use super::{Backend, Case, NOW};
use crate::{key, record};

const TODAY: UnixSeconds = NOW - NOW % 86_400;

fn rollup(key: &MonitorKey, days_ago: i64, green: u32) -> DayRollup {
    let day = TODAY - days_ago * 86_400;
    let mut tally = Tally::default();
    for index in 0..green {
        let stored = relay_core::StoredRecord {
            id: 0,
            record: record(key, day + i64::from(index)).latency(index).build(),
        };
        tally.add(&Sample::of(&stored));
    }
    DayRollup { key: key.clone(), day, tally }
}

async fn month<B: Backend>(case: &Case<B>, key: &MonitorKey) -> Tally {
    let plan = Plan::new(Period::Days30, Align::Now, None, Timestamp::from_secs(NOW));
    let keys = std::slice::from_ref(key);
    case.repository().timelines(keys, &plan).await.expect("timelines").remove(0).whole
}

/// A store that works says so.
pub async fn it_answers<B: Backend>() {
    let case = Case::<B>::new().await;
    case.repository().ping().await.expect("an answer");
}

/// They count without records, and a second import replaces the first, unless it counts less.
pub async fn imported_days_are_counted_and_replaced<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let (a, b) = (key("a/s"), key("b/s"));
    case.append(vec![record(&b, NOW - 86_400).build(), record(&b, NOW - 60).build()]).await;
    let days = vec![rollup(&a, 1, 5), rollup(&a, 20, 7), rollup(&b, 1, 11)];
    case.repository().import_days(days).await.expect("imported");
    assert_eq!(month(&case, &a).await.green, 12);
    assert_eq!(month(&case, &b).await.green, 12);
    case.repository().import_days(vec![rollup(&a, 20, 8), rollup(&b, 1, 2)]).await.expect("imported");
    case.backend.reopen().await;
    assert_eq!(month(&case, &a).await.green, 13);
    assert_eq!(month(&case, &b).await.green, 12);
    assert_eq!(month(&case, &a).await.latencies.entries().len(), 8);
    assert_eq!(case.repository().latest(&[a]).await.expect("latest"), [None]);
    case.repository().import_days(Vec::new()).await.expect("nothing");
}

/// Live records own it; nothing of the whole import is taken.
pub async fn the_current_day_cannot_be_imported<B: Backend>() {
    let case = Case::<B>::new().await;
    let a = key("a/s");
    for days_ago in [0, -1] {
        let days = vec![rollup(&a, 3, 5), rollup(&a, days_ago, 5)];
        let result = case.repository().import_days(days).await;
        assert!(matches!(result, Err(Error::Conflict { .. })), "{result:?}");
    }
    assert_eq!(month(&case, &a).await.total(), 0);
}

/// A late record of an imported day comes on top; records of other days are not touched.
pub async fn records_after_an_import_are_added<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let a = key("a/s");
    case.clock.set_secs(TODAY + 60);
    case.append(vec![record(&a, TODAY - 30).build(), record(&a, TODAY + 30).build()]).await;
    case.repository().import_days(vec![rollup(&a, 1, 5)]).await.expect("imported");
    assert_eq!(month(&case, &a).await.green, 6);
    case.append(vec![record(&a, TODAY - 10).build(), record(&a, TODAY + 50).build()]).await;
    assert_eq!(month(&case, &a).await.green, 8);
    case.backend.reopen().await;
    assert_eq!(month(&case, &a).await.green, 8);
    case.clock.set_secs(TODAY - 7200);
    case.append(vec![record(&a, TODAY - 7300).build()]).await;
    case.backend.reopen().await;
    assert_eq!(month(&case, &a).await.green, 9);
}

/// Every port says so; nothing hangs or panics.
pub async fn a_closed_store_is_unavailable<B: Backend>() {
    let case = Case::<B>::new().await;
    let a = key("a/s");
    let repository = case.repository();
    repository.close().await.expect("closed");
    let plan = Plan::new(Period::Days7, Align::Now, None, Timestamp::from_secs(NOW));
    let unavailable = |result: Result<(), Error>| matches!(result, Err(Error::Unavailable { .. }));
    let append = case.append_with(
        vec![record(&a, NOW).build()],
        std::sync::Arc::new(crate::suite::Blinker { patience: 1 }),
    );
    assert!(unavailable(append.await.map(drop)));
    assert!(unavailable(repository.latest(std::slice::from_ref(&a)).await.map(drop)));
    assert!(unavailable(repository.timelines(&[a], &plan).await.map(drop)));
    assert!(unavailable(repository.events(0, &EventFilter::default(), 1).await.map(drop)));
    assert!(unavailable(repository.latest_event_id().await.map(drop)));
    assert!(unavailable(repository.ping().await));
    assert!(unavailable(repository.import_days(Vec::new()).await));
    assert!(unavailable(repository.rebuild_rollups().await.map(drop)));
    assert!(unavailable(repository.name_channels(&[]).await.map(drop)));
    assert!(unavailable(repository.close().await));
}

/// What shows everything that is counted of some monitors: every period, the newest records, a page of history.
async fn seen<B: Backend>(case: &Case<B>, keys: &[MonitorKey]) -> String {
    let mut seen = String::new();
    let filter = DailyFilter::parse("23:30-11:30").expect("a filter");
    for (period, filter) in [
        (Period::Minutes90, None),
        (Period::Hours24, None),
        (Period::Days7, Some(filter)),
        (Period::Days30, None),
        (Period::Year1, None),
    ] {
        let plan = Plan::new(period, Align::Now, filter, Timestamp::from_secs(NOW));
        let lines = case.repository().timelines(keys, &plan).await.expect("timelines");
        seen += &format!("{lines:#?}\n");
    }
    let repository = case.repository();
    seen += &format!("{:#?}\n", repository.latest(keys).await.expect("latest"));
    for key in keys {
        let query = HistoryQuery { key: key.clone(), from: i64::MIN, to: i64::MAX, before: None, limit: 500 };
        seen += &format!("{:#?}\n", repository.history(&query).await.expect("history"));
    }
    seen
}

/// Records of three monitors every ten minutes for so many days, some of them late.
async fn fill<B: Backend>(case: &Case<B>, days: i64) -> Vec<MonitorKey> {
    let keys = [key("a/s"), key("b/s"), key("c/s")];
    let mut batch = Vec::new();
    for step in 0..days * 144 {
        for (index, key) in (0..).zip(&keys) {
            let late = if step % 50 == 49 { 90_000 } else { 0 };
            let at = NOW - days * 86_400 + step * 600 + index * 7 - late;
            batch.push(record(key, at).latency(u32::try_from(step % 700).unwrap_or_default()).build());
        }
    }
    for part in batch.chunks(100) {
        case.append(part.to_vec()).await;
    }
    keys.to_vec()
}

/// Wrong counts become what a recount says, also those of the slots and days that records still come in for, and
/// records are counted as ever afterwards.
pub async fn damaged_counts_are_made_again<B: Backend>() {
    let mut case = Case::<B>::new().await;
    assert_eq!(case.repository().rebuild_rollups().await.expect("nothing").from, None);
    let keys = fill(&case, 3).await;
    let before = seen(&case, &keys).await;
    let done = case.repository().rebuild_rollups().await.expect("rebuilt");
    assert_eq!((done.records, done.corrected), (1296, 0));
    case.backend.damage(i64::MIN, i64::MIN).await;
    case.repository().rebuild_rollups().await.expect("rebuilt");
    assert_eq!(seen(&case, &keys).await, before);
    case.backend.reopen().await;
    assert_eq!(seen(&case, &keys).await, before);
    assert_eq!(case.repository().rebuild_rollups().await.expect("rebuilt").corrected, 0);
    case.append(vec![record(&keys[0], NOW).build(), record(&keys[1], NOW - 50_000).build()]).await;
    assert_eq!(month(&case, &keys[0]).await.total(), 433);
    assert_eq!(month(&case, &keys[1]).await.total(), 433);
}

/// Slots whose records were deleted, the days they lie in and days that were imported keep their counts; later ones are
/// counted again.
pub async fn what_cannot_be_counted_again_stays<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let keys = fill(&case, 6).await;
    let half = TODAY - 3 * 86_400 + 43_200;
    while case.repository().delete_records(half, 10_000).await.expect("deleted") > 0 {}
    case.repository().import_days(vec![rollup(&keys[0], 20, 9)]).await.expect("imported");
    let before = seen(&case, &keys).await;
    let horizon = case.repository().raw_horizon().await.expect("an answer").expect("some were deleted");
    assert_eq!(horizon, half);
    case.backend.damage(horizon, TODAY - 2 * 86_400).await;
    let done = case.repository().rebuild_rollups().await.expect("rebuilt");
    assert_eq!(done.from, Some(horizon));
    assert_eq!(seen(&case, &keys).await, before);
    case.backend.reopen().await;
    assert_eq!(seen(&case, &keys).await, before);

    // Days that came without records make everything before them uncountable.
    case.repository().import_days(vec![rollup(&keys[1], 1, 500)]).await.expect("imported");
    let before = seen(&case, &keys).await;
    let done = case.repository().rebuild_rollups().await.expect("rebuilt");
    assert_eq!(done.from, Some(TODAY));
    assert_eq!(seen(&case, &keys).await, before);
}

/// Records that come in while everything is counted again, late ones among them, are counted once.
pub async fn a_rebuild_beside_a_writer_loses_nothing<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let keys = fill(&case, 2).await;
    case.backend.damage(i64::MIN, i64::MIN).await;
    case.repository().rebuild_rollups().await.expect("rebuilt");
    let repository = case.repository();
    let rebuild = repository.rebuild_rollups();
    let write = async {
        for number in 0..40 {
            let late = record(&keys[0], NOW - number * 4000).build();
            case.append(vec![late, record(&keys[1], NOW + number).build()]).await;
        }
    };
    let (done, ()) = tokio::join!(rebuild, write);
    done.expect("rebuilt");
    assert_eq!(month(&case, &keys[0]).await.total(), 288 + 40);
    assert_eq!(month(&case, &keys[1]).await.total(), 288 + 40);
    assert_eq!(repository.rebuild_rollups().await.expect("rebuilt").corrected, 0);
}
