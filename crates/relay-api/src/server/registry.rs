//! Which connections are open, and which one has to go when there are too many.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    net::{IpAddr, Ipv6Addr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio_util::sync::CancellationToken;

use crate::options::Limits;

/// The open connections.
#[derive(Debug)]
pub(crate) struct Registry {
    total: usize,
    per_address: usize,
    /// Counts requests of all connections: the order in which they last asked for something.
    clock: AtomicU64,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    next: u64,
    open: HashMap<u64, Arc<Seat>>,
    addresses: HashMap<IpAddr, usize>,
    /// (last request as it was when noted, connection), oldest on top. What is noted may be out of date: a connection
    /// found on top that has asked since goes back with its true time. So requests never take the lock.
    queue: BinaryHeap<Reverse<(u64, u64)>>,
}

/// One open connection.
#[derive(Debug)]
struct Seat {
    last_request: AtomicU64,
    evicted: CancellationToken,
}

/// A connection's place in the registry; gives it back when dropped.
#[derive(Debug)]
pub(crate) struct Place {
    registry: Arc<Registry>,
    number: u64,
    /// The address it counts for, `None` for a trusted proxy.
    address: Option<IpAddr>,
    seat: Arc<Seat>,
    evicted_another: bool,
}

impl Registry {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            total: limits.connections.max(1),
            per_address: limits.connections_per_address.max(1),
            clock: AtomicU64::new(1),
            inner: Mutex::default(),
        }
    }

    /// Gives a new connection its place; at the cap the one longest without a request loses its own. `None` when the
    /// address has too many already.
    pub(crate) fn admit(self: &Arc<Self>, address: IpAddr, trusted: bool) -> Option<Place> {
        let address = (!trusted).then(|| network(address));
        let mut inner = self.lock();
        if let Some(address) = address {
            let count = inner.addresses.entry(address).or_default();
            if *count >= self.per_address {
                return None;
            }
            *count += 1;
        }
        let evicted_another = inner.open.len() >= self.total && inner.evict_oldest();
        let number = inner.next;
        inner.next += 1;
        let now = self.clock.fetch_add(1, Ordering::Relaxed);
        let seat = Arc::new(Seat { last_request: AtomicU64::new(now), evicted: CancellationToken::new() });
        inner.open.insert(number, Arc::clone(&seat));
        inner.queue.push(Reverse((now, number)));
        inner.compact();
        drop(inner);
        Some(Place { registry: Arc::clone(self), number, address, seat, evicted_another })
    }

    /// The lock is held for counting only, by accepting and closing, never by requests.
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn evict_oldest(&mut self) -> bool {
        while let Some(Reverse((noted, number))) = self.queue.pop() {
            let Some(seat) = self.open.get(&number) else { continue };
            let last = seat.last_request.load(Ordering::Relaxed);
            if last > noted {
                self.queue.push(Reverse((last, number)));
                continue;
            }
            seat.evicted.cancel();
            self.open.remove(&number);
            return true;
        }
        false
    }

    /// Forgets closed connections in the queue before they outnumber the open ones.
    fn compact(&mut self) {
        if self.queue.len() > 2 * self.open.len() + 64 {
            let open = &self.open;
            self.queue.retain(|Reverse((_, number))| open.contains_key(number));
        }
    }
}

impl Seat {
    fn touch(&self, registry: &Registry) {
        let now = registry.clock.fetch_add(1, Ordering::Relaxed);
        self.last_request.store(now, Ordering::Relaxed);
    }
}

impl Place {
    /// Notes that a request has come.
    pub(crate) fn touch(&self) {
        self.seat.touch(&self.registry);
    }

    /// Returns what notes a request, to be called from anywhere.
    pub(crate) fn toucher(&self) -> impl Fn() + Send + Sync + 'static + use<> {
        let (registry, seat) = (Arc::clone(&self.registry), Arc::clone(&self.seat));
        move || seat.touch(&registry)
    }

    /// Completes when another connection takes the place.
    pub(crate) async fn evicted(&self) {
        self.seat.evicted.cancelled().await;
    }

    pub(crate) const fn evicted_another(&self) -> bool {
        self.evicted_another
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut inner = self.registry.lock();
        inner.open.remove(&self.number);
        let Some(address) = self.address else { return };
        if let Some(count) = inner.addresses.get_mut(&address) {
            *count -= 1;
            if *count == 0 {
                inner.addresses.remove(&address);
            }
        }
    }
}

/// What counts as one address: an IPv4 address, or a /64, which one IPv6 client has to itself.
pub(crate) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registry(connections: usize, connections_per_address: usize) -> Arc<Registry> {
        Arc::new(Registry::new(&Limits { connections, connections_per_address, ..Limits::default() }))
    }

    fn address(last: u8) -> IpAddr {
        IpAddr::from([192, 0, 2, last])
    }

    #[test]
    fn at_the_cap_the_one_longest_without_a_request_goes() {
        let registry = registry(3, 10);
        let places: Vec<_> = (0..3).map(|n| registry.admit(address(n), false).expect("a place")).collect();
        places[0].touch();
        let fourth = registry.admit(address(9), false).expect("a place");
        assert!(fourth.evicted_another());
        let gone: Vec<_> = places.iter().map(|place| place.seat.evicted.is_cancelled()).collect();
        assert_eq!(gone, [false, true, false]);
        drop(places);
        assert_eq!(registry.lock().open.len(), 1);
        assert_eq!(registry.lock().addresses.len(), 1);
    }

    #[test]
    fn an_address_has_its_own_cap_and_proxies_have_none() {
        let registry = registry(100, 2);
        let _two = [registry.admit(address(1), false), registry.admit(address(1), false)];
        assert!(registry.admit(address(1), false).is_none());
        assert!(registry.admit(address(2), false).is_some());
        assert!(registry.admit(address(1), true).is_some());
    }

    #[test]
    fn a_v6_network_counts_as_one_address() {
        let of = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::2"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }

    #[test]
    fn churn_leaves_nothing_behind() {
        let registry = registry(10, 10);
        for n in 0..10_000u32 {
            drop(registry.admit(IpAddr::from(n.to_be_bytes()), false));
        }
        let inner = registry.lock();
        assert!(inner.open.is_empty() && inner.addresses.is_empty());
        assert!(inner.queue.len() <= 65, "{}", inner.queue.len());
    }
}
