//! The same question asked the way the existing Go version asks it: one table of text keys with an index over them and
//! the time, every raw record of each monitor fetched, and the counting done by the application.

use std::{collections::HashSet, path::Path};

use anyhow::{Context as _, Result};
use relay_core::{
    MonitorKey, Status, SubStatus,
    timeline::{Plan, Sample, Tally},
};
use rusqlite::{Connection, OpenFlags, params};

use super::generator::Generator;

const SCHEMA: &str = "
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    CREATE TABLE probe_history (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        provider TEXT NOT NULL, service TEXT NOT NULL, channel TEXT NOT NULL, model TEXT NOT NULL,
        status INTEGER NOT NULL, sub_status TEXT NOT NULL, http_code INTEGER NOT NULL,
        latency INTEGER NOT NULL, timestamp INTEGER NOT NULL
    );
    CREATE INDEX probe_history_key ON probe_history (provider, service, channel, model, timestamp DESC);
    ";

const INSERT: &str = "
    INSERT INTO probe_history
        (provider, service, channel, model, status, sub_status, http_code, latency, timestamp)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

const SELECT: &str = "
    SELECT id, status, sub_status, http_code, latency, timestamp FROM probe_history
    WHERE provider = ?1 AND service = ?2 AND channel = ?3 AND model = ?4 AND timestamp >= ?5
    ORDER BY timestamp DESC";

/// Makes the table at `path` and fills it with what `generator` gives for its first `monitors`.
///
/// # Errors
/// When the database cannot be written.
pub(crate) fn build(path: &Path, generator: &Generator, monitors: u32) -> Result<()> {
    let mut database = Connection::open(path).with_context(|| format!("cannot make {}", path.display()))?;
    database.execute_batch(SCHEMA)?;
    let wanted: HashSet<MonitorKey> = generator.keys().into_iter().take(monitors as usize).collect();
    for batch in generator.batches(10_000) {
        let transaction = database.transaction()?;
        {
            let mut insert = transaction.prepare_cached(INSERT)?;
            for record in batch.iter().filter(|record| wanted.contains(&record.key)) {
                let (key, result) = (&record.key, &record.result);
                insert.execute(params![
                    key.provider(),
                    key.service(),
                    key.channel(),
                    key.model(),
                    result.status.code(),
                    result.sub_status.map_or("", SubStatus::as_str),
                    result.http_code,
                    result.latency_ms,
                    record.timestamp,
                ])?;
            }
        }
        transaction.commit()?;
    }
    database.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(())
}

/// Answers for each key with a query of its own.
///
/// # Errors
/// When the database cannot be read.
pub(crate) fn timelines(path: &Path, keys: &[MonitorKey], plan: &Plan) -> Result<Vec<Vec<Tally>>> {
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .with_context(|| format!("cannot read {}", path.display()))?;
    let mut select = database.prepare(SELECT)?;
    keys.iter()
        .map(|key| {
            let wanted =
                params![key.provider(), key.service(), key.channel(), key.model(), plan.window.start];
            let samples = select.query_map(wanted, |row| {
                Ok(Sample {
                    id: row.get(0)?,
                    status: Status::from_code(row.get(1)?),
                    sub_status: SubStatus::parse(&row.get::<_, String>(2)?),
                    http_code: row.get(3)?,
                    latency_ms: row.get(4)?,
                    timestamp: row.get(5)?,
                })
            })?;
            let mut buckets = vec![Tally::default(); plan.bucket_count()];
            for sample in samples {
                let sample = sample?;
                if let Some(bucket) = plan.bucket_of(sample.timestamp) {
                    buckets[bucket].add(&sample);
                }
            }
            Ok(buckets)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use relay_core::{
        Timestamp,
        timeline::{Align, Period},
    };

    use super::*;

    #[test]
    fn every_record_of_the_window_is_counted() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("naive.db");
        let generator = Generator { seed: 1, monitors: 3, records: 200, interval: 600, end: 1_800_000_000 };
        build(&path, &generator, 2).expect("a database");
        let plan = Plan::new(Period::Days7, Align::Now, None, Timestamp::from_secs(generator.end));
        let tallies = timelines(&path, &generator.keys(), &plan).expect("timelines");
        assert_eq!(tallies.len(), 3);
        assert_eq!(tallies[2], vec![Tally::default(); 7], "the third monitor was not asked for");
        for (monitor, buckets) in tallies.iter().take(2).enumerate() {
            let mut expected = vec![Tally::default(); 7];
            for index in 0..200 {
                let record = generator.record(u32::try_from(monitor).expect("small"), index);
                if let Some(bucket) = plan.bucket_of(record.timestamp) {
                    expected[bucket].green += u32::from(record.result.status == Status::Green);
                    expected[bucket].red += u32::from(record.result.status == Status::Red);
                }
            }
            let counts = |tallies: &[Tally]| tallies.iter().map(|t| (t.green, t.red)).collect::<Vec<_>>();
            assert_eq!(counts(buckets), counts(&expected), "monitor {monitor}");
        }
    }
}
