//! Who plays what. Every name is invented; the sites are under a domain reserved for examples.

use super::{DAY, Listing, date};
use crate::{
    behaviour::{Behaviour, Flakiness, Latency, Outage},
    dialect::{Dialect, Mode},
    encode::Encoding,
    relay::{Incidents, Model, Relay},
};

/// A character in one line; [`Role::listing`] fills in the rest.
pub(super) struct Role {
    provider: &'static str,
    service: &'static str,
    channel: &'static str,
    mode: Mode,
    /// Median latency, milliseconds.
    median_ms: u32,
    part: Part,
    level: Option<&'static str>,
    price: Option<(f64, f64)>,
    /// Days since it was listed.
    listed: i64,
    badges: &'static [&'static str],
    /// Listed with every model of its service instead of one.
    all_models: bool,
}

/// What trouble a role plays.
#[derive(Clone, Copy)]
enum Part {
    Steady,
    Peaky,
    Slow,
    Flaky,
    Shaky,
    RateLimited,
    BusyHours,
    Wrong,
    Empty,
    ErrorBody,
    Swapped,
    Broken,
    Locked,
    Refused,
    Silent,
    Cut,
    /// Healthy but for its last model.
    HalfBroken,
}

use Mode::{Plain, Stream, StreamArray};
use Part::{
    Broken, BusyHours, Cut, Empty, ErrorBody, Flaky, HalfBroken, Locked, Peaky, RateLimited, Refused, Shaky,
    Silent, Slow, Steady, Swapped, Wrong,
};

const BASIC: Option<&str> = Some("basic");
const ADVANCED: Option<&str> = Some("advanced");
const ENTERPRISE: Option<&str> = Some("enterprise");

const fn role(
    (provider, service, channel): (&'static str, &'static str, &'static str),
    mode: Mode,
    median_ms: u32,
    part: Part,
) -> Role {
    Role {
        provider,
        service,
        channel,
        mode,
        median_ms,
        part,
        level: None,
        price: None,
        listed: 200,
        badges: &[],
        all_models: false,
    }
}

impl Role {
    const fn paid(mut self, level: Option<&'static str>, low: f64, high: f64) -> Self {
        self.level = level;
        self.price = Some((low, high));
        self
    }

    const fn since(mut self, days: i64) -> Self {
        self.listed = days;
        self
    }

    const fn badges(mut self, badges: &'static [&'static str]) -> Self {
        self.badges = badges;
        self
    }

    const fn all_models(mut self) -> Self {
        self.all_models = true;
        self
    }
}

pub(super) const ROLES: [Role; 25] = [
    role(("northwind", "cc", "vip"), Stream, 320, Steady)
        .paid(ENTERPRISE, 0.9, 1.2)
        .since(640)
        .badges(&["official-upstream", "fast-lane"])
        .all_models(),
    role(("northwind", "cx", "vip"), Stream, 280, Steady).paid(ENTERPRISE, 0.8, 1.1).since(610),
    role(("northwind", "gm", "main"), Plain, 240, Peaky).paid(ENTERPRISE, 0.5, 0.7).since(300),
    role(("bluejay", "cc", "standard"), Stream, 410, Peaky)
        .paid(ADVANCED, 0.35, 0.6)
        .since(420)
        .badges(&["pooled"])
        .all_models(),
    role(("bluejay", "cc", "economy"), Stream, 900, BusyHours).paid(ADVANCED, 0.15, 0.3).since(210),
    role(("bluejay", "cx", "standard"), Plain, 360, Steady).paid(ADVANCED, 0.3, 0.5).since(400),
    role(("lanternfish", "cc", "pool-a"), Stream, 520, Flaky)
        .paid(BASIC, 0.2, 0.35)
        .since(150)
        .badges(&["pooled"]),
    role(("lanternfish", "cc", "pool-b"), Stream, 560, RateLimited).paid(BASIC, 0.1, 0.2).since(150),
    role(("lanternfish", "gm", "pool"), StreamArray, 430, Shaky).paid(BASIC, 0.1, 0.15).since(90),
    role(("quartzline", "cx", "pro"), Stream, 230, Steady)
        .paid(ADVANCED, 0.7, 0.9)
        .since(380)
        .badges(&["official-upstream"])
        .all_models(),
    role(("quartzline", "api", "legacy"), Plain, 190, Steady).since(700),
    role(("quartzline", "chat", "main"), Plain, 210, Peaky).paid(ADVANCED, 0.6, 0.8).since(380),
    role(("tidepool", "chat", "free"), Plain, 640, Wrong).since(45).badges(&["new"]),
    role(("tidepool", "gm", "free"), Stream, 380, Steady).since(45).badges(&["new"]),
    role(("tidepool", "cc", "free"), Plain, 1500, Slow).since(45).badges(&["new", "pooled"]),
    role(("copperfield", "cc", "max"), Stream, 350, HalfBroken).paid(BASIC, 0.4, 0.8).since(260).all_models(),
    role(("copperfield", "cx", "max"), Stream, 330, Swapped).paid(BASIC, 0.25, 0.4).since(260),
    role(("saffron", "chat", "main"), Stream, 300, ErrorBody).paid(BASIC, 0.3, 0.3).since(120),
    role(("saffron", "cc", "main"), Stream, 340, Steady)
        .paid(BASIC, 0.45, 0.5)
        .since(120)
        .badges(&["fast-lane"]),
    role(("glasshouse", "cx", "lab"), Plain, 450, Broken).since(30).badges(&["new"]),
    role(("glasshouse", "gm", "lab"), Stream, 410, Cut).since(30).badges(&["new"]),
    role(("ironbark", "cc", "team"), Plain, 380, Locked).paid(None, 0.5, 0.9).since(330),
    role(("ironbark", "chat", "team"), Stream, 420, Empty).paid(None, 0.5, 0.9).since(330),
    role(("moorgate", "cc", "edge"), Stream, 260, Refused).paid(None, 0.2, 0.4).since(500),
    role(("moorgate", "cx", "edge"), Stream, 290, Silent).paid(None, 0.2, 0.4).since(500),
];

/// Providers' display name and risk.
fn provider(id: &str) -> (&'static str, Option<&'static str>) {
    match id {
        "northwind" => ("Northwind AI", None),
        "bluejay" => ("Bluejay", None),
        "lanternfish" => ("Lanternfish Pool", Some("shared accounts")),
        "quartzline" => ("Quartzline", None),
        "tidepool" => ("Tidepool Commons", None),
        "copperfield" => ("Copperfield", Some("serves another model than asked for")),
        "saffron" => ("Saffron Cloud", None),
        "glasshouse" => ("Glasshouse Lab", None),
        "ironbark" => ("Ironbark", None),
        _ => ("Moorgate", Some("support does not answer")),
    }
}

/// Services' display name, dialect and models.
fn service(id: &str) -> (&'static str, Dialect, &'static [&'static str]) {
    match id {
        "cc" => {
            ("Claude Code", Dialect::Messages, &["claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-5"])
        }
        "cx" => ("Codex", Dialect::Responses, &["gpt-5-codex", "gpt-5", "gpt-5-mini"]),
        "gm" => ("Gemini", Dialect::Gemini, &["gemini-2.5-pro", "gemini-2.5-flash"]),
        "chat" => ("OpenAI chat", Dialect::Chat, &["gpt-4o-mini", "gpt-4o"]),
        _ => ("Completions", Dialect::Completions, &["davinci-002"]),
    }
}

// === impl Role ===

impl Role {
    pub(super) fn listing(&self, now: i64) -> Listing {
        let (provider_name, risk) = provider(self.provider);
        let (service_name, _, _) = service(self.service);
        Listing {
            provider: self.provider,
            provider_name,
            provider_url: format!("https://{}.example", self.provider),
            service: self.service,
            service_name,
            channel: self.channel,
            category: if self.price.is_some() { "commercial" } else { "public" },
            sponsor: if self.level.is_some() { provider_name } else { "community" },
            sponsor_level: self.level,
            price: self.price,
            listed_since: date(now - self.listed * DAY),
            badges: self.badges.to_vec(),
            risk,
            relay: self.relay(now),
        }
    }

    fn relay(&self, now: i64) -> Relay {
        let (_, dialect, models) = service(self.service);
        let (behaviour, days) = self.part.behaviour();
        let count = if self.all_models { models.len() } else { 1 };
        let mut relay = Relay {
            mode: self.mode,
            models: models[..count].iter().map(|model| Model::new(model)).collect(),
            latency: Latency::new(self.median_ms, 0.18),
            peak: if matches!(self.part, Peaky | BusyHours) { 1.2 } else { 0.25 },
            behaviour,
            since: days.map_or(i64::MIN, |days| now - days * DAY / 4),
            incidents: self.part.incidents(),
            thinking: (self.all_models && self.service == "cc").then(|| "One word is asked for.".to_owned()),
            compress: match self.provider {
                "bluejay" => Some(Encoding::Gzip),
                "quartzline" => Some(Encoding::Brotli),
                "saffron" => Some(Encoding::Zstd),
                _ => None,
            },
            ..Relay::new(&format!("{}-{}-{}", self.provider, self.service, self.channel), dialect)
        };
        if matches!(self.part, HalfBroken)
            && let Some(model) = relay.models.last_mut()
        {
            model.behaviour = Some(Behaviour::ServerError(503));
        }
        relay
    }
}

// === impl Part ===

impl Part {
    /// What it does, and for how many quarters of a day it has (always, when `None`).
    fn behaviour(self) -> (Behaviour, Option<i64>) {
        let sometimes =
            |p, failure| Behaviour::Flaky { when: Flakiness::Probability(p), failure: Box::new(failure) };
        match self {
            Steady | Peaky => (Behaviour::Healthy, None),
            // Its last model plays the trouble, for as long.
            HalfBroken => (Behaviour::Healthy, Some(14)),
            Slow => (Behaviour::Slow(Latency::new(2600, 0.25)), None),
            Flaky => (sometimes(0.12, Behaviour::ServerError(502)), None),
            Shaky => (sometimes(0.05, Behaviour::Down(Outage::Reset)), None),
            RateLimited => (sometimes(0.6, Behaviour::RateLimited), None),
            BusyHours => (sometimes(0.06, Behaviour::RateLimited), None),
            Wrong => (Behaviour::WrongContent("Please top up your balance.".to_owned()), Some(22)),
            Empty => (Behaviour::EmptyBody, Some(3)),
            ErrorBody => (Behaviour::ErrorBody, Some(13)),
            Swapped => (Behaviour::SwappedModel("gpt-4o-mini".to_owned()), Some(30)),
            Broken => (Behaviour::ServerError(500), Some(9)),
            Locked => (Behaviour::AuthError, Some(41)),
            Refused => (Behaviour::Down(Outage::Refused), Some(55)),
            Silent => (Behaviour::Down(Outage::Silent), Some(2)),
            Cut => (sometimes(0.3, Behaviour::Cut(40)), Some(17)),
        }
    }

    fn incidents(self) -> Option<Incidents> {
        let incidents = |per_week, minutes, behaviour| Some(Incidents { per_week, minutes, behaviour });
        match self {
            Steady => incidents(0.4, 40, Behaviour::ServerError(503)),
            Peaky => incidents(1.5, 90, Behaviour::Slow(Latency::new(5500, 0.2))),
            BusyHours => incidents(3.0, 240, Behaviour::RateLimited),
            Flaky => incidents(2.5, 180, Behaviour::ServerError(502)),
            Shaky => incidents(2.0, 120, Behaviour::Down(Outage::Reset)),
            _ => incidents(0.8, 60, Behaviour::ServerError(500)),
        }
    }
}
