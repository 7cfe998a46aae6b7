//! Which events of a source are not there yet. Shared by all drivers, and pure.

use std::collections::{HashMap, HashSet, hash_map::Entry};

use relay_core::{
    MonitorKey, UnixSeconds,
    event::{Event, EventId, EventType, NewEvent},
    record::RecordId,
};

/// What is unique in a store: a record causes an event of a kind once.
type Cause = (RecordId, EventType, MonitorKey);

/// What an event tells of, whatever number its record has: another import may have given the record another one.
type Told = (EventType, UnixSeconds, MonitorKey);

/// Returns those of `events` that are to be written under the numbers they have, and how many are left out: because
/// another event has theirs, or because the record that caused them is unknown and another event of their kind and monitor
/// is without one too. One that is there already is neither. `caused` are the places of those whose cause is stored;
/// `numbered` are the stored events that have a number of one of them.
pub(crate) fn missing_events(
    events: Vec<Event>,
    caused: &HashSet<usize>,
    numbered: &[Event],
) -> (Vec<Event>, u64) {
    let mut taken: HashMap<EventId, Told> = numbered.iter().map(|one| (one.id, told(&one.event))).collect();
    let (mut causes, mut left_out) = (HashSet::new(), 0);
    let mut missing = Vec::with_capacity(events.len());
    for (place, event) in events.into_iter().enumerate() {
        let cause = cause(&event.event);
        if caused.contains(&place) || causes.contains(&cause) {
            // Without its record another event may be the one that is there.
            let is_there = taken.get(&event.id).is_some_and(|other| *other == told(&event.event));
            left_out += u64::from(cause.0 == 0 && !is_there);
            continue;
        }
        match taken.entry(event.id) {
            Entry::Vacant(number) => {
                number.insert(told(&event.event));
                causes.insert(cause);
                missing.push(event);
            }
            Entry::Occupied(other) => left_out += u64::from(*other.get() != told(&event.event)),
        }
    }
    (missing, left_out)
}

fn cause(event: &NewEvent) -> Cause {
    (event.trigger_record_id, event.kind, event.key.clone())
}

fn told(event: &NewEvent) -> Told {
    (event.kind, event.observed_at, event.key.clone())
}

#[cfg(test)]
mod tests {
    use relay_core::{
        Status,
        event::{EventMeta, Stable},
    };
    use relay_testkit::key;

    use super::*;

    fn down(id: EventId, record: RecordId, observed_at: UnixSeconds) -> Event {
        let event = NewEvent {
            key: key("a/b"),
            kind: EventType::Down,
            from_status: Stable::Up,
            to_status: Status::Red,
            trigger_record_id: record,
            observed_at,
            meta: EventMeta::default(),
        };
        Event { id, created_at: observed_at, event }
    }

    fn missing(events: Vec<Event>, caused: &[usize], numbered: &[Event]) -> (Vec<EventId>, u64) {
        let (missing, left_out) = missing_events(events, &caused.iter().copied().collect(), numbered);
        (missing.iter().map(|event| event.id).collect(), left_out)
    }

    #[test]
    fn an_event_whose_cause_is_stored_is_there() {
        assert_eq!(missing(vec![down(1, 10, 100), down(2, 20, 200)], &[0], &[]), (vec![2], 0));
    }

    #[test]
    fn a_number_that_tells_the_same_is_the_same_event_and_another_one_is_left_out() {
        let numbered = [down(1, 77, 100), down(2, 78, 999)];
        assert_eq!(missing(vec![down(1, 10, 100), down(2, 20, 200)], &[], &numbered), (vec![], 1));
    }

    #[test]
    fn events_without_their_record_are_told_apart_by_their_number() {
        let events = || vec![down(1, 0, 100), down(2, 0, 200), down(3, 0, 300)];
        assert_eq!(missing(events(), &[], &[]), (vec![1], 2));
        assert_eq!(missing(events(), &[0, 1, 2], &[down(1, 0, 100)]), (vec![], 2));
    }

    #[test]
    fn events_of_one_source_are_held_against_each_other_too() {
        let events = vec![down(1, 10, 100), down(2, 10, 100), down(1, 11, 101), down(3, 12, 102)];
        assert_eq!(missing(events, &[], &[]), (vec![1, 3], 1));
    }
}
