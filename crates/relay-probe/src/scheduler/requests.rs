//! The door for probes out of turn: a bounded queue between any thread and the loop.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

use relay_core::{MonitorKey, ports::probe_requests::Refused};
use tokio::sync::Notify;

/// Requests that have not been served.
#[derive(Debug)]
pub(super) struct Requests {
    most: usize,
    /// Held for a look-up or an insertion, never across an await.
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Monitors in the plan.
    active: HashSet<MonitorKey>,
    /// Asked for, not started.
    pending: HashSet<MonitorKey>,
    /// The part of `pending` that the loop has not seen.
    fresh: VecDeque<MonitorKey>,
}

impl Requests {
    pub(super) fn new(most: usize) -> Self {
        Self { most, state: Mutex::default(), arrived: Notify::new() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn request(&self, key: &MonitorKey) -> Result<(), Refused> {
        let mut state = self.state();
        if !state.active.contains(key) {
            return Err(Refused::Unknown);
        }
        if state.pending.contains(key) {
            return Ok(());
        }
        if state.pending.len() >= self.most {
            return Err(Refused::Full);
        }
        state.pending.insert(key.clone());
        state.fresh.push_back(key.clone());
        drop(state);
        self.arrived.notify_one();
        Ok(())
    }

    /// Waits until something was asked for since the last call.
    ///
    /// # Cancel safety
    /// Nothing is lost: an arrival that nobody awaited is kept for the next call.
    pub(super) async fn arrived(&self) {
        self.arrived.notified().await;
    }

    /// Takes what the loop has not seen, in order.
    pub(super) fn take(&self) -> VecDeque<MonitorKey> {
        std::mem::take(&mut self.state().fresh)
    }

    /// Notes that a requested probe has started: it may be asked for again.
    pub(super) fn started(&self, key: &MonitorKey) {
        self.state().pending.remove(key);
    }

    /// Sets which monitors can be asked for; requests for others are forgotten.
    pub(super) fn set_active<'a>(&self, keys: impl Iterator<Item = &'a MonitorKey>) {
        let active: HashSet<MonitorKey> = keys.cloned().collect();
        let state = &mut *self.state();
        state.pending.retain(|key| active.contains(key));
        state.fresh.retain(|key| active.contains(key));
        state.active = active;
    }

    /// Takes no more requests.
    pub(super) fn close(&self) {
        *self.state() = State::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> MonitorKey {
        MonitorKey::from_parts(name, "cc", "", "")
    }

    #[test]
    fn only_active_monitors_once_each_and_no_more_than_fit() {
        let requests = Requests::new(2);
        assert_eq!(requests.request(&key("a")), Err(Refused::Unknown));
        requests.set_active([key("a"), key("b"), key("c")].iter());
        assert_eq!(requests.request(&key("a")), Ok(()));
        assert_eq!(requests.request(&key("a")), Ok(()));
        assert_eq!(requests.request(&key("b")), Ok(()));
        assert_eq!(requests.request(&key("c")), Err(Refused::Full));
        assert_eq!(requests.take(), [key("a"), key("b")]);
        assert_eq!(requests.request(&key("a")), Ok(()), "still the same request");
        assert!(requests.take().is_empty());
        requests.started(&key("a"));
        assert_eq!(requests.request(&key("a")), Ok(()));
        assert_eq!(requests.take(), [key("a")]);
    }

    #[test]
    fn a_reload_forgets_what_is_gone() {
        let requests = Requests::new(1);
        requests.set_active([key("a"), key("b")].iter());
        requests.request(&key("a")).expect("room");
        requests.set_active([key("b")].iter());
        assert!(requests.take().is_empty());
        assert_eq!(requests.request(&key("b")), Ok(()), "the room is free again");
        requests.close();
        assert_eq!(requests.request(&key("b")), Err(Refused::Unknown));
    }
}
