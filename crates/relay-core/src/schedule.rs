//! What the scheduler runs from.

use std::sync::Arc;

use crate::Monitor;

/// How many probes may be in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concurrency {
    /// This many, at least one.
    Limit(usize),
    /// As many as there are active monitors.
    PerMonitor,
}

/// The monitors to probe and how to spread them: one immutable snapshot, replaced as a whole on reload.
#[derive(Debug, Clone, PartialEq)]
pub struct MonitorSet {
    /// All monitors in configuration order; inactive ones are skipped by the plan.
    pub monitors: Vec<Arc<Monitor>>,
    /// How many probes may be in flight.
    pub concurrency: Concurrency,
    /// Whether probes are spread over the interval; otherwise all are due at once.
    pub stagger: bool,
}
