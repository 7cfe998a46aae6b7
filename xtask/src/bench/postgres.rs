//! How fast history is written to and read from a PostgreSQL server of its own, with the settings it has by default.

use std::{net::SocketAddr, sync::Arc};

use anyhow::{Context as _, Result, anyhow, ensure};
use relay_core::{
    Timestamp,
    ports::{Repository, Transition, clock::SystemClock},
    timeline::{Align, DailyFilter, Period, Plan},
};
use relay_store::{Options, PostgresOptions};
use relay_testkit::postgres::{ROLE, Server, ServerOptions};
use tokio::time::Instant;

use super::{
    Scale, cleaner,
    figure::{self, Figure, median, millis},
    fixture::{self, BATCH},
    generator::Generator,
};

/// Measures appending and timelines; with 1,000 monitors too when `large`.
///
/// # Errors
/// When there is no PostgreSQL, or the store fails.
pub(crate) fn figures(scale: Scale, large: bool) -> Result<Vec<Figure>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let generator = fixture::generator(scale, fixture::now());
    let mut figures = measure(&runtime, &generator, scale, 20.0)?;
    if large {
        let monitors = generator.monitors * 10;
        figures.extend(measure(&runtime, &Generator { monitors, ..generator }, scale, 150.0)?);
    }
    figures.push(runtime.block_on(clean(scale))?);
    Ok(figures)
}

fn measure(
    runtime: &tokio::runtime::Runtime,
    generator: &Generator,
    scale: Scale,
    limit: f64,
) -> Result<Vec<Figure>> {
    let options = ServerOptions { durable: true, ..ServerOptions::default() };
    let server = Server::start(options).map_err(|reason| anyhow!(reason))?;
    let words = generator.words();
    eprintln!("filling PostgreSQL with {words}");
    let rate = runtime.block_on(fill(server.address(), generator))?;
    let mut figures = vec![
        Figure::new(
            format!(
                "PostgreSQL: append in batches of {BATCH}, {words}, rollups, latest and event states included"
            ),
            figure::rate(rate),
        )
        .target("≥ 30,000/s", rate >= 30_000.0),
    ];
    for (name, plan, limit) in [
        ("30d", plan(generator, Period::Days30, None), Some(limit)),
        ("24h", plan(generator, Period::Hours24, None), None),
        ("30d with a daily filter", plan(generator, Period::Days30, Some("09:00-17:30")), None),
    ] {
        let took = runtime.block_on(ask(server.address(), generator, &plan, scale))?;
        let figure = Figure::new(
            format!("PostgreSQL: `timelines` {name}, {words}, just opened"),
            format!("{took:.1} ms"),
        );
        figures.push(match limit {
            Some(limit) => figure.target(&format!("≤ {limit:.0} ms"), took <= limit),
            None => figure,
        });
    }
    Ok(figures)
}

async fn clean(scale: Scale) -> Result<Figure> {
    let options = ServerOptions { durable: true, ..ServerOptions::default() };
    let server = Server::start(options).map_err(|reason| anyhow!(reason))?;
    let store = open(server.address()).await?;
    let figure = cleaner::figure("PostgreSQL", store.clone(), scale).await?;
    store.close().await?;
    Ok(figure)
}

async fn open(server: SocketAddr) -> Result<Arc<dyn Repository>> {
    let options = PostgresOptions {
        port: server.port(),
        ..PostgresOptions::new(server.ip().to_string(), ROLE, "postgres")
    };
    relay_store::open(Options::Postgres(options), Arc::new(SystemClock))
        .await
        .context("cannot open PostgreSQL")
}

/// Appends everything, and returns how many records that were in a second.
async fn fill(server: SocketAddr, generator: &Generator) -> Result<f64> {
    let store = open(server).await?;
    let rules = fixture::event_rules();
    let start = Instant::now();
    for batch in generator.batches(BATCH) {
        store.append(batch, Arc::clone(&rules) as Arc<dyn Transition>).await?;
    }
    let rate = figure::per_second(generator.total(), start.elapsed());
    store.close().await?;
    Ok(rate)
}

/// Asks stores that were just opened, and returns the milliseconds of the middle one.
async fn ask(server: SocketAddr, generator: &Generator, plan: &Plan, scale: Scale) -> Result<f64> {
    let keys = generator.keys();
    let mut times = Vec::new();
    for _ in 0..scale.pick(9, 3) {
        let store = open(server).await?;
        let start = Instant::now();
        let timelines = store.timelines(&keys, plan).await?;
        times.push(millis(start.elapsed()));
        ensure!(timelines.iter().all(|timeline| timeline.whole.total() > 0), "a timeline is empty");
        store.close().await?;
    }
    Ok(median(times))
}

fn plan(generator: &Generator, period: Period, filter: Option<&str>) -> Plan {
    let filter = filter.and_then(|text| DailyFilter::parse(text).ok());
    Plan::new(period, Align::Now, filter, Timestamp::from_secs(generator.end))
}
