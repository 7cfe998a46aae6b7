//! What a notification wants to be told.

use std::{collections::HashSet, sync::Arc, time::Duration};

use relay_core::{Monitor, MonitorKey, Psc, Timestamp, delivery::ItemKind, event::NewEvent};

use super::{filter::Filter, quiet_hours::QuietHours};
use crate::rules::Mode;

/// What a notification wants to be told, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Whether it is told that something went down, and is down still.
    pub down: bool,
    /// Whether it is told that something is available again.
    pub up: bool,
    /// Which events it is about.
    pub filter: Filter,
    /// An outage that ends before this is not told.
    pub min_down: Duration,
    /// How often it is said again while it is down; `None` for never.
    pub repeat_every: Option<Duration>,
    /// When nothing is sent.
    pub quiet_hours: Option<QuietHours>,
    /// What is probed: what is not is not said to be still down.
    pub watched: Arc<Watched>,
}

impl Default for Rules {
    /// Everything, at once, once, at any hour.
    fn default() -> Self {
        Self {
            down: true,
            up: true,
            filter: Filter::default(),
            min_down: Duration::ZERO,
            repeat_every: None,
            quiet_hours: None,
            watched: Arc::new(Watched::default()),
        }
    }
}

impl Rules {
    /// Tells whether the notification is about `event`. Its direction does not matter: what is not told is noted.
    #[must_use]
    pub fn wants(&self, event: &NewEvent) -> bool {
        self.filter.matches(event)
    }

    /// Tells whether things of this kind are told.
    #[must_use]
    pub fn tells(&self, kind: ItemKind) -> bool {
        match kind {
            ItemKind::Down | ItemKind::StillDown => self.down,
            ItemKind::Up => self.up,
        }
    }

    /// Tells whether what `event` is about is still probed.
    #[must_use]
    pub fn watches(&self, event: &NewEvent) -> bool {
        match event.meta.channel {
            None => self.watched.keys.contains(&event.key),
            Some(_) => self.watched.channels.contains(event.key.psc()),
        }
    }

    /// Returns when the quiet hours that `at` lies in end.
    #[must_use]
    pub fn quiet_until(&self, at: Timestamp) -> Option<Timestamp> {
        self.quiet_hours.as_ref()?.end(at)
    }
}

/// What is probed at present.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Watched {
    keys: HashSet<MonitorKey>,
    channels: HashSet<Psc>,
}

impl Watched {
    /// Takes the active ones of `monitors`: their models or their channels, as events speak of the ones or the others.
    /// When there are no events, nothing is watched.
    pub fn of<'m>(mode: Option<Mode>, monitors: impl IntoIterator<Item = &'m Monitor>) -> Self {
        let keys = monitors.into_iter().filter(|monitor| monitor.is_active()).map(|monitor| &monitor.key);
        match mode {
            None => Self::default(),
            Some(Mode::Model) => Self { keys: keys.cloned().collect(), channels: HashSet::new() },
            Some(Mode::Channel) => {
                Self { keys: HashSet::new(), channels: keys.map(|key| key.psc().clone()).collect() }
            }
        }
    }
}
