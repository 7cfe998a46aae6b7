//! Records that wait to be stored.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

use relay_core::ProbeRecord;

/// A bounded queue that drops its oldest record when it is full. Records are numbered from 0 as they come.
#[derive(Debug)]
pub(super) struct Queue {
    capacity: usize,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    waiting: VecDeque<ProbeRecord>,
    /// The number of the record at the front, or of the next one to come.
    front: u64,
    dropped: u64,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Self {
        Self { capacity, inner: Mutex::default() }
    }

    /// Adds a record. Returns whether the writer should look: the queue was empty or has just reached `batch`.
    pub(super) fn push(&self, record: ProbeRecord, batch: usize) -> bool {
        let mut inner = self.lock();
        if inner.waiting.len() >= self.capacity {
            inner.waiting.pop_front();
            inner.front += 1;
            inner.dropped += 1;
        }
        inner.waiting.push_back(record);
        let length = inner.waiting.len();
        length == 1 || length == batch
    }

    /// Takes up to `most` records from the front.
    pub(super) fn take(&self, most: usize) -> Vec<ProbeRecord> {
        let mut inner = self.lock();
        let count = most.min(inner.waiting.len());
        inner.front += count as u64;
        inner.waiting.drain(..count).collect()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().waiting.len()
    }

    /// Returns the number of the first record that still waits; all before it were taken or dropped.
    pub(super) fn front(&self) -> u64 {
        self.lock().front
    }

    /// Returns how many records were ever added.
    pub(super) fn submitted(&self) -> u64 {
        let inner = self.lock();
        inner.front + inner.waiting.len() as u64
    }

    /// Returns how many records were dropped.
    pub(super) fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // Every change is complete before anything can panic.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
