//! Deleting what is too old, and reading it before that.
//!
//! As in SQLite the records in short lead: they name the numbers of the raw records of a slot, so that nothing is
//! searched for and a late record is found like any other. Space that deleting frees is made use of again by
//! autovacuum; giving it back to the system is the server's own business.

use async_trait::async_trait;
use deadpool_postgres::{ClientWrapper, Object, Transaction};
use relay_core::{
    MonitorKey, StoredRecord, UnixSeconds,
    ports::repository::{Error, ExportMark, ExportPage, ExportQuery, Job, JobLock, Retention},
    record::RecordId,
    time::DAY_SECS,
    timeline::SLOT_SECS,
};
use tokio::time::timeout;
use tokio_postgres::types::ToSql;

use super::{
    PgRepository, answered,
    change::Change,
    error::{malformed, translate},
    row::read_record,
};
use crate::rollup::{MonitorId, day_of, each_sample, slot_of};

const OLDEST_SAMPLES: &str = include_str!("sql/retention/oldest_samples.sql");
const DELETE_RECORDS: &str = "DELETE FROM probe_history WHERE id = ANY ($1)";
const DELETE_SAMPLES: &str = include_str!("sql/retention/delete_samples.sql");
const DELETE_SLOTS: &str = include_str!("sql/retention/delete_slots.sql");
const DELETE_DAYS: &str = include_str!("sql/retention/delete_days.sql");
const RAISE_HORIZON: &str = include_str!("sql/retention/raise_horizon.sql");
const SAMPLES_FROM: &str = include_str!("sql/retention/samples_from.sql");
const EXPORTED: &str = include_str!("sql/retention/exported.sql");
const HORIZON: &str = "SELECT raw_horizon FROM retention WHERE id = 1";
const TRY_LOCK: &str = "SELECT pg_try_advisory_lock($1, $2)";

/// The first of the two numbers of every job's advisory lock: the letters of "rely".
const JOBS: i32 = 0x7265_6c79;
/// The second number of cleaning; archiving has the number of the day, which is never negative.
const CLEANING: i32 = -1;

/// A connection that holds a job: the server lets go of the lock when it ends.
struct Holder {
    _client: ClientWrapper,
}

#[async_trait]
impl Retention for PgRepository {
    async fn lock_job(&self, job: Job) -> Result<Option<JobLock>, Error> {
        let number = match job {
            Job::Clean => CLEANING,
            Job::Archive(day) => i32::try_from(day.div_euclid(DAY_SECS).max(0)).unwrap_or(i32::MAX),
        };
        let trouble = translate("cannot take the lock of a job");
        let client = self.client().await?;
        let take = async { client.query_one(TRY_LOCK, &[&JOBS, &number]).await.map_err(&trouble) };
        let row = match timeout(self.patience, take).await {
            Ok(row) => row?,
            // Whether it was taken is not known, so the connection must not be used again.
            Err(late) => return answered(client, Err(late)),
        };
        let taken: bool = row.get(0);
        Ok(taken.then(|| JobLock::new(Holder { _client: Object::take(client) })))
    }

    async fn oldest_record(&self) -> Result<Option<UnixSeconds>, Error> {
        let samples = self.samples_from(i64::MIN).await?;
        Ok(samples.iter().map(|(at, _)| *at).min())
    }

    async fn export(&self, query: &ExportQuery) -> Result<ExportPage, Error> {
        let mut page = ExportPage::default();
        let mut room = query.limit.max(1) as usize;
        let mut from = query.after.map_or_else(|| slot_of(query.from), |after| after.at);
        loop {
            let samples = self.samples_from(from).await?;
            let Some(slot) = samples.first().map(|(at, _)| slot_of(*at)).filter(|slot| *slot < query.until)
            else {
                return Ok(page);
            };
            let seen = query.after.filter(|after| after.at == slot).map(|after| after.id);
            let wanted = |at: &UnixSeconds, id: &RecordId| {
                (query.from..query.until).contains(at) && seen.is_none_or(|seen| *id > seen)
            };
            let mut ids: Vec<RecordId> =
                samples.iter().filter(|(at, id)| wanted(at, id)).map(|(_, id)| *id).collect();
            ids.sort_unstable();
            // Numbers are counted, not records: rows deleted by hand must not make a page take long.
            ids.truncate(room);
            page.records.extend(self.exported(&ids).await?);
            room -= ids.len();
            if let Some(last) = ids.last().filter(|_| room == 0) {
                page.next = Some(ExportMark { at: slot, id: *last });
                return Ok(page);
            }
            from = slot.saturating_add(SLOT_SECS);
        }
    }

    async fn delete_records(&self, before: UnixSeconds, limit: u32) -> Result<u64, Error> {
        let before = slot_of(before).min(self.live_from());
        let mut client = self.client().await?;
        let answer = timeout(self.patience, delete_records(&mut client, before, limit)).await;
        answered(client, answer)
    }

    async fn delete_slots(&self, before: UnixSeconds, limit: u32) -> Result<u64, Error> {
        let before = slot_of(before).min(day_of(self.live_from()));
        self.delete_rows(DELETE_SLOTS, before, limit).await
    }

    async fn delete_days(&self, before: UnixSeconds, limit: u32) -> Result<u64, Error> {
        let before = day_of(before).min(day_of(self.live_from()));
        self.delete_rows(DELETE_DAYS, before, limit).await
    }

    async fn reclaim(&self, _bytes: u64) -> Result<u64, Error> {
        self.check_open().map(|()| 0)
    }

    async fn raw_horizon(&self) -> Result<Option<UnixSeconds>, Error> {
        self.read(|client| async move {
            let row = client.query_one(HORIZON, &[]).await;
            row.map(|row| row.get(0)).map_err(translate("cannot read the raw horizon"))
        })
        .await
    }
}

impl PgRepository {
    /// Returns the border up to which nothing is counted live: the slot before the present one.
    fn live_from(&self) -> UnixSeconds {
        slot_of(self.clock.now().as_secs()).saturating_sub(SLOT_SECS)
    }

    async fn delete_rows(&self, sql: &str, before: UnixSeconds, limit: u32) -> Result<u64, Error> {
        let mut client = self.client().await?;
        let delete = async {
            let change = Change::begin(&mut client, 0).await?;
            let count = i64::from(limit.max(1));
            let deleted = change.transaction.execute(sql, &[&before, &count]).await;
            let deleted = deleted.map_err(translate("cannot delete rollups"))?;
            change.commit().await?;
            Ok(deleted)
        };
        let answer = timeout(self.patience, delete).await;
        answered(client, answer)
    }

    /// Returns time and number of each record of the first slot at or after `from` that has any.
    async fn samples_from(&self, from: UnixSeconds) -> Result<Vec<(UnixSeconds, RecordId)>, Error> {
        self.read(|client| async move {
            let trouble = translate("cannot read which records there are");
            let statement = client.prepare_cached(SAMPLES_FROM).await.map_err(&trouble)?;
            let mut samples = Vec::new();
            for row in client.query(&statement, &[&from]).await.map_err(&trouble)? {
                each_sample(row.get(2), row.get(0), |sample| samples.push((sample.timestamp, sample.id)))
                    .map_err(malformed("slot_samples.samples"))?;
            }
            Ok(samples)
        })
        .await
    }

    async fn exported(&self, ids: &[RecordId]) -> Result<Vec<StoredRecord>, Error> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        self.read(|client| async move {
            let trouble = translate("cannot read records");
            let statement = client.prepare_cached(EXPORTED).await.map_err(&trouble)?;
            let rows = client.query(&statement, &[&ids]).await.map_err(&trouble)?;
            let read = |row: &tokio_postgres::Row| {
                let key = MonitorKey::from_parts(row.get(9), row.get(10), row.get(11), row.get(12));
                read_record(row, key)
            };
            rows.iter().map(read).collect()
        })
        .await
    }
}

/// Notes that counts of slots before `horizon` cannot be made again.
pub(super) async fn raise_horizon(transaction: &Transaction<'_>, horizon: UnixSeconds) -> Result<(), Error> {
    let raised = transaction.execute(RAISE_HORIZON, &[&horizon]).await;
    raised.map(drop).map_err(translate("cannot write the raw horizon"))
}

async fn delete_records(client: &mut Object, before: UnixSeconds, limit: u32) -> Result<u64, Error> {
    let change = Change::begin(client, 0).await?;
    let doomed = Doomed::find(&change.transaction, before, limit).await?;
    let Some((slot, monitor)) = doomed.last else { return Ok(0) };
    let trouble = translate("cannot delete records");
    let horizon = slot.saturating_add(SLOT_SECS);
    let steps: [(&str, &[&(dyn ToSql + Sync)]); 3] = [
        (DELETE_RECORDS, &[&doomed.ids]),
        (DELETE_SAMPLES, &[&slot, &monitor]),
        (RAISE_HORIZON, &[&horizon]),
    ];
    for (sql, parameters) in steps {
        let statement = change.transaction.prepare_cached(sql).await.map_err(&trouble)?;
        change.transaction.execute(&statement, parameters).await.map_err(&trouble)?;
    }
    change.commit().await?;
    Ok((doomed.ids.len() as u64).max(1))
}

/// Raw records that are to be deleted together.
#[derive(Debug, Default)]
struct Doomed {
    /// Their numbers.
    ids: Vec<RecordId>,
    /// The last row of `slot_samples` that names some of them.
    last: Option<(UnixSeconds, MonitorId)>,
}

impl Doomed {
    async fn find(transaction: &Transaction<'_>, before: UnixSeconds, limit: u32) -> Result<Self, Error> {
        let trouble = translate("cannot read which records are old");
        let statement = transaction.prepare_cached(OLDEST_SAMPLES).await.map_err(&trouble)?;
        // A row names one record at least.
        let rows = i64::from(limit.max(1));
        let mut doomed = Self::default();
        for row in transaction.query(&statement, &[&before, &rows]).await.map_err(&trouble)? {
            let slot = row.get(0);
            doomed.last = Some((slot, row.get(1)));
            each_sample(row.get(2), slot, |sample| doomed.ids.push(sample.id))
                .map_err(malformed("slot_samples.samples"))?;
            if doomed.ids.len() >= limit.max(1) as usize {
                break;
            }
        }
        Ok(doomed)
    }
}
