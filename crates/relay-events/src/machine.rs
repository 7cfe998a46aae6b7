//! The machine of one monitor.
//!
//! - The first record sets the stable state and causes no event.
//! - A record in the direction of the streak lengthens it; one in the other direction starts a new streak of 1.
//! - Stable up and a streak of `down` unavailable records: DOWN. Stable down and a streak of `up` available ones: UP.
//!   The streak starts again at 0 then.
//! - A record that is not newer, by id or by time, than what the machine has seen is ignored: late records change
//!   history, never states.

use relay_core::{
    StoredRecord,
    event::{EventType, ModelState, Stable},
};

/// How many records in a row it takes to believe a change; each at least 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Unavailable records until DOWN.
    pub down: u32,
    /// Available records until UP.
    pub up: u32,
}

/// Two unavailable records until DOWN, one available record until UP.
impl Default for Thresholds {
    fn default() -> Self {
        Self { down: 2, up: 1 }
    }
}

/// What one record did to the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The record was not newer than what the machine has seen; nothing changed.
    Ignored,
    /// The state moved on without an event.
    Quiet,
    /// The stable state flipped.
    Flipped(EventType),
}

/// Applies one record to a monitor's state.
pub fn step(state: &mut ModelState, record: &StoredRecord, thresholds: Thresholds) -> Step {
    let known = state.last_status.is_some();
    if known && (record.id <= state.last_record_id || record.record.timestamp < state.last_timestamp) {
        return Step::Ignored;
    }
    let status = record.record.result.status;
    let seen = Stable::of(status);
    state.last_record_id = record.id;
    state.last_timestamp = record.record.timestamp;
    state.last_status = Some(status);

    state.streak_count = if state.streak == seen { state.streak_count.saturating_add(1) } else { 1 };
    state.streak = seen;
    let kind = match (state.stable, seen) {
        (Stable::Unknown, _) => {
            state.stable = seen;
            return Step::Quiet;
        }
        (Stable::Up, Stable::Down) if state.streak_count >= thresholds.down => EventType::Down,
        (Stable::Down, Stable::Up) if state.streak_count >= thresholds.up => EventType::Up,
        _ => return Step::Quiet,
    };
    state.stable = seen;
    state.streak_count = 0;
    Step::Flipped(kind)
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};
    use proptest::prelude::*;
    use relay_core::{MonitorKey, ProbeRecord, ProbeResult, Status, record::Timings};

    use super::*;

    pub(crate) fn record(id: i64, timestamp: i64, status: Status) -> StoredRecord {
        let result = ProbeResult {
            status,
            sub_status: None,
            http_code: 200,
            latency_ms: 1,
            timings: Timings::default(),
            detail: None,
        };
        let key = MonitorKey::from_parts("p", "s", "c", "m");
        StoredRecord { id, record: ProbeRecord { key, timestamp, source: Default::default(), result } }
    }

    /// Runs `ok`, `slow` and `fail` records, one a minute, and prints what each did and the state after it.
    fn check(down: u32, up: u32, words: &str, expected: Expect) {
        let mut state = ModelState::default();
        let mut shown = String::new();
        for (index, word) in (1i64..).zip(words.split_whitespace()) {
            let status = match word {
                "ok" => Status::Green,
                "slow" => Status::Yellow,
                _ => Status::Red,
            };
            let step = step(&mut state, &record(index, index * 60, status), Thresholds { down, up });
            let (stable, streak) = (state.stable, state.streak_count);
            shown.push_str(&format!("{word}: {step:?}, stable {stable:?}, streak {streak}\n"));
        }
        expected.assert_eq(&shown);
    }

    #[test]
    fn two_failures_are_down_and_one_success_is_up() {
        check(
            2,
            1,
            "ok fail ok fail fail fail ok",
            expect![[r#"
                ok: Quiet, stable Up, streak 1
                fail: Quiet, stable Up, streak 1
                ok: Quiet, stable Up, streak 1
                fail: Quiet, stable Up, streak 1
                fail: Flipped(Down), stable Down, streak 0
                fail: Quiet, stable Down, streak 1
                ok: Flipped(Up), stable Up, streak 0
            "#]],
        );
    }

    #[test]
    fn slow_is_available_and_the_first_record_makes_no_event() {
        check(
            1,
            2,
            "fail slow ok fail",
            expect![[r#"
                fail: Quiet, stable Down, streak 1
                slow: Quiet, stable Down, streak 1
                ok: Flipped(Up), stable Up, streak 0
                fail: Flipped(Down), stable Down, streak 0
            "#]],
        );
    }

    #[test]
    fn late_and_repeated_records_are_ignored() {
        let mut state = ModelState::default();
        let thresholds = Thresholds { down: 1, up: 1 };
        assert_eq!(step(&mut state, &record(5, 300, Status::Green), thresholds), Step::Quiet);
        let before = state;
        assert_eq!(step(&mut state, &record(5, 300, Status::Red), thresholds), Step::Ignored);
        assert_eq!(step(&mut state, &record(6, 299, Status::Red), thresholds), Step::Ignored);
        assert_eq!(state, before);
        assert_eq!(
            step(&mut state, &record(6, 300, Status::Red), thresholds),
            Step::Flipped(EventType::Down)
        );
    }

    /// The rules read off the whole history of accepted records instead of a running state.
    fn plain_reading(history: &[bool], thresholds: Thresholds) -> Vec<(usize, EventType)> {
        let mut events: Vec<(usize, EventType)> = Vec::new();
        let Some(&first) = history.first() else { return events };
        let (mut stable, mut since) = (first, 0);
        for end in 1..=history.len() {
            let run = history[since..end].iter().rev().take_while(|up| **up != stable).count();
            let needed = if stable { thresholds.down } else { thresholds.up } as usize;
            if run >= needed {
                events.push((end - 1, if stable { EventType::Down } else { EventType::Up }));
                stable = !stable;
                since = end;
            }
        }
        events
    }

    proptest! {
        #[test]
        fn the_machine_agrees_with_the_plain_reading(
            history in prop::collection::vec(any::<bool>(), 0..80),
            down in 1u32..5,
            up in 1u32..5,
        ) {
            let thresholds = Thresholds { down, up };
            let mut state = ModelState::default();
            let mut events = Vec::new();
            for (index, up) in history.iter().enumerate() {
                let at = i64::try_from(index).expect("small") + 1;
                let status = if *up { Status::Green } else { Status::Red };
                if let Step::Flipped(kind) = step(&mut state, &record(at, at, status), thresholds) {
                    events.push((index, kind));
                }
            }
            prop_assert_eq!(events, plain_reading(&history, thresholds));
        }
    }
}
