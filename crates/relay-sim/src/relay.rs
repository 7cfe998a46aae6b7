//! One simulated relay: what it is, and how it behaved or behaves at a moment.

use crate::{
    behaviour::{Behaviour, Latency},
    dialect::{Dialect, Mode},
    encode::Encoding,
    outcome::Outcome,
    rng,
};

const DAY: i64 = 86_400;

/// A relay: one dialect, one key, some models.
#[derive(Clone, Debug, PartialEq)]
pub struct Relay {
    /// First path segment; unique in a [`crate::Sim`], of `[a-z0-9-]`.
    pub name: String,
    /// The API it speaks.
    pub dialect: Dialect,
    /// The form that its [`Template`] asks for; the relay itself serves every form.
    pub mode: Mode,
    /// The key it accepts.
    pub key: String,
    /// The models it knows, at least one; [`Template::models`] follows this order.
    pub models: Vec<Model>,
    /// The question that its [`Template`] asks.
    pub prompt: String,
    /// The text of a healthy answer to anything but a small sum.
    pub answer: String,
    /// Reasoning that comes before the answer.
    pub thinking: Option<String>,
    /// Its ordinary latency.
    pub latency: Latency,
    /// How much slower it is at its daily peak: 0.5 is half as slow again. Never negative.
    pub peak: f64,
    /// How it behaves.
    pub behaviour: Behaviour,
    /// Unix seconds since when it behaves like that; it was healthy before.
    pub since: i64,
    /// Times of trouble, on top of `behaviour`.
    pub incidents: Option<Incidents>,
    /// Compresses answers when the client accepts it, with this encoding if it accepts that one.
    pub compress: Option<Encoding>,
}

/// A model of a relay.
#[derive(Clone, Debug, PartialEq)]
pub struct Model {
    /// Its name on the wire.
    pub name: String,
    /// How it behaves, when not as the relay does.
    pub behaviour: Option<Behaviour>,
}

/// Random times of trouble, at most one a day (UTC), placed by the seed.
#[derive(Clone, Debug, PartialEq)]
pub struct Incidents {
    /// How many a week on average, 0–7.
    pub per_week: f64,
    /// Longest duration in minutes (1–1440); the shortest is an eighth of it.
    pub minutes: u32,
    /// What it does meanwhile.
    pub behaviour: Behaviour,
}

/// What a monitor of a relay has to send, with `{{API_KEY}}` and `{{MODEL}}` left in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template {
    /// Path and query below the relay's base URL.
    pub path: String,
    /// HTTP method.
    pub method: &'static str,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
    /// Request body.
    pub body: String,
    /// What a right answer contains.
    pub success_contains: String,
    /// The models to ask for, the parent's first.
    pub models: Vec<String>,
}

// === impl Relay ===

impl Relay {
    /// Makes a healthy relay with no latency, the key `sk-sim-<name>`, the model `sim-1` and the answer
    /// `pong`.
    #[must_use]
    pub fn new(name: &str, dialect: Dialect) -> Self {
        Self {
            name: name.to_owned(),
            dialect,
            mode: Mode::Plain,
            key: format!("sk-sim-{name}"),
            models: vec![Model::new("sim-1")],
            prompt: "Reply with exactly: pong".to_owned(),
            answer: "pong".to_owned(),
            thinking: None,
            latency: Latency::ZERO,
            peak: 0.0,
            behaviour: Behaviour::Healthy,
            since: i64::MIN,
            incidents: None,
            compress: None,
        }
    }

    /// Returns what a monitor of it has to send.
    #[must_use]
    pub fn template(&self) -> Template {
        Template {
            path: self.dialect.path(self.mode).to_owned(),
            method: "POST",
            headers: self.dialect.headers(),
            body: self.dialect.body(self.mode, &self.prompt),
            success_contains: self.answer.clone(),
            models: self.models.iter().map(|model| model.name.clone()).collect(),
        }
    }

    /// Says what a probe of `model` (empty: the first one) at `time` (Unix seconds) plausibly saw: the
    /// same inputs always give the same outcome, and it follows the rules by which the live relay with
    /// this seed behaves (daily peak, incidents, flakiness, since when).
    #[must_use]
    pub fn plausible(&self, model: &str, seed: u64, time: i64) -> Outcome {
        let model = if model.is_empty() { self.models.first().map_or("", |m| &m.name) } else { model };
        let draw = rng::mix(self.seed(model, seed), time as u64);
        let behaviour = self.in_force(model, seed, time).meets(draw, time.div_euclid(60) as u64);
        behaviour.outcome(self.latency_ms(behaviour, draw, time))
    }

    /// Returns the behaviour in force for a model at a moment, flakiness not yet resolved.
    pub(crate) fn in_force(&self, model: &str, seed: u64, time: i64) -> &Behaviour {
        if let Some(incidents) = &self.incidents
            && incidents.covers(rng::mix(seed, rng::name(&self.name)), time)
        {
            return &incidents.behaviour;
        }
        if time < self.since {
            return &Behaviour::Healthy;
        }
        let own = self.models.iter().find(|m| m.name == model).and_then(|m| m.behaviour.as_ref());
        own.unwrap_or(&self.behaviour)
    }

    /// Draws the latency of one request, milliseconds.
    pub(crate) fn latency_ms(&self, behaviour: &Behaviour, draw: u64, time: i64) -> u32 {
        let base = behaviour.latency(self.latency).at(rng::unit(rng::mix(draw, 0x1a7e)));
        // The daily peak is at 14:00 UTC, evening where most users of such relays live.
        let angle = (time.rem_euclid(DAY) - 14 * 3600) as f64 / DAY as f64 * std::f64::consts::TAU;
        (f64::from(base) * (1.0 + self.peak.max(0.0) * angle.cos().max(0.0))).round() as u32
    }

    /// Returns the seed of a model's own draws.
    pub(crate) fn seed(&self, model: &str, seed: u64) -> u64 {
        rng::mix(rng::mix(seed, rng::name(&self.name)), rng::name(model))
    }
}

// === impl Model ===

impl Model {
    /// Makes a model that behaves as its relay.
    #[must_use]
    pub fn new(name: &str) -> Self {
        Self { name: name.to_owned(), behaviour: None }
    }
}

// === impl Incidents ===

impl Incidents {
    /// Says whether `time` lies in an incident; one may run past midnight into the next day.
    fn covers(&self, seed: u64, time: i64) -> bool {
        let today = time.div_euclid(DAY);
        [today, today - 1].into_iter().any(|day| {
            let draw = rng::mix(seed, day as u64);
            if rng::unit(draw) >= self.per_week / 7.0 {
                return false;
            }
            let start = day * DAY + (rng::unit(rng::mix(draw, 1)) * DAY as f64) as i64;
            let longest = f64::from(self.minutes.clamp(1, 1440)) * 60.0;
            let length = longest * (0.125 + 0.875 * rng::unit(rng::mix(draw, 2)));
            (start..start + length as i64).contains(&time)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{behaviour::Flakiness, outcome::Kind};

    fn relay() -> Relay {
        Relay { latency: Latency::new(300, 0.2), peak: 1.0, ..Relay::new("r", Dialect::Chat) }
    }

    #[test]
    fn the_same_moment_always_looks_the_same() {
        let flaky = Behaviour::Flaky {
            when: Flakiness::Probability(0.5),
            failure: Box::new(Behaviour::ServerError(502)),
        };
        let relay = Relay { behaviour: flaky, ..relay() };
        let month = |seed| (0..5000).map(|n| relay.plausible("", seed, n * 600)).collect::<Vec<_>>();
        assert_eq!(month(1), month(1));
        assert_ne!(month(1), month(2));
        assert_eq!(relay.plausible("", 1, 7), relay.plausible("sim-1", 1, 7));
    }

    #[test]
    fn the_peak_is_in_the_afternoon() {
        let mean = |hour: i64| {
            let days = 0..200;
            days.map(|d| u64::from(relay().plausible("", 3, d * DAY + hour * 3600).latency_ms)).sum::<u64>()
                / 200
        };
        assert!(mean(14) > mean(2) * 3 / 2, "{} {}", mean(14), mean(2));
    }

    #[test]
    fn incidents_come_as_often_and_last_as_long_as_they_say() {
        let incidents = Incidents { per_week: 3.5, minutes: 80, behaviour: Behaviour::ServerError(503) };
        let relay = Relay { incidents: Some(incidents), ..relay() };
        let minutes = 700 * 24 * 60;
        let bad = (0..minutes).filter(|m| relay.plausible("", 9, m * 60).kind != Kind::Up).count();
        // 350 incidents of 45 minutes on average.
        assert!((350 * 35..350 * 55).contains(&bad), "{bad}");
    }

    #[test]
    fn before_its_trouble_began_a_relay_was_healthy() {
        let relay = Relay { behaviour: Behaviour::AuthError, since: 1000, ..relay() };
        assert_eq!(relay.plausible("", 1, 999).kind, Kind::Up);
        assert_eq!(relay.plausible("", 1, 1000).kind, Kind::AuthError);
    }
}
