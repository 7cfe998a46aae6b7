//! The file as a whole.

use super::{
    badges::{BadgeDefinitions, BadgeProvider, Boards, ProviderReason, RiskProvider, SponsorPin},
    events::Events,
    monitors::Monitor,
    notifications::Notification,
    probe::Probe,
    server::{Log, Server, Web},
    settings,
    storage::Storage,
    values::{
        Count, GoDuration, HttpUrl, InFlight, List, Number, PeriodDurations, ServiceDurations, Signed, Weight,
    },
};

/// Keys of other versions: known, and without effect here.
pub(crate) const FOREIGN: [&str; 18] = [
    "selftest",
    "announcements",
    "annotation_rules",
    "enable_annotations",
    "github",
    "onboarding",
    "change_requests",
    "retry",
    "retry_by_service",
    "retry_base_delay",
    "retry_max_delay",
    "retry_jitter",
    "allow_private_networks",
    "expose_channel_details",
    "channel_details_providers",
    "hide_price_column",
    "hide_category_filter",
    "hide_vendor_filter",
];

settings! {
    /// The configuration of Relay Pulse.
    pub(crate) struct Root foreign FOREIGN {
        /// What is probed. Required, at least one.
        monitors: List<Monitor>,
        /// Time between two probes of a monitor.
        interval: GoDuration = GoDuration::secs(60),
        /// A successful probe slower than this is yellow.
        slow_latency: GoDuration = GoDuration::secs(5),
        /// The same by service, without regard to case.
        slow_latency_by_service: ServiceDurations,
        /// The deadline of a whole probe, headers and body; past it the probe is red.
        timeout: GoDuration = GoDuration::secs(10),
        /// The same by service, without regard to case.
        timeout_by_service: ServiceDurations,
        /// What a yellow probe counts in availability, 0 to 1; 0 is the default.
        degraded_weight: Weight = Weight(Number(0.7)),
        /// Probes in flight at once; 0 is the default, -1 as many as there are active monitors.
        max_concurrency: InFlight = InFlight(Signed(10)),
        /// Whether probes are spread over the interval; otherwise all start at once.
        stagger_probes: bool = true,
        /// The site's own address, for links and the sitemap. Environment: `MONITOR_PUBLIC_BASE_URL`.
        public_base_url: HttpUrl = HttpUrl("https://relaypulse.top".to_owned()),
        /// Accepted for compatibility; only changes the defaults of the PostgreSQL pool.
        enable_concurrent_query: bool = false,
        /// Accepted for compatibility; a pool smaller than this is warned about.
        concurrent_query_limit: Count = Count(10),
        /// Accepted for compatibility, without effect.
        enable_batch_query: bool = false,
        /// Accepted for compatibility, without effect.
        batch_query_max_keys: Count = Count(300),
        /// Accepted for compatibility, without effect.
        enable_db_timeline_agg: bool = false,
        /// Whether badges, sponsor levels and risks are shown.
        enable_badges: bool = false,
        /// How long answers may be cached, by period: `90m`, `24h`, `7d`, `30d`, `90d`, `1y`.
        cache_ttl: PeriodDurations = PeriodDurations::default(),
        /// How sponsors are pinned.
        sponsor_pin: SponsorPin = SponsorPin::default(),
        /// The hot and the cold board.
        boards: Boards = Boards::default(),
        /// DOWN and UP events.
        events: Events = Events::default(),
        /// Where records are kept.
        storage: Storage = Storage::default(),
        /// Providers whose monitors are all disabled.
        disabled_providers: List<ProviderReason>,
        /// Providers whose monitors are all hidden.
        hidden_providers: List<ProviderReason>,
        /// Risks, shown at every monitor of the provider.
        risk_providers: List<RiskProvider>,
        /// Badges by id. `api_key_official` is built in and may be redefined.
        badge_definitions: BadgeDefinitions,
        /// Badges of all monitors of a provider.
        badge_providers: List<BadgeProvider>,
        /// How probes are made.
        probe: Probe = Probe::default(),
        /// How the page and the API are served.
        server: Server = Server::default(),
        /// What the page says of itself.
        web: Web,
        /// Who is told of events.
        notifications: List<Notification>,
        /// What is logged.
        log: Log,
    }
}
