//! One question to `/api/status` with all that its answer depends on but the timelines.

use std::{sync::Arc, time::Duration};

use jiff::civil::Date;
use relay_core::{
    MonitorKey, Timestamp,
    ports::repository::Timelines,
    timeline::{Period, Plan, Timeline},
};
use serde::{Serialize, Serializer, ser::SerializeSeq};

use crate::{
    dto::{
        number::civil,
        status::{MetaDto, Writer},
    },
    error::ApiError,
    handlers::status::shown::{Shown, ShownUnit},
    index::Index,
    query::{StatusQuery, View},
};

/// What a monitor takes in JSON besides its points, about, in bytes.
const HEAD_BYTES: usize = 800;
/// What a point takes, about, in bytes.
const POINT_BYTES: usize = 350;
const COMPACT_POINT_BYTES: usize = 50;
/// How many points a series has that is not cut into buckets: one probe a minute.
const SAMPLES: usize = 90;

/// A question at a moment.
pub(super) struct Question {
    pub(super) index: Arc<Index>,
    pub(super) query: StatusQuery,
    pub(super) plan: Plan,
    pub(super) shown: Shown,
    today: Date,
}

impl Question {
    pub(super) fn new(index: Arc<Index>, query: StatusQuery, now: Timestamp) -> Self {
        let span = query.span;
        Self {
            plan: Plan::new(span.period, span.align, span.filter, now),
            shown: Shown::select(&index, &query),
            today: civil(now.as_secs()).date(),
            index,
            query,
        }
    }

    pub(super) fn ttl(&self) -> Duration {
        self.index.snapshot.site.cache_ttl.of(self.query.span.period)
    }

    /// Estimates the bytes of the answer.
    pub(super) fn bytes(&self) -> usize {
        self.shown.timelines() * monitor_bytes(&self.query)
    }

    /// Returns the keys of the timelines that some entries need, in the order they take them.
    pub(super) fn keys<'a>(&self, units: impl Iterator<Item = &'a ShownUnit>) -> Vec<MonitorKey> {
        let mut keys = Vec::new();
        units.for_each(|unit| unit.keys(&self.index, &mut keys));
        keys
    }

    pub(super) fn writer(&self) -> Writer<'_> {
        let (span, view) = (self.query.span, self.query.view);
        Writer { site: &self.index.snapshot.site, span, view, today: self.today }
    }

    pub(super) fn meta(&self) -> MetaDto<'_> {
        self.writer().meta(&self.plan, &self.index.all_monitor_ids, self.shown.singles.len())
    }

    /// Writes the whole answer from the timelines of all entries.
    ///
    /// # Errors
    /// An internal error when there are too few timelines.
    pub(super) fn write(&self, found: &[Timeline]) -> Result<Vec<u8>, ApiError> {
        let (singles, groups) = found.split_at(self.shown.singles.len().min(found.len()));
        let dto = WholeDto {
            meta: self.meta(),
            data: Entries { question: self, units: &self.shown.singles, found: singles },
            groups: Entries { question: self, units: &self.shown.groups, found: groups },
        };
        let room = self.bytes() + self.index.all_monitor_ids.len() * 32;
        let mut body = Vec::with_capacity(room);
        serde_json::to_writer(&mut body, &dto)
            .map_err(|error| ApiError::internal(format!("writing /api/status: {error}")))?;
        Ok(body)
    }
}

/// The whole answer.
#[derive(Serialize)]
struct WholeDto<'a> {
    meta: MetaDto<'a>,
    data: Entries<'a>,
    groups: Entries<'a>,
}

/// A list of entries, each made when it is written.
struct Entries<'a> {
    question: &'a Question,
    units: &'a [ShownUnit],
    found: &'a [Timeline],
}

impl Serialize for Entries<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let writer = self.question.writer();
        let mut found = self.found.iter();
        let mut list = serializer.serialize_seq(Some(self.units.len()))?;
        for unit in self.units {
            let entry = unit.write(&self.question.index, &writer, &mut found);
            list.serialize_element(
                &entry.ok_or_else(|| serde::ser::Error::custom("a timeline is missing"))?,
            )?;
        }
        list.end()
    }
}

/// Asks the store, and holds it to its word: one timeline per key.
pub(super) async fn ask(
    timelines: &dyn Timelines,
    keys: &[MonitorKey],
    plan: &Plan,
) -> Result<Vec<Timeline>, ApiError> {
    if keys.is_empty() {
        return Ok(Vec::new());
    }
    let found = timelines.timelines(keys, plan).await?;
    if found.len() != keys.len() {
        return Err(ApiError::internal("the store answered for another number of monitors"));
    }
    Ok(found)
}

/// Returns what the answer takes if everything is shown, in bytes: a bound that costs nothing to work out.
pub(super) fn most_bytes(index: &Index, query: &StatusQuery) -> usize {
    index.snapshot.monitors.len() * monitor_bytes(query)
}

fn monitor_bytes(query: &StatusQuery) -> usize {
    let points = match query.span.period {
        Period::Minutes90 => SAMPLES,
        Period::Hours24 => 24,
        Period::Days7 => 7,
        Period::Days30 => 30,
        Period::Days90 => 90,
        Period::Year1 => 52,
    };
    let point = match query.view {
        View::Full => POINT_BYTES,
        View::Compact => COMPACT_POINT_BYTES,
    };
    HEAD_BYTES + points * point
}
