//! The demo's cast.

mod cast;

use crate::{behaviour::Behaviour, relay::Relay};

const DAY: i64 = 86_400;

/// A named set of relays with everything a status page likes to know about them.
#[derive(Clone, Debug, PartialEq)]
pub struct Fleet {
    /// The relays, in the order in which a page should list them.
    pub listings: Vec<Listing>,
}

/// One provider's channel, as a configuration file lists it, and the relay behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Listing {
    /// Provider, lower-case.
    pub provider: &'static str,
    /// Display name of the provider.
    pub provider_name: &'static str,
    /// The provider's invented site; reserved domain, never answers.
    pub provider_url: String,
    /// Service: `cc` (Claude Code), `cx` (Codex), `gm` (Gemini) or `api` (plain completions).
    pub service: &'static str,
    /// Display name of the service.
    pub service_name: &'static str,
    /// Channel.
    pub channel: &'static str,
    /// `commercial` or `public`.
    pub category: &'static str,
    /// Who pays for it to be watched.
    pub sponsor: &'static str,
    /// `basic`, `advanced` or `enterprise`.
    pub sponsor_level: Option<&'static str>,
    /// Lowest and highest price factor, min ≤ max.
    pub price: Option<(f64, f64)>,
    /// Listed since, `YYYY-MM-DD` (UTC).
    pub listed_since: String,
    /// Ids from [`Fleet::BADGES`].
    pub badges: Vec<&'static str>,
    /// A risk to warn of.
    pub risk: Option<&'static str>,
    /// The relay; its name is `provider-service-channel`.
    pub relay: Relay,
}

// === impl Fleet ===

impl Fleet {
    /// The badges that listings name: id, kind, variant, weight.
    pub const BADGES: [(&'static str, &'static str, &'static str, u8); 4] = [
        ("official-upstream", "source", "success", 90),
        ("pooled", "source", "warning", 60),
        ("fast-lane", "feature", "info", 40),
        ("new", "info", "default", 20),
    ];

    /// Returns the demo's fleet as of `now` (Unix seconds): some two dozen channels of ten providers;
    /// listing dates and the beginnings of lasting trouble are counted back from it.
    #[must_use]
    pub fn demo(now: i64) -> Self {
        let listings = cast::ROLES.iter().map(|role| role.listing(now)).collect();
        Self { listings }
    }

    /// Returns the relays, for [`crate::Options::relays`].
    #[must_use]
    pub fn relays(&self) -> Vec<Relay> {
        self.listings.iter().map(|listing| listing.relay.clone()).collect()
    }

    /// Returns the listings that can answer when asked now, incidents and flakiness aside.
    pub fn healthy(&self) -> impl Iterator<Item = &Listing> {
        self.listings.iter().filter(|listing| {
            matches!(
                listing.relay.behaviour,
                Behaviour::Healthy | Behaviour::Slow(_) | Behaviour::Flaky { .. }
            )
        })
    }
}

/// Formats the UTC date of a moment (Unix seconds) as `YYYY-MM-DD`.
///
/// Howard Hinnant's `civil_from_days`: years begin in March, eras have 400 of them.
fn date(time: i64) -> String {
    let z = time.div_euclid(DAY) + 719_468;
    let era = z.div_euclid(146_097);
    let day_of_era = z.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::{dialect::Dialect, outcome::Kind};

    /// 2026-03-01 12:00 UTC.
    const NOW: i64 = 1_772_366_400;

    #[test]
    fn dates_are_right_around_leap_days() {
        for (time, want) in [
            (0, "1970-01-01"),
            (NOW, "2026-03-01"),
            (NOW - DAY, "2026-02-28"),
            (951_782_400, "2000-02-29"),
            (1_709_164_800, "2024-02-29"),
            (-1, "1969-12-31"),
        ] {
            assert_eq!(date(time), want);
        }
    }

    #[test]
    fn the_fleet_is_varied_and_its_names_are_unique() {
        let fleet = Fleet::demo(NOW);
        assert!((22..=30).contains(&fleet.listings.len()));
        let names: HashSet<_> = fleet.listings.iter().map(|l| l.relay.name.clone()).collect();
        assert_eq!(names.len(), fleet.listings.len());
        let providers: HashSet<_> = fleet.listings.iter().map(|l| l.provider).collect();
        assert!((8..=12).contains(&providers.len()));
        for dialect in Dialect::ALL {
            assert!(fleet.listings.iter().any(|l| l.relay.dialect == dialect), "{dialect:?}");
        }
        assert!(fleet.listings.iter().filter(|l| l.relay.models.len() > 1).count() >= 3);
        assert!(fleet.listings.iter().all(|l| l.price.is_none_or(|(low, high)| low <= high)));
        let known: HashSet<_> = Fleet::BADGES.iter().map(|badge| badge.0).collect();
        assert!(fleet.listings.iter().flat_map(|l| &l.badges).all(|badge| known.contains(badge)));
    }

    #[test]
    fn a_month_of_history_shows_every_kind() {
        let fleet = Fleet::demo(NOW);
        let mut kinds = HashSet::new();
        for listing in &fleet.listings {
            for slot in 0..30 * 48 {
                kinds.insert(listing.relay.plausible("", 1, NOW - slot * 1800).kind);
            }
        }
        for kind in [
            Kind::Up,
            Kind::WrongContent,
            Kind::RateLimited,
            Kind::ServerError,
            Kind::AuthError,
            Kind::Unreachable,
        ] {
            assert!(kinds.contains(&kind), "{kind:?}");
        }
        assert!(fleet.healthy().count() > fleet.listings.len() / 2);
    }
}
