use std::{collections::HashMap, sync::Arc};

use arc_swap::ArcSwapOption;
use relay_core::{
    Monitor, Psc, StoredRecord,
    event::{EventMeta, EventType, GroupStates, NewEvent, Stable},
    ports::Transition,
};

use crate::{
    channel::{self, CountMode},
    machine::{self, Step, Thresholds},
};

/// What events are about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// Each monitor by itself.
    #[default]
    Model,
    /// Channels, over all their active models.
    Channel,
}

/// The rules as configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// What events are about.
    pub mode: Mode,
    /// When a monitor counts as changed.
    pub thresholds: Thresholds,
    /// How many active models must be down for the channel to be down; at least 1.
    pub channel_down_threshold: u32,
    /// How they are counted.
    pub count_mode: CountMode,
}

/// Model mode, 2 down, 1 up, 1 model for a channel.
impl Default for Options {
    fn default() -> Self {
        Self {
            mode: Mode::Model,
            thresholds: Thresholds::default(),
            channel_down_threshold: 1,
            count_mode: CountMode::Recompute,
        }
    }
}

/// The rules in force, given to the store as its [`Transition`]. Starts switched off: states and events stay as they
/// are until [`EventRules::configure`] is called.
#[derive(Debug, Default)]
pub struct EventRules {
    current: ArcSwapOption<Current>,
}

#[derive(Debug)]
struct Current {
    options: Options,
    /// Active models of each channel, in configuration order; a monitor without model is the empty string.
    active: HashMap<Psc, Vec<String>>,
}

impl EventRules {
    /// Puts new rules in force, with the active monitors of `monitors`; `None` switches events off. Must be called
    /// before the first record that was probed under the new configuration is stored.
    pub fn configure(&self, options: Option<Options>, monitors: &[Arc<Monitor>]) {
        let current = options.map(|options| {
            let mut active: HashMap<Psc, Vec<String>> = HashMap::new();
            for monitor in monitors.iter().filter(|monitor| monitor.is_active()) {
                active.entry(monitor.key.psc().clone()).or_default().push(monitor.key.model().to_owned());
            }
            Arc::new(Current { options, active })
        });
        self.current.store(current);
    }
}

impl Transition for EventRules {
    fn apply(&self, record: &StoredRecord, states: &mut GroupStates) -> Option<NewEvent> {
        let current = self.current.load();
        let Current { options, active } = current.as_deref()?;
        let key = &record.record.key;
        if !states.models.contains_key(key.model()) {
            states.models.insert(key.model().to_owned(), Default::default());
        }
        let state = states.models.get_mut(key.model())?;
        let step = machine::step(state, record, options.thresholds);
        match (step, options.mode) {
            (Step::Ignored, _) | (Step::Quiet, Mode::Model) => None,
            (Step::Flipped(kind), Mode::Model) => Some(event(record, kind, None)),
            (Step::Quiet | Step::Flipped(_), Mode::Channel) => {
                let active = active.get(key.psc())?;
                let threshold = options.channel_down_threshold;
                channel::step(states, record, active, threshold, options.count_mode)
                    .map(|(kind, meta)| event(record, kind, Some(meta)))
            }
        }
    }
}

fn event(
    record: &StoredRecord,
    kind: EventType,
    channel: Option<relay_core::event::ChannelMeta>,
) -> NewEvent {
    let key = &record.record.key;
    let result = &record.record.result;
    NewEvent {
        key: if channel.is_some() { relay_core::MonitorKey::new(key.psc().clone(), "") } else { key.clone() },
        kind,
        from_status: match kind {
            EventType::Down => Stable::Up,
            EventType::Up => Stable::Down,
        },
        to_status: result.status,
        trigger_record_id: record.id,
        observed_at: record.record.timestamp,
        meta: EventMeta {
            http_code: result.http_code,
            latency_ms: result.latency_ms,
            sub_status: result.sub_status,
            detail: result.detail.clone(),
            channel,
        },
    }
}

#[cfg(test)]
mod tests {
    use relay_core::{MonitorKey, ProbeRecord, ProbeResult, Status, SubStatus, record::Timings};

    use super::*;

    fn record(id: i64, model: &str, status: Status) -> StoredRecord {
        let result = ProbeResult {
            status,
            sub_status: (status == Status::Red).then_some(SubStatus::ServerError),
            http_code: 503,
            latency_ms: 7,
            timings: Timings::default(),
            detail: Some("busy".to_owned()),
        };
        let key = MonitorKey::from_parts("p", "s", "c", model);
        StoredRecord {
            id,
            record: ProbeRecord { key, timestamp: 60 * id, source: Default::default(), result },
        }
    }

    #[test]
    fn switched_off_rules_touch_nothing() {
        let (rules, mut states) = (EventRules::default(), GroupStates::default());
        assert_eq!(rules.apply(&record(1, "m", Status::Red), &mut states), None);
        assert_eq!(states, GroupStates::default());
    }

    #[test]
    fn a_model_event_carries_the_record() {
        let rules = EventRules::default();
        rules.configure(Some(Options::default()), &[]);
        let mut states = GroupStates::default();
        assert_eq!(rules.apply(&record(1, "m", Status::Green), &mut states), None);
        assert_eq!(rules.apply(&record(2, "m", Status::Red), &mut states), None);
        let event = rules.apply(&record(3, "m", Status::Red), &mut states).expect("DOWN");
        assert_eq!(event.kind, EventType::Down);
        assert_eq!((event.from_status, event.to_status), (Stable::Up, Status::Red));
        assert_eq!((event.trigger_record_id, event.observed_at), (3, 180));
        assert_eq!(event.key.model(), "m");
        assert_eq!(event.meta.sub_status, Some(SubStatus::ServerError));
        assert_eq!(event.meta.detail.as_deref(), Some("busy"));
        assert_eq!(event.meta.channel, None);
    }

    #[test]
    fn thresholds_are_live() {
        let rules = EventRules::default();
        rules.configure(Some(Options::default()), &[]);
        let mut states = GroupStates::default();
        rules.apply(&record(1, "m", Status::Green), &mut states);
        let patient = Options { thresholds: Thresholds { down: 3, up: 1 }, ..Options::default() };
        rules.configure(Some(patient), &[]);
        assert_eq!(rules.apply(&record(2, "m", Status::Red), &mut states), None);
        assert_eq!(rules.apply(&record(3, "m", Status::Red), &mut states), None);
        assert!(rules.apply(&record(4, "m", Status::Red), &mut states).is_some());
    }
}
