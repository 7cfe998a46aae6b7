//! Cases of `Records`.

use relay_core::{
    MonitorKey, Status, StoredRecord, SubStatus, UnixSeconds,
    ports::repository::{Appended, HistoryQuery},
    record::{LatestRecord, RecordId, Source, Timings},
};

use super::{Backend, Case, NOW};
use crate::{key, record};

fn all_of(key: &MonitorKey) -> HistoryQuery {
    HistoryQuery { key: key.clone(), from: i64::MIN, to: i64::MAX, before: None, limit: 1000 }
}

fn places(records: &[StoredRecord]) -> Vec<(UnixSeconds, RecordId)> {
    records.iter().map(|stored| (stored.record.timestamp, stored.id)).collect()
}

/// Each id is higher than every one before, also those of earlier batches.
pub async fn ids_grow_in_the_order_of_the_batch<B: Backend>() {
    let case = Case::<B>::new().await;
    let (a, b) = (key("a/s"), key("b/s"));
    let first = case.append(vec![record(&b, NOW).build(), record(&a, NOW - 5).build()]).await;
    let second = case.append(vec![record(&a, NOW).build()]).await;
    let ids: Vec<_> = first.records.iter().chain(&second.records).map(|stored| stored.id).collect();
    assert!(ids.is_sorted_by(|left, right| left < right), "{ids:?}");
    let keys: Vec<_> = first.records.iter().map(|stored| stored.record.key.clone()).collect();
    assert_eq!(keys, [b, a]);
}

/// Nothing is stored, nothing fails.
pub async fn an_empty_batch_does_nothing<B: Backend>() {
    let case = Case::<B>::new().await;
    assert_eq!(case.append(Vec::new()).await, Appended::default());
}

/// No field is lost, none is made up; keys are told apart by all parts and by case.
pub async fn everything_of_a_record_reads_back<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let (full, plain) = (key("Prov/cc/vip/m"), key("prov/cc/vip/m"));
    let timings = Timings {
        dns_ms: Some(3),
        connect_ms: Some(0),
        tls_ms: Some(41),
        first_token_ms: Some(700),
        total_ms: Some(u32::MAX),
    };
    let batch = vec![
        record(&full, NOW - 3)
            .red(SubStatus::ServerError, 503)
            .latency(612)
            .timings(timings)
            .detail("no capacity: \"左\"")
            .source(Source::Manual)
            .build(),
        record(&plain, NOW - 3).build(),
        record(&full, NOW - 1)
            .yellow(SubStatus::SlowLatency)
            .latency(u32::MAX)
            .source(Source::Gateway)
            .build(),
        record(&full, NOW).status(Status::Missing).build(),
    ];
    let appended = case.append(batch.clone()).await;
    let stored: Vec<_> = appended.records.iter().map(|stored| stored.record.clone()).collect();
    assert_eq!(stored, batch);
    case.backend.reopen().await;
    let mut read = case.repository().history(&all_of(&full)).await.expect("history");
    read.reverse();
    let own: Vec<_> = appended.records.iter().filter(|one| one.record.key == full).cloned().collect();
    assert_eq!(read, own);
    assert_eq!(case.repository().history(&all_of(&plain)).await.expect("history").len(), 1);
}

/// A late record is not the latest; at equal times the higher number is.
pub async fn the_latest_is_the_newest_by_time_then_number<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let (a, stranger) = (key("a/s"), key("nobody/s"));
    let batch = vec![
        record(&a, NOW - 60).latency(1).build(),
        record(&a, NOW).latency(2).build(),
        record(&a, NOW).latency(3).build(),
        record(&a, NOW - 86_400 * 40).latency(4).build(),
    ];
    let appended = case.append(batch).await;
    let newest = LatestRecord::of(&appended.records[2]);
    let keys = [stranger, a.clone(), a.clone()];
    let expected = vec![None, Some(newest), Some(newest)];
    assert_eq!(case.repository().latest(&keys).await.expect("latest"), expected);
    case.backend.reopen().await;
    assert_eq!(case.repository().latest(&keys).await.expect("latest"), expected);
    case.append(vec![record(&a, NOW - 1).build()]).await;
    assert_eq!(case.repository().latest(&keys).await.expect("latest"), expected);
}

/// Page by page gives what one page gives, ties of time included.
pub async fn history_is_newest_first_and_pages_without_gaps<B: Backend>() {
    let case = Case::<B>::new().await;
    let a = key("a/s");
    let times = [0, 0, 0, 60, 1799, 1800, 3600, 3600, 90_000, 90_001, 700_000];
    let batch: Vec<_> = times.iter().rev().map(|back| record(&a, NOW - back).build()).collect();
    let other = record(&key("b/s"), NOW).build();
    let appended = case.append(batch.into_iter().chain([other]).collect()).await;
    let mut expected = places(&appended.records[..times.len()]);
    expected.sort_unstable();
    expected.reverse();
    let repository = case.repository();
    assert_eq!(places(&repository.history(&all_of(&a)).await.expect("history")), expected);
    let mut paged = Vec::new();
    let mut query = HistoryQuery { limit: 2, ..all_of(&a) };
    loop {
        let page = places(&repository.history(&query).await.expect("history"));
        assert!(page.len() <= 2);
        let Some(last) = page.last() else { break };
        query.before = Some(*last);
        paged.extend(page);
    }
    assert_eq!(paged, expected);
    query = HistoryQuery { limit: 0, ..all_of(&a) };
    assert!(repository.history(&query).await.expect("history").is_empty());
}

/// `from` and `to` both count; `before` does not.
pub async fn history_borders_are_inclusive<B: Backend>() {
    let case = Case::<B>::new().await;
    let a = key("a/s");
    let batch = (0..10).map(|index| record(&a, NOW - 1800 + index * 400).build()).collect();
    let appended = case.append(batch).await;
    let (from, to) = (appended.records[2].record.timestamp, appended.records[6].record.timestamp);
    let query = HistoryQuery { from, to, ..all_of(&a) };
    let found = case.repository().history(&query).await.expect("history");
    let expected: Vec<_> = appended.records[2..=6].iter().rev().cloned().collect();
    assert_eq!(found, expected);
    let before = Some((from, appended.records[2].id));
    let query = HistoryQuery { before, ..query };
    assert!(case.repository().history(&query).await.expect("history").is_empty());
    let query = HistoryQuery { from: to, to: from, ..all_of(&a) };
    assert!(case.repository().history(&query).await.expect("history").is_empty());
}

/// Every monitor has its own records only, and one without any has none.
pub async fn history_of_many_monitors_does_not_mix<B: Backend>() {
    let case = Case::<B>::new().await;
    let keys: Vec<_> = (0..30).map(|index| key(&format!("p{index}/s"))).collect();
    for minute in 0..90 {
        let at = NOW - 5400 + minute * 60;
        case.append(keys.iter().map(|key| record(key, at).build()).collect()).await;
    }
    for key in &keys {
        let found = case.repository().history(&all_of(key)).await.expect("history");
        assert_eq!(found.len(), 90);
        assert!(found.iter().all(|stored| stored.record.key == *key));
    }
    assert!(case.repository().history(&all_of(&key("nobody/s"))).await.expect("history").is_empty());
}

/// A new start does not give a number again.
pub async fn ids_grow_over_reopening<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let a = key("a/s");
    let first = case.append(vec![record(&a, NOW).build()]).await.records[0].id;
    case.backend.reopen().await;
    case.backend.reopen().await;
    let second = case.append(vec![record(&a, NOW).build()]).await.records[0].id;
    assert!(second > first, "{second} after {first}");
}

/// Times at the ends of the range are kept like others, and what is asked for around now is not disturbed.
pub async fn strange_times_do_no_harm<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let a = key("a/s");
    let times = [i64::MIN, -1, 0, 1, NOW, 253_402_300_800, i64::MAX];
    for at in times {
        case.append(vec![record(&a, at).build()]).await;
    }
    case.backend.reopen().await;
    let found = case.repository().history(&all_of(&a)).await.expect("history");
    let found: Vec<_> = found.iter().rev().map(|stored| stored.record.timestamp).collect();
    assert_eq!(found, times);
    let latest = case.repository().latest(&[a]).await.expect("latest");
    assert_eq!(latest[0].map(|latest| latest.timestamp), Some(i64::MAX));
}
