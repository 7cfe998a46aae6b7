//! A relay while it is being served.

use std::{
    collections::HashMap,
    sync::{
        PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;

use crate::{
    behaviour::{Behaviour, Latency},
    dialect::{Mode, Reply, tokens},
    relay::Relay,
    rng,
    sim::{Counts, TimeSource},
};

/// What a request was given on arrival.
#[derive(Clone, Copy)]
pub(super) struct Ticket {
    /// Which request of the relay it is, from 0.
    number: u64,
    /// Feeds the ids of its answer.
    pub(super) id: u64,
    /// Unix seconds.
    pub(super) time: i64,
}

/// A relay with its counters, its forced behaviour, and its prebuilt answers.
pub(crate) struct Live {
    relay: Relay,
    seed: u64,
    now: TimeSource,
    /// Set through the handle; read once per request, never held across an await.
    forced: RwLock<Option<Behaviour>>,
    requests: AtomicU64,
    unauthorized: AtomicU64,
    answered: AtomicU64,
    /// Healthy answers to the ordinary question by model: plain, stream, streamed array.
    prebuilt: HashMap<String, [Bytes; 3]>,
}

// === impl Live ===

impl Live {
    pub(crate) fn new(relay: Relay, seed: u64, now: TimeSource) -> Self {
        let prebuilt = relay
            .models
            .iter()
            .map(|model| (model.name.clone(), prebuild(&relay, &model.name, now())))
            .collect();
        Self {
            seed,
            now,
            forced: RwLock::new(None),
            requests: AtomicU64::new(0),
            unauthorized: AtomicU64::new(0),
            answered: AtomicU64::new(0),
            prebuilt,
            relay,
        }
    }

    pub(crate) fn relay(&self) -> &Relay {
        &self.relay
    }

    pub(crate) fn force(&self, behaviour: Option<Behaviour>) {
        *self.forced.write().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }

    pub(crate) fn counts(&self) -> Counts {
        Counts {
            requests: self.requests.load(Ordering::Relaxed),
            unauthorized: self.unauthorized.load(Ordering::Relaxed),
            answered: self.answered.load(Ordering::Relaxed),
        }
    }

    pub(super) fn count_unauthorized(&self) {
        self.unauthorized.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_answered(&self) {
        self.answered.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn ticket(&self) -> Ticket {
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        Ticket { number, id: rng::mix(self.relay.seed("", self.seed), number), time: (self.now)() }
    }

    pub(super) fn knows(&self, model: &str) -> bool {
        self.prebuilt.contains_key(model)
    }

    /// Resolves what a request meets, and after what latency.
    pub(super) fn meet(&self, model: &str, ticket: &Ticket) -> (Behaviour, Duration) {
        let draw = rng::mix(self.relay.seed(model, self.seed), ticket.number);
        let forced = self.forced.read().unwrap_or_else(PoisonError::into_inner);
        let planned = || self.relay.in_force(model, self.seed, ticket.time);
        let behaviour = forced.as_ref().unwrap_or_else(planned).meets(draw, ticket.number);
        if behaviour.latency(self.relay.latency) == Latency::ZERO {
            return (behaviour.clone(), Duration::ZERO);
        }
        let latency = self.relay.latency_ms(behaviour, draw, ticket.time);
        (behaviour.clone(), Duration::from_millis(latency.into()))
    }

    /// Returns the prebuilt healthy answer in this form.
    pub(super) fn prebuilt(&self, model: &str, mode: Mode) -> Option<Bytes> {
        self.prebuilt.get(model).map(|forms| forms[mode as usize].clone())
    }
}

fn prebuild(relay: &Relay, model: &str, created: i64) -> [Bytes; 3] {
    let reply = Reply {
        id: rng::name(model),
        model,
        text: &relay.answer,
        thinking: relay.thinking.as_deref(),
        prompt_tokens: tokens(&relay.prompt),
        created,
    };
    [Mode::Plain, Mode::Stream, Mode::StreamArray].map(|mode| match mode {
        Mode::Plain => relay.dialect.plain(&reply).into(),
        _ => relay.dialect.frames(mode, &reply).concat().into(),
    })
}
