//! Cases of `Timelines`. Most of them count by hand, record by record, and compare.

use relay_core::{
    MonitorKey, ProbeRecord, Status, StoredRecord, SubStatus, Timestamp, UnixSeconds,
    record::LatestRecord,
    timeline::{Align, Bucket, DailyFilter, Period, Plan, Sample, Series, Sketch, Tally, Timeline},
};

use super::{Backend, Case, NOW};
use crate::{key, record};

fn plan(period: Period) -> Plan {
    Plan::new(period, Align::Now, None, Timestamp::from_secs(NOW))
}

fn every_plan() -> Vec<Plan> {
    let filters =
        ["09:00-17:30", "22:00-06:30", "00:00-24:00"].map(|text| DailyFilter::parse(text).expect("a filter"));
    let mut plans: Vec<_> = Period::ALL.into_iter().map(plan).collect();
    plans.push(Plan::new(Period::Hours24, Align::Hour, None, Timestamp::from_secs(NOW)));
    for filter in filters {
        for period in [Period::Days7, Period::Days30] {
            plans.push(Plan::new(period, Align::Now, Some(filter), Timestamp::from_secs(NOW)));
        }
    }
    let sketched: Vec<_> = plans.iter().map(|plan| plan.with_bucket_sketches()).collect();
    plans.into_iter().chain(sketched).collect()
}

/// Counts every record one by one.
fn count(plan: &Plan, records: &[StoredRecord], key: &MonitorKey) -> Timeline {
    let own: Vec<_> = records.iter().filter(|stored| stored.record.key == *key).collect();
    let mut counted: Vec<_> = own.iter().map(|stored| Sample::of(stored)).collect();
    counted.retain(|sample| plan.counts(sample.timestamp));
    counted.sort_by_key(|sample| (sample.timestamp, sample.id));
    let mut whole = Tally::default();
    counted.iter().for_each(|sample| whole.add(sample));
    let buckets = (0..plan.bucket_count()).map(|index| {
        let mut tally = Tally::default();
        counted
            .iter()
            .filter(|one| plan.bucket_of(one.timestamp) == Some(index))
            .for_each(|one| tally.add(one));
        if !plan.bucket_sketches {
            tally.latencies = Sketch::default();
        }
        Bucket { start: plan.bucket_start(index), tally }
    });
    let buckets: Vec<_> = buckets.collect();
    let series = if plan.bucket_count() == 0 { Series::Samples(counted) } else { Series::Buckets(buckets) };
    let latest = own.iter().map(|stored| LatestRecord::of(stored)).max_by_key(|one| (one.timestamp, one.id));
    Timeline { series, whole, latest }
}

async fn compare<B: Backend>(case: &Case<B>, records: &[StoredRecord], keys: &[MonitorKey]) {
    for plan in every_plan() {
        let found = case.repository().timelines(keys, &plan).await.expect("timelines");
        for (key, found) in keys.iter().zip(found) {
            assert_eq!(found, count(&plan, records, key), "{key} as {plan:?}");
        }
    }
}

/// A mix of every kind of record at a moment that depends on `index`.
fn mixed(key: &MonitorKey, index: i64, at: UnixSeconds) -> ProbeRecord {
    let base = record(key, at).latency(u32::try_from(index % 900 * 7).expect("small"));
    match index % 7 {
        0 => base.red(SubStatus::ServerError, 503).build(),
        1 => base.red(SubStatus::NetworkError, 0).latency(0).build(),
        2 => base.yellow(SubStatus::SlowLatency).build(),
        3 => base.status(Status::Missing).build(),
        _ => base.build(),
    }
}

/// 33 days of two monitors, every 47 minutes and every 5 hours, oldest first.
async fn month<B: Backend>(case: &Case<B>) -> (Vec<StoredRecord>, Vec<MonitorKey>) {
    let keys = vec![key("a/s/c/m"), key("b/s")];
    let start = NOW - 33 * 86_400;
    let mut batch: Vec<_> =
        (0..).map(|index| mixed(&keys[0], index, start + index * 2820)).take(1012).collect();
    batch.extend((0..160).map(|index| mixed(&keys[1], index, start + index * 18_000)));
    batch.retain(|record| record.timestamp <= NOW);
    batch.sort_by_key(|record| record.timestamp);
    let mut records = Vec::new();
    for part in batch.chunks(100) {
        records.extend(case.append(part.to_vec()).await.records);
    }
    (records, keys)
}

/// All buckets are there, and no latest record.
pub async fn an_unknown_monitor_has_empty_buckets<B: Backend>() {
    let case = Case::<B>::new().await;
    compare(&case, &[], &[key("nobody/s")]).await;
    let none = case.repository().timelines(&[], &plan(Period::Days30)).await.expect("timelines");
    assert!(none.is_empty());
}

/// Answers stand in the order of the keys, each as often as asked for.
pub async fn doubles_and_strangers_keep_their_places<B: Backend>() {
    let case = Case::<B>::new().await;
    let (a, b, stranger) = (key("a/s"), key("b/s"), key("nobody/s"));
    let appended = case.append(vec![record(&b, NOW - 1).build(), record(&a, NOW).build()]).await;
    compare(&case, &appended.records, &[b.clone(), stranger, a, b.clone(), b]).await;
}

/// Whatever the backend reads, it is what counting gives.
pub async fn every_period_counts_as_record_by_record<B: Backend>() {
    let case = Case::<B>::new().await;
    let (records, keys) = month(&case).await;
    compare(&case, &records, &keys).await;
    compare(&case, &records, &keys[..1]).await;
}

/// Records that come hours, days and weeks late, into slots with and without others.
pub async fn late_records_are_counted<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let (mut records, keys) = month(&case).await;
    for late in [60, 1800, 3600, 7200, 86_400, 3 * 86_400 + 5, 29 * 86_400, 200 * 86_400] {
        let at = NOW - late;
        let batch =
            vec![mixed(&keys[0], late, at), mixed(&keys[1], late + 1, at), mixed(&keys[1], late + 2, at - 1)];
        records.extend(case.append(batch).await.records);
    }
    compare(&case, &records, &keys).await;
    case.backend.reopen().await;
    compare(&case, &records, &keys).await;
}

/// The window is closed at its end, and a second later is outside.
pub async fn the_end_of_the_window_belongs_to_the_last_bucket<B: Backend>() {
    let case = Case::<B>::new().await;
    let a = key("a/s");
    let day = plan(Period::Hours24).window;
    let month = plan(Period::Days30).window;
    let moments = [
        day.start - 1,
        day.start,
        day.end,
        day.end + 1,
        month.end - 1,
        month.end,
        month.end + 1,
        month.start,
    ];
    let mut records = Vec::new();
    for at in moments {
        records.extend(case.append(vec![record(&a, at).build()]).await.records);
    }
    compare(&case, &records, &[a]).await;
}

/// Half hours of the day, also over midnight.
pub async fn filters_restrict_by_time_of_day<B: Backend>() {
    let case = Case::<B>::new().await;
    let a = key("a/s");
    let midnight = NOW - NOW % 86_400;
    let edges = [0, 23_399, 23_400, 32_399, 32_400, 62_999, 63_000, 79_199, 79_200, 86_399];
    let mut batch = Vec::new();
    for day in (1..8).rev() {
        batch.extend(edges.map(|second| record(&a, midnight - day * 86_400 + second).build()));
    }
    let records = case.append(batch).await.records;
    compare(&case, &records, &[a]).await;
}

/// The same before and after, also when more comes in between.
pub async fn reopening_changes_nothing<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let (mut records, keys) = month(&case).await;
    case.backend.reopen().await;
    compare(&case, &records, &keys).await;
    records.extend(case.append(vec![mixed(&keys[1], 5, NOW)]).await.records);
    case.backend.reopen().await;
    case.backend.reopen().await;
    compare(&case, &records, &keys).await;
}

/// They cost memory, so they are only there when the plan says so.
pub async fn bucket_sketches_only_when_asked_for<B: Backend>() {
    let case = Case::<B>::new().await;
    let a = key("a/s");
    case.append(vec![record(&a, NOW - 86_400).latency(10).build(), record(&a, NOW).latency(20).build()])
        .await;
    for (plan, expected) in
        [(plan(Period::Days7), [0, 0]), (plan(Period::Days7).with_bucket_sketches(), [1, 1])]
    {
        let found = case.repository().timelines(std::slice::from_ref(&a), &plan).await.expect("timelines");
        let Series::Buckets(buckets) = &found[0].series else { panic!("buckets") };
        let sizes = [5, 6].map(|index| buckets[index].tally.latencies.entries().len());
        assert_eq!(sizes, expected);
        assert_eq!(found[0].whole.latencies.entries().len(), 2);
    }
}

/// A clock that was ahead leaves records that count when their time has come.
pub async fn records_from_the_future_are_kept<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let (mut records, keys) = month(&case).await;
    for ahead in [30, 1800, 3600, 5 * 3600, 30 * 3600, 400 * 86_400] {
        records.extend(case.append(vec![mixed(&keys[0], ahead, NOW + ahead)]).await.records);
    }
    compare(&case, &records, &keys).await;
    case.backend.reopen().await;
    for minutes in (0..48 * 60).step_by(7) {
        let at = NOW + minutes * 60;
        case.clock.set_secs(at);
        records.extend(case.append(vec![mixed(&keys[1], minutes, at)]).await.records);
    }
    compare(&case, &records, &keys).await;
    let later = Timestamp::from_secs(NOW + 48 * 3600);
    for period in Period::ALL {
        let plan = Plan::new(period, Align::Now, None, later);
        let found = case.repository().timelines(&keys, &plan).await.expect("timelines");
        for (key, found) in keys.iter().zip(found) {
            assert_eq!(found, count(&plan, &records, key), "{key} as {plan:?}");
        }
    }
}

/// A clock that ran days ahead and was put right.
pub async fn a_clock_set_back_does_no_harm<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let (mut records, keys) = month(&case).await;
    for (round, clock) in [NOW + 3 * 86_400, NOW, NOW + 40 * 3600, NOW - 86_400, NOW].into_iter().enumerate()
    {
        case.clock.set_secs(clock);
        for minute in 0..40i64 {
            let at = clock + minute * 150;
            records.extend(case.append(vec![mixed(&keys[0], minute, at)]).await.records);
        }
        if round % 2 == 1 {
            case.backend.reopen().await;
        }
        compare(&case, &records, &keys).await;
    }
}
