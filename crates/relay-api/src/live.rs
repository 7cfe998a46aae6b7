//! What live streams wait for.
//!
//! However many streams are open, the store is asked once for all of them, and only while there are any: one task
//! watches the number of the newest event, another the latest record of every visible monitor. Both look when the feed
//! wakes them, never more often than their pauses allow, and every few seconds in any case, because another process
//! may have written.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use relay_core::{MonitorKey, Status, event::EventId, ports::Subscription, record::LatestRecord};
use tokio::{
    sync::{broadcast, watch},
    time::{Instant, sleep},
};

use crate::{
    dto::news::{RecordNewsDto, StatusNewsDto},
    sse,
    state::State,
};

/// The shortest time between two looks at the newest event.
const EVENTS_PAUSE: Duration = Duration::from_millis(100);
/// The shortest time between two looks at the latest records.
const RECORDS_PAUSE: Duration = Duration::from_secs(1);
/// How much longer than a look itself the pause after it is: looking takes at most a twentieth of the store's time.
const REST: u32 = 20;
/// The longest time between two looks.
const IDLE: Duration = Duration::from_secs(5);
/// How many pieces of news a reader may be behind before it is cut off.
const LAG: usize = 16;

/// The two watches.
#[derive(Debug)]
pub(crate) struct Live {
    newest_event: watch::Sender<EventId>,
    news: broadcast::Sender<Bytes>,
    watching: Mutex<Watching>,
}

/// Which of the tasks run.
#[derive(Debug, Default)]
struct Watching {
    events: bool,
    records: bool,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            newest_event: watch::Sender::new(0),
            news: broadcast::Sender::new(LAG),
            watching: Mutex::default(),
        }
    }
}

/// Follows the number of the newest event; 0 until it was looked at.
pub(crate) fn newest_event(state: &Arc<State>) -> watch::Receiver<EventId> {
    let mut watching = state.live.lock();
    let receiver = state.live.newest_event.subscribe();
    if !std::mem::replace(&mut watching.events, true) {
        let watch = Watch { state: Arc::clone(state), which: Which::Events, left: false };
        state.tasks.spawn(watch_events(watch));
    }
    receiver
}

/// Follows the messages of the public stream, each piece a few whole ones.
pub(crate) fn news(state: &Arc<State>) -> broadcast::Receiver<Bytes> {
    let mut watching = state.live.lock();
    let receiver = state.live.news.subscribe();
    if !std::mem::replace(&mut watching.records, true) {
        let watch = Watch { state: Arc::clone(state), which: Which::Records, left: false };
        state.tasks.spawn(watch_records(watch));
    }
    receiver
}

impl Live {
    /// The lock is held to start and end the tasks only.
    fn lock(&self) -> MutexGuard<'_, Watching> {
        self.watching.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watching {
    fn of(&mut self, which: Which) -> &mut bool {
        match which {
            Which::Events => &mut self.events,
            Which::Records => &mut self.records,
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Which {
    Events,
    Records,
}

/// One running task. Says that it ended on every path, so that the next reader starts another.
struct Watch {
    state: Arc<State>,
    which: Which,
    left: bool,
}

impl Watch {
    /// Ends the task when nobody listens, in one step with those who begin to.
    fn is_over(&mut self) -> bool {
        let live = &self.state.live;
        let mut watching = live.lock();
        let listeners = match self.which {
            Which::Events => live.newest_event.receiver_count(),
            Which::Records => live.news.receiver_count(),
        };
        if listeners == 0 {
            *watching.of(self.which) = false;
            self.left = true;
        }
        listeners == 0
    }

    /// Waits until it is time for the next look; false when the server stops.
    async fn rest(&self, pause: Duration, feed: &mut dyn Subscription) -> bool {
        let closing = &self.state.closing;
        tokio::select! {
            () = closing.cancelled() => return false,
            () = sleep(pause) => {}
        }
        tokio::select! {
            () = closing.cancelled() => false,
            () = feed.changed() => true,
            () = sleep(IDLE) => true,
        }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if !self.left {
            *self.state.live.lock().of(self.which) = false;
        }
    }
}

async fn watch_events(mut watch: Watch) {
    let mut feed = watch.state.deps.feed.subscribe();
    loop {
        match watch.state.deps.events.latest_event_id().await {
            Ok(newest) => {
                watch.state.live.newest_event.send_if_modified(|known| {
                    let grew = newest > *known;
                    *known = newest.max(*known);
                    grew
                });
            }
            Err(error) => tracing::debug!(%error, "cannot look for new events"),
        }
        if watch.is_over() || !watch.rest(EVENTS_PAUSE, &mut *feed).await {
            return;
        }
    }
}

async fn watch_records(mut watch: Watch) {
    let mut feed = watch.state.deps.feed.subscribe();
    let mut known = HashMap::new();
    loop {
        let started = Instant::now();
        let index = watch.state.index();
        let keys: Vec<MonitorKey> = index.all_visible().map(|monitor| monitor.key.clone()).collect();
        match watch.state.deps.records.latest(&keys).await {
            Ok(latest) => {
                let now: HashMap<_, _> = keys.into_iter().zip(latest).collect();
                let news = what_changed(&known, &now);
                if !news.is_empty() {
                    // Nobody has to listen.
                    let _ = watch.state.live.news.send(Bytes::from(news));
                }
                known = now;
            }
            Err(error) => tracing::debug!(%error, "cannot look for new records"),
        }
        let pause = RECORDS_PAUSE.max(started.elapsed() * REST);
        if watch.is_over() || !watch.rest(pause, &mut *feed).await {
            return;
        }
    }
}

/// Writes the messages about what is newer. A monitor that was not looked at before has no news.
fn what_changed(
    known: &HashMap<MonitorKey, Option<LatestRecord>>,
    now: &HashMap<MonitorKey, Option<LatestRecord>>,
) -> Vec<u8> {
    let mut changed: Vec<_> = now
        .iter()
        .filter_map(|(key, latest)| {
            let latest = latest.as_ref()?;
            let before = known.get(key)?;
            (before.map(|before| before.id) != Some(latest.id)).then_some((latest, key, before))
        })
        .collect();
    changed.sort_by_key(|(latest, key, _)| (latest.id, *key));
    let mut out = Vec::new();
    for (latest, key, before) in changed {
        sse::message(None, "record", &RecordNewsDto::new(key, latest), &mut out);
        let before = before.map_or(Status::Missing, |before| before.status);
        if before != latest.status {
            sse::message(None, "status", &StatusNewsDto::new(key, before, latest), &mut out);
        }
    }
    out
}
