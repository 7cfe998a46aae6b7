//! Which path is answered by what.
//!
//! ```text
//! GET   /api/status               every monitor with its timeline
//! GET   /api/status/query         the present state of some channels
//! POST  /api/status/batch         the same for many
//! GET   /api/timeline             one monitor in detail
//! GET   /api/history              the records of one monitor
//! GET   /api/stream               records as they come, for the page
//! GET   /api/events               what happened to monitors, page by page or as a stream
//! GET   /api/events/latest        the number of the newest event
//! GET   /api/events/stream        events as they come
//! GET   /api/status-page/{slug}   everything visible, as Uptime Kuma tells it
//! GET   /api/status-page/heartbeat/{slug} its latest results
//! GET   /api/openapi.json         this API, described for programs
//! GET   /api/version              what runs here
//! GET   /health                   the process lives
//! GET   /ready                    every component works
//! GET   /metrics                  counters in the text format of Prometheus
//! GET   /badge.svg                one number of one monitor
//! GET   /feed.atom                what happened to monitors, for feed readers
//! GET   /sitemap.xml              the pages for search engines
//! GET   /robots.txt               where search engines may go
//! GET   /assets/{*rest}           the files of the page
//! GET   /en                       to /en/
//! GET   /ru                       to /ru/
//! GET   /ja                       to /ja/
//! GET   /                         the page, as on every path that is not listed or reserved
//! ```
//!
//! HEAD works wherever GET does. Unknown paths below `/api/` and the reserved ones are 404 in JSON.

use std::sync::{Arc, LazyLock};

use http::Method;

use crate::{
    api::Call,
    error::ApiError,
    handlers::{
        badge, events, feed, health, history, kuma, metrics, openapi, pages, query, seo, status, stream,
        timeline, version,
    },
    response::Response,
    state::State,
};

/// Where metrics are, at every address.
pub(crate) const METRICS: &str = "/metrics";

/// A path with its handler.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Route {
    pub(crate) path: &'static str,
    pub(crate) endpoint: Endpoint,
}

/// What answers a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Status,
    Query,
    Batch,
    Timeline,
    History,
    Stream,
    Events,
    LatestEvent,
    EventStream,
    KumaPage,
    KumaBeats,
    OpenApi,
    Version,
    Health,
    Ready,
    Metrics,
    Badge,
    Feed,
    Sitemap,
    Robots,
    Asset,
    /// With the name it has in the OpenAPI document.
    LanguageHome(&'static str),
    Page,
}

/// Everything that is served, in the order of the index above. The last one takes every other path.
pub(crate) const ROUTES: [Route; 25] = [
    Route { path: "/api/status", endpoint: Endpoint::Status },
    Route { path: "/api/status/query", endpoint: Endpoint::Query },
    Route { path: "/api/status/batch", endpoint: Endpoint::Batch },
    Route { path: "/api/timeline", endpoint: Endpoint::Timeline },
    Route { path: "/api/history", endpoint: Endpoint::History },
    Route { path: "/api/stream", endpoint: Endpoint::Stream },
    Route { path: "/api/events", endpoint: Endpoint::Events },
    Route { path: "/api/events/latest", endpoint: Endpoint::LatestEvent },
    Route { path: "/api/events/stream", endpoint: Endpoint::EventStream },
    Route { path: "/api/status-page/{slug}", endpoint: Endpoint::KumaPage },
    Route { path: "/api/status-page/heartbeat/{slug}", endpoint: Endpoint::KumaBeats },
    Route { path: "/api/openapi.json", endpoint: Endpoint::OpenApi },
    Route { path: "/api/version", endpoint: Endpoint::Version },
    Route { path: "/health", endpoint: Endpoint::Health },
    Route { path: "/ready", endpoint: Endpoint::Ready },
    Route { path: METRICS, endpoint: Endpoint::Metrics },
    Route { path: "/badge.svg", endpoint: Endpoint::Badge },
    Route { path: "/feed.atom", endpoint: Endpoint::Feed },
    Route { path: "/sitemap.xml", endpoint: Endpoint::Sitemap },
    Route { path: "/robots.txt", endpoint: Endpoint::Robots },
    Route { path: "/assets/{*rest}", endpoint: Endpoint::Asset },
    Route { path: "/en", endpoint: Endpoint::LanguageHome("en") },
    Route { path: "/ru", endpoint: Endpoint::LanguageHome("ru") },
    Route { path: "/ja", endpoint: Endpoint::LanguageHome("ja") },
    Route { path: "/", endpoint: Endpoint::Page },
];

/// The number under which requests to nowhere are counted.
pub(crate) const UNMATCHED: usize = ROUTES.len();
const PAGE: usize = ROUTES.len() - 1;

/// Addresses kept for later: never used for something else.
const RESERVED: [&str; 10] = [
    "/api",
    "/v1",
    "/v1beta",
    "/admin",
    "/docs/proxy",
    "/viewer.html",
    "/analysis.html",
    "/selftest",
    "/monitor",
    "/assets",
];

static TABLE: LazyLock<matchit::Router<usize>> = LazyLock::new(|| {
    let mut table = matchit::Router::new();
    for (number, route) in ROUTES.iter().enumerate() {
        let inserted = table.insert(route.path, number);
        debug_assert!(inserted.is_ok(), "{} is listed twice", route.path);
    }
    table
});

/// Where a request goes.
pub(crate) struct Found {
    /// The number of the route, for counting.
    pub(crate) route: usize,
    /// The methods of the path; `None` when there is nothing.
    pub(crate) allow: Option<&'static str>,
    pub(crate) endpoint: Result<Endpoint, ApiError>,
    pub(crate) rest: Option<String>,
}

impl Found {
    /// There is nothing there.
    pub(crate) fn nothing() -> Self {
        Self { route: UNMATCHED, allow: None, endpoint: Err(ApiError::not_found()), rest: None }
    }
}

/// Finds what answers a method and path.
pub(crate) fn find(method: &Method, path: &str) -> Found {
    let (route, rest) = match TABLE.at(path) {
        Ok(matched) => (*matched.value, matched.params.iter().next().map(|(_, rest)| rest.to_owned())),
        Err(_) if is_reserved(path) => return Found::nothing(),
        Err(_) => (PAGE, None),
    };
    let endpoint = ROUTES[route].endpoint;
    let allow = endpoint.allow();
    let allowed = allow.split(", ").any(|name| name == method.as_str());
    let result = if allowed { Ok(endpoint) } else { Err(ApiError::method(allow)) };
    Found { route, allow: Some(allow), endpoint: result, rest }
}

/// Tells whether a path is one of the reserved ones or below it; for `/admin`, whatever begins with it.
fn is_reserved(path: &str) -> bool {
    RESERVED.iter().any(|reserved| {
        path.strip_prefix(reserved)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/') || *reserved == "/admin")
    })
}

impl Endpoint {
    /// Returns the methods, as in `Allow`.
    pub(crate) const fn allow(self) -> &'static str {
        match self {
            Self::Batch => "POST, OPTIONS",
            _ => "GET, HEAD, OPTIONS",
        }
    }

    pub(crate) const fn reads_body(self) -> bool {
        matches!(self, Self::Batch)
    }

    pub(crate) async fn answer(self, state: &Arc<State>, call: Call) -> Result<Response, ApiError> {
        match self {
            Self::Status => status::get(state, &call).await,
            Self::Query => query::get(state, &call).await,
            Self::Batch => query::batch(state, &call).await,
            Self::Timeline => timeline::get(state, &call).await,
            Self::History => history::get(state, &call).await,
            Self::Stream => stream::get(state, &call),
            Self::Events => events::get(state, &call).await,
            Self::LatestEvent => events::latest(state, &call).await,
            Self::EventStream => events::stream::get(state, &call).await,
            Self::KumaPage => kuma::get(state, &call, kuma::Part::Page).await,
            Self::KumaBeats => kuma::get(state, &call, kuma::Part::Beats).await,
            Self::OpenApi => openapi::get(state, &call).await,
            Self::Version => Ok(version::get(state)),
            Self::Health => Ok(health::alive()),
            Self::Ready => Ok(health::ready(state).await),
            Self::Metrics => metrics::get(state, &call),
            Self::Badge => badge::get(state, &call).await,
            Self::Feed => feed::get(state, &call).await,
            Self::Sitemap => Ok(seo::sitemap(state)),
            Self::Robots => Ok(seo::robots(state)),
            Self::Asset => pages::asset(state, &call).await,
            Self::LanguageHome(_) => pages::to_language_home(&call),
            Self::Page => pages::page(state, &call).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The index above, as (methods, path).
    fn listed() -> Vec<(String, String)> {
        include_str!("router.rs")
            .lines()
            .skip_while(|line| *line != "//! ```text")
            .skip(1)
            .take_while(|line| *line != "//! ```")
            .map(|line| {
                let mut words = line.trim_start_matches("//!").split_whitespace();
                let mut word = || words.next().expect("a method and a path").to_owned();
                (word(), word())
            })
            .collect()
    }

    #[test]
    fn the_index_at_the_top_lists_what_is_served() {
        let served: Vec<_> = ROUTES
            .iter()
            .map(|route| {
                let methods: Vec<_> = route
                    .endpoint
                    .allow()
                    .split(", ")
                    .filter(|method| !["HEAD", "OPTIONS"].contains(method))
                    .collect();
                (methods.join(","), route.path.to_owned())
            })
            .collect();
        assert_eq!(listed(), served);
        assert_eq!(TABLE.at("/api/status").map(|matched| *matched.value).ok(), Some(0));
    }

    #[test]
    fn paths_find_their_place() {
        let of = |path: &str| {
            let found = find(&Method::GET, path);
            found.endpoint.ok().map(|endpoint| (endpoint, found.rest))
        };
        for (path, endpoint) in [
            ("/api/status", Some(Endpoint::Status)),
            ("/", Some(Endpoint::Page)),
            ("/en/", Some(Endpoint::Page)),
            ("/en", Some(Endpoint::LanguageHome("en"))),
            ("/p/some-slug", Some(Endpoint::Page)),
            ("/monitoring", Some(Endpoint::Page)),
            ("/v1/chat/completions", None),
            ("/v1", None),
            ("/v1beta/models", None),
            ("/administrator", None),
            ("/admin/users", None),
            ("/docs/proxy", None),
            ("/docs", Some(Endpoint::Page)),
            ("/selftest", None),
            ("/api/status/", None),
            ("/api/health", None),
            ("/api", None),
        ] {
            assert_eq!(of(path).map(|found| found.0), endpoint, "{path}");
        }
        let asset = of("/assets/js/app.js").expect("a route");
        assert_eq!(asset, (Endpoint::Asset, Some("js/app.js".to_owned())));
    }

    #[test]
    fn a_wrong_method_says_which_ones_work() {
        let error = find(&Method::POST, "/api/status").endpoint.expect_err("no POST");
        assert_eq!(error.allow, Some("GET, HEAD, OPTIONS"));
    }
}
