//! Reading an SQLite database of the Go version.

use std::{
    collections::HashSet,
    fmt,
    ops::Range,
    path::Path,
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use relay_core::{
    Psc, StoredRecord, UnixSeconds,
    event::{EventId, GroupStates},
    time::DAY_SECS,
};
use rusqlite::{
    Connection, ErrorCode, OptionalExtension, Row, ToSql, params,
    types::{Value, ValueRef},
};
use tokio::sync::mpsc;

use super::file;
use crate::import::{
    ImportError, LeftOut,
    relay_pulse::{
        CHANNEL_STATE, ChannelStateNumbers, EVENT, EventNumbers, Groups, MODEL_STATE, ModelStateNumbers,
        RECORD, RecordNumbers, event, record, select_list,
    },
    source::{Events, Facts, HANDFUL, HIGHEST_ID, Keys, Source},
};

const COUNT_OUTSIDE: &str = include_str!("sql/relay_pulse/count_outside.sql");
const HAS_TIME_INDEX: &str = include_str!("sql/relay_pulse/has_time_index.sql");

/// How long to wait for a lock of whoever writes the source.
const BUSY: Duration = Duration::from_secs(10);

/// An SQLite file of the Go version, opened for reading only. Whoever writes it may go on.
pub(crate) struct RelayPulseFile {
    shared: Arc<Shared>,
}

struct Shared {
    connection: Mutex<Connection>,
    /// The columns of `probe_history`, to select.
    record_columns: String,
    has_time_index: bool,
    /// What is read one after the other.
    scopes: OnceLock<Vec<Scope>>,
}

/// What one query of a day is about: everything, where an index by time serves it; else one provider and service, which
/// every age has an index for.
#[derive(Debug, Clone)]
enum Scope {
    All,
    Of(Value, Value),
}

impl fmt::Debug for RelayPulseFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RelayPulseFile").finish_non_exhaustive()
    }
}

impl RelayPulseFile {
    /// Opens the file. Blocks the thread.
    ///
    /// # Errors
    /// When it is not there or is no database of the Go version.
    pub(crate) fn open(path: &Path) -> Result<Self, ImportError> {
        let refused = |reason: String| ImportError::Source { reason, temporary: false };
        let shown = path.display();
        if let Err(error) = std::fs::metadata(path) {
            return Err(refused(format!("cannot open {shown}: {error}")));
        }
        let trouble = |error: rusqlite::Error| trouble(&format!("cannot open {shown}"), &error);
        let connection = file::look_at(path).map_err(trouble)?;
        connection.busy_timeout(BUSY).map_err(trouble)?;
        connection.pragma_update(None, "query_only", true).map_err(trouble)?;
        let columns = columns(&connection, "probe_history").map_err(trouble)?;
        for needed in ["id", "provider", "service", "status", "timestamp"] {
            if !columns.contains(needed) {
                return Err(refused(format!(
                    "{shown} is no database of the Go version of Relay Pulse: it has no column probe_history.{needed}"
                )));
            }
        }
        let has_time_index = connection.query_row(HAS_TIME_INDEX, [], |row| row.get(0)).map_err(trouble)?;
        let shared = Shared {
            connection: Mutex::new(connection),
            record_columns: select_list(&RECORD, &columns),
            has_time_index,
            scopes: OnceLock::new(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// Runs `read` on a thread that may block.
    async fn run<T: Send + 'static>(
        &self,
        what: &'static str,
        read: impl FnOnce(&Shared, &mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, ImportError> {
        let shared = Arc::clone(&self.shared);
        let task = tokio::task::spawn_blocking(move || {
            let mut connection = shared.connection.lock().unwrap_or_else(PoisonError::into_inner);
            read(&shared, &mut connection)
        });
        let broken = |_| ImportError::Source { reason: format!("{what}: broken off"), temporary: true };
        task.await.map_err(broken)?.map_err(|error| trouble(what, &error))
    }
}

#[async_trait]
impl Source for RelayPulseFile {
    async fn facts(&self) -> Result<Facts, ImportError> {
        self.run("cannot look at the records", |_, connection| facts(connection)).await
    }

    async fn events(&self, after: EventId, limit: u32) -> Result<Events, ImportError> {
        self.run("cannot read events", move |_, connection| events(connection, after, limit)).await
    }

    async fn states(&self) -> Result<Vec<(Psc, GroupStates)>, ImportError> {
        self.run("cannot read states", |_, connection| states(connection)).await
    }

    async fn day_below(&self, before: UnixSeconds) -> Result<Option<UnixSeconds>, ImportError> {
        self.run("cannot look for records", move |shared, connection| {
            let mut newest: Option<i64> = None;
            for scope in shared.scopes(connection)? {
                let sql = format!(
                    "SELECT CAST(max(timestamp) AS INTEGER) FROM probe_history WHERE timestamp >= 0 AND timestamp < ?1{}",
                    scope.condition()
                );
                let mut statement = connection.prepare_cached(&sql)?;
                let found = statement.query_row(&*scope.parameters(&[&before]), |row| row.get(0))?;
                newest = newest.max(found);
            }
            Ok(newest.map(|timestamp| timestamp.div_euclid(DAY_SECS) * DAY_SECS))
        })
        .await
    }

    async fn read(
        &self,
        seconds: Range<UnixSeconds>,
        records: mpsc::Sender<Vec<StoredRecord>>,
    ) -> Result<LeftOut, ImportError> {
        self.run("cannot read records", move |shared, connection| {
            let (keys, left_out) = (Keys::default(), LeftOut::default());
            let mut reader = DayReader { keys, handful: Vec::new(), records, left_out };
            for scope in shared.scopes(connection)? {
                if !reader.read(shared, connection, scope, &seconds)? {
                    break;
                }
            }
            reader.hand_over();
            Ok(reader.left_out)
        })
        .await
    }

    async fn count_outside(&self, seconds: Range<UnixSeconds>) -> Result<LeftOut, ImportError> {
        self.run("cannot count records", move |_, connection| {
            connection.query_row(COUNT_OUTSIDE, (seconds.start, seconds.end), |row| {
                let count = |column| row.get::<_, i64>(column).map(i64::unsigned_abs);
                Ok(LeftOut {
                    timeless: count(0)?,
                    too_old: count(1)?,
                    future: count(2)?,
                    ..LeftOut::default()
                })
            })
        })
        .await
    }
}

impl Shared {
    fn scopes(&self, connection: &Connection) -> rusqlite::Result<&[Scope]> {
        if let Some(scopes) = self.scopes.get() {
            return Ok(scopes);
        }
        let scopes = if self.has_time_index {
            vec![Scope::All]
        } else {
            let mut statement = connection.prepare("SELECT DISTINCT provider, service FROM probe_history")?;
            let scopes = statement.query_map([], |row| Ok(Scope::Of(row.get(0)?, row.get(1)?)))?;
            scopes.collect::<Result<_, _>>()?
        };
        Ok(self.scopes.get_or_init(|| scopes))
    }
}

impl Scope {
    fn condition(&self) -> &'static str {
        match self {
            Self::All => "",
            Self::Of(..) => " AND provider IS ? AND service IS ?",
        }
    }

    fn parameters<'a>(&'a self, before: &[&'a dyn ToSql]) -> Vec<&'a dyn ToSql> {
        let mut parameters = before.to_vec();
        if let Self::Of(provider, service) = self {
            parameters.extend([provider as &dyn ToSql, service]);
        }
        parameters
    }
}

/// Reads a day and hands its records over.
struct DayReader {
    keys: Keys,
    handful: Vec<StoredRecord>,
    records: mpsc::Sender<Vec<StoredRecord>>,
    left_out: LeftOut,
}

impl DayReader {
    /// Reads what a scope has of these seconds; tells whether somebody still takes it.
    fn read(
        &mut self,
        shared: &Shared,
        connection: &Connection,
        scope: &Scope,
        seconds: &Range<UnixSeconds>,
    ) -> rusqlite::Result<bool> {
        let sql = format!(
            "SELECT {} FROM probe_history WHERE timestamp >= ?1 AND timestamp < ?2{} ORDER BY timestamp, id",
            shared.record_columns,
            scope.condition()
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let mut rows = statement.query(&*scope.parameters(&[&seconds.start, &seconds.end]))?;
        while let Some(row) = rows.next()? {
            let parts = [text(row, 1)?, text(row, 2)?, text(row, 3)?, text(row, 4)?];
            let Some(key) = self.keys.of_record(parts, &mut self.left_out) else { continue };
            let numbers = RecordNumbers {
                id: number(row, 0)?.unwrap_or_default(),
                status: number(row, 5)?.unwrap_or(-1),
                http_code: number(row, 7)?.unwrap_or_default(),
                latency: number(row, 8)?.unwrap_or_default(),
                timestamp: number(row, 9)?.unwrap_or_default(),
                phases: [
                    number(row, 11)?,
                    number(row, 12)?,
                    number(row, 13)?,
                    number(row, 14)?,
                    number(row, 15)?,
                ],
                source: number(row, 16)?.unwrap_or_default(),
            };
            self.handful.push(record(key, numbers, text(row, 6)?, text(row, 10)?));
            if self.handful.len() == HANDFUL && !self.hand_over() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn hand_over(&mut self) -> bool {
        let handful = std::mem::replace(&mut self.handful, Vec::with_capacity(HANDFUL));
        handful.is_empty() || self.records.blocking_send(handful).is_ok()
    }
}

fn facts(connection: &mut Connection) -> rusqlite::Result<Facts> {
    let transaction = connection.transaction()?;
    let one = |sql: &str| -> rusqlite::Result<i64> {
        let value: Option<i64> = transaction.query_row(sql, [], |row| number(row, 0))?;
        Ok(value.unwrap_or_default().clamp(0, HIGHEST_ID))
    };
    let has = |table: &str| columns(&transaction, table).map(|columns| !columns.is_empty());
    let highest = one("SELECT max(id) FROM probe_history")?;
    let lowest = one("SELECT min(id) FROM probe_history")?;
    let (mut last_record_id, mut last_event_id) = (highest, 0);
    if has("status_events")? {
        last_event_id = one("SELECT max(id) FROM status_events")?;
        last_record_id = last_record_id.max(one("SELECT max(trigger_record_id) FROM status_events")?);
    }
    for table in ["service_states", "channel_states"] {
        if has(table)? {
            last_record_id = last_record_id.max(one(&format!("SELECT max(last_record_id) FROM {table}"))?);
        }
    }
    if has("sqlite_sequence")? {
        let given =
            |table: &str| one(&format!("SELECT max(seq) FROM sqlite_sequence WHERE name = '{table}'"));
        last_record_id = last_record_id.max(given("probe_history")?);
        last_event_id = last_event_id.max(given("status_events")?);
    }
    let rows = if highest == 0 { 0 } else { highest - lowest + 1 };
    Ok(Facts { last_record_id, last_event_id, rows: rows.unsigned_abs() })
}

fn events(connection: &Connection, after: EventId, limit: u32) -> rusqlite::Result<Events> {
    let columns = columns(connection, "status_events")?;
    let mut found = Events::default();
    if columns.is_empty() {
        return Ok(found);
    }
    let sql = format!(
        "SELECT {} FROM status_events WHERE id > ?1 ORDER BY id LIMIT ?2",
        select_list(&EVENT, &columns)
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((after, limit))?;
    let (mut keys, mut count) = (Keys::default(), 0);
    while let Some(row) = rows.next()? {
        count += 1;
        let integer = |column| number(row, column).map(Option::unwrap_or_default);
        let numbers = EventNumbers {
            id: integer(0)?,
            from_status: integer(6)?,
            to_status: number(row, 7)?.unwrap_or(-1),
            trigger_record_id: integer(8)?,
            observed_at: integer(9)?,
            created_at: integer(10)?,
        };
        if count == limit {
            found.next = Some(numbers.id);
        }
        let key = keys.get([text(row, 1)?, text(row, 2)?, text(row, 3)?, text(row, 4)?]);
        let (kind, meta) = (text(row, 5)?, text(row, 11)?);
        match key.and_then(|key| event(key, numbers, kind, meta)) {
            Some(event) => found.events.push(event),
            None => found.skipped += 1,
        }
    }
    Ok(found)
}

fn states(connection: &Connection) -> rusqlite::Result<Vec<(Psc, GroupStates)>> {
    let (mut groups, mut keys) = (Groups::default(), Keys::default());
    let there = columns(connection, "service_states")?;
    if !there.is_empty() {
        let sql = format!("SELECT {} FROM service_states", select_list(&MODEL_STATE, &there));
        let mut statement = connection.prepare(&sql)?;
        let mut status = connection.prepare("SELECT status FROM probe_history WHERE id = ?1")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Some(key) = keys.get([text(row, 0)?, text(row, 1)?, text(row, 2)?, text(row, 3)?]) else {
                continue;
            };
            let last_record_id = number(row, 7)?.unwrap_or_default();
            let numbers = ModelStateNumbers {
                stable: number(row, 4)?.unwrap_or(-1),
                streak_count: number(row, 5)?.unwrap_or_default(),
                streak: number(row, 6)?.unwrap_or(-1),
                last_record_id,
                last_timestamp: number(row, 8)?.unwrap_or_default(),
                last_status: status
                    .query_row(params![last_record_id], |row| number(row, 0))
                    .optional()?
                    .flatten(),
            };
            groups.model(&key, numbers);
        }
    }
    let there = columns(connection, "channel_states")?;
    if !there.is_empty() {
        let sql = format!("SELECT {} FROM channel_states", select_list(&CHANNEL_STATE, &there));
        let mut statement = connection.prepare(&sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let Some(key) = keys.get([text(row, 0)?, text(row, 1)?, text(row, 2)?, ""]) else { continue };
            let integer = |column| number(row, column).map(Option::unwrap_or_default);
            let numbers = ChannelStateNumbers {
                stable: number(row, 3)?.unwrap_or(-1),
                down_count: integer(4)?,
                known_count: integer(5)?,
                last_record_id: integer(6)?,
                last_timestamp: integer(7)?,
            };
            groups.channel(key.psc(), numbers);
        }
    }
    Ok(groups.into_vec())
}

/// Returns the names of a table's columns; none when there is no such table.
fn columns(connection: &Connection, table: &str) -> rusqlite::Result<HashSet<String>> {
    let mut statement = connection.prepare("SELECT name FROM pragma_table_info(?1)")?;
    statement.query_map([table], |row| row.get(0))?.collect()
}

/// Reads a text; what is none is the empty one. SQLite lets any column hold anything.
fn text<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a str> {
    Ok(match row.get_ref(column)? {
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).unwrap_or_default(),
        _ => "",
    })
}

/// Reads a whole number; what is none is `None`.
fn number(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<i64>> {
    #[expect(clippy::cast_possible_truncation, reason = "saturates, and callers clamp")]
    let whole = |number: f64| number as i64;
    Ok(match row.get_ref(column)? {
        ValueRef::Integer(number) => Some(number),
        ValueRef::Real(number) => Some(whole(number)),
        ValueRef::Text(bytes) => std::str::from_utf8(bytes).ok().and_then(|text| text.trim().parse().ok()),
        _ => None,
    })
}

/// Says what is wrong with the source.
fn trouble(what: &str, error: &rusqlite::Error) -> ImportError {
    let temporary = !matches!(
        error.sqlite_error_code(),
        None | Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase | ErrorCode::CannotOpen)
    );
    ImportError::Source { reason: format!("{what}: {error}"), temporary }
}
