//! Measures the SQLite store: appending, size, bytes written, starting, every kind of timeline, and cleaning.
//!
//! `cargo run --release -p relay-store --example measure -- [monitors] [days] [folder]`, by default 100 monitors and 36
//! days in a folder of its own that is removed at the end. The clock stands at the end of the generated history.
#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]

use std::{error::Error, fs, path::Path, sync::Arc, time::Duration};

use relay_core::{
    MonitorKey, ProbeRecord, ProbeResult, Status, SubStatus, Timestamp, UnixSeconds,
    ports::{
        Clock, RecordSink,
        repository::{HistoryQuery, Maintenance, Records, Timelines},
        transition::NoTransition,
    },
    record::{Source, Timings},
    timeline::{Align, DailyFilter, Period, Plan},
};
use relay_store::{
    Cleaner, CleanerDeps, RetentionOptions, SqliteOptions, SqliteRepository, Writer, WriterOptions,
};
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

/// 2026-03-10 12:34:56 UTC.
const NOW: UnixSeconds = 1_773_146_096;

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(NOW)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let monitors: usize = arguments.next().map_or(Ok(100), |text| text.parse())?;
    let days: i64 = arguments.next().map_or(Ok(36), |text| text.parse())?;
    let kept = arguments.next();
    let folder = kept.clone().map_or_else(|| std::env::temp_dir().join("relay-store-measure"), Into::into);
    fs::create_dir_all(&folder)?;
    let path = folder.join("relay.db");
    let keys: Vec<_> = (0..monitors)
        .map(|index| {
            MonitorKey::from_parts(
                &format!("provider-{:03}", index / 4),
                "cc",
                &format!("c{}", index % 4),
                "",
            )
        })
        .collect();

    if !path.exists() {
        seed(&path, &keys, days).await?;
    }
    let repository = start(&path).await?;
    read(&repository, &keys).await?;
    live(&repository, &path, &keys).await?;
    let repository = Arc::new(repository);
    pipeline(&repository, &keys).await?;
    cleaning(&repository, &path, &keys, days).await?;
    repository.close().await?;
    if kept.is_none() {
        fs::remove_dir_all(&folder)?;
    }
    Ok(())
}

fn open(path: &Path) -> Result<SqliteRepository, relay_core::ports::repository::Error> {
    SqliteRepository::open(&SqliteOptions::new(path), Arc::new(FixedClock))
}

/// Appends minutely history in the order of time, in batches of 1,000.
async fn seed(path: &Path, keys: &[MonitorKey], days: i64) -> Result<(), Box<dyn Error>> {
    let repository = open(path)?;
    let (began, mut batch, mut count) = (Instant::now(), Vec::new(), 0u64);
    let mut spent = Duration::ZERO;
    for minute in -days * 1440..0 {
        for (index, key) in keys.iter().enumerate() {
            let phase = i64::try_from(index * 60 / keys.len())?;
            batch.push(record(key, index as u64, minute.unsigned_abs(), NOW + minute * 60 + phase));
            if batch.len() == 1000 {
                count += 1000;
                let started = Instant::now();
                repository.append(std::mem::take(&mut batch), Arc::new(NoTransition)).await?;
                spent += started.elapsed();
            }
        }
    }
    count += batch.len() as u64;
    repository.append(batch, Arc::new(NoTransition)).await?;
    repository.close().await?;
    let size = fs::metadata(path)?.len();
    println!(
        "append in batches of 1,000: {count} records, {:.0} records/s",
        count as f64 / spent.as_secs_f64()
    );
    println!("  generated and appended in {:.1} s", began.elapsed().as_secs_f64());
    println!("size: {} bytes, {:.1} bytes/record", size, size as f64 / count as f64);
    Ok(())
}

async fn start(path: &Path) -> Result<SqliteRepository, Box<dyn Error>> {
    open(path)?.close().await?;
    let began = Instant::now();
    let repository = open(path)?;
    println!("start: {:.1} ms", millis(began.elapsed()));
    Ok(repository)
}

async fn read(repository: &SqliteRepository, keys: &[MonitorKey]) -> Result<(), Box<dyn Error>> {
    let now = Timestamp::from_secs(NOW);
    let filter = DailyFilter::parse("09:00-17:30")?;
    let mut plans: Vec<_> = Period::ALL
        .into_iter()
        .map(|period| (period.as_str().to_owned(), Plan::new(period, Align::Now, None, now)))
        .collect();
    plans.push(("24h aligned".to_owned(), Plan::new(Period::Hours24, Align::Hour, None, now)));
    plans.push(("30d filtered".to_owned(), Plan::new(Period::Days30, Align::Now, Some(filter), now)));
    for (name, plan) in plans {
        for (what, keys) in [("all", keys), ("one", &keys[..1])] {
            let mut times = Vec::new();
            for _ in 0..7 {
                let began = Instant::now();
                std::hint::black_box(repository.timelines(keys, &plan).await?);
                times.push(millis(began.elapsed()));
            }
            let first = times[0];
            times.sort_by(f64::total_cmp);
            println!("timelines {name}, {what}: first {first:.2} ms, median {:.2} ms", times[3]);
        }
    }
    let query = HistoryQuery { key: keys[0].clone(), from: i64::MIN, to: i64::MAX, before: None, limit: 500 };
    let began = Instant::now();
    let page = repository.history(&query).await?;
    println!("history, {} records: {:.2} ms", page.len(), millis(began.elapsed()));
    Ok(())
}

/// Appends two more hours as a live server does, and counts the bytes that this process writes to disk for it.
async fn live(repository: &SqliteRepository, path: &Path, keys: &[MonitorKey]) -> Result<(), Box<dyn Error>> {
    let monitors = keys.len() as u64;
    for (name, size) in [("100 ms windows", (keys.len() / 600).max(1)), ("batches of 100", 100)] {
        let written = || -> Result<u64, Box<dyn Error>> {
            let text = fs::read_to_string("/proc/self/io")?;
            let line = text.lines().find_map(|line| line.strip_prefix("wchar: ")).ok_or("no wchar")?;
            Ok(line.parse()?)
        };
        let before = written()?;
        let mut count = 0u64;
        let (began, records) = (Instant::now(), 60 * monitors);
        let mut batch = Vec::new();
        for number in 0..records {
            let (minute, index) = (number / monitors, usize::try_from(number % monitors)?);
            batch.push(record(&keys[index], index as u64, minute, NOW - 3600 + i64::try_from(minute * 60)?));
            count += 1;
            if batch.len() == size {
                repository.append(std::mem::take(&mut batch), Arc::new(NoTransition)).await?;
            }
        }
        let bytes = (written()? - before) as f64 / count as f64;
        println!(
            "live in {name} ({size} records): {bytes:.0} bytes written per probe, {:.0} records/s",
            count as f64 / began.elapsed().as_secs_f64()
        );
    }
    let mut log = path.as_os_str().to_owned();
    log.push("-wal");
    println!("log: {} bytes", fs::metadata(&log).map_or(0, |meta| meta.len()));
    Ok(())
}

/// Hands records to the writer as the scheduler does, as fast as it takes them, and waits for the last commit.
async fn pipeline(repository: &Arc<SqliteRepository>, keys: &[MonitorKey]) -> Result<(), Box<dyn Error>> {
    let writer =
        Writer::new(WriterOptions::default(), repository.clone(), repository.clone(), Arc::new(NoTransition));
    let (stop, give_up) = (CancellationToken::new(), CancellationToken::new());
    let mut running = JoinSet::new();
    let (own, soft) = (Arc::clone(&writer), stop.clone());
    running.spawn(async move { own.run(soft, give_up).await });
    let records: Vec<_> = (0..90_000usize)
        .map(|number| record(&keys[number % keys.len()], number as u64, number as u64, NOW))
        .collect();
    let count = records.len() as f64;
    let began = Instant::now();
    records.into_iter().for_each(|record| writer.submit(record));
    let submitted = began.elapsed();
    writer.flush().await;
    println!("writer: {:.1} million records/s submitted", count / submitted.as_secs_f64() / 1e6);
    println!(
        "writer: {:.0} records/s from the first submit to the last commit",
        count / began.elapsed().as_secs_f64()
    );
    stop.cancel();
    running.join_all().await;
    Ok(())
}

/// Appends small groups as a live server does, without a cleaner and beside one that deletes a day, then half of all.
async fn cleaning(
    repository: &Arc<SqliteRepository>,
    path: &Path,
    keys: &[MonitorKey],
    days: i64,
) -> Result<(), Box<dyn Error>> {
    let kept = |days: i64| u32::try_from(days.max(1));
    for (name, days) in [("idle", None), ("a day", Some(kept(days - 1)?)), ("half", Some(kept(days / 2)?))] {
        let stop = CancellationToken::new();
        let (began, mut cleaning) = (Instant::now(), JoinSet::new());
        if let Some(days) = days {
            let options = RetentionOptions { days, max_batches: 1_000, ..RetentionOptions::default() };
            let (store, clock) = (Arc::clone(repository) as _, Arc::new(FixedClock));
            let cleaner = Cleaner::new(options, CleanerDeps { store, clock, seed: 1, archive: None });
            cleaning.spawn(async move { cleaner.clean(&stop).await });
        } else {
            cleaning.spawn(async move {
                tokio::time::sleep(Duration::from_secs(5)).await;
                true
            });
        }
        let mut times = Vec::new();
        let mut took = Duration::ZERO;
        while !cleaning.is_empty() {
            let index = times.len() % (keys.len() - 1);
            let batch = (index..index + 2).map(|index| record(&keys[index], index as u64, 1, NOW)).collect();
            let started = Instant::now();
            repository.append(batch, Arc::new(NoTransition)).await?;
            times.push(millis(started.elapsed()));
            tokio::time::sleep(Duration::from_millis(3)).await;
            if cleaning.try_join_next().is_some() {
                took = began.elapsed();
            }
        }
        times.sort_by(f64::total_cmp);
        let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
        println!(
            "append beside cleaning {name} ({:.1} s, {} groups): median {:.2} ms, p99 {:.2} ms, worst {:.2} ms",
            took.as_secs_f64(),
            times.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
        println!("size: {} bytes", fs::metadata(path)?.len());
    }
    Ok(())
}

/// Plausible records: mostly green, latencies around a value of the monitor, hours of trouble.
fn record(key: &MonitorKey, monitor: u64, minute: u64, timestamp: UnixSeconds) -> ProbeRecord {
    let draw = mix(mix(monitor) ^ minute);
    let trouble = mix(mix(monitor + 7) ^ (minute / 60)).is_multiple_of(60) && draw % 10 < 8;
    let fails = trouble || draw.is_multiple_of(200);
    let latency_ms =
        u32::try_from(300 + mix(monitor) % 1500 + (draw >> 20) % 400 + (draw >> 32) % 400).unwrap_or(0);
    let (status, sub_status, http_code) = match (fails, (draw >> 8).is_multiple_of(50)) {
        (true, _) => (Status::Red, Some(SubStatus::ServerError), 503),
        (false, true) => (Status::Yellow, Some(SubStatus::SlowLatency), 200),
        (false, false) => (Status::Green, None, 200),
    };
    let timings = Timings {
        first_token_ms: (monitor.is_multiple_of(2) && !fails).then_some(latency_ms + 35),
        total_ms: Some(latency_ms + 180),
        ..Timings::default()
    };
    let detail = fails.then(|| format!("upstream said: no capacity left (request {:08x})", draw >> 32));
    let result = ProbeResult { status, sub_status, http_code, latency_ms, timings, detail };
    ProbeRecord { key: key.clone(), timestamp, source: Source::Schedule, result }
}

/// The finisher of `SplitMix64` (Steele, Lea, Flood, OOPSLA 2014).
fn mix(value: u64) -> u64 {
    let mut z = value.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}
