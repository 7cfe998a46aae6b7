//! `GET /api/events` and `GET /api/events/latest`: what happened to monitors, for scripts that poll.

pub(crate) mod stream;

use std::sync::Arc;

use relay_core::{
    event::{Event, EventId, EventType},
    ports::repository::{EventFilter, EventLog},
};

use crate::{
    api::Call,
    dto::event::{EventDto, EventsDto, EventsMetaDto, LatestDto, Sight},
    error::ApiError,
    index::Index,
    middleware::auth::{self, Reader},
    options::Access,
    query::Params,
    response::{self, Response},
    sse,
    state::State,
};

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 500;
/// How many pages of the log one answer reads at most in search of events that its reader may see.
const MAX_LOOKS: usize = 20;

pub(crate) async fn get(state: &Arc<State>, call: &Call) -> Result<Response, ApiError> {
    if sse::is_wanted(&call.head.headers) {
        return stream::get(state, call).await;
    }
    let params = Params::parse(call.query());
    let access = state.access.load_full();
    let reader = auth::reader(&access.events, &call.head.headers, None)?;
    let since = since_id(params.text("since_id"), "since_id")?.unwrap_or(0);
    let limit = limit(&params)?;
    let filter = filter(&params)?;
    state.limiter.take(call.client.address)?;
    let index = state.index();
    let sight = sight(reader, &access, &index);
    let page = read(&*state.deps.events, &sight, &filter, since, limit).await?;
    Ok(response::fresh_json(&EventsDto {
        meta: EventsMetaDto { next_since_id: page.next, has_more: page.more, count: page.events.len() },
        events: page.events.iter().map(|event| EventDto::new(event, &sight)).collect(),
    }))
}

pub(crate) async fn latest(state: &State, call: &Call) -> Result<Response, ApiError> {
    auth::reader(&state.access.load().events, &call.head.headers, None)?;
    state.limiter.take(call.client.address)?;
    let latest_id = state.deps.events.latest_event_id().await?;
    Ok(response::fresh_json(&LatestDto { latest_id }))
}

pub(super) fn sight<'a>(reader: Reader, access: &Access, index: &'a Index) -> Sight<'a> {
    Sight { reader, public_details: access.public_details, index }
}

/// Some events in a row.
pub(super) struct Page {
    pub(super) events: Vec<Event>,
    /// What was looked at: the last one returned, or one after it that the reader may not see.
    pub(super) next: EventId,
    pub(super) more: bool,
}

/// Reads at most `limit` events after `since` that somebody may see, oldest first.
pub(super) async fn read(
    log: &dyn EventLog,
    sight: &Sight<'_>,
    filter: &EventFilter,
    since: EventId,
    limit: u32,
) -> Result<Page, ApiError> {
    let mut page = Page { events: Vec::new(), next: since, more: false };
    let mut cursor = since;
    // One more than asked for tells whether there is a next page.
    let ask = limit + 1;
    for _ in 0..MAX_LOOKS {
        let found = log.events(cursor, filter, ask).await?;
        let exhausted = found.len() < ask as usize;
        for event in found {
            cursor = event.id;
            if !sight.sees(&event) {
                continue;
            }
            if page.events.len() == limit as usize {
                page.more = true;
                return Ok(page);
            }
            page.next = event.id;
            page.events.push(event);
        }
        if exhausted {
            return Ok(page);
        }
    }
    // A long row of events that this reader may not see: it goes on behind them.
    page.next = cursor;
    page.more = true;
    Ok(page)
}

/// Reads the parameters that choose events.
pub(super) fn filter(params: &Params<'_>) -> Result<EventFilter, ApiError> {
    let part = |name: &str| match params.text(name) {
        "" => Ok(None),
        // No name holds one, and PostgreSQL takes none.
        text if text.contains('\0') => Err(ApiError::parameter(name, "a name has no NUL")),
        text => Ok(Some(text.to_owned())),
    };
    Ok(EventFilter {
        provider: part("provider")?,
        service: part("service")?,
        channel: part("channel")?,
        kind: kinds(params.text("types"))?,
    })
}

/// Reads a list of directions; both and none mean all.
fn kinds(text: &str) -> Result<Option<EventType>, ApiError> {
    let (mut down, mut up) = (false, false);
    for name in text.split(',').map(str::trim).filter(|name| !name.is_empty()) {
        match EventType::parse(&name.to_ascii_uppercase()) {
            Some(EventType::Down) => down = true,
            Some(EventType::Up) => up = true,
            None => return Err(ApiError::parameter("types", "use DOWN, UP or both with a comma")),
        }
    }
    Ok(match (down, up) {
        (true, false) => Some(EventType::Down),
        (false, true) => Some(EventType::Up),
        _ => None,
    })
}

/// Reads the number of an event, `None` when it is not given.
pub(super) fn since_id(text: &str, name: &str) -> Result<Option<EventId>, ApiError> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| ApiError::parameter(name, "use the number of an event"))
}

fn limit(params: &Params<'_>) -> Result<u32, ApiError> {
    let text = params.text("limit");
    let digits = text.strip_prefix('-').unwrap_or(text);
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) || (digits.is_empty() && !text.is_empty()) {
        return Err(ApiError::parameter("limit", "use a number, at most 500"));
    }
    let above_zero = digits == text && digits.bytes().any(|digit| digit != b'0');
    Ok(if above_zero { text.parse().unwrap_or(MAX_LIMIT).min(MAX_LIMIT) } else { DEFAULT_LIMIT })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_capped_and_defaulted() {
        let of = |text: &str| limit(&Params::parse(&format!("limit={text}"))).ok();
        for (text, expected) in [
            ("", Some(100)),
            ("0", Some(100)),
            ("000", Some(100)),
            ("-7", Some(100)),
            ("-99999999999999999999", Some(100)),
            ("7", Some(7)),
            ("500", Some(500)),
            ("501", Some(500)),
            ("99999999999999999999", Some(500)),
            ("x", None),
            ("-", None),
            ("1.5", None),
        ] {
            assert_eq!(of(text), expected, "{text:?}");
        }
    }

    #[test]
    fn types_are_a_list() {
        for (text, expected) in [
            ("", Some(None)),
            ("DOWN", Some(Some(EventType::Down))),
            ("up ,", Some(Some(EventType::Up))),
            ("UP,DOWN", Some(None)),
            ("UP,SIDEWAYS", None),
        ] {
            assert_eq!(kinds(text).ok(), expected, "{text}");
        }
    }
}
