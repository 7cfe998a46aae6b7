//! `monitors`: what is probed.

use super::{
    badges::BadgeRef,
    probe::Expect,
    settings,
    values::{DateText, GoDuration, HttpUrl, List, Number, ProxyUrl, SecretText, Size, Slug, Text, TextMap},
    words::{Board, Category, Connection, Method, PrivateNetworks, SponsorLevel},
};

/// Keys of other versions: known, and without effect here.
pub(crate) const FOREIGN: [&str; 16] = [
    "key_type",
    "template",
    "base_url",
    "url_pattern",
    "request_model",
    "model_id",
    "model_vendor",
    "expires_at",
    "skip_url_validation",
    "user_id_refresh_minutes",
    "auto_cold_exempt",
    "auto_move_exempt",
    "retry",
    "retry_base_delay",
    "retry_max_delay",
    "retry_jitter",
];

settings! {
    /// One thing to probe. With `parent` it takes over every setting it does not give itself.
    pub(crate) struct Monitor foreign FOREIGN {
        /// Who offers the relay. Required; a child takes it from `parent`.
        provider: Text,
        /// Which service it is, such as `cc`. Required; a child takes it from `parent`.
        service: Text,
        /// The channel of the service, such as a plan; may be empty.
        channel: Text,
        /// The model that is asked for; `{{MODEL}}` stands for it. Required for a child and for its parent.
        model: Text,
        /// The parent entry as `provider/service/channel`.
        parent: Text,
        /// `commercial` or `public`. Required.
        category: Category,
        /// Who pays for the key. Required.
        sponsor: Text,
        /// The address to probe. Required. May hold `{{API_KEY}}` and `{{MODEL}}`.
        url: Text,
        /// The method of the request. Required.
        method: Method,
        /// Headers by name. Values may hold `{{API_KEY}}` and `{{MODEL}}`; a `Host` header sets the authority. A
        /// child's headers are added to its parent's.
        headers: TextMap,
        /// The body of the request. May hold `{{API_KEY}}`, `{{MODEL}}` and `{{CHALLENGE}}`; `!include data/x.json`
        /// reads it from a file under `data/` beside the configuration.
        body: Body,
        /// The key, when it comes from no variable. Better kept in the environment.
        api_key: SecretText,
        /// The environment variable that holds the key.
        env_var_name: Text,
        /// Text that a successful answer must contain, case-sensitive. May hold `{{MODEL}}`.
        success_contains: Text,
        /// Further conditions on the answer. A child's replaces its parent's.
        expect: Expect,
        /// `reuse` keeps connections open between probes, `fresh` opens a new one each time.
        connection: Connection,
        /// The proxy to go through, `http://…` or `socks5://…`; otherwise the usual proxy variables count.
        proxy: ProxyUrl,
        /// The most bytes of the decoded answer that are read; otherwise `probe.max_response_bytes`.
        max_response_bytes: Size,
        /// Whether private addresses may be probed; otherwise `probe.private_networks`.
        private_networks: PrivateNetworks,
        /// Time between two probes; otherwise the parent's, then the global `interval`.
        interval: GoDuration,
        /// A successful probe slower than this is yellow; otherwise the parent's, then `slow_latency_by_service`, then
        /// `slow_latency`.
        slow_latency: GoDuration,
        /// The deadline of a whole probe; otherwise the parent's, then `timeout_by_service`, then `timeout`.
        timeout: GoDuration,
        /// Display name of the provider.
        provider_name: Text,
        /// Display name of the service.
        service_name: Text,
        /// Display name of the channel.
        channel_name: Text,
        /// The provider in addresses: lower-case letters, digits and single dashes. Otherwise the provider in lower
        /// case, which must then have this form.
        provider_slug: Slug,
        /// The provider's site.
        provider_url: HttpUrl,
        /// The sponsor's site.
        sponsor_url: HttpUrl,
        /// How much the sponsor supports: `basic`, `advanced` or `enterprise`.
        sponsor_level: SponsorLevel,
        /// Lowest price factor, not negative.
        price_min: Number,
        /// Highest price factor, not below `price_min`.
        price_max: Number,
        /// The day since which it is listed, `YYYY-MM-DD`.
        listed_since: DateText,
        /// `hot` is probed, `cold` is shown with its history but no longer probed. Needs `boards.enabled`.
        board: Board = Board::Hot,
        /// Why it is cold; only together with `board: cold`.
        cold_reason: Text,
        /// Probed, but shown only to those who ask for hidden monitors.
        hidden: bool = false,
        /// Why it is hidden.
        hidden_reason: Text,
        /// Neither probed nor shown.
        disabled: bool = false,
        /// Why it is disabled.
        disabled_reason: Text,
        /// Badges, by id or as `{id, tooltip_override}`. A child's replace its parent's.
        badges: List<BadgeRef>,
    }
}

/// The body of a request: text, or a file that was included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Body {
    /// Text as it is. Shared, since children take it over.
    Text(std::sync::Arc<str>),
    /// A file to read, the path as typed.
    Include(String),
    /// A file that was read.
    Included(crate::include::Included),
}

impl Body {
    /// Returns this body with its text changed.
    pub(crate) fn map(&self, change: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Text(text) => Self::Text(change(text).into()),
            Self::Include(path) => Self::Include(path.clone()),
            Self::Included(file) => Self::Included(crate::include::Included {
                text: change(&file.text).into(),
                name: file.name.clone(),
            }),
        }
    }
}

impl crate::reader::Read for Body {
    fn read(node: &crate::yaml::Node, reader: &mut crate::reader::Reader<'_>) -> Option<Self> {
        if let (Some("!include"), crate::yaml::Kind::Scalar { text, .. }) = (node.tag.as_deref(), &node.kind)
        {
            return Some(Self::Include(text.trim().to_owned()));
        }
        let (text, _) = reader.scalar(node)?;
        Some(match text.trim().strip_prefix("!include") {
            Some(path) if path.starts_with(char::is_whitespace) => Self::Include(path.trim().to_owned()),
            _ => Self::Text(text.into()),
        })
    }
}

/// An included file is written out.
impl serde::Serialize for Body {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) | Self::Included(crate::include::Included { text, .. }) => {
                serializer.serialize_str(text)
            }
            Self::Include(path) => serializer.collect_str(&format_args!("!include {path}")),
        }
    }
}

super::values::json_schema!(Body, "Body", { "title": "text, or `!include data/…`", "type": ["string", "number", "boolean"] });
