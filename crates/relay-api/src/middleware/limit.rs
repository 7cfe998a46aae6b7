//! How many answers one address may have made for it.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

use tokio::time::Instant;

use crate::{error::ApiError, options::Limits, server::network};

/// Addresses remembered at once; each takes about a hundred bytes.
const MAX_BUCKETS: usize = 50_000;

/// A token bucket per address (per /64 for IPv6).
#[derive(Debug)]
pub(crate) struct RateLimiter {
    per_second: f64,
    burst: f64,
    /// Held for arithmetic only, never across an await.
    buckets: Mutex<HashMap<IpAddr, Bucket>>,
}

#[derive(Debug, Clone, Copy)]
struct Bucket {
    tokens: f64,
    at: Instant,
}

impl RateLimiter {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            per_second: f64::from(limits.requests_per_second.max(1)),
            burst: f64::from(limits.burst.max(1)),
            buckets: Mutex::default(),
        }
    }

    /// Takes one token of an address.
    ///
    /// # Errors
    /// `rate_limited`, with the seconds until there is one again.
    pub(crate) fn take(&self, address: IpAddr) -> Result<(), ApiError> {
        let now = Instant::now();
        let filled = |bucket: &Bucket| {
            let gained = now.duration_since(bucket.at).as_secs_f64() * self.per_second;
            (bucket.tokens + gained).min(self.burst)
        };
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        if buckets.len() >= MAX_BUCKETS {
            // A full bucket says nothing. When all of them are in use the memory bound comes first.
            buckets.retain(|_, bucket| filled(bucket) < self.burst);
            if buckets.len() >= MAX_BUCKETS {
                buckets.clear();
            }
        }
        let bucket = buckets.entry(network(address)).or_insert(Bucket { tokens: self.burst, at: now });
        *bucket = Bucket { tokens: filled(bucket), at: now };
        if bucket.tokens < 1.0 {
            let wait = ((1.0 - bucket.tokens) / self.per_second).ceil();
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 1")]
            return Err(ApiError::rate_limited(wait as u32));
        }
        bucket.tokens -= 1.0;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_then_a_steady_rate_per_address() {
        let limits = Limits { requests_per_second: 2, burst: 3, ..Limits::default() };
        let limiter = RateLimiter::new(&limits);
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        let taken = |address| (0..10).filter(|_| limiter.take(address).is_ok()).count();
        assert_eq!(taken(one), 3);
        assert_eq!(taken(other), 3);
        advance(Duration::from_secs(1)).await;
        assert_eq!(taken(one), 2);
        let refused = limiter.take(one).expect_err("empty");
        assert_eq!(refused.retry_after, Some(1));
    }
}
