//! How a relay behaves, and the pure part of deciding it.

use std::time::Duration;

use crate::{
    outcome::{Kind, Outcome},
    rng,
};

/// A latency distribution: log-logistic around a median, cut at 0.1 % and 99.9 %.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Latency {
    /// Median, milliseconds; 0 answers at once.
    pub median_ms: u32,
    /// Shape, ≥ 0: 0 is constant, 0.1 steady, 0.3 lively, above 0.5 long-tailed.
    pub spread: f64,
}

/// How a connection fails while a relay is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outage {
    /// Nobody listens. The address that [`crate::Sim::url`] gave for a relay that starts like this
    /// refuses connections; a relay put into this state later resets them instead.
    Refused,
    /// The connection is reset when the request has arrived.
    Reset,
    /// The request is taken and never answered.
    Silent,
}

/// When a flaky relay fails.
#[derive(Clone, Debug, PartialEq)]
pub enum Flakiness {
    /// Each request fails with this probability (0–1), by the seed.
    Probability(f64),
    /// Request `n` (from 0) fails when `pattern[n % len]` is true; an empty pattern never fails.
    Pattern(Vec<bool>),
}

/// What a relay does with a request whose key and model are right.
#[derive(Clone, Debug, PartialEq)]
pub enum Behaviour {
    /// Answers properly after the relay's own latency.
    Healthy,
    /// Answers properly after another latency.
    Slow(Latency),
    /// Mostly healthy, sometimes `failure`.
    Flaky {
        /// When it fails.
        when: Flakiness,
        /// How it fails.
        failure: Box<Self>,
    },
    /// 429 with `Retry-After` and the dialect's error object.
    RateLimited,
    /// 200 with a well-formed answer that says something else.
    WrongContent(String),
    /// 200 without a body.
    EmptyBody,
    /// 200 whose body (or only stream event) is the dialect's error object.
    ErrorBody,
    /// A right answer that names another model than the one asked for: red only to a monitor that
    /// demands `expect: {model: same}`, which every dialect's healthy answer meets.
    SwappedModel(String),
    /// An error status (400–599) with the dialect's error object.
    ServerError(u16),
    /// 401 although the key is right.
    AuthError,
    /// 307 to itself.
    RedirectLoop,
    /// No answer at all.
    Down(Outage),
    /// A body (event stream, if one was asked for) that never ends, as fast as it is read.
    Endless,
    /// A plain body of this many bytes with its true Content-Length.
    HugeBody(u64),
    /// A compressed body (the best of what the client accepts) that unfolds to this many zero bytes.
    Bomb(u64),
    /// The right answer after this many other words, each of which is an event of its own in a stream.
    Talkative(u32),
    /// The right answer, with bytes that are no UTF-8 before and after it.
    InvalidUtf8,
    /// The right answer, one byte per this much time.
    Drip(Duration),
    /// The right answer, broken off by a reset after this many bytes of body.
    Cut(usize),
}

// === impl Latency ===

impl Latency {
    /// No waiting at all.
    pub const ZERO: Self = Self { median_ms: 0, spread: 0.0 };

    /// Makes a distribution.
    #[must_use]
    pub const fn new(median_ms: u32, spread: f64) -> Self {
        Self { median_ms, spread }
    }

    /// Draws the value at quantile `u` (0–1), in milliseconds.
    #[must_use]
    pub fn at(&self, u: f64) -> u32 {
        let u = u.clamp(0.001, 0.999);
        let factor = (self.spread * (u / (1.0 - u)).ln()).exp();
        (f64::from(self.median_ms) * factor).round() as u32
    }
}

// === impl Behaviour ===

impl Behaviour {
    /// Resolves flakiness: what request `number` with the random word `draw` really meets.
    pub(crate) fn meets(&self, draw: u64, number: u64) -> &Self {
        let mut now = self;
        let mut depth = 0;
        while let Self::Flaky { when, failure } = now {
            depth += 1;
            let fails = match when {
                Flakiness::Probability(p) => rng::unit(rng::mix(draw, depth)) < *p,
                Flakiness::Pattern(pattern) if pattern.is_empty() => false,
                Flakiness::Pattern(pattern) => pattern[(number % pattern.len() as u64) as usize],
            };
            now = if fails { failure } else { &Self::Healthy };
        }
        now
    }

    /// The latency that applies, given the relay's own.
    pub(crate) fn latency(&self, own: Latency) -> Latency {
        match self {
            Self::Slow(latency) => *latency,
            _ => own,
        }
    }

    /// What a probe would see of it. `latency_ms` is the draw that applies; a deadline of 10 s is assumed
    /// where the relay would never finish.
    pub(crate) fn outcome(&self, latency_ms: u32) -> Outcome {
        let seen = |kind, code| Outcome { kind, code, latency_ms };
        match self {
            Self::Healthy | Self::Slow(_) | Self::Flaky { .. } | Self::Talkative(_) | Self::InvalidUtf8 => {
                seen(Kind::Up, 200)
            }
            Self::WrongContent(_) | Self::EmptyBody | Self::ErrorBody | Self::SwappedModel(_) => {
                seen(Kind::WrongContent, 200)
            }
            // A body past the cap is judged by what came up to the cap, also when it never ends.
            Self::HugeBody(_) | Self::Bomb(_) | Self::Endless | Self::Cut(_) => seen(Kind::WrongContent, 200),
            Self::RateLimited => seen(Kind::RateLimited, 429),
            Self::AuthError => seen(Kind::AuthError, 401),
            Self::ServerError(code) => match code {
                400 => seen(Kind::InvalidRequest, 400),
                401 | 403 => seen(Kind::AuthError, *code),
                429 => seen(Kind::RateLimited, 429),
                402..500 => seen(Kind::ClientError, *code),
                _ => seen(Kind::ServerError, *code),
            },
            Self::RedirectLoop => seen(Kind::Unreachable, 307),
            Self::Drip(_) => seen(Kind::Unreachable, 200),
            Self::Down(Outage::Silent) => Outcome { kind: Kind::Unreachable, code: 0, latency_ms: 10_000 },
            Self::Down(_) => Outcome { kind: Kind::Unreachable, code: 0, latency_ms: latency_ms.min(3) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_is_the_median_in_the_middle_and_bounded() {
        let latency = Latency::new(400, 0.3);
        assert_eq!(latency.at(0.5), 400);
        assert!(latency.at(0.0) > 0 && latency.at(1.0) < 400 * 10);
        assert_eq!(Latency::ZERO.at(0.9), 0);
    }

    #[test]
    fn a_body_without_end_is_judged_and_one_that_never_comes_is_not() {
        assert_eq!(Behaviour::Endless.outcome(5).kind, Kind::WrongContent);
        let drip = Behaviour::Drip(Duration::from_secs(1));
        assert_eq!(drip.outcome(5).kind, Kind::Unreachable);
    }

    #[test]
    fn a_pattern_fails_exactly_where_it_says() {
        let flaky = Behaviour::Flaky {
            when: Flakiness::Pattern(vec![false, true, false]),
            failure: Box::new(Behaviour::RateLimited),
        };
        let failed: Vec<bool> = (0..6).map(|n| *flaky.meets(n, n) == Behaviour::RateLimited).collect();
        assert_eq!(failed, [false, true, false, false, true, false]);
    }

    #[test]
    fn a_probability_is_met_roughly_and_repeatably() {
        let flaky = Behaviour::Flaky {
            when: Flakiness::Probability(0.25),
            failure: Box::new(Behaviour::ServerError(503)),
        };
        let count =
            || (0..4000).filter(|n| *flaky.meets(rng::mix(7, *n), *n) == Behaviour::ServerError(503)).count();
        assert!((900..1100).contains(&count()), "{}", count());
        assert_eq!(count(), count());
    }
}
