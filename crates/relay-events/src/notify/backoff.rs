//! How long to wait after a failed attempt.

use std::time::Duration;

/// The pause after the first failed attempt, before jitter.
const FIRST: Duration = Duration::from_secs(5);

/// The longest pause, also when the receiver asks for more.
pub const LONGEST: Duration = Duration::from_hours(1);

/// The shortest pause that a receiver can ask for.
const SHORTEST: Duration = Duration::from_secs(1);

/// After this long a message is given up.
pub const GIVE_UP: Duration = Duration::from_hours(24);

/// Returns how long to wait after attempt number `attempts` (from 1 on) has failed: what the receiver asked for, within
/// a second and an hour, else twice as long with each attempt, up to an hour. `jitter` (0–1) takes away up to half of
/// it, so that messages that failed together do not come back together.
#[must_use]
pub fn pause(attempts: u32, asked: Option<Duration>, jitter: f64) -> Duration {
    if let Some(asked) = asked {
        return asked.clamp(SHORTEST, LONGEST);
    }
    let doubled = FIRST.saturating_mul(1 << attempts.saturating_sub(1).min(16)).min(LONGEST);
    doubled.mul_f64(1.0 - 0.5 * jitter.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour() {
        let pauses: Vec<u64> = (1..=12).map(|attempts| pause(attempts, None, 0.0).as_secs()).collect();
        assert_eq!(pauses, [5, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600]);
        assert_eq!(pause(u32::MAX, None, 0.0), LONGEST);
        assert_eq!(pause(0, None, 0.0), FIRST);
    }

    #[test]
    fn jitter_takes_away_up_to_half() {
        assert_eq!(pause(2, None, 1.0), Duration::from_secs(5));
        assert_eq!(pause(2, None, 0.5), Duration::from_millis(7_500));
        assert_eq!(pause(2, None, 7.0), Duration::from_secs(5));
    }

    #[test]
    fn what_the_receiver_asks_for_is_bounded() {
        assert_eq!(pause(9, Some(Duration::from_secs(7)), 1.0), Duration::from_secs(7));
        assert_eq!(pause(1, Some(Duration::ZERO), 0.0), SHORTEST);
        assert_eq!(pause(1, Some(Duration::MAX), 0.0), LONGEST);
    }
}
