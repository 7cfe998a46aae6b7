//! Spans of time.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::json_schema;
use crate::{
    duration::{self, Error},
    reader::{Read, Reader},
    yaml::Node,
};

/// A span of time above zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GoDuration(pub(crate) Duration);

impl GoDuration {
    pub(crate) const fn secs(secs: u64) -> Self {
        Self(Duration::from_secs(secs))
    }
}

impl Read for GoDuration {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let span = read(node, reader)?;
        if span.is_zero() {
            reader.error(node.mark, "must be longer than zero");
            return None;
        }
        Some(Self(span))
    }
}

/// A span of time that may be zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct GoDurationOrZero(pub(crate) Duration);

impl Read for GoDurationOrZero {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        read(node, reader).map(Self)
    }
}

fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Duration> {
    let (text, _) = reader.scalar(node)?;
    match duration::parse(text.trim()) {
        Ok(span) => Some(span),
        Err(error @ (Error::NoUnit | Error::Malformed | Error::Negative | Error::TooLong)) => {
            reader.error(node.mark, error.to_string());
            None
        }
    }
}

impl Serialize for GoDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&duration::format(self.0))
    }
}

impl Serialize for GoDurationOrZero {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&duration::format(self.0))
    }
}

json_schema!(GoDuration, "Duration", { "title": "duration",
    "type": "string",
    "pattern": "^\\+?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*$"
});
json_schema!(GoDurationOrZero, "DurationOrZero", { "title": "duration or 0",
    "type": ["string", "integer"],
    "pattern": "^(0|\\+?([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)(([0-9]+(\\.[0-9]*)?|\\.[0-9]+)(ns|us|µs|μs|ms|s|m|h))*)$",
    "maximum": 0
});
