//! Catching up machine states from records, without thresholds.

use relay_core::{
    Status, UnixSeconds,
    event::{ModelState, Stable},
    record::RecordId,
};

/// Moves a written-down state over one record that was stored after it.
///
/// A state is written in the transaction of every record that changes what is stable, and of every event. So between a
/// written state and the end of the raw records nothing can have flipped: only streaks grew or turned, whatever the
/// thresholds were then or are now. Records the machine would ignore are ignored here too.
pub(crate) fn catch_up(state: &mut ModelState, id: RecordId, timestamp: UnixSeconds, status: Status) {
    if id <= state.last_record_id || timestamp < state.last_timestamp {
        return;
    }
    let seen = Stable::of(status);
    state.streak_count = if state.streak == seen { state.streak_count.saturating_add(1) } else { 1 };
    state.streak = seen;
    state.last_record_id = id;
    state.last_timestamp = timestamp;
    state.last_status = Some(status);
}
