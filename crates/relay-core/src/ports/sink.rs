//! Where results go.

use crate::ProbeRecord;

/// Takes finished records for storing. Implemented by the store's writer, called by the scheduler.
pub trait RecordSink: Send + Sync {
    /// Hands one record over. Never blocks and never fails for the caller: an implementation queues it in bounded
    /// memory, keeps the order of calls, and counts what it has to drop.
    fn submit(&self, record: ProbeRecord);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sink_is_dyn_compatible() {
        fn takes(_: Option<&dyn RecordSink>) {}
        takes(None);
    }
}
