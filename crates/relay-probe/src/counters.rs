//! What a prober counts of its own work.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use relay_core::ports::{MetricSource, metrics::MetricSink};

use crate::failure::Kind;

/// The numbers of one prober, or of several that share them: clones count together, so a program that replaces its
/// prober keeps counting where it was. No label names a monitor or an upstream.
#[derive(Debug, Clone, Default)]
pub struct Counters(Arc<Numbers>);

#[derive(Debug, Default)]
struct Numbers {
    opened: AtomicU64,
    reused: AtomicU64,
    redirects: AtomicU64,
    bytes: AtomicU64,
    capped: AtomicU64,
    failures: [AtomicU64; Kind::ALL.len()],
}

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

// === impl Counters ===

impl Counters {
    /// Counts a connection that was made for a request.
    pub(crate) fn opened(&self) {
        add(&self.0.opened, 1);
    }

    /// Counts a request that got its answer on a connection that was there.
    pub(crate) fn reused(&self) {
        add(&self.0.reused, 1);
    }

    /// Counts a redirect that was followed.
    pub(crate) fn redirected(&self) {
        add(&self.0.redirects, 1);
    }

    /// Counts a body by its decoded length, and whether reading stopped at the cap.
    pub(crate) fn read(&self, bytes: usize, capped: bool) {
        add(&self.0.bytes, bytes as u64);
        add(&self.0.capped, u64::from(capped));
    }

    /// Counts a probe that got no usable answer.
    pub(crate) fn failed(&self, kind: Kind) {
        if let Some(at) = Kind::ALL.iter().position(|known| *known == kind) {
            add(&self.0.failures[at], 1);
        }
    }
}

impl MetricSource for Counters {
    fn collect(&self, out: &mut dyn MetricSink) {
        let numbers = &*self.0;
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        for (kind, counter) in [("opened", &numbers.opened), ("reused", &numbers.reused)] {
            let help = "Requests of probes, by whether a connection was opened for them or was there.";
            out.counter("relay_prober_connections_total", help, &[("kind", kind)], get(counter));
        }
        for (kind, counter) in Kind::ALL.iter().zip(&numbers.failures) {
            let help = "Probes without a usable answer, by where they failed.";
            out.counter("relay_prober_failures_total", help, &[("kind", kind.as_str())], get(counter));
        }
        for (name, help, counter) in [
            ("relay_prober_redirects_total", "Redirects that were followed.", &numbers.redirects),
            ("relay_prober_body_bytes_total", "Decoded bytes of bodies that were read.", &numbers.bytes),
            ("relay_prober_bodies_capped_total", "Bodies that went on past the cap.", &numbers.capped),
        ] {
            out.counter(name, help, &[], get(counter));
        }
    }
}
