//! Reading query strings: what may be asked, and how two spellings of one question become the same.

use std::{borrow::Cow, sync::Arc};

use relay_core::{
    monitor::Board,
    timeline::{Align, DailyFilter, Period},
};

use crate::{
    error::ApiError,
    index::{Ids, Index},
};

/// The parameters of one request. Of a repeated one the first counts, unknown ones are ignored.
#[derive(Debug)]
pub(crate) struct Params<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Params<'a> {
    pub(crate) fn parse(query: &'a str) -> Self {
        Self(url::form_urlencoded::parse(query.as_bytes()).collect())
    }

    /// Returns a parameter as it was given, trimmed; empty when it is absent.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value.trim())
    }

    /// Returns all values of a repeatable parameter.
    pub(crate) fn all<'b>(&'b self, name: &'b str) -> impl Iterator<Item = &'b str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_ref())
    }

    pub(crate) fn flag(&self, name: &str) -> Result<bool, ApiError> {
        match self.text(name).to_ascii_lowercase().as_str() {
            "" | "false" | "0" => Ok(false),
            "true" | "1" => Ok(true),
            _ => Err(ApiError::parameter(name, "use true or false")),
        }
    }

    pub(crate) fn period(&self) -> Result<Period, ApiError> {
        match self.text("period") {
            "" => Ok(Period::Hours24),
            text => Period::parse(text)
                .ok_or_else(|| ApiError::parameter("period", "use one of 90m, 24h, 1d, 7d, 30d, 90d, 1y")),
        }
    }

    fn align(&self) -> Result<Align, ApiError> {
        match self.text("align") {
            "" => Ok(Align::Now),
            "hour" => Ok(Align::Hour),
            _ => Err(ApiError::parameter("align", "leave it out or use hour")),
        }
    }

    fn filter(&self, period: Period) -> Result<Option<DailyFilter>, ApiError> {
        let text = self.text("time_filter");
        if text.is_empty() {
            return Ok(None);
        }
        if !period.takes_filter() {
            return Err(ApiError::parameter("time_filter", "works with period 7d or 30d only"));
        }
        DailyFilter::parse(text)
            .map(Some)
            .map_err(|error| ApiError::parameter("time_filter", &error.to_string()))
    }

    fn boards(&self) -> Result<Boards, ApiError> {
        match self.text("board") {
            "" | "hot" => Ok(Boards::Only(Board::Hot)),
            "cold" => Ok(Boards::Only(Board::Cold)),
            "all" => Ok(Boards::All),
            _ => Err(ApiError::parameter("board", "use one of hot, cold, all")),
        }
    }

    fn view(&self) -> Result<View, ApiError> {
        match self.text("view") {
            "" | "full" => Ok(View::Full),
            "compact" => Ok(View::Compact),
            _ => Err(ApiError::parameter("view", "use one of full, compact")),
        }
    }
}

/// Which boards are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Boards {
    All,
    Only(Board),
}

impl Boards {
    pub(crate) fn takes(self, board: Board) -> bool {
        self == Self::All || self == Self::Only(board)
    }
}

/// How points are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum View {
    Full,
    Compact,
}

/// How history is cut: the part of a question that plans windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Span {
    pub(crate) period: Period,
    pub(crate) align: Align,
    pub(crate) filter: Option<DailyFilter>,
}

impl Span {
    pub(crate) fn parse(params: &Params<'_>) -> Result<Self, ApiError> {
        let period = params.period()?;
        Ok(Self { period, align: params.align()?, filter: params.filter(period)? })
    }
}

/// The question to `/api/status`, normalised: questions with the same answer are equal, and their number is bounded
/// by the catalog, not by what clients think up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct StatusQuery {
    pub(crate) span: Span,
    /// `None` for all.
    pub(crate) providers: Option<Ids>,
    /// `None` for all.
    pub(crate) services: Option<Ids>,
    pub(crate) boards: Boards,
    pub(crate) include_hidden: bool,
    pub(crate) view: View,
}

impl StatusQuery {
    pub(crate) fn parse(params: &Params<'_>, index: &Index) -> Result<Self, ApiError> {
        let span = Span::parse(params)?;
        let boards = params.boards()?;
        let all = |text: &str| text.is_empty() || text.eq_ignore_ascii_case("all");
        let (provider, service) = (params.text("provider"), params.text("service"));
        let mut providers = (!all(provider)).then(|| index.provider(provider));
        let mut services = (!all(service)).then(|| index.service(service));
        let nothing = |ids: &Option<Ids>| ids.as_ref().is_some_and(|ids| ids.is_empty());
        if nothing(&providers) || nothing(&services) {
            providers = Some(Arc::default());
            services = None;
        }
        Ok(Self {
            span,
            providers,
            services,
            boards: if index.snapshot.site.boards { boards } else { Boards::All },
            include_hidden: params.flag("include_hidden")?,
            view: params.view()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;
    use relay_core::ports::catalog::{CacheTtl, Site, Snapshot, SponsorPin};
    use relay_testkit::{key, monitor};

    use super::*;

    fn index() -> Index {
        let monitors = ["Acme/cc//", "other/GM/vip/"];
        let monitors = monitors.map(|text| Arc::new(monitor(&key(text), "https://x.example").build()));
        Index::new(Arc::new(Snapshot {
            generation: 1,
            monitors: monitors.into(),
            site: Site {
                public_base_url: "https://status.example.org".to_owned(),
                title: None,
                footer_note: None,
                subscribe_url: None,
                demo: false,
                feed: false,
                degraded_weight: 0.7,
                slow_latency: std::time::Duration::from_secs(5),
                badges: true,
                boards: true,
                sponsor_pin: SponsorPin::default(),
                cache_ttl: CacheTtl::default(),
                cors_origins: Vec::new(),
            },
        }))
    }

    fn parse(query: &str) -> Result<StatusQuery, ApiError> {
        StatusQuery::parse(&Params::parse(query), &index())
    }

    /// Writes `text` with the case of its letters and the spelling of its characters chosen by `seed`.
    fn spelled(text: &str, seed: u64) -> String {
        let turn = |at: usize, c: char| match (seed >> (at % 21 * 3)) & 7 {
            0 => format!("%{:02X}", c as u32),
            1 | 2 => c.to_uppercase().to_string(),
            _ => c.to_string(),
        };
        text.chars().enumerate().map(|(at, c)| turn(at, c)).collect()
    }

    proptest! {
        /// Whatever clients write, the answer is a question or an error that names a parameter.
        #[test]
        fn anything_is_a_question_or_an_error(query in "\\PC{0,80}") {
            if let Err(error) = parse(&query) {
                prop_assert!(error.public.contains(": "), "{}", error.public);
            }
        }

        /// Names have many spellings and one meaning.
        #[test]
        fn spellings_of_one_name_are_one_question(seed in any::<u64>(), junk in "[a-z]{0,8}") {
            let plain = parse("provider=acme&service=cc").ok();
            prop_assert!(plain.is_some());
            let other = format!("x={junk}&service={}&provider={}", spelled("cc", seed), spelled("acme", seed));
            prop_assert_eq!(parse(&other).ok(), plain);
        }

        /// However many names clients think up, there is one question about nothing.
        #[test]
        fn unknown_names_are_one_question(names in prop::collection::vec("[a-z]{5,9}", 1..20)) {
            let questions: HashSet<_> = names
                .iter()
                .flat_map(|name| [format!("provider={name}x"), format!("service={name}x&provider=acme")])
                .map(|query| parse(&query).ok())
                .collect();
            prop_assert_eq!(questions.len(), 1);
        }
    }

    #[test]
    fn the_first_of_a_repeated_parameter_counts() {
        assert_eq!(parse("period=7d&period=nonsense").ok(), parse("period=7d").ok());
        assert_eq!(parse("period=1d").ok(), parse("").ok());
    }
}
