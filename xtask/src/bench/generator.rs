//! Made-up history: the same for everybody who uses the same seed, and plausible enough that nothing in it is easier
//! to store or to count than the real thing.

use relay_core::{
    MonitorKey, ProbeRecord, ProbeResult, Status, SubStatus, UnixSeconds,
    record::{Source, Timings},
};

use super::figure;

/// Changes whenever the same options would give other records: kept databases of older versions are not used then.
pub(crate) const VERSION: u32 = 1;

/// What is generated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Generator {
    /// Decides every draw.
    pub(crate) seed: u64,
    /// How many monitors there are.
    pub(crate) monitors: u32,
    /// How many records each of them has.
    pub(crate) records: u32,
    /// Seconds between two records of a monitor.
    pub(crate) interval: i64,
    /// The time just after the last record.
    pub(crate) end: UnixSeconds,
}

impl Generator {
    /// Returns the key of a monitor: a provider has four of them.
    pub(crate) fn key(&self, monitor: u32) -> MonitorKey {
        let service = ["cc", "cx", "gm", "cc"][monitor as usize % 4];
        let channel = ["vip", "", "std", "free"][monitor as usize % 4];
        MonitorKey::from_parts(&format!("provider-{:03}", monitor / 4), service, channel, "")
    }

    /// Returns the keys of all monitors, in their order.
    pub(crate) fn keys(&self) -> Vec<MonitorKey> {
        (0..self.monitors).map(|monitor| self.key(monitor)).collect()
    }

    /// Returns how many records there are in all.
    pub(crate) fn total(&self) -> u64 {
        u64::from(self.monitors) * u64::from(self.records)
    }

    /// Returns what is generated, for people.
    pub(crate) fn words(&self) -> String {
        let Self { monitors, records, interval, .. } = *self;
        let days = i64::from(records) * interval / 86_400;
        #[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
        let total = figure::thousands(self.total() as f64);
        format!("{monitors} monitors × {days} d ({total} records)")
    }

    /// Returns all records, oldest first, in batches of `size`.
    pub(crate) fn batches(&self, size: usize) -> impl Iterator<Item = Vec<ProbeRecord>> + use<> {
        let (generator, keys) = (*self, self.keys());
        let mut numbers = 0..self.total();
        std::iter::from_fn(move || {
            let batch: Vec<_> =
                numbers.by_ref().take(size).map(|number| generator.numbered(number, &keys)).collect();
            (!batch.is_empty()).then_some(batch)
        })
    }

    /// Returns the record with a number, counted in the order of time.
    fn numbered(&self, number: u64, keys: &[MonitorKey]) -> ProbeRecord {
        let monitors = u64::from(self.monitors);
        let monitor = u32::try_from(number % monitors).unwrap_or_default();
        let index = u32::try_from(number / monitors).unwrap_or(u32::MAX);
        ProbeRecord { key: keys[monitor as usize].clone(), ..self.record(monitor, index) }
    }

    /// Returns one record of a monitor; `index` counts from the oldest.
    pub(crate) fn record(&self, monitor: u32, index: u32) -> ProbeRecord {
        let age = i64::from(self.records - index) * self.interval;
        // Monitors are probed one after the other within their interval, not all at once.
        let phase = i64::from(monitor) * self.interval / i64::from(self.monitors.max(1));
        ProbeRecord {
            key: self.key(monitor),
            timestamp: self.end - age + phase,
            source: Source::Schedule,
            result: self.result(monitor, index),
        }
    }

    fn result(&self, monitor: u32, index: u32) -> ProbeResult {
        let draw = mix(mix(self.seed, u64::from(monitor)), u64::from(index));
        // Trouble comes in hours, one in sixty; outside of it one probe in two hundred fails.
        let hour = mix(mix(self.seed ^ 0x5eed, u64::from(monitor)), u64::from(index / 60));
        let in_trouble = hour.is_multiple_of(60) && draw % 10 < 8;
        let fails = in_trouble || draw.is_multiple_of(200);
        let base = 300 + mix(self.seed, u64::from(monitor)) % 1500;
        let spread = (draw >> 20) % 400 + (draw >> 32) % 400;
        let latency_ms = u32::try_from(base + spread).unwrap_or(u32::MAX);
        let (status, sub_status, http_code) = if fails {
            let (cause, code) = FAILURES[usize::try_from(hour % 8).unwrap_or_default()];
            (Status::Red, Some(cause), code)
        } else if (draw >> 8).is_multiple_of(50) {
            (Status::Yellow, Some(SubStatus::SlowLatency), 200)
        } else {
            (Status::Green, None, 200)
        };
        let streamed = monitor.is_multiple_of(2) && !fails;
        ProbeResult {
            status,
            sub_status,
            http_code,
            latency_ms,
            timings: Timings {
                first_token_ms: streamed.then_some(latency_ms + 35),
                total_ms: (http_code > 0).then_some(latency_ms + 180),
                ..Timings::default()
            },
            detail: fails.then(|| format!("upstream said: no capacity left (request {:08x})", draw >> 32)),
        }
    }
}

const FAILURES: [(SubStatus, u16); 8] = [
    (SubStatus::ServerError, 500),
    (SubStatus::ServerError, 502),
    (SubStatus::ServerError, 503),
    (SubStatus::RateLimit, 429),
    (SubStatus::NetworkError, 0),
    (SubStatus::AuthError, 401),
    (SubStatus::ContentMismatch, 200),
    (SubStatus::ServerError, 503),
];

/// Mixes two numbers into one that looks random: the finisher of `SplitMix64` (Steele, Lea, Flood, OOPSLA 2014).
fn mix(seed: u64, value: u64) -> u64 {
    let mut z = seed ^ value.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Generator =
        Generator { seed: 7, monitors: 12, records: 1000, interval: 60, end: 1_800_000_000 };

    #[test]
    fn the_same_seed_gives_the_same_records_and_another_gives_others() {
        assert_eq!(SMALL.record(3, 77), SMALL.record(3, 77));
        let other = Generator { seed: 8, ..SMALL };
        assert!((0..1000).any(|index| other.result(3, index) != SMALL.result(3, index)));
    }

    #[test]
    fn batches_hold_every_record_once_and_in_the_order_of_time() {
        let batches: Vec<_> = SMALL.batches(700).collect();
        assert_eq!(batches.len(), 18);
        let all: Vec<_> = batches.concat();
        assert_eq!(all.len(), 12_000);
        assert!(all.is_sorted_by_key(|record| record.timestamp));
        assert!(all.iter().all(|record| record.timestamp < SMALL.end));
        assert_eq!(all[12 * 5 + 3], SMALL.record(3, 5));
    }

    #[test]
    fn keys_are_unique_and_every_kind_of_record_occurs() {
        let keys = Generator { monitors: 1000, ..SMALL }.keys();
        let unique: std::collections::BTreeSet<_> = keys.iter().collect();
        assert_eq!(unique.len(), 1000);
        let all: Vec<_> = SMALL.batches(1000).flatten().collect();
        let share = |status: Status| all.iter().filter(|record| record.result.status == status).count();
        assert!((10_000..12_000).contains(&share(Status::Green)), "{}", share(Status::Green));
        assert!(share(Status::Yellow) > 100, "{}", share(Status::Yellow));
        assert!(share(Status::Red) > 50, "{}", share(Status::Red));
    }
}
