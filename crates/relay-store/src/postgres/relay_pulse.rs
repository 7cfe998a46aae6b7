//! Reading the tables of the Go version in a PostgreSQL database, where they are in the schema `public`.

mod columns;
mod rows;

use std::ops::Range;

use async_trait::async_trait;
use deadpool_postgres::{Object, Transaction};
use relay_core::{
    Psc, StoredRecord, UnixSeconds,
    event::{EventId, GroupStates},
    ports::repository::Error,
    time::DAY_SECS,
};
use tokio::sync::{OnceCell, mpsc};
use tokio_postgres::{IsolationLevel, Row, types::ToSql};

use self::columns::Columns;
use super::{
    error::{place, translate},
    pool::Pool,
};
use crate::{
    import::{
        ImportError, LeftOut,
        relay_pulse::{CHANNEL_STATE, EVENT, Groups, MODEL_STATE, RECORD},
        source::{Events, Facts, HANDFUL, HIGHEST_ID, Keys, Source},
    },
    options::{PostgresOptions, PostgresTimeouts},
};

const COUNT_OUTSIDE: &str = include_str!("sql/relay_pulse/count_outside.sql");
const SESSION: &str = include_str!("sql/relay_pulse/session.sql");
const HAS_TIME_INDEX: &str = include_str!("sql/relay_pulse/has_time_index.sql");
const LAST_GIVEN: &str = include_str!("sql/relay_pulse/last_given.sql");

/// How long a question may take. Counting everything of a long history takes a while.
const STATEMENT: std::time::Duration = std::time::Duration::from_secs(600);

/// Rows that are asked for at a time.
const FETCH: i32 = 4 * HANDFUL as i32;

type Parameter<'a> = &'a (dyn ToSql + Sync);

/// The tables of the Go version, opened for reading only. Whoever writes them may go on.
pub(crate) struct RelayPulseTables {
    pool: Pool,
    records: Columns,
    events: Columns,
    models: Columns,
    channels: Columns,
    has_time_index: bool,
    /// What is read one after the other.
    scopes: OnceCell<Vec<Scope>>,
}

/// What one question of a day is about: everything, where an index by time serves it; else one provider and service,
/// which every age has an index for.
#[derive(Debug, Clone)]
enum Scope {
    All,
    Of(Option<String>, Option<String>),
}

impl std::fmt::Debug for RelayPulseTables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RelayPulseTables").finish_non_exhaustive()
    }
}

impl RelayPulseTables {
    /// Connects, and looks at the tables.
    ///
    /// # Errors
    /// When the database cannot be reached, or has no tables of the Go version.
    pub(crate) async fn open(options: &PostgresOptions) -> Result<Self, ImportError> {
        let pool = source_pool(options).map_err(trouble)?;
        let mut client = pool.first(options).await.map_err(trouble)?;
        let transaction = begin(&mut client).await.map_err(trouble)?;
        let columns = async |table| Columns::of(&transaction, table).await.map_err(trouble);
        let (records, lack) = tables(&transaction).await.map_err(trouble)?;
        if let Some(name) = lack {
            let reason = format!(
                "{} holds no tables of the Go version of Relay Pulse: it has no usable column public.probe_history.{name}",
                place(options)
            );
            return Err(ImportError::Source { reason, temporary: false });
        }
        let events = columns("status_events").await?;
        let models = columns("service_states").await?;
        let channels = columns("channel_states").await?;
        let has_time_index = one(&transaction, HAS_TIME_INDEX, &[]).await.map_err(trouble)?.unwrap_or(false);
        drop(transaction);
        drop(client);
        Ok(Self { pool, records, events, models, channels, has_time_index, scopes: OnceCell::new() })
    }

    async fn client(&self) -> Result<Object, Error> {
        self.pool.get().await
    }

    async fn scopes(&self, transaction: &Transaction<'_>) -> Result<&[Scope], Error> {
        let look = async || {
            if self.has_time_index {
                return Ok(vec![Scope::All]);
            }
            let trouble = translate("cannot look for providers");
            let sql = "SELECT DISTINCT h.provider::text, h.service::text FROM public.probe_history h";
            let rows = transaction.query(sql, &[]).await.map_err(&trouble)?;
            let scope = |row: &Row| Ok(Scope::Of(row.try_get(0)?, row.try_get(1)?));
            rows.iter().map(scope).collect::<Result<_, _>>().map_err(trouble)
        };
        self.scopes.get_or_try_init(look).await.map(Vec::as_slice)
    }

    async fn read_facts(&self) -> Result<Facts, Error> {
        let mut client = self.client().await?;
        let transaction = begin(&mut client).await?;
        let highest = self.records.highest(&transaction, "probe_history", "id").await?;
        let sql = format!("SELECT {} FROM public.probe_history h", self.records.aggregate("min", "id"));
        let lowest = number(one(&transaction, &sql, &[]).await?);
        let mut last_record_id =
            highest.max(number(one(&transaction, LAST_GIVEN, &[&"public.probe_history"]).await?));
        let mut last_event_id = 0;
        if !self.events.is_empty() {
            let given = number(one(&transaction, LAST_GIVEN, &[&"public.status_events"]).await?);
            last_event_id = given.max(self.events.highest(&transaction, "status_events", "id").await?);
        }
        for (columns, table, name) in [
            (&self.events, "status_events", "trigger_record_id"),
            (&self.models, "service_states", "last_record_id"),
            (&self.channels, "channel_states", "last_record_id"),
        ] {
            last_record_id = last_record_id.max(columns.highest(&transaction, table, name).await?);
        }
        let rows = if highest == 0 { 0 } else { highest - lowest + 1 };
        Ok(Facts { last_record_id, last_event_id, rows: rows.unsigned_abs() })
    }

    async fn read_events(&self, after: EventId, limit: u32) -> Result<Events, Error> {
        let mut found = Events::default();
        if self.events.is_empty() {
            return Ok(found);
        }
        let error = translate("cannot read events");
        let mut client = self.client().await?;
        let transaction = begin(&mut client).await?;
        let sql = format!(
            "SELECT {} FROM public.status_events h WHERE h.id > $1::bigint ORDER BY h.id LIMIT $2::bigint",
            self.events.select(&EVENT)
        );
        let rows = transaction.query(&sql, &[&after, &i64::from(limit)]).await.map_err(&error)?;
        let mut keys = Keys::default();
        for row in &rows {
            match rows::event(row, &mut keys).map_err(&error)? {
                Some(event) => found.events.push(event),
                None => found.skipped += 1,
            }
        }
        if let Some(last) = rows.last().filter(|_| rows.len() == limit as usize) {
            found.next = last.try_get(0).map_err(&error)?;
        }
        Ok(found)
    }

    async fn read_states(&self) -> Result<Vec<(Psc, GroupStates)>, Error> {
        let error = translate("cannot read states");
        let mut client = self.client().await?;
        let transaction = begin(&mut client).await?;
        let (mut groups, mut keys) = (Groups::default(), Keys::default());
        if !self.models.is_empty() {
            let sql = format!(
                "SELECT {}, {} FROM public.service_states h",
                self.models.select(&MODEL_STATE),
                self.last_status()
            );
            for row in transaction.query(&sql, &[]).await.map_err(&error)? {
                rows::model_state(&row, &mut keys, &mut groups).map_err(&error)?;
            }
        }
        if !self.channels.is_empty() {
            let sql = format!("SELECT {} FROM public.channel_states h", self.channels.select(&CHANNEL_STATE));
            for row in transaction.query(&sql, &[]).await.map_err(&error)? {
                rows::channel_state(&row, &mut keys, &mut groups).map_err(&error)?;
            }
        }
        Ok(groups.into_vec())
    }

    /// Returns what selects the status of a state's last record, when that is still there.
    fn last_status(&self) -> String {
        if self.models.lack(&["last_record_id"], &MODEL_STATE).is_some() {
            return "NULL::bigint".to_owned();
        }
        let record = self.records.aggregate("max", "status").replace("h.", "r.");
        format!("(SELECT {record} FROM public.probe_history r WHERE r.id = h.last_record_id)")
    }

    async fn newest_day(&self, before: UnixSeconds) -> Result<Option<UnixSeconds>, Error> {
        let mut client = self.client().await?;
        let transaction = begin(&mut client).await?;
        let mut newest: Option<i64> = None;
        for scope in self.scopes(&transaction).await? {
            let sql = format!(
                "SELECT {} FROM public.probe_history h WHERE h.timestamp >= 0 AND h.timestamp < $1::bigint{}",
                self.records.aggregate("max", "timestamp"),
                scope.condition(2)
            );
            newest = newest.max(one(&transaction, &sql, &scope.parameters(&[&before])).await?);
        }
        Ok(newest.map(|timestamp| timestamp.div_euclid(DAY_SECS) * DAY_SECS))
    }

    /// Hands the records of some seconds over, all of them as they were at one moment; returns which rows were none.
    async fn hand_over(
        &self,
        seconds: &Range<UnixSeconds>,
        records: &mpsc::Sender<Vec<StoredRecord>>,
    ) -> Result<LeftOut, Error> {
        let error = translate("cannot read records");
        let mut client = self.client().await?;
        let transaction = begin(&mut client).await?;
        let (mut keys, mut left_out) = (Keys::default(), LeftOut::default());
        for scope in self.scopes(&transaction).await? {
            let sql = format!(
                "SELECT {} FROM public.probe_history h WHERE h.timestamp >= $1::bigint AND h.timestamp < $2::bigint{} \
                 ORDER BY h.timestamp, h.id",
                self.records.select(&RECORD),
                scope.condition(3)
            );
            let statement = transaction.prepare_cached(&sql).await.map_err(&error)?;
            let parameters = scope.parameters(&[&seconds.start, &seconds.end]);
            let portal = transaction.bind(&statement, &parameters).await.map_err(&error)?;
            let mut is_last = false;
            while !is_last {
                let rows = transaction.query_portal(&portal, FETCH).await.map_err(&error)?;
                is_last = rows.len() < FETCH as usize;
                for rows in rows.chunks(HANDFUL) {
                    let mut handful = Vec::with_capacity(rows.len());
                    for row in rows {
                        handful.extend(rows::record(row, &mut keys, &mut left_out).map_err(&error)?);
                    }
                    if records.send(handful).await.is_err() {
                        return Ok(left_out);
                    }
                }
            }
        }
        Ok(left_out)
    }

    async fn count(&self, seconds: &Range<UnixSeconds>) -> Result<LeftOut, Error> {
        let error = translate("cannot count records");
        let mut client = self.client().await?;
        let transaction = begin(&mut client).await?;
        let parameters: [Parameter<'_>; 2] = [&seconds.start, &seconds.end];
        let row = transaction.query_one(COUNT_OUTSIDE, &parameters).await.map_err(&error)?;
        let count = |column: usize| row.try_get::<_, i64>(column).map(i64::unsigned_abs);
        let counted = || {
            let (timeless, too_old, future) = (count(0)?, count(1)?, count(2)?);
            Ok(LeftOut { timeless, too_old, future, ..LeftOut::default() })
        };
        counted().map_err(error)
    }
}

#[async_trait]
impl Source for RelayPulseTables {
    async fn facts(&self) -> Result<Facts, ImportError> {
        self.read_facts().await.map_err(trouble)
    }

    async fn events(&self, after: EventId, limit: u32) -> Result<Events, ImportError> {
        self.read_events(after, limit).await.map_err(trouble)
    }

    async fn states(&self) -> Result<Vec<(Psc, GroupStates)>, ImportError> {
        self.read_states().await.map_err(trouble)
    }

    async fn day_below(&self, before: UnixSeconds) -> Result<Option<UnixSeconds>, ImportError> {
        self.newest_day(before).await.map_err(trouble)
    }

    async fn read(
        &self,
        seconds: Range<UnixSeconds>,
        records: mpsc::Sender<Vec<StoredRecord>>,
    ) -> Result<LeftOut, ImportError> {
        self.hand_over(&seconds, &records).await.map_err(trouble)
    }

    async fn count_outside(&self, seconds: Range<UnixSeconds>) -> Result<LeftOut, ImportError> {
        self.count(&seconds).await.map_err(trouble)
    }
}

impl Scope {
    /// Returns what follows in a condition whose next parameter has this number.
    fn condition(&self, next: usize) -> String {
        let Self::Of(provider, service) = self else { return String::new() };
        let (mut sql, mut next) = (String::new(), next);
        for (name, value) in [("provider", provider), ("service", service)] {
            if value.is_some() {
                sql += &format!(" AND h.{name} = ${next}");
                next += 1;
            } else {
                sql += &format!(" AND h.{name} IS NULL");
            }
        }
        sql
    }

    fn parameters<'a>(&'a self, before: &[Parameter<'a>]) -> Vec<Parameter<'a>> {
        let mut parameters = before.to_vec();
        if let Self::Of(provider, service) = self {
            parameters.extend([provider, service].into_iter().flatten().map(|value| value as Parameter<'_>));
        }
        parameters
    }
}

impl Columns {
    /// Returns the highest number in a column; 0 when there is none.
    async fn highest(&self, transaction: &Transaction<'_>, table: &str, name: &str) -> Result<i64, Error> {
        if self.is_empty() {
            return Ok(0);
        }
        let sql = format!("SELECT {} FROM public.{table} h", self.aggregate("max", name));
        Ok(number(one(transaction, &sql, &[]).await?))
    }
}

/// Looks at the columns of the records, and for one that is needed and not there.
async fn tables(transaction: &Transaction<'_>) -> Result<(Columns, Option<&'static str>), Error> {
    let records = Columns::of(transaction, "probe_history").await?;
    let lack = records.lack(&["id", "provider", "service", "status", "timestamp"], &RECORD);
    Ok((records, lack))
}

/// Tells whether there are tables of the Go version.
pub(super) async fn are_there(transaction: &Transaction<'_>) -> Result<bool, Error> {
    Ok(tables(transaction).await?.1.is_none())
}

/// Makes a pool of connections that only read.
pub(super) fn source_pool(options: &PostgresOptions) -> Result<Pool, Error> {
    let timeouts = PostgresTimeouts { statement: STATEMENT, ..options.timeouts };
    // Between two pieces of a day the store may be away for a while.
    let session = format!("{SESSION};SET idle_in_transaction_session_timeout = '10min'");
    Pool::of(&PostgresOptions { max_open: 2, max_idle: 1, timeouts, ..options.clone() }, &session)
}

/// Begins a transaction in which everything is as at one moment.
pub(super) async fn begin(client: &mut Object) -> Result<Transaction<'_>, Error> {
    let begun = client.build_transaction().read_only(true).isolation_level(IsolationLevel::RepeatableRead);
    begun.start().await.map_err(translate("cannot begin to read"))
}

/// Asks for one value; `None` when it is NULL or there is no row.
pub(super) async fn one<T>(
    transaction: &Transaction<'_>,
    sql: &str,
    parameters: &[Parameter<'_>],
) -> Result<Option<T>, Error>
where
    T: for<'a> tokio_postgres::types::FromSql<'a>,
{
    let error = translate("cannot look at the tables");
    let row = transaction.query_opt(sql, parameters).await.map_err(&error)?;
    row.map_or(Ok(None), |row| row.try_get(0)).map_err(error)
}

fn number(value: Option<i64>) -> i64 {
    value.unwrap_or_default().clamp(0, HIGHEST_ID)
}

fn trouble(error: Error) -> ImportError {
    match error {
        Error::Unavailable { reason, .. } => ImportError::Source { reason, temporary: true },
        other => ImportError::Source { reason: other.to_string(), temporary: false },
    }
}
