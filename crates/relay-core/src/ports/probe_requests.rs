//! Asking for a probe out of turn.

use crate::MonitorKey;

/// A queue of monitors that somebody wants probed now. Implemented by the scheduler, which drains it in order within
/// its limits: a monitor is never probed twice at once, and a request does not move its schedule.
pub trait ProbeRequests: Send + Sync {
    /// Asks for one probe of `key`; its record has the source `manual`.
    ///
    /// # Errors
    /// [`Refused`] says why nothing will happen.
    fn request(&self, key: &MonitorKey) -> Result<(), Refused>;
}

/// Why a probe was not queued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// No active monitor has this key.
    #[error("no active monitor has this key")]
    Unknown,
    /// The queue is full: try again later.
    #[error("too many probes are waiting")]
    Full,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probe_requests_is_dyn_compatible() {
        fn takes(_: Option<&dyn ProbeRequests>) {}
        takes(None);
    }
}
