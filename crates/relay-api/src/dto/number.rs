//! Numbers and moments as JSON clients expect them.

use std::{borrow::Cow, fmt};

use relay_core::UnixSeconds;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Serialize, Serializer};

/// A number that is written without a fraction when it is whole: `100`, not `100.0`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Number(pub(crate) f64);

impl Number {
    /// Rounds to two decimals.
    pub(crate) fn rounded(self) -> Self {
        Self((self.0 * 100.0).round() / 100.0)
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Whole numbers of this size are exact in both types.
        #[expect(clippy::cast_possible_truncation, reason = "whole and within 2^53")]
        if self.0.fract() == 0.0 && self.0.abs() < 9_007_199_254_740_992.0 {
            serializer.serialize_i64(self.0 as i64)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

/// Says how a type is written that writes itself.
macro_rules! written_as {
    ($type:ty, $schema:tt) => {
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

written_as!(Number, { "type": "number" });
written_as!(Label, { "type": "string" });
written_as!(Rfc3339, { "type": "string", "format": "date-time" });

/// How the start of a bucket is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LabelForm {
    /// `HH:MM:SS`
    Second,
    /// `HH:MM`
    Minute,
    /// `YYYY-MM-DD`
    Day,
}

/// A moment, UTC, in one of the forms.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Label(pub(crate) LabelForm, pub(crate) UnixSeconds);

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = civil(self.1);
        match self.0 {
            LabelForm::Second => write!(f, "{:02}:{:02}:{:02}", at.hour(), at.minute(), at.second()),
            LabelForm::Minute => write!(f, "{:02}:{:02}", at.hour(), at.minute()),
            LabelForm::Day => write!(f, "{:04}-{:02}-{:02}", at.year(), at.month(), at.day()),
        }
    }
}

impl Serialize for Label {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A moment in RFC 3339, UTC, whole seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rfc3339(pub(crate) UnixSeconds);

impl Serialize for Rfc3339 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let at = civil(self.0);
        serializer.collect_str(&format_args!(
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
            at.year(),
            at.month(),
            at.day(),
            at.hour(),
            at.minute(),
            at.second()
        ))
    }
}

/// Returns the date and time of day, UTC; the epoch when the moment is out of range.
pub(crate) fn civil(at: UnixSeconds) -> jiff::civil::DateTime {
    jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_second(at).unwrap_or(jiff::Timestamp::UNIX_EPOCH))
}
