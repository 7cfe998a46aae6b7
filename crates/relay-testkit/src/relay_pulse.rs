//! Databases as the Go version of Relay Pulse left them, as SQL text.

use std::fmt::Write as _;

use relay_core::{
    MonitorKey, ProbeRecord, ProbeResult, Status, StoredRecord, SubStatus, UnixSeconds,
    event::{ChannelMeta, ChannelState, Event, EventMeta, EventType, ModelState, NewEvent, Stable},
    record::{Source, Timings},
};

/// What the schema knew at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Age {
    /// Provider, service, status and latency.
    First,
    /// Causes as well.
    Causes,
    /// Channels, HTTP codes and events as well.
    Channels,
    /// Models, details and states of channels as well.
    Models,
}

impl Age {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::First, Self::Causes, Self::Channels, Self::Models];
}

/// Who reads the SQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dialect {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
}

/// What is in a database.
#[derive(Debug, Clone, PartialEq)]
pub struct RelayPulse {
    /// How old its schema is.
    pub age: Age,
    /// Its records as an import should understand them, with the numbers they have there.
    pub records: Vec<StoredRecord>,
    /// Its events, likewise.
    pub events: Vec<Event>,
    /// The states of models.
    pub models: Vec<(MonitorKey, ModelState)>,
    /// The states of channels, by a key without model.
    pub channels: Vec<(MonitorKey, ChannelState)>,
}

impl RelayPulse {
    /// Makes `count` records of some monitors, from `days` ago to `now`, nearly in the order of time, the red and yellow
    /// among them too, and a few events and states where the age has them.
    #[must_use]
    pub fn made(age: Age, now: UnixSeconds, days: i64, count: i64) -> Self {
        let keys: Vec<MonitorKey> = [
            ("one", "cc", "", "m1"),
            ("one", "cc", "vip", "m1"),
            ("one", "gm", "", ""),
            ("two", "cc", "vip", "m1"),
            ("two", "cc", "vip", "m2"),
        ]
        .into_iter()
        .map(|(provider, service, channel, model)| {
            let channel = if age >= Age::Channels { channel } else { "" };
            let model = if age >= Age::Models { model } else { "" };
            MonitorKey::from_parts(provider, service, channel, model)
        })
        .collect();
        let span = days * 86_400;
        let records: Vec<StoredRecord> = (0..count)
            .map(|index| {
                // Two records of one second now and then, and some that were written late.
                let late = if index % 11 == 0 { 900 } else { 0 };
                let timestamp = now - span + span * (index / 2 * 2 + 1) / count - late;
                let key = &keys[usize::try_from(index * 7 % 5).unwrap_or_default()];
                StoredRecord { id: index + 1, record: record(age, key, timestamp, index) }
            })
            .collect();
        let (mut events, mut models, mut channels) = (Vec::new(), Vec::new(), Vec::new());
        if age >= Age::Channels {
            events = (1..=5).map(|id| event(age, &keys, id, now)).collect();
            models = vec![(keys[3].clone(), model_state(&records, &keys[3]))];
        }
        if age >= Age::Models {
            let state = ChannelState {
                stable: Stable::Down,
                down_count: 1,
                known_count: 2,
                last_record_id: count,
                last_timestamp: now,
            };
            channels.push((MonitorKey::from_parts("two", "cc", "vip", ""), state));
        }
        Self { age, records, events, models, channels }
    }

    /// Returns the statements that make the database.
    #[must_use]
    pub fn sql(&self, dialect: Dialect) -> String {
        let mut sql = schema(self.age, dialect);
        let columns = record_columns(self.age);
        let rows: Vec<String> = self.records.iter().map(|stored| record_row(self.age, stored)).collect();
        insert(&mut sql, "probe_history", &columns, &rows);
        if self.age >= Age::Channels {
            let model = if self.age >= Age::Models { ", model" } else { "" };
            let columns = format!(
                "id, provider, service, channel{model}, event_type, from_status, to_status, trigger_record_id, \
                 observed_at, created_at, meta"
            );
            let rows: Vec<String> = self.events.iter().map(|event| event_row(self.age, event)).collect();
            insert(&mut sql, "status_events", &columns, &rows);
            let columns = format!(
                "provider, service, channel{model}, stable_available, streak_count, streak_status, last_record_id, \
                 last_timestamp"
            );
            let rows: Vec<String> =
                self.models.iter().map(|(key, state)| model_row(self.age, key, state)).collect();
            insert(&mut sql, "service_states", &columns, &rows);
        }
        let rows: Vec<String> = self.channels.iter().map(|(key, state)| channel_row(key, state)).collect();
        let columns = "provider, service, channel, stable_available, down_count, known_count, last_record_id, \
                       last_timestamp";
        insert(&mut sql, "channel_states", columns, &rows);
        if dialect == Dialect::Postgres {
            // Rows that were inserted with their numbers took none of these.
            let tables = if self.age >= Age::Channels {
                &["probe_history", "status_events"][..]
            } else {
                &["probe_history"]
            };
            for table in tables {
                let _ = writeln!(
                    sql,
                    "SELECT setval(pg_get_serial_sequence('{table}', 'id'), max(id)) FROM {table};"
                );
            }
        }
        sql
    }
}

fn record(age: Age, key: &MonitorKey, timestamp: UnixSeconds, index: i64) -> ProbeRecord {
    let (status, cause, code) = match index % 9 {
        0 => (Status::Red, Some(SubStatus::RateLimit), 429),
        4 => (Status::Red, Some(SubStatus::NetworkError), 0),
        7 => (Status::Yellow, Some(SubStatus::SlowLatency), 200),
        _ => (Status::Green, None, 200),
    };
    let result = ProbeResult {
        status,
        sub_status: cause.filter(|_| age >= Age::Causes),
        http_code: if age >= Age::Channels { code } else { 0 },
        latency_ms: u32::try_from(100 + index % 977).unwrap_or_default(),
        timings: Timings::default(),
        detail: (age >= Age::Models && status == Status::Red).then(|| format!("it's number {index}")),
    };
    ProbeRecord { key: key.clone(), timestamp, source: Source::Schedule, result }
}

fn event(age: Age, keys: &[MonitorKey], number: i64, now: UnixSeconds) -> Event {
    let kind = if number % 2 == 1 { EventType::Down } else { EventType::Up };
    let down = kind == EventType::Down;
    let key = &keys[usize::try_from(number % 2).unwrap_or_default()];
    let mut meta = EventMeta { http_code: 503, latency_ms: 1234, ..EventMeta::default() };
    meta.sub_status = down.then_some(SubStatus::ServerError);
    let mut event = NewEvent {
        key: key.clone(),
        kind,
        from_status: if down { Stable::Up } else { Stable::Down },
        to_status: if down { Status::Red } else { Status::Green },
        trigger_record_id: number * 10,
        observed_at: now - 1000 + number,
        meta,
    };
    if age >= Age::Models && number == 5 {
        event.key = MonitorKey::from_parts("two", "cc", "vip", "");
        event.meta.channel = Some(ChannelMeta {
            trigger_model: "m2".to_owned(),
            down_count: 1,
            known_count: 2,
            total_models: 2,
            down_threshold: Some(1),
            down_models: vec!["m2".to_owned()],
            up_models: vec!["m1".to_owned()],
            model_states: vec![
                ("m1".to_owned(), Stable::Up, Some(Status::Green)),
                ("m2".to_owned(), Stable::Down, Some(Status::Red)),
            ],
        });
    }
    // With gaps, as after events that were deleted.
    Event { id: number * 3, created_at: now - 999 + number, event }
}

fn model_state(records: &[StoredRecord], key: &MonitorKey) -> ModelState {
    let last = records.iter().rfind(|stored| stored.record.key == *key);
    ModelState {
        stable: Stable::Down,
        streak_count: 1,
        streak: Stable::Up,
        last_record_id: last.map_or(0, |stored| stored.id),
        last_timestamp: last.map_or(0, |stored| stored.record.timestamp),
        last_status: last.map(|stored| stored.record.result.status),
    }
}

fn schema(age: Age, dialect: Dialect) -> String {
    let (id, json) = match dialect {
        Dialect::Sqlite => ("INTEGER PRIMARY KEY AUTOINCREMENT", "TEXT"),
        Dialect::Postgres => ("BIGSERIAL PRIMARY KEY", "JSONB"),
    };
    let later = |since: Age, column: &'static str| if age >= since { column } else { "" };
    let mut sql = format!(
        "CREATE TABLE probe_history (id {id}, provider TEXT NOT NULL, service TEXT NOT NULL{}{}, status INTEGER NOT \
         NULL{}{}, latency INTEGER NOT NULL, timestamp BIGINT NOT NULL{});\n",
        later(Age::Channels, ", channel TEXT NOT NULL DEFAULT ''"),
        later(Age::Models, ", model TEXT NOT NULL DEFAULT ''"),
        later(Age::Causes, ", sub_status TEXT NOT NULL DEFAULT ''"),
        later(Age::Channels, ", http_code INTEGER NOT NULL DEFAULT 0"),
        later(Age::Models, ", error_detail TEXT NOT NULL DEFAULT ''"),
    );
    sql += if age >= Age::Models {
        "CREATE INDEX idx_probe_history_timestamp ON probe_history (timestamp);
         CREATE INDEX idx_probe_history_pscm_ts_cover ON probe_history (provider, service, channel, model, timestamp \
         DESC, status, latency, id);\n"
    } else {
        "CREATE INDEX idx_provider_service_timestamp ON probe_history (provider, service, timestamp DESC);\n"
    };
    if age >= Age::Channels {
        let model = later(Age::Models, ", model TEXT DEFAULT ''");
        let model_key = later(Age::Models, ", model");
        let _ = writeln!(
            sql,
            "CREATE TABLE status_events (id {id}, provider TEXT NOT NULL, service TEXT NOT NULL, channel TEXT NOT NULL \
             DEFAULT ''{model}, event_type TEXT NOT NULL, from_status INTEGER NOT NULL, to_status INTEGER NOT NULL, \
             trigger_record_id BIGINT NOT NULL, observed_at BIGINT NOT NULL, created_at BIGINT NOT NULL, meta {json});\n\
             CREATE UNIQUE INDEX idx_status_events_unique ON status_events (provider, service, channel, event_type, \
             trigger_record_id);\n\
             CREATE TABLE service_states (provider TEXT NOT NULL, service TEXT NOT NULL, channel TEXT NOT NULL DEFAULT \
             ''{model}, stable_available INTEGER NOT NULL DEFAULT -1, streak_count INTEGER NOT NULL DEFAULT 0, \
             streak_status INTEGER NOT NULL DEFAULT -1, last_record_id BIGINT, last_timestamp BIGINT NOT NULL DEFAULT \
             0, PRIMARY KEY (provider, service, channel{model_key}));"
        );
    }
    if age >= Age::Models {
        sql += "CREATE TABLE channel_states (provider TEXT NOT NULL, service TEXT NOT NULL, channel TEXT NOT NULL DEFAULT '', \
                stable_available INTEGER NOT NULL DEFAULT -1, down_count INTEGER NOT NULL DEFAULT 0, known_count INTEGER \
                NOT NULL DEFAULT 0, last_record_id BIGINT, last_timestamp BIGINT NOT NULL DEFAULT 0, PRIMARY KEY \
                (provider, service, channel));\n";
    }
    sql
}

fn insert(sql: &mut String, table: &str, columns: &str, rows: &[String]) {
    for rows in rows.chunks(500) {
        let _ = writeln!(sql, "INSERT INTO {table} ({columns}) VALUES\n{};", rows.join(",\n"));
    }
}

fn record_columns(age: Age) -> String {
    let mut columns = "id, provider, service, status, latency, timestamp".to_owned();
    for (since, later) in [
        (Age::Causes, ", sub_status"),
        (Age::Channels, ", channel, http_code"),
        (Age::Models, ", model, error_detail"),
    ] {
        if age >= since {
            columns += later;
        }
    }
    columns
}

fn record_row(age: Age, stored: &StoredRecord) -> String {
    let ProbeRecord { key, timestamp, result, .. } = &stored.record;
    let (status, latency) = (result.status.code(), result.latency_ms);
    let mut row = format!(
        "({}, {}, {}, {status}, {latency}, {timestamp}",
        stored.id,
        quoted(key.provider()),
        quoted(key.service())
    );
    if age >= Age::Causes {
        row += &format!(", {}", quoted(result.sub_status.map_or("", SubStatus::as_str)));
    }
    if age >= Age::Channels {
        row += &format!(", {}, {}", quoted(key.channel()), result.http_code);
    }
    if age >= Age::Models {
        let detail = result.detail.as_deref().unwrap_or_default();
        row += &format!(", {}, {}", quoted(key.model()), quoted(detail));
    }
    row + ")"
}

fn event_row(age: Age, event: &Event) -> String {
    let NewEvent { key, kind, from_status, to_status, trigger_record_id, observed_at, meta } = &event.event;
    format!(
        "({}, {}, {}, {trigger_record_id}, {observed_at}, {}, {})",
        event.id,
        names(age, key),
        format_args!("{}, {}, {}", quoted(kind.as_str()), from_status.code(), to_status.code()),
        event.created_at,
        quoted(&meta_text(meta))
    )
}

fn model_row(age: Age, key: &MonitorKey, state: &ModelState) -> String {
    let ModelState { stable, streak_count, streak, last_record_id, last_timestamp, .. } = state;
    let (names, stable, streak) = (names(age, key), stable.code(), streak.code());
    format!("({names}, {stable}, {streak_count}, {streak}, {last_record_id}, {last_timestamp})")
}

fn channel_row(key: &MonitorKey, state: &ChannelState) -> String {
    let ChannelState { stable, down_count, known_count, last_record_id, last_timestamp } = state;
    let (names, stable) = (names(Age::Channels, key), stable.code());
    format!("({names}, {stable}, {down_count}, {known_count}, {last_record_id}, {last_timestamp})")
}

fn names(age: Age, key: &MonitorKey) -> String {
    let mut names = [key.provider(), key.service(), key.channel()].map(quoted).join(", ");
    if age >= Age::Models {
        names = format!("{names}, {}", quoted(key.model()));
    }
    names
}

fn meta_text(meta: &EventMeta) -> String {
    let mut text = format!(r#"{{"http_code":{},"latency_ms":{}"#, meta.http_code, meta.latency_ms);
    if let Some(cause) = meta.sub_status {
        let _ = write!(text, r#","sub_status":"{cause}""#);
    }
    if let Some(channel) = &meta.channel {
        let list = |models: &[String]| {
            models.iter().map(|model| format!("\"{model}\"")).collect::<Vec<_>>().join(",")
        };
        let states = channel.model_states.iter().map(|(model, stable, last)| {
            let last = last.map_or("null".to_owned(), |status| status.code().to_string());
            format!(r#""{model}":{{"stable":{},"last_status":{last}}}"#, stable.code())
        });
        let _ = write!(
            text,
            r#","scope":"channel","trigger_model":"{}","down_count":{},"known_count":{},"total_models":{},"channel_down_threshold":{},"down_models":[{}],"up_models":[{}],"models":[],"model_states":{{{}}}"#,
            channel.trigger_model,
            channel.down_count,
            channel.known_count,
            channel.total_models,
            channel.down_threshold.unwrap_or(1),
            list(&channel.down_models),
            list(&channel.up_models),
            states.collect::<Vec<_>>().join(",")
        );
    }
    text + "}"
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
