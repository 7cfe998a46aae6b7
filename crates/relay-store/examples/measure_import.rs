//! Measures imports of databases of the Go version: from files and from PostgreSQL, into either store.
//!
//! `cargo run --release -p relay-store --example measure_import -- [monitors] [days]`, by default 100 monitors and 30 days
//! of a record a minute. It starts a PostgreSQL server of its own, and removes everything at the end.
#![expect(clippy::print_stdout, reason = "printing figures is what it is for")]

use std::{error::Error, path::Path, sync::Arc};

use relay_core::{
    Timestamp, UnixSeconds,
    ports::{Clock, Repository},
};
use relay_store::{
    Import, ImportDeps, ImportFrom, ImportOptions, Options, PostgresOptions, SqliteOptions, open,
};
use relay_testkit::{
    postgres::{ROLE, Server, ServerOptions},
    relay_pulse::{Age, Dialect, RelayPulse},
};
use tokio::{sync::watch, task::JoinSet, time::Instant};
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
    let monitors: i64 = arguments.next().map_or(Ok(100), |text| text.parse())?;
    let days: i64 = arguments.next().map_or(Ok(30), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let server = Server::start(ServerOptions { durable: true, ..ServerOptions::default() })?;
    let schema = |dialect| RelayPulse::made(Age::Models, NOW, 1, 0).sql(dialect);

    let file = folder.path().join("old.db");
    let connection = rusqlite::Connection::open(&file)?;
    connection.execute_batch(&format!(
        "BEGIN;{}{};COMMIT",
        schema(Dialect::Sqlite),
        fill_sqlite(monitors, days)
    ))?;
    drop(connection);
    for name in ["old", "from_file", "from_tables"] {
        execute(&server, "postgres", &format!("CREATE DATABASE {name}")).await?;
    }
    let fill = format!("{}{}; VACUUM ANALYZE", schema(Dialect::Postgres), fill_postgres(monitors, days));
    for sql in fill.split_inclusive(";\n").flat_map(|sql| sql.split("; ")) {
        execute(&server, "old", sql).await?;
    }
    println!("{} records", monitors * days * 1_440);

    let tables = ImportFrom::RelayPulseTables(Box::new(place(&server, "old")));
    let file = ImportFrom::RelayPulseFile(file);
    for (what, from, into) in [
        ("file to file", &file, sqlite(folder.path(), "from_file")),
        ("tables to file", &tables, sqlite(folder.path(), "from_tables")),
        ("file to tables", &file, Options::Postgres(place(&server, "from_file"))),
        ("tables to tables", &tables, Options::Postgres(place(&server, "from_tables"))),
    ] {
        measure(what, from, into).await?;
    }
    Ok(())
}

fn sqlite(folder: &Path, name: &str) -> Options {
    Options::Sqlite(SqliteOptions::new(folder.join(format!("{name}.db"))))
}

fn place(server: &Server, database: &str) -> PostgresOptions {
    let address = server.address();
    PostgresOptions { port: address.port(), ..PostgresOptions::new(address.ip().to_string(), ROLE, database) }
}

/// Imports everything as records, then again.
async fn measure(what: &str, from: &ImportFrom, into: Options) -> Result<(), Box<dyn Error>> {
    let clock: Arc<dyn Clock> = Arc::new(FixedClock);
    let repository = open(into, clock.clone()).await?;
    for try_number in ["once", "again"] {
        let began = Instant::now();
        let summary = import(from, repository.clone(), clock.clone()).await?;
        let seconds = began.elapsed().as_secs_f64();
        println!(
            "{what}, {try_number}: {} added, {seconds:.1} s, {:.0} rows/s",
            summary.records,
            summary.rows as f64 / seconds
        );
    }
    repository.close().await?;
    Ok(())
}

async fn import(
    from: &ImportFrom,
    repository: Arc<dyn Repository>,
    clock: Arc<dyn Clock>,
) -> Result<relay_store::ImportSummary, Box<dyn Error>> {
    let (_, heirs) = watch::channel(Vec::new());
    let deps = ImportDeps { repository, clock, heirs };
    let import = Import::begin(from, ImportOptions::new("measured"), deps).await?;
    Ok(import.history(&CancellationToken::new(), |_| {}).await?)
}

/// What each row holds, by the number of its monitor and of its minute.
const COLUMNS: &str = "INSERT INTO probe_history (provider, service, channel, model, status, sub_status, http_code, latency, timestamp)";

fn fill_sqlite(monitors: i64, days: i64) -> String {
    let (minutes, from) = (days * 1_440, NOW - days * 86_400);
    format!(
        "WITH RECURSIVE t(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM t WHERE i + 1 < {minutes}),
         m(k) AS (SELECT 0 UNION ALL SELECT k + 1 FROM m WHERE k + 1 < {monitors})
         {COLUMNS} SELECT 'provider-' || (k / 4), 'cc', 'c' || (k % 4), '', i * 7 % 97 > 2,
         CASE WHEN i * 7 % 97 > 2 THEN '' ELSE 'rate_limit' END, CASE WHEN i * 7 % 97 > 2 THEN 200 ELSE 429 END,
         300 + (i * 31 + k * 17) % 977, {from} + i * 60 + k * 60 / {monitors} FROM t, m"
    )
}

fn fill_postgres(monitors: i64, days: i64) -> String {
    let (last, from) = (days * 1_440 - 1, NOW - days * 86_400);
    format!(
        "{COLUMNS} SELECT 'provider-' || (k / 4), 'cc', 'c' || (k % 4), '', (i * 7 % 97 > 2)::integer,
         CASE WHEN i * 7 % 97 > 2 THEN '' ELSE 'rate_limit' END, CASE WHEN i * 7 % 97 > 2 THEN 200 ELSE 429 END,
         300 + (i * 31 + k * 17) % 977, {from} + i * 60 + k * 60 / {monitors}
         FROM generate_series(0, {last}) i, generate_series(0, {monitors} - 1) k"
    )
}

async fn execute(server: &Server, database: &str, sql: &str) -> Result<(), Box<dyn Error>> {
    let mut config = tokio_postgres::Config::new();
    let address = server.address();
    config.host(address.ip().to_string()).port(address.port()).user(ROLE).dbname(database);
    let (client, connection) = config.connect(tokio_postgres::NoTls).await?;
    let mut driver = JoinSet::new();
    driver.spawn(async move { connection.await.unwrap_or_default() });
    Ok(client.batch_execute(sql).await?)
}
