//! Which monitors and groups one question shows.

use std::slice::Iter;

use relay_core::{MonitorKey, timeline::Timeline};
use serde::Serialize;

use crate::{
    dto::status::{GroupDto, Layer, MonitorDto, Writer},
    index::{Index, Unit},
    query::StatusQuery,
};

/// What one question shows: monitors without model, and groups, each in configuration order.
pub(super) struct Shown {
    pub(super) singles: Vec<ShownUnit>,
    pub(super) groups: Vec<ShownUnit>,
}

/// One entry of `data` or `groups`.
pub(super) enum ShownUnit {
    Single(usize),
    Group {
        parent: usize,
        /// Monitor and place in the group, 0 for the parent.
        layers: Vec<(usize, usize)>,
    },
}

/// One entry with what was found of it.
#[derive(Serialize)]
#[serde(untagged)]
pub(super) enum EntryDto<'a> {
    Single(Box<MonitorDto<'a>>),
    Group(Box<GroupDto<'a>>),
}

impl Shown {
    pub(super) fn select(index: &Index, query: &StatusQuery) -> Self {
        let admitted = |at: usize| {
            let monitor = index.monitor(at);
            monitor.disabled.is_none() && (query.include_hidden || monitor.hidden.is_none())
        };
        let on_board = |at: usize| query.boards.takes(index.monitor(at).board);
        let wanted = |at: usize| index.matches(at, query.providers.as_ref(), query.services.as_ref());
        let mut shown = Self { singles: Vec::new(), groups: Vec::new() };
        for unit in &index.units {
            match unit {
                Unit::Single(at) => {
                    if wanted(*at) && admitted(*at) && on_board(*at) {
                        shown.singles.push(ShownUnit::Single(*at));
                    }
                }
                Unit::Group(layers) => {
                    let Some(parent) = layers.first().copied().filter(|at| wanted(*at) && admitted(*at))
                    else {
                        continue;
                    };
                    // Places are counted before the board is looked at: a model keeps its place on every board, and
                    // a hidden one leaves no gap that would give it away.
                    let places = layers.iter().copied().filter(|at| admitted(*at)).enumerate();
                    let layers: Vec<_> =
                        places.map(|(order, at)| (at, order)).filter(|(at, _)| on_board(*at)).collect();
                    if !layers.is_empty() {
                        shown.groups.push(ShownUnit::Group { parent, layers });
                    }
                }
            }
        }
        shown
    }

    /// Returns the number of timelines that are written.
    pub(super) fn timelines(&self) -> usize {
        self.units().map(ShownUnit::timelines).sum()
    }

    /// Returns all entries in the order they are written.
    pub(super) fn units(&self) -> impl Iterator<Item = &ShownUnit> {
        self.singles.iter().chain(&self.groups)
    }
}

impl ShownUnit {
    pub(super) fn timelines(&self) -> usize {
        match self {
            Self::Single(_) => 1,
            Self::Group { layers, .. } => layers.len(),
        }
    }

    /// Adds the keys of the timelines it needs, in the order it takes them.
    pub(super) fn keys(&self, index: &Index, keys: &mut Vec<MonitorKey>) {
        let key = |at: usize| index.monitor(at).key.clone();
        match self {
            Self::Single(at) => keys.push(key(*at)),
            Self::Group { layers, .. } => keys.extend(layers.iter().map(|(at, _)| key(*at))),
        }
    }

    /// Writes the entry, taking its timelines from `found`; `None` when there are too few.
    pub(super) fn write<'a>(
        &self,
        index: &'a Index,
        writer: &Writer<'a>,
        found: &mut Iter<'a, Timeline>,
    ) -> Option<EntryDto<'a>> {
        match self {
            Self::Single(at) => {
                let dto = writer.monitor(index.monitor(*at), found.next()?);
                Some(EntryDto::Single(Box::new(dto)))
            }
            Self::Group { parent, layers } => {
                let layer = |(at, order): &(usize, usize)| {
                    Some(Layer { monitor: index.monitor(*at), order: *order, timeline: found.next()? })
                };
                let layers = layers.iter().map(layer).collect::<Option<Vec<_>>>()?;
                Some(EntryDto::Group(Box::new(writer.group(index.monitor(*parent), &layers))))
            }
        }
    }
}
