//! The machine of a channel: provider and service and channel, over all its active models.
//!
//! - DOWN when the channel is up and at least the threshold of its active models are down; or when nothing is known of
//!   the channel yet, at least one model is known and the threshold is reached.
//! - UP when the channel is down, every active model is known and none is down.
//! - Unknown, every active model known and none down: up, without an event.
//! - A record of a model that is not active changes nothing here.
//!
//! The two ways of counting differ in one rule. A running count that is adjusted by each model's change and repaired
//! whenever it can be wrong is always the same number as a fresh count, and the group's states are at hand anyway, so
//! [`CountMode::Incremental`] counts afresh too; what stays of it is that an unknown channel goes down only through a
//! record of a model that is down itself.

use relay_core::{
    StoredRecord,
    event::{ChannelMeta, ChannelState, EventType, GroupStates, Stable},
};

/// How the models of a channel are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CountMode {
    /// From the states of the active models, each time.
    #[default]
    Recompute,
    /// As above, but an unknown channel goes down only when the record's own model is down.
    Incremental,
}

/// Applies the record of one model, after its own machine has moved, to the channel. Returns the event's direction
/// and counts when the channel flipped. `active` lists the channel's active models in configuration order.
pub fn step(
    states: &mut GroupStates,
    record: &StoredRecord,
    active: &[String],
    threshold: u32,
    mode: CountMode,
) -> Option<(EventType, ChannelMeta)> {
    let model = record.record.key.model();
    if !active.iter().any(|name| name == model) {
        return None;
    }
    let stable_of = |name: &str| states.models.get(name).map_or(Stable::Unknown, |state| state.stable);
    let count = |wanted: fn(Stable) -> bool| {
        u32::try_from(active.iter().filter(|name| wanted(stable_of(name))).count()).unwrap_or(u32::MAX)
    };
    let down_count = count(|stable| stable == Stable::Down);
    let known_count = count(|stable| stable != Stable::Unknown);
    let total = u32::try_from(active.len()).unwrap_or(u32::MAX);
    let all_up = known_count == total && down_count == 0;
    let may_go_down = mode == CountMode::Recompute || stable_of(model) == Stable::Down;

    let before = states.channel.map_or(Stable::Unknown, |channel| channel.stable);
    let (stable, kind) = match before {
        Stable::Up if down_count >= threshold => (Stable::Down, Some(EventType::Down)),
        Stable::Unknown if known_count >= 1 && down_count >= threshold && may_go_down => {
            (Stable::Down, Some(EventType::Down))
        }
        Stable::Unknown if all_up => (Stable::Up, None),
        Stable::Down if all_up => (Stable::Up, Some(EventType::Up)),
        unchanged => (unchanged, None),
    };
    states.channel = Some(ChannelState {
        stable,
        down_count,
        known_count,
        last_record_id: record.id,
        last_timestamp: record.record.timestamp,
    });
    kind.map(|kind| (kind, meta(states, record, active, kind, threshold)))
}

fn meta(
    states: &GroupStates,
    record: &StoredRecord,
    active: &[String],
    kind: EventType,
    threshold: u32,
) -> ChannelMeta {
    let channel = states.channel.unwrap_or_default();
    let model_states: Vec<_> = active
        .iter()
        .map(|name| {
            let state = states.models.get(name).copied().unwrap_or_default();
            (name.clone(), state.stable, state.last_status)
        })
        .collect();
    let named = |wanted: Stable| {
        model_states
            .iter()
            .filter(|(_, stable, _)| *stable == wanted)
            .map(|(name, ..)| name.clone())
            .collect()
    };
    ChannelMeta {
        trigger_model: record.record.key.model().to_owned(),
        down_count: channel.down_count,
        known_count: channel.known_count,
        total_models: u32::try_from(active.len()).unwrap_or(u32::MAX),
        down_threshold: (kind == EventType::Down).then_some(threshold),
        down_models: named(Stable::Down),
        up_models: named(Stable::Up),
        model_states,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;
    use relay_core::{MonitorKey, ProbeRecord, ProbeResult, Status, record::Timings};

    use super::*;
    use crate::machine::{self, Thresholds};

    fn record(id: i64, model: &str, status: Status) -> StoredRecord {
        let result = ProbeResult {
            status,
            sub_status: None,
            http_code: 200,
            latency_ms: 1,
            timings: Timings::default(),
            detail: None,
        };
        let key = MonitorKey::from_parts("p", "s", "c", model);
        StoredRecord { id, record: ProbeRecord { key, timestamp: id, source: Default::default(), result } }
    }

    fn active(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    /// One failure flips a model, so that a test speaks of models going up and down directly.
    fn run(
        states: &mut GroupStates,
        id: i64,
        model: &str,
        up: bool,
        active: &[String],
        mode: CountMode,
    ) -> Option<(EventType, ChannelMeta)> {
        let record = record(id, model, if up { Status::Green } else { Status::Red });
        let state = states.models.entry(model.to_owned()).or_default();
        machine::step(state, &record, Thresholds { down: 1, up: 1 });
        step(states, &record, active, 1, mode)
    }

    #[test]
    fn down_with_the_first_model_and_up_with_the_last() {
        let (mut states, both) = (GroupStates::default(), active(&["a", "b"]));
        let mode = CountMode::Recompute;
        assert_eq!(run(&mut states, 1, "a", true, &both, mode), None);
        assert_eq!(states.channel.expect("a state").stable, Stable::Unknown, "b is not known yet");
        assert_eq!(run(&mut states, 2, "b", true, &both, mode), None);
        assert_eq!(states.channel.expect("a state").stable, Stable::Up);

        let (kind, meta) = run(&mut states, 3, "b", false, &both, mode).expect("an event");
        assert_eq!(kind, EventType::Down);
        assert_eq!((meta.down_count, meta.known_count, meta.total_models), (1, 2, 2));
        assert_eq!((meta.down_models, meta.up_models), (active(&["b"]), active(&["a"])));
        assert_eq!((meta.down_threshold, meta.trigger_model.as_str()), (Some(1), "b"));

        assert_eq!(run(&mut states, 4, "a", false, &both, mode), None, "already down");
        assert_eq!(run(&mut states, 5, "b", true, &both, mode), None, "a is still down");
        let (kind, meta) = run(&mut states, 6, "a", true, &both, mode).expect("an event");
        assert_eq!((kind, meta.down_threshold), (EventType::Up, None));
    }

    #[test]
    fn models_that_are_not_active_change_nothing() {
        let mut states = GroupStates::default();
        assert_eq!(run(&mut states, 1, "gone", false, &active(&["a"]), CountMode::Recompute), None);
        assert_eq!(states.channel, None);
    }

    #[test]
    fn a_removed_model_leaves_the_counts_at_the_next_record() {
        let (mut states, both) = (GroupStates::default(), active(&["a", "b"]));
        run(&mut states, 1, "a", true, &both, CountMode::Incremental);
        run(&mut states, 2, "b", false, &both, CountMode::Incremental).expect("down");
        let alone = active(&["a"]);
        let (kind, meta) = run(&mut states, 3, "a", true, &alone, CountMode::Incremental).expect("an event");
        assert_eq!((kind, meta.total_models, meta.down_count), (EventType::Up, 1, 0));
    }

    #[test]
    fn incremental_counting_lets_only_a_model_that_is_down_take_an_unknown_channel_down() {
        let both = active(&["a", "b"]);
        let with_b_down = || GroupStates {
            models: BTreeMap::from([(
                "b".to_owned(),
                relay_core::event::ModelState { stable: Stable::Down, ..Default::default() },
            )]),
            channel: None,
        };
        assert_eq!(run(&mut with_b_down(), 1, "a", true, &both, CountMode::Incremental), None);
        assert!(run(&mut with_b_down(), 1, "a", true, &both, CountMode::Recompute).is_some());
    }

    proptest! {
        /// A direct reading: replay every record and look at the set of models as it is then.
        #[test]
        fn the_channel_agrees_with_a_direct_reading(
            steps in prop::collection::vec((0usize..4, any::<bool>()), 0..60),
            threshold in 1u32..4,
            incremental in any::<bool>(),
        ) {
            let mode = if incremental { CountMode::Incremental } else { CountMode::Recompute };
            let names = ["a", "b", "c", "spare"];
            let listed = active(&names[..3]);
            let mut states = GroupStates::default();
            let mut plain: BTreeMap<&str, bool> = BTreeMap::new();
            let mut channel: Option<bool> = None;
            for (index, (which, up)) in steps.into_iter().enumerate() {
                let (name, id) = (names[which], i64::try_from(index).expect("small") + 1);
                let record = record(id, name, if up { Status::Green } else { Status::Red });
                let state = states.models.entry(name.to_owned()).or_default();
                machine::step(state, &record, Thresholds { down: 1, up: 1 });
                let got = step(&mut states, &record, &listed, threshold, mode);

                plain.insert(name, up);
                let known: Vec<bool> = names[..3].iter().filter_map(|name| plain.get(name).copied()).collect();
                let down = u32::try_from(known.iter().filter(|up| !**up).count()).expect("small");
                let mut expected = None;
                if which < 3 {
                    // An unknown channel needs a witness that is down itself when counting incrementally.
                    let witnessed = channel.is_some() || !incremental || !up;
                    if channel != Some(false) && down >= threshold && witnessed {
                        (channel, expected) = (Some(false), Some(EventType::Down));
                    } else if known.len() == 3 && down == 0 {
                        if channel == Some(false) {
                            expected = Some(EventType::Up);
                        }
                        channel = Some(true);
                    }
                }
                prop_assert_eq!(got.map(|(kind, _)| kind), expected);
            }
        }
    }
}
