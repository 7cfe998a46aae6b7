//! How the frames of a streamed answer follow each other.

use std::time::Duration;

use crate::{
    dialect::{Mode, Reply},
    relay::Relay,
};

/// The frames of a relay's right answer: how many there are, and which of them is the first with text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    first_token: u32,
    frames: u32,
}

// === impl Pace ===

impl Pace {
    /// Looks at the answer that a relay's [`crate::Template`] asks for; `None` when it is sent in one piece.
    #[must_use]
    pub fn of(relay: &Relay) -> Option<Self> {
        if relay.mode == Mode::Plain || relay.compress.is_some() {
            return None;
        }
        let frames = |text| {
            let model = relay.models.first().map_or("", |model| &model.name);
            let thinking = relay.thinking.as_deref();
            relay
                .dialect
                .frames(relay.mode, &Reply { id: 0, model, text, thinking, prompt_tokens: 1, created: 0 })
        };
        // Answers that differ in their text alone differ first where the text begins.
        let (one, other) = (frames("1111"), frames("2222"));
        let first = one.iter().zip(&other).position(|(one, other)| one != other)?;
        let count = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        Some(Self { first_token: count(first + 1), frames: count(frames(&relay.answer).len()) })
    }

    /// Returns the pause before each frame after headers that took `latency`: tokens come about twenty times as fast as
    /// the first one did.
    pub(crate) fn pause(latency: Duration) -> Duration {
        (latency / 20).clamp(Duration::from_millis(1), Duration::from_millis(30))
    }

    /// Returns the milliseconds from the request to the first frame with text, when the headers took `latency_ms`.
    #[must_use]
    pub fn first_token_ms(self, latency_ms: u32) -> u32 {
        Self::after(latency_ms, self.first_token)
    }

    /// Returns the milliseconds from the request to the end of the answer, when the headers took `latency_ms`.
    #[must_use]
    pub fn total_ms(self, latency_ms: u32) -> u32 {
        Self::after(latency_ms, self.frames)
    }

    fn after(latency_ms: u32, frames: u32) -> u32 {
        let latency = Duration::from_millis(latency_ms.into());
        let all = latency.saturating_add(Self::pause(latency).saturating_mul(frames));
        u32::try_from(all.as_millis()).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Dialect;

    #[test]
    fn text_begins_after_the_frames_that_open_an_answer() {
        let of = |dialect, mode| Pace::of(&Relay { mode, ..Relay::new("r", dialect) });
        assert_eq!(of(Dialect::Chat, Mode::Plain), None);
        // The role, the text, the reason to stop, the usage, `[DONE]`.
        assert_eq!(of(Dialect::Chat, Mode::Stream), Some(Pace { first_token: 2, frames: 5 }));
        // `message_start`, `content_block_start`, `ping`; the end of the block, the usage, `message_stop`.
        assert_eq!(of(Dialect::Messages, Mode::Stream), Some(Pace { first_token: 4, frames: 7 }));
    }

    #[test]
    fn times_grow_with_the_frames_and_the_latency() {
        let pace = Pace { first_token: 2, frames: 5 };
        assert_eq!((pace.first_token_ms(400), pace.total_ms(400)), (440, 500));
        assert_eq!((pace.first_token_ms(6000), pace.total_ms(6000)), (6060, 6150));
        assert_eq!(pace.total_ms(u32::MAX), u32::MAX);
    }
}
