//! One notification at work: what it wants, and how it has been doing.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

use relay_core::Timestamp;

use super::Notification;
use crate::notify::{Rules, Target};

/// A notification in force. What it has done is kept when its settings change.
pub(super) struct Channel {
    notification: Notification,
    doing: Arc<Doing>,
}

/// How a notification has been doing since the process started.
#[derive(Default)]
struct Doing {
    running: AtomicUsize,
    planned: AtomicU64,
    delivered: AtomicU64,
    retried: AtomicU64,
    given_up: AtomicU64,
    /// Locked for a look or a change only.
    trouble: Mutex<Trouble>,
}

#[derive(Default)]
struct Trouble {
    /// Nothing is begun before this: the receiver asked for it.
    paused_until: Option<Timestamp>,
    /// Since when every attempt failed, and how the last one did.
    failing: Option<(Timestamp, String)>,
}

/// What is counted.
pub(super) struct Counts {
    pub(super) planned: u64,
    pub(super) delivered: u64,
    pub(super) retried: u64,
    pub(super) given_up: u64,
}

impl Channel {
    /// Puts a notification in force in the place of the one before.
    pub(super) fn new(notification: Notification, before: Option<&Self>) -> Self {
        let doing = before.map(|before| Arc::clone(&before.doing)).unwrap_or_default();
        if before.is_some_and(|before| before.notification.target != notification.target) {
            // Somewhere else: the pause was for the place before.
            doing.trouble().paused_until = None;
        }
        Self { notification, doing }
    }

    /// Tells whether `other` continues what this one does.
    pub(super) fn is_same(&self, other: &Notification) -> bool {
        self.notification.name == other.name && self.kind() == other.target.kind()
    }

    pub(super) fn name(&self) -> &str {
        &self.notification.name
    }

    pub(super) fn kind(&self) -> &'static str {
        self.notification.target.kind()
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.notification.rules
    }

    pub(super) fn target(&self) -> &Target {
        &self.notification.target
    }

    /// Returns how many attempts are under way.
    pub(super) fn running(&self) -> usize {
        self.doing.running.load(Ordering::Relaxed)
    }

    /// Counts one attempt as under way until the slot is dropped.
    pub(super) fn take_slot(self: &Arc<Self>) -> Slot {
        self.doing.running.fetch_add(1, Ordering::Relaxed);
        Slot(Arc::clone(self))
    }

    /// Returns until when the receiver wants to be left alone.
    pub(super) fn paused_until(&self, now: Timestamp) -> Option<Timestamp> {
        self.doing.trouble().paused_until.filter(|until| *until > now)
    }

    pub(super) fn pause_until(&self, until: Timestamp) {
        self.doing.trouble().paused_until = Some(until);
    }

    /// Returns since when every attempt failed, and how the last one did.
    pub(super) fn failing(&self) -> Option<(Timestamp, String)> {
        self.doing.trouble().failing.clone()
    }

    /// Notes a delivery; returns whether attempts had failed before.
    pub(super) fn works(&self) -> bool {
        self.doing.delivered.fetch_add(1, Ordering::Relaxed);
        self.doing.trouble().failing.take().is_some()
    }

    /// Notes a failure; returns whether it is the first in a row.
    pub(super) fn fails(&self, now: Timestamp, error: &str, given_up: bool) -> bool {
        let counter = if given_up { &self.doing.given_up } else { &self.doing.retried };
        counter.fetch_add(1, Ordering::Relaxed);
        let mut trouble = self.doing.trouble();
        let since = trouble.failing.take().map(|(since, _)| since);
        trouble.failing = Some((since.unwrap_or(now), error.to_owned()));
        since.is_none()
    }

    pub(super) fn count_planned(&self, events: u64) {
        self.doing.planned.fetch_add(events, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let Doing { planned, delivered, retried, given_up, .. } = &*self.doing;
        Counts {
            planned: of(planned),
            delivered: of(delivered),
            retried: of(retried),
            given_up: of(given_up),
        }
    }
}

impl Doing {
    fn trouble(&self) -> std::sync::MutexGuard<'_, Trouble> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An attempt under way.
pub(super) struct Slot(Arc<Channel>);

impl std::ops::Deref for Slot {
    type Target = Channel;

    fn deref(&self) -> &Channel {
        &self.0
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.doing.running.fetch_sub(1, Ordering::Relaxed);
    }
}
