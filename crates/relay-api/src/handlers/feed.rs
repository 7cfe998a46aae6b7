//! `GET /feed.atom`: the newest events of visible monitors (RFC 4287). Numbers are tag addresses (RFC 4151), so that an
//! entry keeps its own wherever the feed is read.

use std::{collections::VecDeque, fmt::Write, sync::Arc};

use bytes::Bytes;
use http::HeaderValue;
use jiff::Timestamp;
use relay_core::{
    UnixSeconds,
    event::{Event, EventType},
    ports::repository::{EventFilter, EventLog},
    timeline::Period,
};
use url::Url;

use crate::{
    answer::Answer,
    api::Call,
    dto::{event::Sight, history::reason},
    error::ApiError,
    handlers::cached,
    index::Index,
    middleware::auth::{Reader, off},
    options::EventsAccess,
    response::Response,
    state::{CacheKey, State},
    svg::escape,
};

const ATOM: HeaderValue = HeaderValue::from_static("application/atom+xml; charset=utf-8");
/// How many entries the feed has at most.
const ENTRIES: usize = 50;
/// How far back it looks for them, in numbers of events.
const LOOKS: [i64; 3] = [200, 1_000, 10_000];
/// How many events are read at a time.
const BATCH: u32 = 500;
/// The year in which the tags begin, as RFC 4151 asks for one in which the host was the site's.
const TAG_YEAR: u16 = 2026;

pub(crate) async fn get(state: &State, call: &Call) -> Result<Response, ApiError> {
    if state.access.load().events == EventsAccess::Off {
        return Err(off());
    }
    let index = state.index();
    let generation = index.snapshot.generation;
    let ttl = index.snapshot.site.cache_ttl.of(Period::Hours24);
    let events = Arc::clone(&state.deps.events);
    cached(state, call, generation, CacheKey::Feed, ttl, move || make(index, events)).await
}

async fn make(index: Arc<Index>, events: Arc<dyn EventLog>) -> Result<Answer, ApiError> {
    let sight = Sight { reader: Reader::Public, public_details: false, index: &index };
    let newest = newest(&*events, &sight).await?;
    let seconds = index.snapshot.site.cache_ttl.of(Period::Hours24).as_secs();
    let cache_control = format!("public, max-age={seconds}, s-maxage={seconds}");
    Ok(Answer::new(Bytes::from(write(&index, &newest)), ATOM, &cache_control, None))
}

/// Returns the newest events that everybody may see, newest first.
async fn newest(log: &dyn EventLog, sight: &Sight<'_>) -> Result<Vec<Event>, ApiError> {
    let latest = log.latest_event_id().await?;
    let mut kept = VecDeque::new();
    for look in LOOKS {
        kept.clear();
        let mut cursor = (latest - look).max(0);
        loop {
            let found = log.events(cursor, &EventFilter::default(), BATCH).await?;
            let last = found.last().map(|event| event.id);
            for event in found.into_iter().filter(|event| event.id <= latest && sight.sees(event)) {
                kept.push_front(event);
                kept.truncate(ENTRIES);
            }
            match last {
                Some(last) if last < latest => cursor = last,
                _ => break,
            }
        }
        if kept.len() == ENTRIES || look >= latest {
            break;
        }
    }
    Ok(kept.into())
}

fn write(index: &Index, events: &[Event]) -> String {
    let site = &index.snapshot.site;
    let base = escape(&site.public_base_url);
    let title = escape(site.title.as_deref().unwrap_or("Relay Pulse"));
    let host = Url::parse(&site.public_base_url).ok().and_then(|url| url.host_str().map(str::to_owned));
    let tag = format!("tag:{},{TAG_YEAR}:relay-pulse", escape(&host.unwrap_or_default()));
    let updated = Moment(events.first().map_or(0, |event| event.created_at));
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n\
         <feed xmlns=\"http://www.w3.org/2005/Atom\">\n  <id>{tag}:events</id>\n  <title>{title}</title>\n  \
         <updated>{updated}</updated>\n  <author><name>{title}</name></author>\n  \
         <link rel=\"self\" type=\"application/atom+xml\" href=\"{base}/feed.atom\"/>\n  \
         <link rel=\"alternate\" type=\"text/html\" href=\"{base}/\"/>\n"
    );
    for stored in events {
        entry(&mut xml, index, stored, &tag, &base);
    }
    xml.push_str("</feed>\n");
    xml
}

fn entry(xml: &mut String, index: &Index, stored: &Event, tag: &str, base: &str) {
    let event = &stored.event;
    let key = &event.key;
    let named = index.visible(key).or_else(|| index.visible_in(key.psc()));
    let listing = named.map(|at| &index.monitor(at).listing);
    let provider =
        listing.and_then(|listing| listing.provider_name.as_deref()).unwrap_or_else(|| key.provider());
    let service =
        listing.and_then(|listing| listing.service_name.as_deref()).unwrap_or_else(|| key.service());
    let channel =
        listing.and_then(|listing| listing.channel_name.as_deref()).unwrap_or_else(|| key.channel());
    let names = [provider, service, channel, key.model()];
    let name = names.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(" / ");
    let page =
        listing.map_or_else(|| "/".to_owned(), |listing| format!("/p/{}", escape(&listing.provider_slug)));
    let what = match event.kind {
        EventType::Down => "is down",
        EventType::Up => "is up again",
    };
    let cause = reason(event.to_status, event.meta.sub_status, event.meta.http_code);
    let cause = cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    let _ = write!(
        xml,
        "  <entry>\n    <id>{tag}:event:{}</id>\n    <title>{} {what}</title>\n    \
         <updated>{}</updated>\n    <published>{}</published>\n    \
         <link rel=\"alternate\" type=\"text/html\" href=\"{base}{page}\"/>\n    \
         <category term=\"{}\"/>\n    <summary>{} {what}{}</summary>\n  </entry>\n",
        stored.id,
        escape(&name),
        Moment(stored.created_at),
        Moment(event.observed_at),
        event.kind.as_str(),
        escape(&name),
        escape(&cause),
    );
}

/// A moment in RFC 3339.
struct Moment(UnixSeconds);

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", Timestamp::from_second(self.0).unwrap_or(Timestamp::UNIX_EPOCH))
    }
}
