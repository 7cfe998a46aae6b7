//! `GET /api/events/stream`: events as they come.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use futures_util::stream;
use http::HeaderName;
use relay_core::{event::EventId, ports::repository::EventFilter};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    api::Call,
    dto::event::EventDto,
    error::ApiError,
    handlers::events::{filter, read, sight, since_id},
    live,
    middleware::auth::{self, Reader},
    options::EventsAccess,
    query::Params,
    response::{Broken, Response},
    sse::{self, Seat},
    state::State,
};

const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
/// How many events are read at a time.
const BATCH: u32 = 100;
/// How long to wait before asking a store again that was away.
const RETRY: Duration = Duration::from_secs(2);

/// One open stream. It tails the log by ids, so it loses nothing however often it is interrupted, and reads on only
/// when the client has taken what was read before.
struct Tail {
    state: Arc<State>,
    reader: Reader,
    /// What the reader was let in by; the stream ends when it is no longer in force.
    access: EventsAccess,
    access_changed: watch::Receiver<()>,
    filter: EventFilter,
    /// The last event that was looked at.
    cursor: EventId,
    newest: watch::Receiver<EventId>,
    /// Whether there may be events after the cursor.
    due: bool,
    /// Whether the store was away when it was last asked.
    stuck: bool,
    beat: Instant,
    _seat: Seat,
}

pub(crate) async fn get(state: &Arc<State>, call: &Call) -> Result<Response, ApiError> {
    let params = Params::parse(call.query());
    let access_changed = state.access_changed.subscribe();
    let access = state.access.load().events.clone();
    let reader = auth::reader(&access, &call.head.headers, Some(&params))?;
    let filter = filter(&params)?;
    let since = match call.head.headers.get(LAST_EVENT_ID) {
        Some(id) => since_id(id.to_str().unwrap_or("?").trim(), "Last-Event-ID")?,
        None => None,
    };
    let since = since.or(since_id(params.text("since_id"), "since_id")?);
    let seat = state.seats.take(call.client.address)?;
    state.limiter.take(call.client.address)?;
    let newest = live::newest_event(state);
    let cursor = match since {
        Some(since) => since,
        None => state.deps.events.latest_event_id().await?,
    };
    let tail = Tail {
        state: Arc::clone(state),
        reader,
        access,
        access_changed,
        filter,
        cursor,
        newest,
        due: true,
        stuck: false,
        beat: Instant::now() + sse::HEARTBEAT,
        _seat: seat,
    };
    Ok(sse::response(&call.head.method, stream::unfold(tail, next)))
}

/// Waits for the next events, or until it is time for a sign of life.
async fn next(mut tail: Tail) -> Option<(Result<Bytes, Broken>, Tail)> {
    loop {
        if tail.state.closing.is_cancelled() || tail.state.access.load().events != tail.access {
            return None;
        }
        if tail.due {
            let piece = tail.read().await;
            if !piece.is_empty() {
                tail.beat = Instant::now() + sse::HEARTBEAT;
                return Some((Ok(Bytes::from(piece)), tail));
            }
            continue;
        }
        let cursor = tail.cursor;
        tokio::select! {
            () = tail.state.closing.cancelled() => return None,
            _ = tail.access_changed.changed() => {}
            () = grown(&mut tail.newest, cursor), if !tail.stuck => tail.due = true,
            () = sleep(RETRY), if tail.stuck => tail.due = true,
            () = sleep_until(tail.beat) => {
                tail.beat = Instant::now() + sse::HEARTBEAT;
                return Some((Ok(sse::BEAT), tail));
            }
        }
    }
}

async fn grown(newest: &mut watch::Receiver<EventId>, cursor: EventId) {
    // The sender lives as long as the state.
    let _ = newest.wait_for(|newest| *newest > cursor).await;
}

impl Tail {
    /// Reads what comes after the cursor and writes it; nothing while the store is away.
    async fn read(&mut self) -> Vec<u8> {
        // Ids become visible in order: everything up to this one is there to be read.
        let newest = *self.newest.borrow_and_update();
        let access = self.state.access.load_full();
        let index = self.state.index();
        let sight = sight(self.reader, &access, &index);
        let found = read(&*self.state.deps.events, &sight, &self.filter, self.cursor, BATCH).await;
        self.stuck = found.is_err();
        self.due = found.as_ref().is_ok_and(|page| page.more);
        let Ok(page) = found else { return Vec::new() };
        self.cursor = if page.more { page.next } else { page.next.max(newest) };
        let mut out = Vec::new();
        for event in &page.events {
            let dto = EventDto::new(event, &sight);
            sse::message(Some(event.id), event.event.kind.as_str(), &dto, &mut out);
        }
        out
    }
}
