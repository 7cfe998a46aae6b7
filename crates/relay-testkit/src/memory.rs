mod imports;
mod retention;

use std::{
    cmp::Reverse,
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;
use relay_core::{
    MonitorKey, ProbeRecord, Psc, StoredRecord, UnixSeconds,
    delivery::{Conversation, Delivery},
    event::{Event, EventId, GroupStates, NewEvent},
    ports::{
        Clock, Transition,
        repository::{
            Appended, Backlog, Commits, DayRollup, Error, EventFilter, EventLog, HistoryQuery,
            ImportProgress, LocalJobs, Maintenance, Outbox, Rebuilt, Records, Step, Timelines,
        },
    },
    record::{LatestRecord, RecordId},
    time::DAY_SECS,
    timeline::{Bucket, Plan, Sample, Series, Shape, Sketch, Tally, Timeline, Whole},
};

use self::retention::{Aged, slot_of};

/// The plainest reading of the repository's contract: a list of records, asked one by one. It keeps nearly everything,
/// so it is for tests only: as a fake for those who need a repository, and as the reference that real backends are compared
/// with.
pub struct MemoryRepository {
    clock: Arc<dyn Clock>,
    jobs: LocalJobs,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    records: Vec<StoredRecord>,
    latest: HashMap<MonitorKey, LatestRecord>,
    /// Records that retention deleted and that are still counted.
    aged: Vec<Aged>,
    raw_horizon: Option<UnixSeconds>,
    groups: HashMap<Psc, GroupStates>,
    /// By id.
    events: Vec<Event>,
    /// The highest number that was given or reserved.
    last_record_id: RecordId,
    /// The highest number that was given or reserved.
    last_event_id: EventId,
    /// How far each import is.
    imports: HashMap<String, ImportProgress>,
    /// Days brought in from outside, with the late records that came after them.
    imported: BTreeMap<(MonitorKey, UnixSeconds), Tally>,
    cursors: BTreeMap<String, EventId>,
    conversations: BTreeMap<(String, Psc), Conversation>,
    deliveries: Vec<Delivery>,
    trouble: Option<String>,
}

impl MemoryRepository {
    /// Makes an empty repository; `clock` stamps events and says which day is the current one.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, jobs: LocalJobs::default(), state: Mutex::default() }
    }

    /// Makes every call fail with [`Error::Unavailable`] until [`MemoryRepository::recover`].
    pub fn fail(&self, reason: &str) {
        self.lock().trouble = Some(reason.to_owned());
    }

    /// Ends what [`MemoryRepository::fail`] began.
    pub fn recover(&self) {
        self.lock().trouble = None;
    }

    /// Returns everything that was appended and not deleted, in the order of ids.
    #[must_use]
    pub fn records(&self) -> Vec<StoredRecord> {
        self.lock().records.clone()
    }

    /// Returns the states of a group as they are now.
    #[must_use]
    pub fn states(&self, group: &Psc) -> GroupStates {
        self.lock().groups.get(group).cloned().unwrap_or_default()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn working(&self) -> Result<MutexGuard<'_, State>, Error> {
        let state = self.lock();
        match &state.trouble {
            Some(reason) => Err(Error::Unavailable { reason: reason.clone(), source: None }),
            None => Ok(state),
        }
    }
}

impl State {
    fn add_event(&mut self, event: NewEvent, created_at: UnixSeconds) -> Option<Event> {
        let same = |old: &NewEvent| {
            (&old.key, old.kind, old.trigger_record_id) == (&event.key, event.kind, event.trigger_record_id)
        };
        if self.events.iter().any(|old| same(&old.event)) {
            return None;
        }
        self.last_event_id += 1;
        let id = self.last_event_id;
        let event = Event { id, created_at, event };
        self.events.push(event.clone());
        Some(event)
    }

    /// Gives a group what is kept without channel; returns the keys that are no more.
    fn name(&mut self, group: &Psc) -> HashSet<MonitorKey> {
        let unnamed = Psc::new(group.provider(), group.service(), "");
        let named = |key: &MonitorKey| MonitorKey::new(group.clone(), key.model());
        let mut moved = HashSet::new();
        let aged = self.aged.iter_mut().map(|aged| &mut aged.stored);
        for stored in self.records.iter_mut().chain(aged).filter(|stored| *stored.record.key.psc() == unnamed)
        {
            stored.record.key = named(&stored.record.key);
        }
        let latest: Vec<_> = self.latest.keys().filter(|key| *key.psc() == unnamed).cloned().collect();
        for key in latest {
            let Some(latest) = self.latest.remove(&key) else { continue };
            self.see_latest(named(&key), latest);
            moved.insert(key);
        }
        let days: Vec<_> = self.imported.keys().filter(|(key, _)| *key.psc() == unnamed).cloned().collect();
        for (key, day) in days {
            let Some(tally) = self.imported.remove(&(key.clone(), day)) else { continue };
            self.imported.entry((named(&key), day)).or_default().merge(&tally);
            moved.insert(key);
        }
        for event in self.events.iter_mut().filter(|event| *event.event.key.psc() == unnamed) {
            event.event.key = named(&event.event.key);
        }
        let open: Vec<_> = self.conversations.keys().filter(|(_, psc)| *psc == unnamed).cloned().collect();
        for place in open {
            if let Some(mut conversation) = self.conversations.remove(&place) {
                conversation.psc = group.clone();
                events_of(&mut conversation).for_each(|event| event.event.key = named(&event.event.key));
                self.conversations.entry((place.0, group.clone())).or_insert(conversation);
            }
        }
        if let Some(states) = self.groups.remove(&unnamed) {
            self.groups.entry(group.clone()).or_default().adopt(states);
        }
        moved
    }

    /// Returns what is counted of a day.
    fn day(&self, key: &MonitorKey, day: UnixSeconds) -> Tally {
        self.imported.get(&(key.clone(), day)).cloned().unwrap_or_else(|| self.recount(key, day))
    }

    /// Counts the records of a day.
    fn recount(&self, key: &MonitorKey, day: UnixSeconds) -> Tally {
        let mut tally = Tally::default();
        let aged = self.aged.iter().map(|aged| &aged.stored);
        let mine = self.records.iter().chain(aged).filter(|stored| stored.record.key == *key);
        let samples = mine.map(Sample::of).filter(|sample| day_of(sample.timestamp) == day);
        samples.for_each(|sample| tally.add(&sample));
        tally
    }

    fn next_record_id(&mut self) -> RecordId {
        self.last_record_id += 1;
        self.last_record_id
    }

    fn see_latest(&mut self, key: MonitorKey, latest: LatestRecord) {
        let known = self.latest.entry(key).or_insert(latest);
        if latest.is_newer_than(known) {
            *known = latest;
        }
    }

    fn latest(&self, key: &MonitorKey) -> Option<LatestRecord> {
        self.latest.get(key).copied()
    }

    fn timeline(&self, key: &MonitorKey, plan: &Plan) -> Timeline {
        let mut whole = Tally::default();
        let mut samples = Vec::new();
        let mut buckets: Vec<Bucket> = (0..plan.bucket_count())
            .map(|index| Bucket { start: plan.bucket_start(index), tally: Tally::default() })
            .collect();

        let own = (key.clone(), i64::MIN)..=(key.clone(), i64::MAX);
        let mut whole_days = Vec::new();
        for ((_, day), tally) in self.imported.range(own) {
            if let Whole::Into(bucket) = plan.place(*day, DAY_SECS) {
                whole_days.push(*day);
                whole.merge(tally);
                buckets[bucket].tally.merge(tally);
            }
        }
        for aged in self.aged.iter().filter(|aged| aged.stored.record.key == *key) {
            let (start, length) = aged.piece();
            let at = aged.stored.record.timestamp;
            if let Whole::Into(bucket) = plan.place(start, length)
                && !whole_days.contains(&day_of(at))
            {
                let sample = Sample::of(&aged.stored);
                whole.add(&sample);
                buckets[bucket].tally.add(&sample);
            }
        }
        for stored in self.records.iter().filter(|stored| stored.record.key == *key) {
            let sample = Sample::of(stored);
            if !plan.counts(sample.timestamp) || whole_days.contains(&day_of(sample.timestamp)) {
                continue;
            }
            whole.add(&sample);
            samples.push(sample);
            if let Some(bucket) = plan.bucket_of(sample.timestamp) {
                buckets[bucket].tally.add(&sample);
            }
        }
        if !plan.bucket_sketches {
            buckets.iter_mut().for_each(|bucket| bucket.tally.latencies = Sketch::default());
        }
        samples.sort_by_key(|sample| (sample.timestamp, sample.id));
        let series = match plan.shape {
            Shape::Samples => Series::Samples(samples),
            Shape::Buckets { .. } => Series::Buckets(buckets),
        };
        Timeline { series, whole, latest: self.latest(key) }
    }
}

/// Returns every event that a conversation speaks of.
fn events_of(conversation: &mut Conversation) -> impl Iterator<Item = &mut Event> {
    let told = conversation.outages.iter_mut().map(|outage| &mut outage.event);
    let sending = conversation.sending.iter_mut().flat_map(|sending| &mut sending.items);
    told.chain(conversation.waiting.iter_mut().chain(sending).map(|item| &mut item.event))
}

fn day_of(at: UnixSeconds) -> UnixSeconds {
    at.div_euclid(DAY_SECS).saturating_mul(DAY_SECS)
}

// === impl Records ===

#[async_trait]
impl Records for MemoryRepository {
    async fn append(
        &self,
        batch: Vec<ProbeRecord>,
        transition: Arc<dyn Transition>,
    ) -> Result<Appended, Error> {
        let now = self.clock.now().as_secs();
        let mut state = self.working()?;
        let mut appended = Appended::default();
        for record in batch {
            let id = state.next_record_id();
            let stored = StoredRecord { id, record };
            let group = stored.record.key.psc();
            // A group is remembered only when the transition leaves something there.
            let mut states = state.groups.get(group).cloned().unwrap_or_default();
            let event = transition.apply(&stored, &mut states);
            if states != GroupStates::default() {
                state.groups.insert(group.clone(), states);
            }
            appended.events.extend(event.and_then(|event| state.add_event(event, now)));
            let day = (stored.record.key.clone(), day_of(stored.record.timestamp));
            if let Some(tally) = state.imported.get_mut(&day) {
                tally.add(&Sample::of(&stored));
            }
            state.see_latest(stored.record.key.clone(), LatestRecord::of(&stored));
            state.records.push(stored.clone());
            appended.records.push(stored);
        }
        Ok(appended)
    }

    async fn latest(&self, keys: &[MonitorKey]) -> Result<Vec<Option<LatestRecord>>, Error> {
        let state = self.working()?;
        Ok(keys.iter().map(|key| state.latest(key)).collect())
    }

    async fn history(&self, query: &HistoryQuery) -> Result<Vec<StoredRecord>, Error> {
        let state = self.working()?;
        let place = |stored: &StoredRecord| (stored.record.timestamp, stored.id);
        let mut found: Vec<StoredRecord> = state
            .records
            .iter()
            .filter(|stored| stored.record.key == query.key)
            .filter(|stored| (query.from..=query.to).contains(&stored.record.timestamp))
            .filter(|stored| query.before.is_none_or(|before| place(stored) < before))
            .cloned()
            .collect();
        found.sort_by_key(|stored| Reverse(place(stored)));
        found.truncate(query.limit as usize);
        Ok(found)
    }
}

// === impl Timelines ===

#[async_trait]
impl Timelines for MemoryRepository {
    async fn timelines(&self, keys: &[MonitorKey], plan: &Plan) -> Result<Vec<Timeline>, Error> {
        let state = self.working()?;
        Ok(keys.iter().map(|key| state.timeline(key, plan)).collect())
    }
}

// === impl EventLog ===

#[async_trait]
impl EventLog for MemoryRepository {
    async fn events(&self, since: EventId, filter: &EventFilter, limit: u32) -> Result<Vec<Event>, Error> {
        let state = self.working()?;
        let fits = |event: &Event| {
            let key = &event.event.key;
            let same =
                |wanted: &Option<String>, part: &str| wanted.as_deref().is_none_or(|text| text == part);
            event.id > since
                && same(&filter.provider, key.provider())
                && same(&filter.service, key.service())
                && same(&filter.channel, key.channel())
                && filter.kind.is_none_or(|kind| kind == event.event.kind)
        };
        Ok(state.events.iter().filter(|event| fits(event)).take(limit as usize).cloned().collect())
    }

    async fn latest_event_id(&self) -> Result<EventId, Error> {
        Ok(self.working()?.events.last().map_or(0, |event| event.id))
    }
}

// === impl Outbox ===

#[async_trait]
impl Outbox for MemoryRepository {
    async fn cursors(&self) -> Result<Vec<(String, EventId)>, Error> {
        let state = self.working()?;
        Ok(state.cursors.iter().map(|(name, at)| (name.clone(), *at)).collect())
    }

    async fn conversations(&self, notification: &str, about: &[Psc]) -> Result<Vec<Conversation>, Error> {
        let state = self.working()?;
        let find = |psc: &Psc| state.conversations.get(&(notification.to_owned(), psc.clone())).cloned();
        Ok(about.iter().filter_map(find).collect())
    }

    async fn upcoming(&self, notification: &str, limit: u32) -> Result<Vec<Conversation>, Error> {
        let state = self.working()?;
        let own = |conversation: &&Conversation| conversation.notification == notification;
        let mut found: Vec<_> = state.conversations.values().filter(own).cloned().collect();
        found.sort_by_key(|conversation| (conversation.due.is_none(), conversation.due));
        found.truncate(limit as usize);
        Ok(found)
    }

    async fn step(&self, step: Step) -> Result<bool, Error> {
        let mut state = self.working()?;
        let at = |name: &String| state.cursors.get(name).copied();
        let place = |to: &Conversation| (to.notification.clone(), to.psc.clone());
        let version = |to: &Conversation| state.conversations.get(&place(to)).map(|found| found.version);
        let stale = step.cursor.as_ref().is_some_and(|cursor| at(&cursor.notification) != cursor.from)
            || step.conversations.iter().any(|changed| version(&changed.to) != changed.from);
        if stale {
            return Ok(false);
        }
        state.cursors.extend(step.cursor.map(|cursor| (cursor.notification, cursor.to)));
        for changed in step.conversations {
            let place = place(&changed.to);
            if changed.to.is_over() {
                state.conversations.remove(&place);
            } else {
                state.conversations.insert(place, changed.to);
            }
        }
        state.deliveries.extend(step.settled);
        Ok(true)
    }

    async fn forget(&self, notification: &str) -> Result<bool, Error> {
        let mut state = self.working()?;
        let before = state.conversations.len();
        state.conversations.retain(|(name, _), _| name != notification);
        let open = before > state.conversations.len();
        Ok(state.cursors.remove(notification).is_some() || open)
    }

    async fn deliveries(&self, limit: u32) -> Result<Vec<Delivery>, Error> {
        Ok(self.working()?.deliveries.iter().rev().take(limit as usize).cloned().collect())
    }

    async fn backlog(&self) -> Result<Vec<Backlog>, Error> {
        let state = self.working()?;
        let mut waiting: BTreeMap<&str, (u64, UnixSeconds)> = BTreeMap::new();
        for conversation in state.conversations.values() {
            if let Some(since) = conversation.waits_since() {
                let (count, oldest) = waiting.entry(&conversation.notification).or_insert((0, since));
                *count += 1;
                *oldest = since.min(*oldest);
            }
        }
        let line = |(name, (waiting, since)): (&str, (u64, UnixSeconds))| Backlog {
            notification: name.to_owned(),
            waiting,
            since,
        };
        Ok(waiting.into_iter().map(line).collect())
    }
}

// === impl Maintenance ===

#[async_trait]
impl Maintenance for MemoryRepository {
    async fn ping(&self) -> Result<(), Error> {
        self.working().map(drop)
    }

    async fn import_days(&self, days: Vec<DayRollup>) -> Result<(), Error> {
        let today = day_of(self.clock.now().as_secs());
        let mut state = self.working()?;
        if let Some(live) = days.iter().find(|rollup| rollup.day >= today) {
            let reason = format!("the day that begins at {} is not over", live.day);
            return Err(Error::Conflict { reason });
        }
        for rollup in days {
            let day = day_of(rollup.day);
            if state.day(&rollup.key, day).total() < rollup.tally.total() {
                state.imported.insert((rollup.key, day), rollup.tally);
                state.raw_horizon = state.raw_horizon.max(Some(day + DAY_SECS));
            }
        }
        Ok(())
    }

    /// Nothing is counted beside the records, so nothing can be wrong.
    async fn rebuild_rollups(&self) -> Result<Rebuilt, Error> {
        let state = self.working()?;
        let records = state.records.len() as u64;
        let from = state.records.iter().map(|stored| slot_of(stored.record.timestamp)).min();
        Ok(Rebuilt {
            records,
            from: from.max(state.raw_horizon.filter(|_| from.is_some())),
            ..Rebuilt::default()
        })
    }

    async fn name_channels(&self, groups: &[Psc]) -> Result<u64, Error> {
        let mut state = self.working()?;
        let moved: HashSet<MonitorKey> = groups
            .iter()
            .filter(|group| !group.channel().is_empty())
            .flat_map(|group| state.name(group))
            .collect();
        Ok(moved.len() as u64)
    }

    async fn close(&self) -> Result<(), Error> {
        self.working()?.trouble = Some("it is closed".to_owned());
        Ok(())
    }
}

/// What is in memory belongs to this process.
#[async_trait]
impl Commits for MemoryRepository {
    async fn listen(&self, _wake: &(dyn Fn() + Send + Sync)) {
        std::future::pending().await
    }
}
