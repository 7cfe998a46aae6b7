//! Lets the rules of [`talk`] work on the outbox: reads new events, begins what is due, notes how it ended.
//!
//! One loop plans and begins; attempts run beside it, a few at a time for each notification, so that one that hangs
//! holds up no other. Nothing is kept in memory that another process, or the next start, would miss.

mod attempt;
mod channel;
mod state;

use std::{collections::HashMap, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use relay_core::{
    Psc, Timestamp,
    delivery::Conversation,
    event::{Event, EventId},
    ports::{
        Clock, Health, MetricSource,
        health::HealthReport,
        metrics::MetricSink,
        repository::{Appended, Changed, CursorMove, Error, EventFilter, EventLog, Outbox, Step},
    },
};
use tokio::{
    sync::{Notify, broadcast},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use self::{attempt::Attempt, channel::Channel, state::State};
use crate::notify::{Message, Rules, Target, Transport, talk};

/// How many events are planned at a time.
const PAGE: u32 = 500;

/// How many messages of one notification are on their way at a time.
const AT_ONCE: usize = 4;

/// How many conversations are fitted to new rules at a time.
const MANY: u32 = 100_000;

/// How long an attempt may be under way until it counts as lost: an attempt and the writing after it.
const LEASE: Duration = Duration::from_secs(25);

/// The shortest time between two looks at what is due.
const SHORT: Duration = Duration::from_millis(10);

/// How a dispatcher works.
#[derive(Debug, Clone)]
pub struct DispatchOptions {
    /// Whether no other process uses the store: an attempt that is found under way at start was lost then, and the
    /// message is sent again at once.
    pub alone: bool,
    /// How often to look for what others did, and how long to wait when the store is away.
    pub poll: Duration,
    /// How long attempts under way may take to end when the dispatcher is stopped.
    pub grace: Duration,
    /// What jitter is drawn from.
    pub seed: u64,
}

impl Default for DispatchOptions {
    /// Not alone, a look every 5 s, 5 s of grace.
    fn default() -> Self {
        Self { alone: false, poll: Duration::from_secs(5), grace: Duration::from_secs(5), seed: 0 }
    }
}

/// What a dispatcher works with.
pub struct DispatchDeps {
    /// Where events are read.
    pub events: Arc<dyn EventLog>,
    /// Where what is to be told is kept.
    pub outbox: Arc<dyn Outbox>,
    /// The way out.
    pub transport: Arc<Transport>,
    /// Tells when quiet hours are, and everything else that depends on the time of day.
    pub clock: Arc<dyn Clock>,
}

/// Somebody to tell of events.
#[derive(Debug, Clone)]
pub struct Notification {
    /// What it is called: unique, and the same over restarts.
    pub name: String,
    /// What it wants to be told.
    pub rules: Rules,
    /// Where it goes.
    pub target: Target,
}

/// Tells people of events. Cheap to clone; all clones are the same dispatcher.
#[derive(Clone)]
pub struct Dispatcher {
    shared: Arc<Shared>,
}

struct Shared {
    options: DispatchOptions,
    deps: DispatchDeps,
    /// Those in force, in the order of the configuration.
    channels: ArcSwap<Vec<Arc<Channel>>>,
    /// There are other notifications than before, or something may be due.
    wake: Notify,
    state: State,
}

impl std::fmt::Debug for Dispatcher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dispatcher").field("options", &self.shared.options).finish_non_exhaustive()
    }
}

impl Dispatcher {
    /// Makes a dispatcher with nobody to tell; see [`Dispatcher::configure`] and [`Dispatcher::run`].
    #[must_use]
    pub fn new(options: DispatchOptions, deps: DispatchDeps) -> Self {
        let state = State::default();
        let shared = Shared { options, deps, channels: ArcSwap::default(), wake: Notify::new(), state };
        Self { shared: Arc::new(shared) }
    }

    /// Puts other notifications in force. One that was never seen is told of events from then on; one that is left out
    /// is forgotten, with everything it was still to be told.
    pub fn configure(&self, notifications: Vec<Notification>) {
        let before = self.shared.channels.load_full();
        let channels = notifications.into_iter().map(|notification| {
            let same = before.iter().find(|channel| channel.is_same(&notification));
            Arc::new(Channel::new(notification, same.map(AsRef::as_ref)))
        });
        self.shared.channels.store(Arc::new(channels.collect()));
        self.shared.wake.notify_one();
    }

    /// Plans and delivers until `stop` is cancelled; `committed` tells when there are new events. Attempts under way
    /// then have some time to end. Must run once only.
    pub async fn run(&self, mut committed: broadcast::Receiver<Arc<Appended>>, stop: CancellationToken) {
        let mut work = Work {
            shared: Arc::clone(&self.shared),
            known: None,
            cursors: HashMap::new(),
            running: JoinSet::new(),
            random: fastrand::Rng::with_seed(self.shared.options.seed),
            alone: self.shared.options.alone,
        };
        let mut writer_lives = true;
        while !stop.is_cancelled() {
            let pause = work.round().await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.shared.wake.notified() => {}
                () = sleep(pause) => {}
                Some(ended) = work.running.join_next() => {
                    if let Err(crash) = ended {
                        error!(%crash, "an attempt to deliver a notification crashed; it is made again");
                    }
                }
                more = news(&mut committed), if writer_lives => writer_lives = more,
            }
        }
        let rest = async { while work.running.join_next().await.is_some() {} };
        if timeout(self.shared.options.grace, rest).await.is_err() {
            debug!("stopping with messages under way; they are sent again after the next start");
        }
    }

    fn collect_into(&self, out: &mut dyn MetricSink) {
        let now = self.shared.deps.clock.now();
        self.shared.state.collect(&self.shared.channels.load(), now, out);
    }
}

/// Waits until events were committed; returns whether there can be more.
async fn news(committed: &mut broadcast::Receiver<Arc<Appended>>) -> bool {
    loop {
        match committed.recv().await {
            Ok(appended) if appended.events.is_empty() => {}
            Ok(_) | Err(broadcast::error::RecvError::Lagged(_)) => return true,
            Err(broadcast::error::RecvError::Closed) => return false,
        }
    }
}

impl MetricSource for Dispatcher {
    fn collect(&self, out: &mut dyn MetricSink) {
        self.collect_into(out);
    }
}

#[async_trait]
impl Health for Dispatcher {
    async fn check(&self) -> HealthReport {
        state::health(&self.shared.channels.load())
    }
}

/// What the loop knows.
struct Work {
    shared: Arc<Shared>,
    /// The notifications that the outbox was fitted to.
    known: Option<Arc<Vec<Arc<Channel>>>>,
    /// How far events are planned, by notification.
    cursors: HashMap<String, EventId>,
    /// The attempts under way.
    running: JoinSet<()>,
    random: fastrand::Rng,
    /// Whether attempts that are found under way were lost; only until the first look.
    alone: bool,
}

impl Work {
    /// Does everything there is to do now; returns how long nothing will be due.
    async fn round(&mut self) -> Duration {
        let poll = self.shared.options.poll;
        match self.work().await {
            Ok(next) => {
                self.shared.state.works();
                let until = next.map_or(poll, |next| next.since(self.shared.deps.clock.now()));
                until.clamp(SHORT, poll)
            }
            Err(error) => {
                if self.shared.state.fails() {
                    warn!(%error, "the outbox cannot be used; notifications wait");
                }
                poll.min(Duration::from_secs(1))
            }
        }
    }

    async fn work(&mut self) -> Result<Option<Timestamp>, Error> {
        let channels = self.shared.channels.load_full();
        if self.known.as_ref().is_none_or(|known| !Arc::ptr_eq(known, &channels)) {
            self.fit(&channels).await?;
            self.known = Some(Arc::clone(&channels));
        }
        let mut page = None;
        for channel in channels.iter() {
            self.plan(channel, &mut page).await?;
        }
        let mut next: Option<Timestamp> = None;
        for channel in channels.iter() {
            let due = self.begin(channel).await?;
            next = [next, due].into_iter().flatten().min();
        }
        self.shared.state.set_backlog(self.shared.deps.outbox.backlog().await?);
        Ok(next)
    }

    /// Fits the outbox to other notifications: forgets those that are gone, starts those that are new, and fits what is
    /// open to the rules of the others.
    async fn fit(&mut self, channels: &[Arc<Channel>]) -> Result<(), Error> {
        let outbox = Arc::clone(&self.shared.deps.outbox);
        self.cursors = outbox.cursors().await?.into_iter().collect();
        let gone: Vec<String> = self
            .cursors
            .keys()
            .filter(|name| !channels.iter().any(|channel| channel.name() == *name))
            .cloned()
            .collect();
        for name in gone {
            outbox.forget(&name).await?;
            self.cursors.remove(&name);
        }
        for channel in channels {
            if !self.cursors.contains_key(channel.name()) {
                self.start(channel).await?;
                continue;
            }
            for mut conversation in outbox.upcoming(channel.name(), MANY).await? {
                let from = Some(conversation.version);
                let before = conversation.clone();
                talk::refresh(channel.rules(), &mut conversation, self.alone, self.shared.deps.clock.now());
                let same = Conversation { version: before.version, ..conversation.clone() } == before;
                if !same {
                    // When somebody else changed it meanwhile, they did so by rules of their own.
                    let change = vec![Changed { from, to: conversation }];
                    outbox.step(Step { conversations: change, ..Step::default() }).await?;
                }
            }
        }
        self.alone = false;
        Ok(())
    }

    /// Lets a notification that was never seen begin with the next event.
    async fn start(&mut self, channel: &Channel) -> Result<(), Error> {
        let latest = self.shared.deps.events.latest_event_id().await?;
        let cursor = CursorMove { notification: channel.name().to_owned(), from: None, to: latest };
        let outbox = &self.shared.deps.outbox;
        if outbox.step(Step { cursor: Some(cursor), ..Step::default() }).await? {
            self.cursors.insert(channel.name().to_owned(), latest);
        } else {
            self.cursors = outbox.cursors().await?.into_iter().collect();
        }
        Ok(())
    }

    /// Takes new events into the conversations of a notification. `page` is what was last read, and from where: most
    /// notifications are at the same place.
    async fn plan(
        &mut self,
        channel: &Channel,
        page: &mut Option<(EventId, Arc<Vec<Event>>)>,
    ) -> Result<(), Error> {
        loop {
            let Some(from) = self.cursors.get(channel.name()).copied() else {
                self.start(channel).await?;
                continue;
            };
            let events = match page {
                Some((since, events)) if *since == from => Arc::clone(events),
                _ => {
                    let filter = EventFilter::default();
                    Arc::new(self.shared.deps.events.events(from, &filter, PAGE).await?)
                }
            };
            *page = Some((from, Arc::clone(&events)));
            let Some(to) = events.last().map(|event| event.id) else { return Ok(()) };
            let now = self.shared.deps.clock.now();
            let is_news = |event: &&Event| talk::is_news(event, now) && channel.rules().wants(&event.event);
            let wanted: Vec<&Event> = events.iter().filter(is_news).collect();
            let conversations = self.heard(channel, &wanted).await?;
            let cursor = CursorMove { notification: channel.name().to_owned(), from: Some(from), to };
            let step = Step { cursor: Some(cursor), conversations, ..Step::default() };
            if self.shared.deps.outbox.step(step).await? {
                channel.count_planned(wanted.len() as u64);
                self.cursors.insert(channel.name().to_owned(), to);
            } else {
                self.cursors = self.shared.deps.outbox.cursors().await?.into_iter().collect();
            }
        }
    }

    /// Returns the conversations as they are after these events.
    async fn heard(&self, channel: &Channel, events: &[&Event]) -> Result<Vec<Changed>, Error> {
        let mut about: Vec<Psc> = events.iter().map(|event| event.event.key.psc().clone()).collect();
        about.sort_unstable();
        about.dedup();
        if about.is_empty() {
            return Ok(Vec::new());
        }
        let open = self.shared.deps.outbox.conversations(channel.name(), &about).await?;
        let now = self.shared.deps.clock.now();
        let change = about.iter().map(|psc| {
            let found = open.iter().find(|conversation| conversation.psc == *psc);
            let from = found.map(|conversation| conversation.version);
            let mut to = found.cloned().unwrap_or_else(|| Conversation::new(channel.name(), psc));
            for event in events.iter().filter(|event| event.event.key.psc() == psc) {
                talk::hear(channel.rules(), &mut to, event, now);
            }
            Changed { from, to }
        });
        Ok(change.collect())
    }

    /// Begins what is due and may be begun; returns when the next thing is due.
    async fn begin(&mut self, channel: &Arc<Channel>) -> Result<Option<Timestamp>, Error> {
        let outbox = Arc::clone(&self.shared.deps.outbox);
        loop {
            let now = self.shared.deps.clock.now();
            if let Some(until) = channel.paused_until(now) {
                return Ok(Some(until));
            }
            let free = AT_ONCE.saturating_sub(channel.running());
            if free == 0 {
                // The end of an attempt is waited for anyway.
                return Ok(None);
            }
            let upcoming = outbox.upcoming(channel.name(), u32::try_from(free).unwrap_or(1)).await?;
            let mut begun = false;
            for mut conversation in upcoming {
                let Some(due) = conversation.due else { return Ok(None) };
                if due > now {
                    return Ok(Some(due));
                }
                let from = Some(conversation.version);
                let message = talk::take(channel.rules(), &mut conversation, now, LEASE);
                let change = vec![Changed { from, to: conversation.clone() }];
                let made = outbox.step(Step { conversations: change, ..Step::default() }).await?;
                begun = true;
                if let (true, Some(sending)) = (made, message) {
                    self.spawn(channel, &conversation.psc, &sending);
                }
            }
            if !begun {
                return Ok(None);
            }
        }
    }

    fn spawn(&mut self, channel: &Arc<Channel>, psc: &Psc, sending: &relay_core::delivery::Sending) {
        let attempt = Attempt {
            outbox: Arc::clone(&self.shared.deps.outbox),
            transport: Arc::clone(&self.shared.deps.transport),
            clock: Arc::clone(&self.shared.deps.clock),
            message: Message::of(channel.name(), psc, sending),
            leased_until: sending.leased_until,
            jitter: self.random.f64(),
            slot: channel.take_slot(),
        };
        self.running.spawn(attempt.make());
    }
}
