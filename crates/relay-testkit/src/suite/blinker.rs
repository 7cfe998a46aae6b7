use relay_core::{
    Status, StoredRecord,
    event::{EventMeta, EventType, GroupStates, NewEvent, Stable},
    ports::Transition,
};

/// The simplest machine that makes events: a monitor flips when `patience` records in a row say so, the first one sets
/// its state, late ones are ignored.
#[derive(Debug, Clone, Copy)]
pub struct Blinker {
    /// How many records it takes.
    pub patience: u32,
}

impl Transition for Blinker {
    fn apply(&self, stored: &StoredRecord, states: &mut GroupStates) -> Option<NewEvent> {
        let record = &stored.record;
        let state = states.models.entry(record.key.model().to_owned()).or_default();
        let known = state.last_status.is_some();
        if known && (stored.id <= state.last_record_id || record.timestamp < state.last_timestamp) {
            return None;
        }
        let seen = Stable::of(record.result.status);
        state.streak_count = if state.streak == seen { state.streak_count + 1 } else { 1 };
        state.streak = seen;
        state.last_record_id = stored.id;
        state.last_timestamp = record.timestamp;
        state.last_status = Some(record.result.status);
        let before = state.stable;
        if before == Stable::Unknown {
            state.stable = seen;
            return None;
        }
        if before == seen || state.streak_count < self.patience {
            return None;
        }
        state.stable = seen;
        state.streak_count = 0;
        Some(NewEvent {
            key: record.key.clone(),
            kind: if seen == Stable::Down { EventType::Down } else { EventType::Up },
            from_status: before,
            to_status: record.result.status,
            trigger_record_id: stored.id,
            observed_at: record.timestamp,
            meta: EventMeta {
                http_code: record.result.http_code,
                latency_ms: record.result.latency_ms,
                sub_status: record.result.sub_status.filter(|_| record.result.status != Status::Green),
                detail: record.result.detail.clone(),
                channel: None,
            },
        })
    }
}
