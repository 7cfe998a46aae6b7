//! Measures what appending to PostgreSQL costs when few and when all records of a batch are of other monitors.
//!
//! `cargo run --release -p relay-store --example measure_append -- [minutes]`, by default two hours of a record a minute,
//! with 1,000 monitors and then with 100, in batches of 1,000. It starts a PostgreSQL server of its own, or uses the one
//! that `cargo xtask test` names, and drops what it made.
#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]

use std::{env, error::Error, sync::Arc};

use relay_core::{
    MonitorKey, ProbeRecord, ProbeResult, Status, StoredRecord, SubStatus, Timestamp, UnixSeconds,
    event::{GroupStates, NewEvent, Stable},
    ports::{Clock, Transition},
    record::{Source, Timings},
};
use relay_store::{Options, PostgresOptions, open};
use relay_testkit::postgres::{ROLE, Server, ServerOptions, VARIABLE, shared};
use tokio::{task::JoinSet, time::Instant};

/// 2026-03-10 00:00:00 UTC.
const START: UnixSeconds = 1_773_100_800;
const BATCH: usize = 1_000;

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(START + 86_400)
    }
}

/// Moves states as the rules of events do, without ever making an event.
struct Streaks;

impl Transition for Streaks {
    fn apply(&self, stored: &StoredRecord, states: &mut GroupStates) -> Option<NewEvent> {
        let state = states.models.entry(stored.record.key.model().to_owned()).or_default();
        let seen = Stable::of(stored.record.result.status);
        state.streak_count = if state.streak == seen { state.streak_count.saturating_add(1) } else { 1 };
        state.streak = seen;
        state.last_record_id = stored.id;
        state.last_timestamp = stored.record.timestamp;
        state.last_status = Some(stored.record.result.status);
        None
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let minutes: u32 = env::args().nth(1).map_or(Ok(120), |text| text.parse())?;
    let own = match env::var(VARIABLE) {
        Ok(_) => None,
        Err(_) => Some(Server::start(ServerOptions { durable: true, ..ServerOptions::default() })?),
    };
    let server = own.as_ref().map_or_else(shared, Server::address);
    for monitors in [1_000, 100] {
        let database = format!("measured_{}_{monitors}", std::process::id());
        let (_driver, admin) = connect(server, "postgres").await?;
        admin.batch_execute(&format!("CREATE DATABASE {database}")).await?;
        let position = "SELECT (pg_current_wal_insert_lsn() - '0/0')::float8";
        let before: f64 = admin.query_one(position, &[]).await?.get(0);
        let (count, seconds) = fill(server, &database, monitors, minutes).await?;
        let after: f64 = admin.query_one(position, &[]).await?.get(0);
        println!(
            "{monitors} monitors, {minutes} minutes: {:.0} records/s, {:.0} bytes of log per record",
            f64::from(count) / seconds,
            (after - before) / f64::from(count)
        );
        admin.batch_execute(&format!("DROP DATABASE {database} WITH (FORCE)")).await?;
    }
    Ok(())
}

async fn fill(
    server: std::net::SocketAddr,
    database: &str,
    monitors: u32,
    minutes: u32,
) -> Result<(u32, f64), Box<dyn Error>> {
    let options = PostgresOptions {
        port: server.port(),
        ..PostgresOptions::new(server.ip().to_string(), ROLE, database)
    };
    let store = open(Options::Postgres(options), Arc::new(FixedClock)).await?;
    let total = monitors * minutes;
    let records: Vec<ProbeRecord> =
        (0..total).map(|number| record(number % monitors, number / monitors)).collect();
    let began = Instant::now();
    for batch in records.chunks(BATCH) {
        store.append(batch.to_vec(), Arc::new(Streaks)).await?;
    }
    let seconds = began.elapsed().as_secs_f64();
    store.close().await?;
    Ok((total, seconds))
}

fn record(monitor: u32, minute: u32) -> ProbeRecord {
    let service = ["cc", "cx", "gm", "cc"][monitor as usize % 4];
    let channel = ["vip", "", "std", "free"][monitor as usize % 4];
    // Knuth's multiplicative hash: spread, and the same every time.
    let draw = (minute * 1_009 + monitor).wrapping_mul(2_654_435_761) >> 8;
    let latency_ms = 300 + draw % 1_700;
    let fails = draw.is_multiple_of(100);
    ProbeRecord {
        key: MonitorKey::from_parts(&format!("provider-{:03}", monitor / 4), service, channel, ""),
        timestamp: START + i64::from(minute) * 60 + i64::from(monitor % 60),
        source: Source::Schedule,
        result: ProbeResult {
            status: if fails { Status::Red } else { Status::Green },
            sub_status: fails.then_some(SubStatus::ServerError),
            http_code: if fails { 503 } else { 200 },
            latency_ms,
            timings: Timings { total_ms: Some(latency_ms + 180), ..Timings::default() },
            detail: fails.then(|| "upstream said: no capacity left".to_owned()),
        },
    }
}

async fn connect(
    server: std::net::SocketAddr,
    database: &str,
) -> Result<(JoinSet<()>, tokio_postgres::Client), Box<dyn Error>> {
    let mut config = tokio_postgres::Config::new();
    config.host(server.ip().to_string()).port(server.port()).user(ROLE).dbname(database);
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    let mut driver = JoinSet::new();
    driver.spawn(async move { connection.await.unwrap_or_default() });
    Ok((driver, client))
}
