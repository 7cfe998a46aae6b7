//! A dispatcher over a repository in memory, and records that make events.

use std::{sync::Arc, time::Duration};

use relay_core::{
    Secret, SubStatus,
    egress::PrivateNetworks,
    ports::{
        Clock as _,
        repository::{Appended, Records as _},
    },
};
use relay_events::{
    DispatchDeps, DispatchOptions, Dispatcher, Notification,
    notify::{Destination, Rules, Target, Transport, Webhook},
};
use relay_testkit::{ManualClock, MemoryRepository, key, record, suite::Blinker};
use tokio::{sync::broadcast, task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;

/// Long enough for a busy machine; nothing should come near it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Scene {
    pub(crate) clock: Arc<ManualClock>,
    pub(crate) repository: Arc<MemoryRepository>,
    pub(crate) dispatcher: Dispatcher,
    committed: broadcast::Sender<Arc<Appended>>,
    stop: CancellationToken,
    running: JoinSet<()>,
}

impl Scene {
    /// Starts a dispatcher over an empty repository.
    pub(crate) async fn start(notifications: Vec<Notification>) -> Self {
        let clock = Arc::new(ManualClock::at_secs(1_773_146_096));
        let repository = Arc::new(MemoryRepository::new(clock.clone()));
        Self::start_over(clock, repository, notifications).await
    }

    /// Starts a dispatcher over what another one left behind, and waits until it is at work.
    pub(crate) async fn start_over(
        clock: Arc<ManualClock>,
        repository: Arc<MemoryRepository>,
        notifications: Vec<Notification>,
    ) -> Self {
        Self::run(clock, repository, broadcast::Sender::new(64), true, notifications).await
    }

    /// Starts another dispatcher on the same store, as a second process does.
    pub(crate) async fn beside(&self, notifications: Vec<Notification>) -> Self {
        let (clock, repository) = (self.clock.clone(), self.repository.clone());
        Self::run(clock, repository, self.committed.clone(), false, notifications).await
    }

    async fn run(
        clock: Arc<ManualClock>,
        repository: Arc<MemoryRepository>,
        committed: broadcast::Sender<Arc<Appended>>,
        alone: bool,
        notifications: Vec<Notification>,
    ) -> Self {
        let deps = DispatchDeps {
            events: repository.clone(),
            outbox: repository.clone(),
            transport: Arc::new(Transport::new(Vec::new()).expect("TLS")),
            clock: clock.clone(),
        };
        let options =
            DispatchOptions { alone, poll: Duration::from_millis(50), ..DispatchOptions::default() };
        let dispatcher = Dispatcher::new(options, deps);
        let names: Vec<String> = notifications.iter().map(|one| one.name.clone()).collect();
        dispatcher.configure(notifications);
        let stop = CancellationToken::new();
        let mut running = JoinSet::new();
        let (own, listen, stopped) = (dispatcher.clone(), committed.subscribe(), stop.clone());
        running.spawn(async move { own.run(listen, stopped).await });
        let scene = Self { clock, repository, dispatcher, committed, stop, running };
        scene
            .eventually("every notification begins", async |scene| {
                use relay_core::ports::repository::Outbox as _;
                let cursors = scene.repository.cursors().await.expect("working");
                names.iter().all(|name| cursors.iter().any(|(known, _)| known == name))
            })
            .await;
        scene
    }

    /// Looks again until something is so.
    pub(crate) async fn eventually(&self, what: &str, is_so: impl AsyncFn(&Self) -> bool) {
        let end = Instant::now() + PATIENCE;
        while !is_so(self).await {
            assert!(Instant::now() < end, "not in time: {what}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Lets a monitor go down or come back: its first record is good, and each other one flips it.
    pub(crate) async fn report(&self, monitor: &str, up: bool) {
        let key = key(monitor);
        let now = self.clock.now().as_secs();
        let good = record(&key, now - 1).build();
        let told = record(&key, now);
        let told = if up { told.build() } else { told.red(SubStatus::ServerError, 503).build() };
        let blinker = Arc::new(Blinker { patience: 1 });
        let batch = if up { vec![told] } else { vec![good, told] };
        let appended = self.repository.append(batch, blinker).await.expect("stored");
        assert_eq!(appended.events.len(), 1, "an event");
        self.committed.send(Arc::new(appended)).expect("somebody listens");
    }

    /// Stops as an operator does.
    pub(crate) async fn stop(mut self) {
        self.stop.cancel();
        while let Some(ended) = self.running.join_next().await {
            ended.expect("no panic");
        }
    }
}

/// A webhook to an address, told everything.
pub(crate) fn webhook(name: &str, url: &str) -> Notification {
    guarded(name, url, PrivateNetworks::Allow)
}

/// A webhook that may go to some addresses only.
pub(crate) fn guarded(name: &str, url: &str, egress: PrivateNetworks) -> Notification {
    let webhook = Webhook {
        url: Secret::new(url),
        method: http::Method::POST,
        headers: Vec::new(),
        body: Some(Secret::new("{{ event.type }} {{ event.provider }}")),
    };
    let target = Target::new(Destination::Webhook(webhook), None, egress).expect("a target");
    Notification { name: name.to_owned(), rules: Rules::default(), target }
}
