//! The response cache: one answer per normalised question, made once however many ask.
//!
//! An answer within its time is served as it is. Past its time and under twice of it, it is served while one refresh
//! runs. Older ones wait for the refresh, and are served with a warning when the store is away. A new generation of
//! the catalog empties the cache. It is bounded in bytes; the least recently used answers go first, and an answer
//! above a quarter of the bound is not kept.

use std::{
    collections::HashMap,
    future::Future,
    hash::Hash,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, timeout},
};
use tokio_util::task::TaskTracker;

use crate::{
    answer::{Answer, Freshness},
    error::{ApiError, Code},
};

/// How long a reader waits for an answer to be made.
const PATIENCE: Duration = Duration::from_secs(15);
/// How long after a failed refresh an old answer is served without trying again.
const PAUSE_AFTER_FAILURE: Duration = Duration::from_secs(1);
/// What an entry takes besides its answer.
const ENTRY_BYTES: usize = 256;

/// A normalised question.
pub(crate) trait Key: Eq + Hash + Clone + Send + Sync + 'static {}

impl<T: Eq + Hash + Clone + Send + Sync + 'static> Key for T {}

/// A bounded map of answers.
#[derive(Debug)]
pub(crate) struct Cache<K> {
    shelf: Mutex<Shelf<K>>,
    tasks: TaskTracker,
    counters: Counters,
}

/// What the cache did since the start.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) hits: AtomicU64,
    pub(crate) aging: AtomicU64,
    pub(crate) stranded: AtomicU64,
    pub(crate) misses: AtomicU64,
    pub(crate) evicted: AtomicU64,
}

#[derive(Debug)]
struct Shelf<K> {
    generation: u64,
    limit: usize,
    used: usize,
    clock: u64,
    entries: HashMap<K, Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    answer: Option<Arc<Answer>>,
    /// The refresh under way and its number.
    flight: Option<(u64, Flight)>,
    /// The shelf's clock when it was last asked for.
    used_at: u64,
    cost: usize,
    failed_at: Option<Instant>,
}

/// The result of a refresh under way; `None` until it lands.
type Flight = watch::Receiver<Option<Result<Arc<Answer>, ApiError>>>;

/// What the cache has for a question.
pub(crate) enum Found {
    /// An answer to serve, and whether a refresh should be started beside it.
    Answer(Arc<Answer>, Freshness, bool),
    /// Nothing that may be served without asking the store.
    Nothing,
}

impl<K: Key> Cache<K> {
    pub(crate) fn new(tasks: TaskTracker) -> Self {
        let shelf = Shelf { generation: 0, limit: 0, used: 0, clock: 0, entries: HashMap::new() };
        Self { shelf: Mutex::new(shelf), tasks, counters: Counters::default() }
    }

    pub(crate) fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Returns the number of entries and the bytes they take.
    pub(crate) fn size(&self) -> (usize, usize) {
        let shelf = self.lock();
        (shelf.entries.len(), shelf.used)
    }

    /// Starts a generation: everything of an older one is dropped.
    pub(crate) fn begin(&self, generation: u64, limit: usize) {
        let mut shelf = self.lock();
        if generation > shelf.generation {
            shelf.entries.clear();
            shelf.used = 0;
            shelf.generation = generation;
        }
        shelf.limit = limit;
        let evicted = shelf.evict(None);
        self.counters.evicted.fetch_add(evicted, Ordering::Relaxed);
    }

    /// Returns the bytes of the largest answer that is kept.
    pub(crate) fn largest(&self) -> usize {
        self.lock().limit / 4
    }

    /// Tells whether an answer is kept, of any age.
    pub(crate) fn holds(&self, generation: u64, key: &K) -> bool {
        self.kept(generation, key).is_some()
    }

    /// Looks for an answer that may be served at once. Keys mean something within their generation only, so a reader
    /// that still holds an older catalog finds nothing.
    pub(crate) fn find(&self, generation: u64, key: &K, ttl: Duration) -> Found {
        let mut shelf = self.lock();
        if shelf.generation != generation {
            return Found::Nothing;
        }
        shelf.clock += 1;
        let clock = shelf.clock;
        let Some(entry) = shelf.entries.get_mut(key) else { return Found::Nothing };
        entry.used_at = clock;
        let Some(answer) = &entry.answer else { return Found::Nothing };
        let age = answer.age();
        let idle = entry.flight.is_none();
        if age < ttl {
            self.counters.hits.fetch_add(1, Ordering::Relaxed);
            return Found::Answer(Arc::clone(answer), Freshness::Fresh, false);
        }
        let paused = entry.failed_at.is_some_and(|at| at.elapsed() < PAUSE_AFTER_FAILURE);
        if paused {
            self.counters.stranded.fetch_add(1, Ordering::Relaxed);
            return Found::Answer(Arc::clone(answer), Freshness::Stranded, false);
        }
        if age < ttl * 2 {
            self.counters.aging.fetch_add(1, Ordering::Relaxed);
            return Found::Answer(Arc::clone(answer), Freshness::Aging, idle);
        }
        Found::Nothing
    }

    /// Starts making a new answer unless one is being made already; nobody waits.
    pub(crate) fn refresh<M, F>(self: &Arc<Self>, generation: u64, key: &K, make: M)
    where
        M: FnOnce() -> F + Send,
        F: Future<Output = Result<Answer, ApiError>> + Send + 'static,
    {
        drop(self.board(generation, key, make));
    }

    /// Waits for a new answer: joins the one being made or starts it. When the store is away, an old one does.
    ///
    /// # Errors
    /// Whatever making the answer ran into, or `busy` when it takes too long.
    pub(crate) async fn fetch<M, F>(
        self: &Arc<Self>,
        generation: u64,
        key: &K,
        make: M,
    ) -> Result<(Arc<Answer>, Freshness), ApiError>
    where
        M: FnOnce() -> F + Send,
        F: Future<Output = Result<Answer, ApiError>> + Send + 'static,
    {
        self.counters.misses.fetch_add(1, Ordering::Relaxed);
        let mut flight = self.board(generation, key, make);
        let landed = match timeout(PATIENCE, flight.wait_for(Option::is_some)).await {
            Ok(Ok(landed)) => landed.clone(),
            Ok(Err(_)) => None,
            Err(_) => Some(Err(ApiError::busy("the answer takes too long to make, try again later"))),
        };
        match landed.unwrap_or_else(|| Err(ApiError::internal("making an answer panicked"))) {
            Ok(answer) => Ok((answer, Freshness::Fresh)),
            Err(error) if matches!(error.code, Code::StoreUnavailable | Code::Busy) => {
                let answer = self.kept(generation, key).ok_or(error)?;
                self.counters.stranded.fetch_add(1, Ordering::Relaxed);
                Ok((answer, Freshness::Stranded))
            }
            Err(error) => Err(error),
        }
    }

    fn kept(&self, generation: u64, key: &K) -> Option<Arc<Answer>> {
        let shelf = self.lock();
        let entry = shelf.entries.get(key).filter(|_| shelf.generation == generation)?;
        entry.answer.clone()
    }

    /// Returns the refresh under way for a question, after starting one when there is none.
    fn board<M, F>(self: &Arc<Self>, generation: u64, key: &K, make: M) -> Flight
    where
        M: FnOnce() -> F + Send,
        F: Future<Output = Result<Answer, ApiError>> + Send + 'static,
    {
        let mut shelf = self.lock();
        shelf.clock += 1;
        let clock = shelf.clock;
        let (land, flight) = watch::channel(None);
        let mut before = None;
        // A reader that still holds an older catalog gets an answer of its own, which nobody else sees.
        if shelf.generation == generation {
            let entry = shelf.entries.entry(key.clone()).or_insert_with(|| Entry {
                used_at: clock,
                cost: ENTRY_BYTES,
                ..Entry::default()
            });
            if let Some((_, flight)) = &entry.flight {
                return flight.clone();
            }
            entry.flight = Some((clock, flight.clone()));
            before = entry.answer.clone();
        }
        drop(shelf);
        let landing = Landing { cache: Arc::clone(self), key: key.clone(), generation, number: clock };
        let making = make();
        self.tasks.spawn(async move {
            let result = match making.await {
                Ok(answer) => {
                    if let Some(before) = before {
                        answer.code_like(&before).await;
                    }
                    Ok(Arc::new(answer))
                }
                Err(error) => Err(error),
            };
            landing.store(&result);
            drop(landing);
            let _ = land.send(Some(result));
        });
        flight
    }

    /// Counts the bytes of codings that were made after the answer was stored.
    pub(crate) fn recount(&self, key: &K, answer: &Arc<Answer>) {
        let mut shelf = self.lock();
        let Some(entry) = shelf.entries.get_mut(key) else { return };
        if !entry.answer.as_ref().is_some_and(|kept| Arc::ptr_eq(kept, answer)) {
            return;
        }
        let (before, after) = (entry.cost, answer.cost() + ENTRY_BYTES);
        entry.cost = after;
        shelf.used = shelf.used + after - before;
        let evicted = shelf.evict(Some(key));
        self.counters.evicted.fetch_add(evicted, Ordering::Relaxed);
    }

    /// The lock is held for look-ups and swaps only, never across an await; nothing under it panics half way.
    fn lock(&self) -> MutexGuard<'_, Shelf<K>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Key> Shelf<K> {
    /// Drops least recently used answers until the rest fits; entries being made stay.
    fn evict(&mut self, keep: Option<&K>) -> u64 {
        let mut evicted = 0;
        while self.used > self.limit {
            let oldest = self
                .entries
                .iter()
                .filter(|(key, entry)| entry.answer.is_some() && entry.flight.is_none() && keep != Some(*key))
                .min_by_key(|(_, entry)| entry.used_at)
                .map(|(key, _)| key.clone());
            let Some(oldest) = oldest else { break };
            if let Some(entry) = self.entries.remove(&oldest) {
                self.used -= entry.cost;
                evicted += 1;
            }
        }
        evicted
    }
}

/// Ends a flight on every path, also when making the answer panicked.
struct Landing<K: Key> {
    cache: Arc<Cache<K>>,
    key: K,
    generation: u64,
    number: u64,
}

impl<K: Key> Landing<K> {
    /// Returns the entry as long as it waits for this very flight: a new generation may have taken its place.
    fn own<'a>(&self, shelf: &'a mut Shelf<K>) -> Option<&'a mut Entry> {
        let entry = shelf.entries.get_mut(&self.key)?;
        entry.flight.as_ref().is_some_and(|(number, _)| *number == self.number).then_some(entry)
    }

    fn store(&self, result: &Result<Arc<Answer>, ApiError>) {
        let mut shelf = self.cache.lock();
        if shelf.generation != self.generation {
            return;
        }
        let limit = shelf.limit;
        let Some(entry) = self.own(&mut shelf) else { return };
        match result {
            Ok(answer) => {
                let kept = entry.answer.take().map_or(0, |_| entry.cost);
                let cost = answer.cost() + ENTRY_BYTES;
                entry.failed_at = None;
                if cost <= limit / 4 {
                    entry.answer = Some(Arc::clone(answer));
                    entry.cost = cost;
                    shelf.used += cost;
                }
                shelf.used -= kept;
                let evicted = shelf.evict(Some(&self.key));
                self.cache.counters.evicted.fetch_add(evicted, Ordering::Relaxed);
            }
            Err(_) => entry.failed_at = Some(Instant::now()),
        }
    }
}

impl<K: Key> Drop for Landing<K> {
    fn drop(&mut self) {
        let mut shelf = self.cache.lock();
        if let Some(entry) = self.own(&mut shelf) {
            entry.flight = None;
            if entry.answer.is_none() {
                shelf.entries.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{sync::Notify, time::advance};

    use super::*;

    const TTL: Duration = Duration::from_secs(10);
    const SECOND: Duration = Duration::from_secs(1);

    fn cache(limit: usize) -> Arc<Cache<u32>> {
        let cache = Cache::new(TaskTracker::new());
        cache.begin(1, limit);
        Arc::new(cache)
    }

    /// Makes an answer of `size` bytes.
    async fn of_size(size: usize) -> Result<Answer, ApiError> {
        Ok(Answer::json(vec![b'x'; size], TTL))
    }

    async fn away() -> Result<Answer, ApiError> {
        Err(ApiError { retry_after: None, ..ApiError::new(Code::StoreUnavailable, "away") })
    }

    /// Says what a look finds: nothing, or how fresh, and `+` when a refresh is due.
    fn look(cache: &Cache<u32>, key: u32) -> String {
        match cache.find(1, &key, TTL) {
            Found::Answer(_, freshness, refresh) => {
                format!("{freshness:?}{}", if refresh { "+" } else { "" })
            }
            Found::Nothing => "-".to_owned(),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_ages_in_steps() {
        let cache = cache(1 << 20);
        assert_eq!(look(&cache, 1), "-");
        cache.fetch(1, &1, || of_size(10)).await.expect("made");
        assert_eq!(look(&cache, 1), "Fresh");
        advance(TTL).await;
        assert_eq!(look(&cache, 1), "Aging+");
        let gate = Arc::new(Notify::new());
        let opened = Arc::clone(&gate);
        cache.refresh(1, &1, move || async move {
            opened.notified().await;
            of_size(10).await
        });
        assert_eq!(look(&cache, 1), "Aging", "one refresh at a time");
        gate.notify_one();
        cache.tasks.close();
        cache.tasks.wait().await;
        assert_eq!(look(&cache, 1), "Fresh");
        advance(TTL * 2).await;
        assert_eq!(look(&cache, 1), "-", "too old: wait for the refresh");
    }

    #[tokio::test(start_paused = true)]
    async fn an_old_answer_serves_while_the_store_is_away_and_is_tried_again_after_a_pause() {
        let cache = cache(1 << 20);
        assert!(cache.fetch(1, &1, away).await.is_err(), "nothing to fall back on");
        cache.fetch(1, &1, || of_size(10)).await.expect("made");
        advance(TTL * 100).await;
        let (_, freshness) = cache.fetch(1, &1, away).await.expect("the old one");
        assert_eq!(freshness, Freshness::Stranded);
        assert_eq!(look(&cache, 1), "Stranded");
        advance(PAUSE_AFTER_FAILURE).await;
        assert_eq!(look(&cache, 1), "-");
    }

    #[tokio::test(start_paused = true)]
    async fn room_is_bounded_and_the_least_recently_used_goes() {
        let cache = cache(20_000);
        for key in 0..5 {
            cache.fetch(1, &key, || of_size(4000)).await.expect("made");
            assert_eq!(look(&cache, 0), "Fresh");
        }
        assert_eq!([0, 1, 2, 3].map(|key| look(&cache, key)), ["Fresh", "-", "Fresh", "Fresh"]);
        cache.fetch(1, &9, || of_size(5000)).await.expect("made, but not kept");
        assert_eq!(look(&cache, 9), "-");
        for key in 100..1000 {
            cache.fetch(1, &key, || of_size(100)).await.expect("made");
            let (entries, bytes) = cache.size();
            assert!(bytes <= 20_000 && entries <= 40, "{entries} entries, {bytes} bytes");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_panic_frees_the_place() {
        let cache = cache(1 << 20);
        let error = cache.fetch(1, &1, || async { panic!("made to") }).await.expect_err("a panic");
        assert_eq!(error.code, Code::Internal);
        cache.fetch(1, &1, || of_size(10)).await.expect("made");
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_generation_empties_and_an_old_reader_changes_nothing() {
        let cache = cache(1 << 20);
        cache.fetch(1, &1, || of_size(10)).await.expect("made");
        cache.begin(2, 1 << 20);
        assert_eq!(cache.size(), (0, 0));
        cache.fetch(1, &1, || of_size(10)).await.expect("made for itself");
        assert_eq!(cache.size(), (0, 0));
        assert!(matches!(cache.find(2, &1, TTL), Found::Nothing));
    }

    #[tokio::test(start_paused = true)]
    async fn patience_ends() {
        let cache = cache(1 << 20);
        let error = cache.fetch(1, &1, std::future::pending).await.expect_err("never");
        assert_eq!(error.code, Code::Busy);
        advance(SECOND).await;
    }
}
