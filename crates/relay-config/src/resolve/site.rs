//! How the site shows itself.

use relay_core::ports::catalog::{CacheTtl, Site, SponsorPin};

use super::monitors::level;
use crate::{
    inherit::given,
    reader::{Field, Read as _, Reader},
    schema::{badges::SponsorPin as TypedPin, root::Root, values::Number, words},
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
        degraded_weight: degraded_weight(root, reader),
        slow_latency: root.slow_latency().0,
        badges: root.enable_badges(),
        boards: root.boards().enabled(),
        sponsor_pin: reader.within("sponsor_pin", |reader| sponsor_pin(&root.sponsor_pin(), reader)),
        cache_ttl: cache_ttl(root),
        cors_origins: cors_origins(reader),
    }
}

fn degraded_weight(root: &Root, reader: &mut Reader<'_>) -> f64 {
    const DEFAULT: f64 = 0.7;
    let weight = root.degraded_weight().0;
    if !(0.0..=1.0).contains(&weight) {
        let mark = root.degraded_weight.as_ref().map(|at| at.mark).unwrap_or_default();
        reader.within("degraded_weight", |reader| reader.error(mark, "must be between 0 and 1"));
    }
    if weight == 0.0 { DEFAULT } else { weight }
}

fn cache_ttl(root: &Root) -> CacheTtl {
    let mut typed = root.cache_ttl();
    typed.fill();
    typed.0.iter().fold(CacheTtl::default(), |ttl, (period, span)| ttl.with(*period, span.0))
}

/// Resolves the pinning; what is out of range falls back to its default with a warning.
fn sponsor_pin(typed: &TypedPin, reader: &mut Reader<'_>) -> SponsorPin {
    let default = SponsorPin::default();
    let mut count = |key: &str, field: &Field<Number>, default: u32| {
        let Some(at) = field else { return default };
        let number = at.value.0;
        if number == 0.0 {
            return default;
        }
        if number < 1.0 || number > f64::from(u32::MAX) || number.fract() != 0.0 {
            out_of_range(key, at.mark, "1 or more", reader);
            return default;
        }
        number as u32
    };
    let max_pinned = count("max_pinned", &typed.max_pinned, default.max_pinned);
    let service_count = count("service_count", &typed.service_count, default.service_count);
    let min_uptime = match &typed.min_uptime {
        Some(at) if at.value.0 == 0.0 => default.min_uptime,
        Some(at) if !(0.0..=100.0).contains(&at.value.0) => {
            out_of_range("min_uptime", at.mark, "0 to 100", reader);
            default.min_uptime
        }
        Some(at) => at.value.0,
        None => default.min_uptime,
    };
    let min_level = match given(&typed.min_level) {
        Some(at) => match at.value.0.trim().to_lowercase().as_str() {
            "basic" => level(words::SponsorLevel::Basic),
            "advanced" => level(words::SponsorLevel::Advanced),
            "enterprise" => level(words::SponsorLevel::Enterprise),
            _ => {
                out_of_range("min_level", at.mark, "basic, advanced or enterprise", reader);
                default.min_level
            }
        },
        None => default.min_level,
    };
    SponsorPin { enabled: typed.enabled(), max_pinned, service_count, min_uptime, min_level }
}

fn out_of_range(key: &str, mark: Mark, range: &str, reader: &mut Reader<'_>) {
    reader.within(key, |reader| reader.warn(mark, format!("must be {range}; the default is used")));
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
