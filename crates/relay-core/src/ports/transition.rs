//! Deciding events inside the transaction that stores a record.

use crate::{
    StoredRecord,
    event::{GroupStates, NewEvent},
};

/// The rules of the DOWN/UP machines. Implemented by relay-events, called by the store for each record of a batch in
/// the order of ids, with the states of the record's group as the transaction sees them.
///
/// Implementations are pure apart from the configuration they hold: no IO, no clock, no randomness, no blocking.
pub trait Transition: Send + Sync {
    /// Applies one record to its group's states and returns the event it causes, if any. The caller stores the changed
    /// states, the event and the record in one transaction or none of them.
    fn apply(&self, record: &StoredRecord, states: &mut GroupStates) -> Option<NewEvent>;
}

/// No machines: events are off, or records are being imported. States stay as they are.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoTransition;

impl Transition for NoTransition {
    fn apply(&self, _record: &StoredRecord, _states: &mut GroupStates) -> Option<NewEvent> {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transition_is_dyn_compatible() {
        fn takes(_: &dyn Transition) {}
        takes(&NoTransition);
    }
}
