//! Which columns the tables have, and how each is read: as a text of bounded length, or as a whole number.

use std::collections::HashMap;

use deadpool_postgres::Transaction;
use relay_core::ports::repository::Error;
use tokio_postgres::types::{FromSql, Type};

use super::super::error::translate;
use crate::import::relay_pulse::{Column, META_BYTES};

const COLUMNS: &str = include_str!("../sql/relay_pulse/columns.sql");

/// The most characters of a text that are read: more than any part of a key or detail may have.
const TEXT_CHARS: u32 = 1_025;

/// The columns of a table, with their types.
#[derive(Debug, Clone, Default)]
pub(super) struct Columns(HashMap<String, String>);

impl Columns {
    /// Looks them up; none when there is no such table.
    pub(super) async fn of(transaction: &Transaction<'_>, table: &str) -> Result<Self, Error> {
        let trouble = translate("cannot look at the tables");
        let rows = transaction.query(COLUMNS, &[&table]).await.map_err(&trouble)?;
        let pair = |row: &tokio_postgres::Row| Ok((row.try_get(0)?, row.try_get(1)?));
        rows.iter().map(pair).collect::<Result<_, _>>().map(Self).map_err(trouble)
    }

    /// Tells whether there is no such table.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the first of the names that is no column, or one of a type that cannot stand for it.
    pub(super) fn lack<'a>(&self, names: &[&'a str], wanted: &[Column]) -> Option<&'a str> {
        let usable = |name: &&str| {
            let is_text = wanted.iter().any(|(column, instead)| column == name && is_text(instead));
            self.0.get(*name).is_some_and(|kind| is_text || whole(kind, "x").is_some())
        };
        names.iter().find(|name| !usable(name)).copied()
    }

    /// Returns the list to select from the table under the name `h`, with what stands in for columns that are not there.
    pub(super) fn select(&self, wanted: &[Column]) -> String {
        let one = |(name, instead): &Column| {
            let (kind, place) = (self.0.get(*name), format!("h.{name}"));
            match kind {
                Some(_) if *name == "meta" => {
                    format!(
                        "CASE WHEN octet_length({place}::text) <= {META_BYTES} THEN {place}::text ELSE '' END"
                    )
                }
                Some(_) if is_text(instead) => format!("left({place}::text, {TEXT_CHARS})"),
                None if is_text(instead) => format!("{instead}::text"),
                Some(kind) => whole(kind, &place).unwrap_or_else(|| format!("{instead}::bigint")),
                None => format!("{instead}::bigint"),
            }
        };
        wanted.iter().map(one).collect::<Vec<_>>().join(", ")
    }

    /// Returns an aggregate of a column as a whole number, 0 when there is no such column.
    pub(super) fn aggregate(&self, function: &str, name: &str) -> String {
        let kind = self.0.get(name);
        kind.and_then(|kind| whole(kind, &format!("{function}(h.{name})")))
            .unwrap_or_else(|| "0::bigint".to_owned())
    }
}

/// What stands in for a missing column says what it is.
fn is_text(instead: &str) -> bool {
    instead.starts_with('\'')
}

/// Returns an expression of a type of numbers as one that is whole, NULL where it cannot be.
fn whole(kind: &str, place: &str) -> Option<String> {
    match kind {
        "int2" | "int4" | "int8" => Some(format!("{place}::bigint")),
        // What is no number is greater than all others.
        "float4" | "float8" | "numeric" => Some(format!(
            "CASE WHEN {place} > -9e18 AND {place} < 9e18 THEN trunc({place}::numeric)::bigint END"
        )),
        _ => None,
    }
}

/// A text; what is none, or cannot be read, is the empty one.
#[derive(Debug, Clone, Copy)]
pub(super) struct Text<'a>(pub(super) &'a str);

impl<'a> FromSql<'a> for Text<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        // A database that declares no encoding holds whatever bytes it was given.
        Ok(Self(std::str::from_utf8(raw).unwrap_or_default()))
    }

    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Self(""))
    }

    fn accepts(kind: &Type) -> bool {
        *kind == Type::TEXT
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn columns(list: &[(&str, &str)]) -> Columns {
        Columns(list.iter().map(|(name, kind)| ((*name).to_owned(), (*kind).to_owned())).collect())
    }

    #[test]
    fn each_type_is_read_as_what_the_column_means() {
        let there = columns(&[("id", "int4"), ("name", "varchar"), ("latency", "float8"), ("code", "jsonb")]);
        let wanted =
            [("id", "0"), ("name", "''"), ("latency", "0"), ("code", "7"), ("gone", "NULL"), ("lost", "''")];
        assert_eq!(
            there.select(&wanted),
            "h.id::bigint, left(h.name::text, 1025), CASE WHEN h.latency > -9e18 AND h.latency < 9e18 THEN \
             trunc(h.latency::numeric)::bigint END, 7::bigint, NULL::bigint, ''::text"
        );
        assert_eq!(there.lack(&["id", "name", "latency"], &wanted), None);
        assert_eq!(there.lack(&["id", "code"], &wanted), Some("code"));
        assert_eq!(there.lack(&["gone"], &wanted), Some("gone"));
    }
}
