//! Cases of `Maintenance`.

use relay_core::{
    MonitorKey, Timestamp, UnixSeconds,
    ports::repository::{DayRollup, Error, EventFilter},
    timeline::{Align, Period, Plan, Sample, Tally},
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
    assert!(unavailable(repository.name_channels(&[]).await.map(drop)));
    assert!(unavailable(repository.close().await));
}
