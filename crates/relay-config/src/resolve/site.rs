//! How the site shows itself.

use relay_core::ports::catalog::{CacheTtl, Site, SponsorPin};

use crate::{
    inherit::given,
    reader::{Read as _, Reader},
    schema::{badges::SponsorPin as TypedPin, root::Root},
    yaml::Mark,
};

/// Resolves the site and the settings all probes share.
pub(super) fn resolve(root: &Root, reader: &mut Reader<'_>) -> Site {
    if root.slow_latency().0 >= root.timeout().0 {
        let mark =
            root.slow_latency.as_ref().map(|at| at.mark).or_else(|| root.timeout.as_ref().map(|at| at.mark));
        reader.within("slow_latency", |reader| {
            reader.warn(
                mark.unwrap_or_default(),
                "not below timeout: no probe will ever be yellow for being slow",
            );
        });
    }
    let web = root.web.as_ref().map(|at| at.value.clone()).unwrap_or_default();
    let words = |field| given(field).map(|at| at.value.0.trim().to_owned());
    Site {
        public_base_url: root.public_base_url().0,
        title: words(&web.title),
        footer_note: words(&web.footer_note),
        subscribe_url: web.subscribe_url.as_ref().map(|at| at.value.0.clone()),
        demo: false,
        feed: root.events().enabled(),
        degraded_weight: root.degraded_weight().0.0,
        slow_latency: root.slow_latency().0,
        badges: root.enable_badges(),
        boards: root.boards().enabled(),
        sponsor_pin: sponsor_pin(&root.sponsor_pin()),
        cache_ttl: cache_ttl(root),
        cors_origins: cors_origins(reader),
    }
}

fn cache_ttl(root: &Root) -> CacheTtl {
    let mut typed = root.cache_ttl();
    typed.fill();
    typed.0.iter().fold(CacheTtl::default(), |ttl, (period, span)| ttl.with(*period, span.0))
}

fn sponsor_pin(typed: &TypedPin) -> SponsorPin {
    SponsorPin {
        enabled: typed.enabled(),
        max_pinned: typed.max_pinned().0,
        service_count: typed.service_count().0,
        min_uptime: typed.min_uptime().0.0,
        min_level: typed.min_level().level(),
    }
}

fn cors_origins(reader: &mut Reader<'_>) -> Vec<String> {
    const NAME: &str = "MONITOR_CORS_ORIGINS";
    let mut origins = Vec::new();
    for typed in reader.env.get(NAME).unwrap_or_default().split(',').map(str::trim).filter(|o| !o.is_empty())
    {
        let parsed = ::url::Url::parse(typed).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        match parsed {
            Some(url) => origins.push(url.origin().ascii_serialization()),
            None => reader.within(NAME, |reader| {
                reader.error(
                    Mark::default(),
                    "must be origins such as https://example.com, with commas between",
                );
            }),
        }
    }
    origins
}
