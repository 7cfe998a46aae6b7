//! Readers while slots and days move from memory to rows: no answer counts a record twice or misses one.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use relay_core::{
    Timestamp, UnixSeconds,
    ports::{
        repository::{HistoryQuery, Maintenance as _, Records as _, Timelines as _},
        transition::NoTransition,
    },
    timeline::{Align, DailyFilter, Period, Plan},
};
use relay_testkit::{ManualClock, key, record};

use crate::support::open;

/// 2026-03-10 00:00:00 UTC.
const START: UnixSeconds = 1_773_100_800;
/// Seconds from one batch to the next: every third moves the window, every 96th ends a day.
const STEP: i64 = 900;
const BATCHES: i64 = 1500;
const LATE: i64 = 3 * 3600;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn answers_hold_while_slots_and_days_close() {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = Arc::new(ManualClock::at_secs(START));
    let store = open(folder.path().join("relay.db"), clock.clone());
    // Records of the last one come three hours late, into slots that are rows already.
    let keys = [key("a/s"), key("b/s"), key("late/s")];
    let (begun, done, over) =
        (Arc::new(AtomicI64::new(0)), Arc::new(AtomicI64::new(0)), Arc::new(AtomicBool::new(false)));

    let mut readers = tokio::task::JoinSet::new();
    for reader in 0..3usize {
        let (store, keys) = (store.clone(), keys.clone());
        let (begun, done, over) = (begun.clone(), done.clone(), over.clone());
        readers.spawn(async move {
            // Wide enough for all there will be; the three are answered from days, slots and samples.
            let end = Timestamp::from_secs(START + BATCHES * STEP + 3600);
            let all_day = DailyFilter::parse("00:00-12:00").expect("a filter");
            let plan = match reader {
                0 => Plan::new(Period::Days30, Align::Now, None, end),
                1 => Plan::new(Period::Days7, Align::Now, Some(all_day), end),
                _ => Plan::new(Period::Days7, Align::Now, None, end),
            };
            let mut answers = 0;
            while !over.load(Ordering::SeqCst) {
                let least = done.load(Ordering::SeqCst);
                let lines = store.timelines(&keys, &plan).await.expect("timelines");
                let most = begun.load(Ordering::SeqCst);
                let expected = |batches: i64| {
                    (0..batches).filter(|index| plan.counts(START + index * STEP)).count() as u32
                };
                let totals: Vec<_> = lines.iter().map(|line| line.whole.total()).collect();
                let possible = expected(least)..=expected(most);
                assert!(possible.contains(&totals[0]), "{totals:?}: {least} to {most}");
                // A commit is seen by all monitors or by none. Only the month holds all late records too.
                let same = if reader == 0 { &totals[..] } else { &totals[..2] };
                assert!(same.iter().all(|total| *total == totals[0]), "{totals:?}");
                if reader == 2 {
                    let (from, to) = (START + least * STEP - 20_000, i64::MAX);
                    let query = HistoryQuery { key: keys[0].clone(), from, to, before: None, limit: 1000 };
                    let page = store.history(&query).await.expect("history");
                    let times: Vec<_> = page.iter().rev().map(|stored| stored.record.timestamp).collect();
                    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == STEP), "{times:?}");
                }
                answers += 1;
            }
            answers
        });
    }
    for index in 0..BATCHES {
        let at = START + index * STEP;
        clock.set_secs(at);
        begun.store(index + 1, Ordering::SeqCst);
        let batch = keys.iter().zip([0, 0, LATE]).map(|(key, late)| record(key, at - late).build()).collect();
        store.append(batch, Arc::new(NoTransition)).await.expect("stored");
        done.store(index + 1, Ordering::SeqCst);
    }
    over.store(true, Ordering::SeqCst);
    while let Some(answers) = readers.join_next().await {
        assert!(answers.expect("no reader failed") > 0);
    }
    store.close().await.expect("closed");
}
