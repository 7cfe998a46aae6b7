//! The columns of an archive file, and what a row of them means.
//!
//! The first ten are those of the Go version. `status` is 1 green, 2 yellow, 0 red, -1 no data; `sub_status` is the word
//! of the API, empty for none; `http_code` is 0 when no answer came; `latency` and all `_ms` are milliseconds;
//! `timestamp` is in Unix seconds, UTC. An empty field of a newer column is a value that is not known. `source` is
//! `schedule`, `manual` or `gateway`.
//!
//! A reader goes by the names in the header: columns may be in any order, unknown ones are passed over, and of the
//! known ones only `id`, `provider`, `service`, `status` and `timestamp` must be there.

use csv::StringRecord;
use relay_core::{
    MonitorKey, ProbeRecord, ProbeResult, Status, StoredRecord, SubStatus,
    record::{Source, Timings},
};

/// The names of the columns, in the order in which they are written.
pub(super) const COLUMNS: [&str; 17] = [
    "id",
    "provider",
    "service",
    "channel",
    "model",
    "status",
    "sub_status",
    "http_code",
    "latency",
    "timestamp",
    "detail",
    "dns_ms",
    "connect_ms",
    "tls_ms",
    "first_token_ms",
    "total_ms",
    "source",
];

/// Those that must be there.
const NEEDED: [&str; 5] = ["id", "provider", "service", "status", "timestamp"];

const SOURCES: [(Source, &str); 3] =
    [(Source::Schedule, "schedule"), (Source::Manual, "manual"), (Source::Gateway, "gateway")];

/// Puts a record into a row.
pub(super) fn write(stored: &StoredRecord, row: &mut StringRecord) {
    let ProbeRecord { key, timestamp, source, result } = &stored.record;
    let Timings { dns_ms, connect_ms, tls_ms, first_token_ms, total_ms } = result.timings;
    row.clear();
    row.push_field(&stored.id.to_string());
    for part in [key.provider(), key.service(), key.channel(), key.model()] {
        row.push_field(part);
    }
    row.push_field(&result.status.code().to_string());
    row.push_field(result.sub_status.map_or("", SubStatus::as_str));
    row.push_field(&result.http_code.to_string());
    row.push_field(&result.latency_ms.to_string());
    row.push_field(&timestamp.to_string());
    row.push_field(result.detail.as_deref().unwrap_or_default());
    for phase in [dns_ms, connect_ms, tls_ms, first_token_ms, total_ms] {
        row.push_field(&phase.map(|phase| phase.to_string()).unwrap_or_default());
    }
    row.push_field(SOURCES.iter().find(|(one, _)| one == source).map_or("", |(_, word)| word));
}

/// Where each of [`COLUMNS`] is in a file.
#[derive(Debug, Clone)]
pub(super) struct Header([Option<usize>; COLUMNS.len()]);

impl Header {
    /// Finds the columns by the names in the first row.
    ///
    /// # Errors
    /// The name of a column that is missing.
    pub(super) fn find(names: &StringRecord) -> Result<Self, &'static str> {
        let place =
            |column: &str| names.iter().position(|name| name.trim_start_matches('\u{feff}').trim() == column);
        match NEEDED.into_iter().find(|column| place(column).is_none()) {
            Some(missing) => Err(missing),
            None => Ok(Self(COLUMNS.map(place))),
        }
    }

    /// Makes the record of a row. A status that is none is no data, as it is in a database. Whether the parts of the key
    /// can be those of a monitor is for others to tell. Numbers that other programs wrote and that do not fit become the
    /// nearest that does.
    ///
    /// # Errors
    /// What is wrong with which field.
    pub(super) fn record(&self, row: &StringRecord) -> Result<StoredRecord, String> {
        let fields = Fields { header: self, row };
        let key = MonitorKey::from_parts(
            fields.text("provider"),
            fields.text("service"),
            fields.text("channel"),
            fields.text("model"),
        );
        let phase = |column| fields.number(column).map(|number| number.map(clamp_u32));
        let timings = Timings {
            dns_ms: phase("dns_ms")?,
            connect_ms: phase("connect_ms")?,
            tls_ms: phase("tls_ms")?,
            first_token_ms: phase("first_token_ms")?,
            total_ms: phase("total_ms")?,
        };
        let http_code = fields.number("http_code")?.unwrap_or_default().max(0);
        let result = ProbeResult {
            status: fields.number("status").ok().flatten().map_or(Status::Missing, Status::from_code),
            sub_status: SubStatus::parse(fields.text("sub_status")),
            http_code: u16::try_from(http_code).unwrap_or(u16::MAX),
            latency_ms: clamp_u32(fields.number("latency")?.unwrap_or_default()),
            timings,
            detail: Some(fields.text("detail")).filter(|text| !text.is_empty()).map(str::to_owned),
        };
        let source = fields.text("source");
        let source = SOURCES.iter().find(|(_, word)| *word == source).map(|(one, _)| *one);
        let record = ProbeRecord {
            key,
            timestamp: fields.needed("timestamp")?,
            source: source.unwrap_or_default(),
            result,
        };
        Ok(StoredRecord { id: fields.needed("id")?, record })
    }
}

fn clamp_u32(number: i64) -> u32 {
    u32::try_from(number.max(0)).unwrap_or(u32::MAX)
}

struct Fields<'a> {
    header: &'a Header,
    row: &'a StringRecord,
}

impl<'a> Fields<'a> {
    /// Returns a field, empty when there is no such column.
    fn text(&self, column: &str) -> &'a str {
        let index = COLUMNS.iter().position(|name| *name == column);
        let place = index.and_then(|index| self.header.0[index]);
        place.and_then(|place| self.row.get(place)).unwrap_or_default()
    }

    fn number(&self, column: &str) -> Result<Option<i64>, String> {
        match self.text(column).trim() {
            "" => Ok(None),
            text => text.parse().map(Some).map_err(|_| format!("{column} is no whole number")),
        }
    }

    fn needed(&self, column: &str) -> Result<i64, String> {
        self.number(column)?.ok_or_else(|| format!("{column} is empty"))
    }
}
