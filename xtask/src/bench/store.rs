//! How fast history is written and read, beside the way the existing Go version reads it.

use std::{fs, path::PathBuf, sync::Arc};

use anyhow::{Context as _, Result, ensure};
use relay_core::{
    MonitorKey, Timestamp,
    ports::Transition,
    timeline::{Align, Period, Plan, Series, Tally, Timeline},
};
use tokio::time::Instant;

use super::{
    Scale, cleaner,
    figure::{self, Figure, median, millis},
    fixture::{self, BATCH, Fixture},
    generator::Generator,
    naive, usage,
};

/// How many of the monitors the naive way is asked for: a table of all of them takes minutes to fill. Both ways are
/// asked for the same ones.
const NAIVE_MONITORS: u32 = 20;

/// Measures appending, timelines and size.
///
/// # Errors
/// When the store fails, or the two ways disagree.
pub(crate) fn figures(scale: Scale) -> Result<Vec<Figure>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let mut figures = vec![runtime.block_on(append(scale))?];
    let fixture = Fixture::obtain(scale)?;
    figures.extend(runtime.block_on(read(&fixture, scale))?);
    figures.push(compare(&runtime, &fixture, scale)?);
    figures.push(size(&fixture));
    figures.push(runtime.block_on(clean(scale))?);
    Ok(figures)
}

async fn append(scale: Scale) -> Result<Figure> {
    let generator =
        Generator { records: scale.pick(3_000, 300), ..fixture::generator(scale, fixture::now()) };
    let mut rates = Vec::new();
    for _ in 0..scale.pick(5, 2) {
        let folder = tempfile::tempdir()?;
        let store = fixture::open(&folder.path().join("append.db")).await?;
        let batches: Vec<_> = generator.batches(BATCH).collect();
        let rules = fixture::event_rules();
        let start = Instant::now();
        for batch in batches {
            store.append(batch, Arc::clone(&rules) as Arc<dyn Transition>).await?;
        }
        rates.push(figure::per_second(generator.total(), start.elapsed()));
        store.close().await?;
    }
    let rate = median(rates);
    Ok(Figure::new(
        format!("append in batches of {BATCH}, rollups, latest and event states included"),
        figure::rate(rate),
    )
    .target("≥ 60,000/s", rate >= 60_000.0))
}

async fn clean(scale: Scale) -> Result<Figure> {
    let folder = tempfile::tempdir()?;
    let store = fixture::open(&folder.path().join("clean.db")).await?;
    let figure = cleaner::figure("SQLite", store.clone(), scale).await?;
    store.close().await?;
    Ok(figure)
}

/// Reads from a store that was just opened, so that nothing of it is in memory but what opening put there.
async fn read(fixture: &Fixture, scale: Scale) -> Result<Vec<Figure>> {
    let keys = fixture.generator.keys();
    let mut figures = Vec::new();
    for (period, limit) in [(Period::Days30, 10.0), (Period::Hours24, 10.0)] {
        let mut times = Vec::new();
        for _ in 0..scale.pick(9, 3) {
            let store = fixture::open(&fixture.path).await?;
            let start = Instant::now();
            let timelines = store.timelines(&keys, &plan(fixture, period)).await?;
            times.push(millis(start.elapsed()));
            ensure!(timelines.len() == keys.len(), "a timeline is missing");
            store.close().await?;
        }
        let took = median(times);
        let figure = Figure::new(
            format!("`timelines` {}, {}, just opened", period.as_str(), fixture.words()),
            format!("{took:.1} ms"),
        );
        figures.push(match period {
            Period::Days30 => figure.target("≤ 10 ms", took <= limit),
            _ => figure,
        });
    }
    Ok(figures)
}

fn compare(runtime: &tokio::runtime::Runtime, fixture: &Fixture, scale: Scale) -> Result<Figure> {
    let monitors = NAIVE_MONITORS.min(fixture.generator.monitors);
    let keys: Vec<MonitorKey> = fixture.generator.keys().into_iter().take(monitors as usize).collect();
    let plan = plan(fixture, Period::Days30);
    let naive_path = naive_database(fixture, monitors)?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..scale.pick(5, 2) {
        let start = Instant::now();
        let counted = naive::timelines(&naive_path, &keys, &plan)?;
        theirs.push(millis(start.elapsed()));
        let store = runtime.block_on(fixture::open(&fixture.path))?;
        let start = Instant::now();
        let timelines = runtime.block_on(store.timelines(&keys, &plan))?;
        ours.push(millis(start.elapsed()));
        runtime.block_on(store.close())?;
        ensure!(agree(&timelines, &counted), "the two ways count differently");
    }
    let (ours, theirs) = (median(ours), median(theirs));
    Ok(Figure::new(format!("`timelines` 30d, {monitors} of these monitors"), format!("{ours:.1} ms")).beside(
        format!(
            "every raw row fetched and counted by the application: {theirs:.0} ms ({:.0} times)",
            theirs / ours
        ),
    ))
}

/// Returns the naive table with the same records of the first `monitors`, made when there is none yet.
fn naive_database(fixture: &Fixture, monitors: u32) -> Result<PathBuf> {
    let path = fixture.path.with_extension("naive.db");
    if !path.exists() {
        eprintln!("filling the table of the naive way, once");
        let part = fixture.path.with_extension("naive.part");
        // What an interrupted run left behind.
        let _ = fs::remove_file(&part);
        naive::build(&part, &fixture.generator, monitors)?;
        fs::rename(&part, &path).context("cannot keep the naive table")?;
    }
    Ok(path)
}

/// Tells whether both ways counted the same in every bucket.
fn agree(timelines: &[Timeline], counted: &[Vec<Tally>]) -> bool {
    timelines.len() == counted.len()
        && timelines.iter().zip(counted).all(|(timeline, tallies)| match &timeline.series {
            Series::Samples(_) => false,
            Series::Buckets(buckets) => {
                buckets.len() == tallies.len()
                    && buckets.iter().zip(tallies).all(|(bucket, tally)| {
                        bucket.tally.total() == tally.total()
                            && bucket.tally.causes == tally.causes
                            && bucket.tally.codes == tally.codes
                            && bucket.tally.available_latency_sum == tally.available_latency_sum
                    })
            }
        })
}

fn plan(fixture: &Fixture, period: Period) -> Plan {
    Plan::new(period, Align::Now, None, Timestamp::from_secs(fixture.generator.end))
}

#[expect(clippy::cast_precision_loss, reason = "sizes stay far below 2^52")]
fn size(fixture: &Fixture) -> Figure {
    let per_record = usage::database_bytes(&fixture.path) as f64 / fixture.generator.total() as f64;
    Figure::new("size on disk per record, rollups and indexes included", format!("{per_record:.1} bytes"))
        .target("≤ 45 bytes", per_record <= 45.0)
}
