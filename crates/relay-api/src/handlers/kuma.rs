//! `GET /api/status-page/{slug}` and `GET /api/status-page/heartbeat/{slug}`: what everybody may see, as Uptime Kuma
//! would tell it. There is one page, `default`.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use relay_core::{
    Monitor, MonitorKey, UnixSeconds,
    ports::{Clock, repository::Timelines},
    timeline::{Align, Period, Plan, Sample, Series},
};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    answer::Answer,
    api::Call,
    dto::{
        history::reason,
        kuma::{KumaBeatDto, KumaBeatsDto, KumaConfigDto, KumaGroupDto, KumaMonitorDto, KumaPageDto},
    },
    error::ApiError,
    handlers::cached,
    index::Index,
    response::Response,
    state::{CacheKey, State},
};

/// The one page there is.
const SLUG: &str = "default";
/// Results shown of one monitor, as many as Uptime Kuma shows.
const BEATS: usize = 100;
/// Results shown in all: with thousands of monitors each has fewer.
const MAX_BEATS: usize = 100_000;
/// Monitors asked for at a time.
const CHUNK: usize = 200;

/// What is asked of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Part {
    Page,
    Beats,
}

pub(crate) async fn get(state: &State, call: &Call, part: Part) -> Result<Response, ApiError> {
    if call.rest.as_deref() != Some(SLUG) {
        return Err(ApiError::not_found());
    }
    let index = state.index();
    let generation = index.snapshot.generation;
    let ttl = index.snapshot.site.cache_ttl.of(Period::Hours24);
    let (timelines, clock) = (Arc::clone(&state.deps.timelines), Arc::clone(&state.deps.clock));
    cached(state, call, generation, CacheKey::Kuma(part), ttl, move || async move {
        match part {
            Part::Page => page(&index),
            Part::Beats => beats(&index, &*timelines, &*clock).await,
        }
    })
    .await
}

fn page(index: &Index) -> Result<Answer, ApiError> {
    let site = &index.snapshot.site;
    let mut groups: Vec<KumaGroupDto<'_>> = Vec::new();
    let mut places: BTreeMap<&str, usize> = BTreeMap::new();
    for monitor in index.all_visible() {
        let slug = &*monitor.listing.provider_slug;
        let place = *places.entry(slug).or_insert_with(|| {
            let name = monitor.listing.provider_name.as_deref();
            groups.push(KumaGroupDto {
                id: number(&[slug]),
                name: name.unwrap_or_else(|| monitor.key.provider()),
                weight: groups.len() + 1,
                monitor_list: Vec::new(),
            });
            groups.len() - 1
        });
        groups[place].monitor_list.push(KumaMonitorDto {
            id: number_of(&monitor.key),
            name: name(monitor),
            send_url: 0,
            r#type: "http",
        });
    }
    let config = KumaConfigDto {
        slug: SLUG,
        title: site.title.as_deref().unwrap_or("Relay Pulse"),
        description: None,
        icon: "/icon.svg",
        theme: "auto",
        published: true,
        show_tags: false,
        footer_text: site.footer_note.as_deref(),
        show_powered_by: false,
        auto_refresh_interval: 60,
    };
    let dto = KumaPageDto { config, incident: None, public_group_list: groups, maintenance_list: [] };
    answer(index, &dto)
}

async fn beats(index: &Index, timelines: &dyn Timelines, clock: &dyn Clock) -> Result<Answer, ApiError> {
    let now = clock.now();
    let plan = |period| Plan::new(period, Align::Now, None, now);
    let (recent, day) = (plan(Period::Minutes90), plan(Period::Hours24));
    let weight = index.snapshot.site.degraded_weight;
    let keys: Vec<MonitorKey> = index.all_visible().map(|monitor| monitor.key.clone()).collect();
    let each = (MAX_BEATS / keys.len().max(1)).clamp(1, BEATS);
    let mut dto = KumaBeatsDto { heartbeat_list: BTreeMap::new(), uptime_list: BTreeMap::new() };
    for keys in keys.chunks(CHUNK) {
        for (key, timeline) in keys.iter().zip(timelines.timelines(keys, &recent).await?) {
            let Series::Samples(samples) = &timeline.series else { continue };
            let newest = samples.iter().skip(samples.len().saturating_sub(each));
            dto.heartbeat_list.insert(number_of(key), newest.map(beat).collect());
        }
        for (key, timeline) in keys.iter().zip(timelines.timelines(keys, &day).await?) {
            // A day without data is left out: 0 would say that it was down, and Uptime Kuma's own page writes `N/A`
            // where there is no number.
            if let Some(uptime) = timeline.whole.availability(weight) {
                dto.uptime_list.insert(format!("{}_24", number_of(key)), uptime / 100.0);
            }
        }
    }
    answer(index, &dto)
}

fn answer(index: &Index, dto: &impl Serialize) -> Result<Answer, ApiError> {
    let body = serde_json::to_vec(dto);
    let body = body.map_err(|error| ApiError::internal(format!("writing a status page: {error}")))?;
    Ok(Answer::json(body, index.snapshot.site.cache_ttl.of(Period::Hours24)))
}

fn beat(sample: &Sample) -> KumaBeatDto {
    KumaBeatDto {
        status: u8::from(sample.status.is_available()),
        time: written(sample.timestamp),
        msg: reason(sample.status, sample.sub_status, sample.http_code).unwrap_or_default(),
        ping: (sample.http_code != 0).then_some(sample.latency_ms),
    }
}

fn written(at: UnixSeconds) -> String {
    let at = Timestamp::from_second(at).unwrap_or(Timestamp::UNIX_EPOCH);
    let at = jiff::tz::Offset::UTC.to_datetime(at);
    format!(
        "{:04}-{:02}-{:02} {:02}:{:02}:{:02}.000",
        at.year(),
        at.month(),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

/// Names a monitor within its provider.
fn name(monitor: &Monitor) -> String {
    let (listing, key) = (&monitor.listing, &monitor.key);
    let service = listing.service_name.as_deref().unwrap_or_else(|| key.service());
    let channel = listing.channel_name.as_deref().unwrap_or_else(|| key.channel());
    [service, channel, key.model()]
        .into_iter()
        .filter(|part| !part.is_empty())
        .collect::<Vec<_>>()
        .join(" / ")
}

fn number_of(key: &MonitorKey) -> u64 {
    number(&[key.provider(), key.service(), key.channel(), key.model()])
}

/// Makes a number of some words: always the same, and small enough for JavaScript.
fn number(words: &[&str]) -> u64 {
    let digest = Sha256::digest(words.join("\0").as_bytes());
    digest.iter().take(6).fold(0, |number, byte| number << 8 | u64::from(*byte))
}
