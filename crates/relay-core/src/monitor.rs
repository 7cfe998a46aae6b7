//! One configured thing to probe, with everything that is shown of it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::civil::Date;

use crate::{MonitorKey, ProbeSpec};

/// A monitor with every default and inheritance applied.
#[derive(Debug, Clone, PartialEq)]
pub struct Monitor {
    /// Its unique key.
    pub key: MonitorKey,
    /// Whether it names a parent: a layer below the first of its group.
    pub is_child: bool,
    /// What is shown of it.
    pub listing: Listing,
    /// Its own interval between probes.
    pub interval: Duration,
    /// Shown only to those who ask for hidden monitors, with the reason (maybe empty).
    pub hidden: Option<String>,
    /// Neither probed nor shown, with the reason (maybe empty). A disabled monitor is hidden too.
    pub disabled: Option<String>,
    /// Which board it is on; always hot when boards are off.
    pub board: Board,
    /// Why it is on the cold board.
    pub cold_reason: Option<String>,
    /// What is sent and how it is judged.
    pub probe: Arc<ProbeSpec>,
}

impl Monitor {
    /// Tells whether the scheduler probes it: neither disabled nor on the cold board.
    #[must_use]
    pub fn is_active(&self) -> bool {
        self.disabled.is_none() && self.board == Board::Hot
    }

    /// Tells whether the public may see it: neither disabled nor hidden.
    #[must_use]
    pub fn is_visible(&self) -> bool {
        self.disabled.is_none() && self.hidden.is_none()
    }
}

/// What the page and the API show of a monitor besides its measurements.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// Display name of the provider.
    pub provider_name: Option<String>,
    /// The provider in addresses: lower-case letters, digits and single dashes.
    pub provider_slug: String,
    /// The provider's site, without a slash at the end; may be empty.
    pub provider_url: String,
    /// Display name of the service.
    pub service_name: Option<String>,
    /// Display name of the channel.
    pub channel_name: Option<String>,
    /// Commercial or public.
    pub category: Category,
    /// Who pays for the key.
    pub sponsor: String,
    /// The sponsor's site, without a slash at the end; may be empty.
    pub sponsor_url: String,
    /// How much the sponsor supports.
    pub sponsor_level: Option<SponsorLevel>,
    /// Lowest price factor, not negative.
    pub price_min: Option<f64>,
    /// Highest price factor, at least `price_min`.
    pub price_max: Option<f64>,
    /// Since when the channel is listed.
    pub listed_since: Option<Date>,
    /// Known risks of the provider.
    pub risks: Vec<Risk>,
    /// Badges, heaviest first.
    pub badges: Vec<Badge>,
    /// The address that is probed, without userinfo, query, fragment or any segment that held the key.
    pub probe_url: String,
    /// Base name of the included body, when it was included.
    pub template_name: Option<String>,
}

/// What kind of relay a monitor is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Category {
    /// Sold.
    Commercial,
    /// Free for everybody.
    Public,
}

impl Category {
    /// Returns the spelling of configuration and API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Commercial => "commercial",
            Self::Public => "public",
        }
    }
}

/// How much a sponsor supports the site, rising.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SponsorLevel {
    /// Node supporter.
    Basic,
    /// Core provider.
    Advanced,
    /// Global partner.
    Enterprise,
}

impl SponsorLevel {
    /// Returns the spelling of configuration and API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Basic => "basic",
            Self::Advanced => "advanced",
            Self::Enterprise => "enterprise",
        }
    }
}

/// Which board a monitor is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Board {
    /// Probed and shown.
    #[default]
    Hot,
    /// Shown, no longer probed.
    Cold,
}

impl Board {
    /// Returns the spelling of configuration and API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hot => "hot",
            Self::Cold => "cold",
        }
    }
}

/// A warning about a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// What the risk is called.
    pub label: String,
    /// Where it is discussed; may be empty.
    pub discussion_url: String,
}

/// A small mark beside a monitor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge {
    /// Its name in the configuration.
    pub id: String,
    /// What it speaks about.
    pub kind: BadgeKind,
    /// Its colour.
    pub variant: BadgeVariant,
    /// Its place: heavier ones come first, 0–100.
    pub weight: u8,
    /// What it opens; may be empty.
    pub url: String,
    /// A tooltip for this monitor alone.
    pub tooltip_override: Option<String>,
    /// Its text.
    pub label: Option<LocalizedText>,
    /// Its tooltip.
    pub tooltip: Option<LocalizedText>,
}

/// What a badge speaks about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BadgeKind {
    /// Where the key comes from.
    Source,
    /// Something to know.
    Info,
    /// Something it can do.
    #[default]
    Feature,
}

impl BadgeKind {
    /// Returns the spelling of configuration and API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Info => "info",
            Self::Feature => "feature",
        }
    }
}

/// The colour of a badge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum BadgeVariant {
    /// Grey.
    #[default]
    Default,
    /// Green.
    Success,
    /// Yellow.
    Warning,
    /// Red.
    Danger,
    /// Blue.
    Info,
}

impl BadgeVariant {
    /// Returns the spelling of configuration and API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Default => "default",
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Danger => "danger",
            Self::Info => "info",
        }
    }
}

/// Text for readers of several languages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocalizedText {
    /// One text for all.
    Plain(String),
    /// A text by language tag, such as `en` or `zh-CN`.
    ByLanguage(BTreeMap<String, String>),
}
