//! Lists and mappings of settings.

use std::{collections::HashMap, time::Duration};

use relay_core::timeline::Period;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema as schema};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::{GoDuration, SecretValue, Text};
use crate::{
    reader::{Located, Read, Reader},
    yaml::{Entry, Kind, Mark, Node},
};

/// A list, each item with its place.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct List<T> {
    items: Vec<(usize, Located<T>)>,
}

impl<T> List<T> {
    /// Returns the items with their positions as typed: items that could not be read leave gaps.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = (usize, &Located<T>)> {
        self.items.iter().map(|(index, item)| (*index, item))
    }

    /// Returns the items to change them.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Located<T>)> {
        self.items.iter_mut().map(|(index, item)| (*index, item))
    }
}

impl<T: Serialize> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.items.iter().map(|(_, item)| item))
    }
}

impl<T: Read> Read for List<T> {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Kind::List(nodes) = &node.kind else {
            reader.error(node.mark, format!("must be a list, not {}", node.kind_name()));
            return None;
        };
        if nodes.len() > T::MAX_ITEMS {
            reader.error(node.mark, format!("more than {} items", T::MAX_ITEMS));
            return None;
        }
        let mut items = Vec::with_capacity(nodes.len());
        for (index, node) in nodes.iter().enumerate() {
            reader.within_item(index, |reader| {
                if node.is_unset() {
                    reader.error(node.mark, "this item is empty");
                } else if let Some(value) = T::read(node, reader) {
                    items.push((index, Located { value, mark: node.mark }));
                }
            });
        }
        Some(Self { items })
    }

    fn fill(&mut self) {
        for (_, item) in &mut self.items {
            item.value.fill();
        }
    }
}

impl<T: JsonSchema> JsonSchema for List<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("ListOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        schema!({ "type": "array", "items": generator.subschema_for::<T>() })
    }
}

/// The most headers of one request, and the most services with a time of their own.
const MAX_ENTRIES: usize = 500;

/// Returns the entries of a mapping that is not too long to be looked through again and again.
fn short_map<'n>(node: &'n Node, reader: &mut Reader<'_>) -> Option<&'n [Entry]> {
    let entries = reader.entries(node)?;
    if entries.len() > MAX_ENTRIES {
        reader.error(node.mark, format!("more than {MAX_ENTRIES} entries"));
        return None;
    }
    Some(entries)
}

/// Text by name, in the order of the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct TextMap(pub(crate) Vec<(Located<String>, Located<Text>)>);

impl Read for TextMap {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let entries = short_map(node, reader)?;
        let mut map = Vec::with_capacity(entries.len());
        for entry in entries {
            if entry.value.is_unset() {
                continue;
            }
            let value = reader.within(entry.key.escape_debug(), |reader| Text::read(&entry.value, reader));
            if let Some(value) = value {
                let key = Located { value: entry.key.to_string(), mark: entry.mark };
                map.push((key, Located { value, mark: entry.value.mark }));
            }
        }
        Some(Self(map))
    }
}

impl Serialize for TextMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (&key.value, &value.value)))
    }
}

super::json_schema!(TextMap, "TextMap", { "title": "text by name",
    "type": "object",
    "additionalProperties": { "type": ["string", "number", "boolean", "null"] }
});

/// Secrets by name, in the order of the file.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct SecretMap(pub(crate) Vec<(Located<String>, Located<SecretValue>)>);

impl Read for SecretMap {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let entries = short_map(node, reader)?;
        let mut map = Vec::with_capacity(entries.len());
        for entry in entries.iter().filter(|entry| !entry.value.is_unset()) {
            let value =
                reader.within(entry.key.escape_debug(), |reader| SecretValue::read(&entry.value, reader));
            let key = Located { value: entry.key.to_string(), mark: entry.mark };
            map.extend(value.map(|value| (key, Located { value, mark: entry.value.mark })));
        }
        Some(Self(map))
    }
}

impl Serialize for SecretMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (&key.value, &value.value)))
    }
}

super::json_schema!(SecretMap, "SecretMap", {
    "title": "secrets by name",
    "type": "object",
    "additionalProperties": { "type": ["string", "number", "boolean", "null"] }
});

/// Spans of time by service, compared without regard to case.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct ServiceDurations(Vec<(String, Mark, GoDuration)>);

impl ServiceDurations {
    /// Returns the span for a service, and where it stands.
    pub(crate) fn of(&self, service: &str) -> Option<Located<Duration>> {
        let service = service.trim().to_lowercase();
        let (_, mark, span) = self.0.iter().find(|(name, ..)| *name == service)?;
        Some(Located { value: span.0, mark: *mark })
    }
}

impl Read for ServiceDurations {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let entries = short_map(node, reader)?;
        let mut map: Vec<(String, Mark, GoDuration)> = Vec::new();
        let mut first = HashMap::new();
        for entry in entries {
            let service = entry.key.trim().to_lowercase();
            reader.within(entry.key.escape_debug(), |reader| {
                if let Some(line) = first.insert(service.clone(), entry.mark.line) {
                    reader.error(entry.mark, format!("the same service as at line {line}, but for case"));
                } else if !entry.value.is_unset()
                    && let Some(span) = GoDuration::read(&entry.value, reader)
                {
                    map.push((service, entry.value.mark, span));
                }
            });
        }
        Some(Self(map))
    }
}

impl Serialize for ServiceDurations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(service, _, span)| (service, span)))
    }
}

impl JsonSchema for ServiceDurations {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ServiceDurations".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        schema!({
            "title": "durations by service",
            "type": "object",
            "additionalProperties": generator.subschema_for::<GoDuration>()
        })
    }
}

/// Spans of time by period of the timeline.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct PeriodDurations(pub(crate) Vec<(Period, GoDuration)>);

/// The periods with their spelling; `1d` and `24h` are the same.
const PERIODS: [(&str, Period); 7] = [
    ("90m", Period::Minutes90),
    ("24h", Period::Hours24),
    ("1d", Period::Hours24),
    ("7d", Period::Days7),
    ("30d", Period::Days30),
    ("90d", Period::Days90),
    ("1y", Period::Year1),
];

impl Read for PeriodDurations {
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let entries = reader.entries(node)?;
        let mut map: Vec<(Period, GoDuration)> = Vec::new();
        for entry in entries {
            reader.within(entry.key.escape_debug(), |reader| {
                let Some((_, period)) = PERIODS.iter().find(|(name, _)| *name == &*entry.key) else {
                    return reader
                        .warn(entry.mark, "unknown period; there are 90m, 24h, 7d, 30d, 90d and 1y");
                };
                if map.iter().any(|(given, _)| given == period) {
                    return reader.error(entry.mark, "24h and 1d are the same period; give one of them");
                }
                if !entry.value.is_unset()
                    && let Some(span) = GoDuration::read(&entry.value, reader)
                {
                    map.push((*period, span));
                }
            });
        }
        Some(Self(map))
    }

    fn fill(&mut self) {
        let defaults = relay_core::ports::catalog::CacheTtl::default();
        let given = std::mem::take(&mut self.0);
        let typed = |period| given.iter().find(|(name, _)| *name == period).map(|(_, span)| *span);
        for period in Period::ALL {
            // The longest periods go with 30d unless they are given.
            let longest = matches!(period, Period::Days90 | Period::Year1);
            let span = typed(period).or_else(|| typed(Period::Days30).filter(|_| longest));
            self.0.push((period, span.unwrap_or_else(|| GoDuration(defaults.of(period)))));
        }
    }
}

impl Serialize for PeriodDurations {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (period, span) in &self.0 {
            map.serialize_entry(period.as_str(), span)?;
        }
        map.end()
    }
}

impl JsonSchema for PeriodDurations {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "PeriodDurations".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let span = generator.subschema_for::<GoDuration>();
        let properties: serde_json::Map<String, serde_json::Value> =
            PERIODS.iter().map(|(name, _)| ((*name).to_owned(), span.clone().into())).collect();
        schema!({
            "title": "durations by period",
            "type": "object",
            "properties": properties,
            "additionalProperties": false
        })
    }
}
