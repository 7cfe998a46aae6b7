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
