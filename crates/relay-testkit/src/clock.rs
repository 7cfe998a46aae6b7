use std::{
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use relay_core::{Timestamp, UnixSeconds, ports::Clock};

/// A clock that shows what the test set, and moves only when told to, also backwards.
#[derive(Debug)]
pub struct ManualClock {
    millis: AtomicI64,
}

impl ManualClock {
    /// Makes a clock that shows `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        Self { millis: AtomicI64::new(now.as_millis()) }
    }

    /// Makes a clock that shows a Unix time in whole seconds.
    #[must_use]
    pub fn at_secs(now: UnixSeconds) -> Self {
        Self::at(Timestamp::from_secs(now))
    }

    /// Sets the time.
    pub fn set(&self, now: Timestamp) {
        self.millis.store(now.as_millis(), Ordering::SeqCst);
    }

    /// Sets the time in whole seconds.
    pub fn set_secs(&self, now: UnixSeconds) {
        self.set(Timestamp::from_secs(now));
    }

    /// Moves the time forward, by whole milliseconds.
    pub fn advance(&self, by: Duration) {
        let millis = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.millis.fetch_add(millis, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.millis.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_moves_only_when_told_to() {
        let clock = ManualClock::at_secs(100);
        assert_eq!(clock.now(), Timestamp::from_secs(100));
        clock.advance(Duration::from_millis(1500));
        assert_eq!(clock.now(), Timestamp::from_millis(101_500));
        clock.set_secs(7);
        assert_eq!(clock.now().as_secs(), 7);
    }
}
