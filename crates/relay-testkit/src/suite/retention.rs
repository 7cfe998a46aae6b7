//! Cases of `Retention`.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use relay_core::{
    MonitorKey, ProbeRecord, StoredRecord, SubStatus, UnixSeconds,
    ports::{
        Clock as _, Repository,
        repository::{DayRollup, Error, EventFilter, ExportQuery, HistoryQuery, Job, Retention},
    },
    record::Source,
    timeline::{Align, DailyFilter, Period, Plan, Sample, Tally, Timeline},
};

use super::{Backend, Blinker, Case, NOW};
use crate::{key, record};

const DAY: i64 = 86_400;
const SLOT: i64 = 1_800;
const HERE: UnixSeconds = NOW - NOW % SLOT;

impl<B: Backend> Case<B> {
    fn retention(&self) -> Arc<dyn Repository> {
        self.backend.repository()
    }

    /// Deletes raw records in batches until none are left; returns how many each batch took.
    async fn expire(&self, before: UnixSeconds, limit: u32) -> Vec<u64> {
        let mut batches = Vec::new();
        loop {
            match self.retention().delete_records(before, limit).await.expect("deleted") {
                0 => return batches,
                count => batches.push(count),
            }
        }
    }

    async fn exported(&self, from: UnixSeconds, until: UnixSeconds, limit: u32) -> Vec<StoredRecord> {
        let mut query = ExportQuery { from, until, after: None, limit };
        let mut all = Vec::new();
        loop {
            let page = self.retention().export(&query).await.expect("a page");
            assert!(page.records.len() <= limit as usize);
            all.extend(page.records);
            match page.next {
                Some(next) => query.after = Some(next),
                None => return all,
            }
        }
    }

    async fn timeline(&self, key: &MonitorKey, period: Period) -> Timeline {
        self.filtered(key, period, None).await
    }

    async fn filtered(&self, key: &MonitorKey, period: Period, filter: Option<&str>) -> Timeline {
        let filter = filter.map(|text| DailyFilter::parse(text).expect("a filter"));
        let plan = Plan::new(period, Align::Now, filter, self.clock.now());
        let keys = std::slice::from_ref(key);
        self.repository().timelines(keys, &plan).await.expect("timelines").remove(0)
    }

    async fn total(&self, key: &MonitorKey, period: Period) -> u32 {
        self.timeline(key, period).await.whole.total()
    }

    async fn history(&self, key: &MonitorKey) -> Vec<StoredRecord> {
        let query =
            HistoryQuery { key: key.clone(), from: i64::MIN, to: i64::MAX, before: None, limit: u32::MAX };
        self.repository().history(&query).await.expect("history")
    }
}

/// Ten days of two monitors, a record every 20 minutes.
async fn ten_days<B: Backend>(case: &Case<B>) -> [MonitorKey; 2] {
    let keys = [key("a/s"), key("b/s/c/m")];
    let batch: Vec<ProbeRecord> = (0..10 * 72)
        .rev()
        .flat_map(|index| keys.iter().map(move |key| (NOW - index * 1200, key)))
        .map(|(at, key)| record(key, at).latency(u32::try_from(at % 900).expect("small")).build())
        .collect();
    for piece in batch.chunks(200) {
        case.append(piece.to_vec()).await;
    }
    keys
}

fn ids(records: &[StoredRecord]) -> BTreeSet<i64> {
    records.iter().map(|stored| stored.id).collect()
}

/// The second who asks gets nothing until the first has let go; jobs and days do not get in each other's way.
pub async fn one_at_a_time_has_a_job<B: Backend>() {
    let case = Case::<B>::new().await;
    let (one, other) = (case.retention(), case.retention());
    let cleaning = one.lock_job(Job::Clean).await.expect("an answer").expect("it is free");
    assert!(other.lock_job(Job::Clean).await.expect("an answer").is_none());
    let archive = other.lock_job(Job::Archive(0)).await.expect("an answer").expect("it is free");
    assert!(one.lock_job(Job::Archive(0)).await.expect("an answer").is_none());
    let next_day = one.lock_job(Job::Archive(DAY)).await.expect("an answer");
    assert!(next_day.is_some());
    drop(cleaning);
    assert!(taken_soon(other.as_ref(), Job::Clean).await);
    drop(archive);
    assert!(taken_soon(one.as_ref(), Job::Archive(0)).await);
}

/// A backend that tells a server may need a moment to let go.
async fn taken_soon(retention: &dyn Retention, job: Job) -> bool {
    let take = async {
        while retention.lock_job(job).await.expect("an answer").is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), take).await.is_ok()
}

/// Nothing is deleted, exported or given back, and nothing hangs.
pub async fn an_empty_store_has_nothing_to_delete<B: Backend>() {
    let case = Case::<B>::new().await;
    let retention = case.retention();
    assert_eq!(retention.oldest_record().await.expect("an answer"), None);
    assert_eq!(retention.raw_horizon().await.expect("an answer"), None);
    for before in [i64::MIN, 0, NOW, i64::MAX] {
        assert_eq!(retention.delete_records(before, 10).await.expect("an answer"), 0);
        assert_eq!(retention.delete_slots(before, 10).await.expect("an answer"), 0);
        assert_eq!(retention.delete_days(before, 10).await.expect("an answer"), 0);
    }
    assert_eq!(case.exported(i64::MIN, i64::MAX, 10).await, []);
    assert_eq!(retention.raw_horizon().await.expect("an answer"), None);
}

/// Each batch is about as large as was asked for, the oldest go first, and a slot goes as a whole.
pub async fn records_go_by_whole_slots_in_bounded_batches<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let [a, b] = ten_days(&case).await;
    let all = case.exported(i64::MIN, i64::MAX, 1_000).await;
    let oldest = NOW - (10 * 72 - 1) * 1200;
    assert_eq!(case.retention().oldest_record().await.expect("an answer"), Some(oldest));

    let before = HERE - 7 * DAY;
    let old = all.iter().filter(|stored| stored.record.timestamp < before).count() as u64;
    // One second before the slot ends is not its end.
    let batches = case.expire(before + SLOT - 1, 50).await;
    assert_eq!(batches.iter().sum::<u64>(), old);
    let (last, full) = batches.split_last().expect("batches");
    assert!(full.iter().all(|count| (50..=52).contains(count)) && *last <= 52, "{batches:?}");

    let kept: Vec<_> = all.iter().filter(|stored| stored.record.timestamp >= before).cloned().collect();
    for _ in 0..2 {
        assert_eq!(ids(&case.exported(i64::MIN, i64::MAX, 1_000).await), ids(&kept));
        let found: usize = case.history(&a).await.len() + case.history(&b).await.len();
        assert_eq!(found, kept.len());
        assert!(case.retention().oldest_record().await.expect("an answer") >= Some(before));
        assert_eq!(case.retention().raw_horizon().await.expect("an answer"), Some(before));
        case.backend.reopen().await;
    }
    assert_eq!(case.expire(before, 50).await, [] as [u64; 0]);
}

/// Whatever is made of whole slots and days is as before; the newest record of a monitor that has no other is known.
pub async fn counts_and_newest_records_stay_when_records_go<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let [a, b] = ten_days(&case).await;
    let gone = key("gone/s");
    let only = case.append(vec![record(&gone, NOW - 9 * DAY).latency(77).build()]).await.records;
    let latest = case.repository().latest(&[a.clone(), b.clone(), gone.clone()]).await.expect("latest");
    assert_eq!(latest[2].map(|latest| latest.id), Some(only[0].id));
    let mut before = Vec::new();
    for period in [Period::Days7, Period::Days30, Period::Days90, Period::Year1] {
        for key in [&a, &b, &gone] {
            before.push((key, period, case.timeline(key, period).await));
        }
    }
    let filtered = case.filtered(&a, Period::Days30, Some("09:00-17:30")).await;
    case.expire(HERE - 2 * DAY, 1_000).await;
    for _ in 0..2 {
        for (key, period, timeline) in &before {
            assert_eq!(case.timeline(key, *period).await, *timeline, "{key} {period:?}");
        }
        assert_eq!(case.filtered(&a, Period::Days30, Some("09:00-17:30")).await, filtered);
        let now = case.repository().latest(&[a.clone(), b.clone(), gone.clone()]).await.expect("latest");
        assert_eq!(now, latest);
        assert_eq!(case.history(&gone).await, []);
        case.backend.reopen().await;
    }
}

/// Slots first, then days, each in bounded batches; what is kept is as before.
pub async fn slots_and_days_go_when_they_are_told_to<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let [a, b] = ten_days(&case).await;
    let imported = key("imported/s");
    let mut tally = Tally::default();
    tally.add(&Sample::of(&StoredRecord { id: 0, record: record(&imported, NOW - 300 * DAY).build() }));
    let day = (NOW - 300 * DAY).div_euclid(DAY) * DAY;
    let days = vec![DayRollup { key: imported.clone(), day, tally }];
    case.repository().import_days(days).await.expect("imported");
    let month = case.timeline(&a, Period::Days30).await;
    let filtered = case.filtered(&a, Period::Days7, Some("00:00-12:00")).await;

    case.expire(HERE - 8 * DAY, 1_000).await;
    let mut slots = Vec::new();
    loop {
        match case.retention().delete_slots(HERE - 8 * DAY, 30).await.expect("deleted") {
            0 => break,
            count => slots.push(count),
        }
    }
    assert!(slots.len() > 3 && slots.iter().all(|count| *count <= 30), "{slots:?}");
    case.backend.reopen().await;
    assert_eq!(case.timeline(&a, Period::Days30).await, month);
    assert_eq!(case.filtered(&a, Period::Days7, Some("00:00-12:00")).await, filtered);
    let half = case.filtered(&a, Period::Days30, Some("00:00-12:00")).await.whole.total();
    assert!(half < 10 * 36, "{half} records are counted in slots that are gone");

    assert_eq!(case.total(&imported, Period::Year1).await, 1);
    let keep_from = (NOW - 5 * DAY).div_euclid(DAY) * DAY;
    case.expire(keep_from, 1_000).await;
    while case.retention().delete_slots(keep_from, 1_000).await.expect("deleted") > 0 {}
    // The imported one, and two monitors on each of five days.
    assert_eq!(case.retention().delete_days(keep_from + 5, 1).await.expect("deleted"), 1);
    assert_eq!(case.total(&imported, Period::Year1).await, 0);
    assert_eq!(case.retention().delete_days(keep_from + 5, 1_000).await.expect("deleted"), 10);
    assert_eq!(case.retention().delete_days(keep_from + 5, 1_000).await.expect("deleted"), 0);
    let kept = u32::try_from((NOW - keep_from) / 1200 + 1).expect("few");
    for _ in 0..2 {
        assert_eq!(case.total(&b, Period::Year1).await, kept);
        case.backend.reopen().await;
    }
}

/// However late the border is said to be: what is still counted into is neither deleted nor counted wrong.
pub async fn what_live_records_are_counted_into_stays<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let [a, _] = ten_days(&case).await;
    let retention = case.retention();
    while retention.delete_records(i64::MAX, 100).await.expect("deleted") > 0 {}
    while retention.delete_slots(i64::MAX, 100).await.expect("deleted") > 0 {}
    while retention.delete_days(i64::MAX, 100).await.expect("deleted") > 0 {}
    let today = u32::try_from(NOW % DAY / 1200 + 1).expect("few");
    for _ in 0..2 {
        assert_eq!(case.total(&a, Period::Days7).await, today);
        case.append(Vec::new()).await;
        case.backend.reopen().await;
    }
    case.append(vec![record(&a, NOW).build()]).await;
    assert_eq!(case.total(&a, Period::Days7).await, today + 1);
    let newest = case.history(&a).await;
    assert_eq!(newest[0].record.timestamp, NOW);
    assert!(newest.len() >= 2, "the newest hour is not touched");
}

/// Records that come for slots and days whose records, or even counts, were deleted.
pub async fn late_records_are_found_and_never_doubled<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let [a, b] = ten_days(&case).await;
    let retention = case.retention();
    case.expire(HERE - 4 * DAY, 1_000).await;
    while retention.delete_slots(HERE - 5 * DAY, 1_000).await.expect("deleted") > 0 {}
    drop(retention);
    let (month, year) = (case.total(&a, Period::Days30).await, case.total(&b, Period::Year1).await);
    for ago in [4 * DAY + SLOT, 5 * DAY + 7, 9 * DAY, 20 * DAY] {
        case.append(vec![record(&a, NOW - ago).build(), record(&b, NOW - ago + 1).build()]).await;
    }
    for _ in 0..2 {
        assert_eq!(case.total(&a, Period::Days30).await, month + 4);
        assert_eq!(case.exported(i64::MIN, HERE - 4 * DAY, 3).await.len(), 8);
        case.backend.reopen().await;
    }
    assert_eq!(case.retention().oldest_record().await.expect("an answer"), Some(NOW - 20 * DAY));
    assert_eq!(case.expire(HERE - 4 * DAY, 1_000).await.iter().sum::<u64>(), 8);
    while case.retention().delete_slots(HERE - 5 * DAY, 1_000).await.expect("deleted") > 0 {}
    case.backend.reopen().await;
    assert_eq!(case.exported(i64::MIN, HERE - 4 * DAY, 3).await, []);
    assert_eq!(case.total(&a, Period::Days30).await, month + 4);
    assert_eq!(case.total(&b, Period::Year1).await, year + 4);
}

/// No record came for weeks, so what was counted live when the last one came is old itself now.
pub async fn a_window_that_stood_still_for_weeks_is_cleaned_too<B: Backend>() {
    for reopened in [false, true] {
        let mut case = Case::<B>::new().await;
        let [a, b] = ten_days(&case).await;
        let count = case.total(&a, Period::Days30).await;
        let latest = case.repository().latest(std::slice::from_ref(&a)).await.expect("latest");
        case.clock.advance(Duration::from_secs(40 * 86_400));
        if reopened {
            case.backend.reopen().await;
        }
        let now = case.clock.now().as_secs();
        case.expire(now - 36 * DAY, 100).await;
        while case.retention().delete_slots(now - 37 * DAY, 100).await.expect("deleted") > 0 {}
        assert_eq!(case.exported(i64::MIN, i64::MAX, 100).await, []);
        for _ in 0..2 {
            assert_eq!(case.total(&a, Period::Days90).await, count);
            assert_eq!(case.repository().latest(std::slice::from_ref(&a)).await.expect("latest"), latest);
            case.backend.reopen().await;
        }
        let appended = case.append(vec![record(&a, now).build(), record(&b, now - 40 * DAY).build()]).await;
        assert!(Some(appended.records[0].id) > latest[0].map(|latest| latest.id));
        assert_eq!(case.total(&a, Period::Days90).await, count + 1);
        assert_eq!(case.total(&b, Period::Days90).await, count + 1);
    }
}

/// Late records move states and give numbers too; deleting them at once takes back neither.
pub async fn states_and_numbers_go_on_after_deleting_and_reopening<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let late = key("p/s/c/m");
    let live = key("p/s/c/n");
    let blinker = || Arc::new(Blinker { patience: 3 });
    let red = |at: UnixSeconds| record(&late, at).red(SubStatus::ServerError, 500).build();
    case.append_with(vec![record(&late, NOW - 50 * DAY).build()], blinker()).await.expect("stored");
    case.append_with(vec![record(&live, NOW).build()], blinker()).await.expect("stored");
    for ago in [49, 48] {
        case.append_with(vec![red(NOW - ago * DAY)], blinker()).await.expect("stored");
    }
    assert_eq!(case.expire(HERE - 36 * DAY, 10).await.iter().sum::<u64>(), 3);
    case.backend.reopen().await;
    let third = case.append_with(vec![red(NOW - 47 * DAY)], blinker()).await.expect("stored");
    assert!(third.records[0].id > 4, "{}", third.records[0].id);
    assert_eq!(third.events.len(), 1, "the streak goes on");
    let events = case.repository().events(0, &EventFilter::default(), 10).await.expect("events");
    assert_eq!(events.last(), third.events.last());
}

/// All pages together are the range, each record once, whatever the size of a page; borders are half-open.
pub async fn exports_page_through_a_range_without_gaps<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let [a, _] = ten_days(&case).await;
    let special = record(&a, NOW - DAY)
        .red(SubStatus::RateLimit, 429)
        .detail("slow \"down\", please")
        .source(Source::Manual)
        .build();
    // Late, so that its number is far from its neighbours'.
    let special = case.append(vec![special]).await.records.remove(0);
    let from = HERE - 3 * DAY + 600;
    let until = NOW + 1;
    let expected: Vec<_> = case
        .exported(i64::MIN, i64::MAX, 10_000)
        .await
        .into_iter()
        .filter(|stored| (from..until).contains(&stored.record.timestamp))
        .collect();
    assert!(expected.contains(&special) && expected.len() > 400);
    for _ in 0..2 {
        for limit in [1, 7, 64, 5_000] {
            let found = case.exported(from, until, limit).await;
            assert_eq!(found.len(), expected.len());
            assert_eq!(ids(&found), ids(&expected));
            let slots = found.iter().map(|stored| stored.record.timestamp.div_euclid(SLOT));
            assert!(slots.is_sorted(), "oldest slot first");
        }
        case.backend.reopen().await;
    }
    let exact = special.record.timestamp;
    assert!(case.exported(exact, exact + 1, 9).await.contains(&special));
    assert!(!case.exported(exact - 60, exact, 9).await.contains(&special));
    assert!(!case.exported(exact + 1, exact + 60, 9).await.contains(&special));
    assert_eq!(case.exported(until, until, 9).await, []);
    assert_eq!(case.exported(NOW + 1, i64::MAX, 9).await, []);
}

/// Step by step, until nothing is worth it; the data is as it was.
pub async fn giving_back_space_ends<B: Backend>() {
    let mut case = Case::<B>::new().await;
    let [a, _] = ten_days(&case).await;
    case.expire(HERE - 2 * DAY, 1_000).await;
    let kept = case.exported(i64::MIN, i64::MAX, 1_000).await;
    let month = case.timeline(&a, Period::Days30).await;
    while case.retention().reclaim(64 * 1024).await.expect("an answer") > 0 {}
    for _ in 0..2 {
        assert_eq!(case.exported(i64::MIN, i64::MAX, 1_000).await, kept);
        assert_eq!(case.timeline(&a, Period::Days30).await, month);
        case.backend.reopen().await;
    }
}

/// Every method says so.
pub async fn a_closed_store_keeps_nothing_up<B: Backend>() {
    let case = Case::<B>::new().await;
    ten_days(&case).await;
    case.repository().close().await.expect("closed");
    let retention = case.retention();
    let query = ExportQuery { from: 0, until: NOW, after: None, limit: 1 };
    let unavailable = |result: Result<(), Error>| matches!(result, Err(Error::Unavailable { .. }));
    assert!(unavailable(retention.lock_job(Job::Clean).await.map(drop)));
    assert!(unavailable(retention.oldest_record().await.map(drop)));
    assert!(unavailable(retention.raw_horizon().await.map(drop)));
    assert!(unavailable(retention.export(&query).await.map(drop)));
    assert!(unavailable(retention.delete_records(NOW, 1).await.map(drop)));
    assert!(unavailable(retention.delete_slots(NOW, 1).await.map(drop)));
    assert!(unavailable(retention.delete_days(NOW, 1).await.map(drop)));
    assert!(unavailable(retention.reclaim(1).await.map(drop)));
}
