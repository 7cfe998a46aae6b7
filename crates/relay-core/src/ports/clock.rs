//! The wall clock.

use crate::Timestamp;

/// Tells the time of day. Implemented by [`SystemClock`], the only reader of the machine's clock, and by the manual
/// clock of the tests. Spans of time are measured with `tokio::time::Instant`, which tests can pause.
pub trait Clock: Send + Sync {
    /// Returns the current time. It may jump, also backwards, when the machine's clock is set.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "the one place where the machine's clock is read")]
    fn now(&self) -> Timestamp {
        let millis = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        Timestamp::from_millis(millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clock_is_dyn_compatible() {
        let clock: &dyn Clock = &SystemClock;
        assert!(clock.now() > Timestamp::from_secs(1_700_000_000));
    }
}
