//! What changed between two configurations.

use std::{collections::HashMap, fmt, sync::Arc};

use relay_core::{Monitor, MonitorKey};

use crate::Config;

/// The difference between two configurations. `Display` tells it in a few words: `42 monitors (+3 -1 ~2)`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Diff {
    /// Keys that are new, in the new order.
    pub added: Vec<MonitorKey>,
    /// Keys that are gone, in the old order.
    pub removed: Vec<MonitorKey>,
    /// Keys whose monitor is different, in the new order.
    pub changed: Vec<MonitorKey>,
    /// How many monitors there are now.
    pub total: usize,
}

impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (added, removed, changed) = (self.added.len(), self.removed.len(), self.changed.len());
        write!(f, "{} monitors (+{added} -{removed} ~{changed})", self.total)
    }
}

/// Compares the monitors of two configurations.
#[must_use]
pub fn diff(old: &Config, new: &Config) -> Diff {
    let before = by_key(old);
    let after = by_key(new);
    let mut diff = Diff { total: new.monitors.len(), ..Diff::default() };
    for monitor in &new.monitors {
        match before.get(&monitor.key) {
            None => diff.added.push(monitor.key.clone()),
            Some(earlier) if !same(earlier, monitor) => diff.changed.push(monitor.key.clone()),
            Some(_) => {}
        }
    }
    let gone = old.monitors.iter().filter(|monitor| !after.contains_key(&monitor.key));
    diff.removed = gone.map(|monitor| monitor.key.clone()).collect();
    diff
}

/// Puts the old monitors in the place of equal new ones, so that both configurations share them.
pub(crate) fn share(old: &Config, new: &mut Config) {
    let before = by_key(old);
    for monitor in &mut new.monitors {
        if let Some(earlier) = before.get(&monitor.key)
            && same(earlier, monitor)
        {
            *monitor = Arc::clone(earlier);
        }
    }
}

fn by_key(config: &Config) -> HashMap<&MonitorKey, &Arc<Monitor>> {
    config.monitors.iter().map(|monitor| (&monitor.key, monitor)).collect()
}

fn same(a: &Arc<Monitor>, b: &Arc<Monitor>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}
