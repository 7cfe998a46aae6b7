//! One attempt to deliver a message.

use std::{sync::Arc, time::Duration};

use relay_core::{
    Timestamp,
    delivery::{Conversation, Delivery},
    ports::{
        Clock,
        repository::{Changed, Error, Outbox, Step},
    },
};
use tokio::time::sleep;
use tracing::{debug, error, info, warn};

use super::channel::Slot;
use crate::notify::{
    Message, Transport, backoff,
    talk::{self, Outcome},
};

/// Between two tries to write down how an attempt ended, while the store is away.
const AGAIN: Duration = Duration::from_millis(500);

/// How often that is tried; afterwards the lease has run out.
const TRIES: u32 = 20;

/// A message, leased for an attempt.
pub(super) struct Attempt {
    pub(super) outbox: Arc<dyn Outbox>,
    pub(super) transport: Arc<Transport>,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) message: Message,
    /// Which lease this is.
    pub(super) leased_until: Option<Timestamp>,
    pub(super) jitter: f64,
    pub(super) slot: Slot,
}

impl Attempt {
    /// Makes the attempt and writes down how it ended.
    pub(super) async fn make(self) {
        let now = self.clock.now();
        // Boxed: the future of a whole exchange is large.
        let answer = Box::pin(self.slot.target().send(&self.transport, &self.message, now)).await;
        let now = self.clock.now();
        if let Outcome::Failed { retry_after: Some(asked), .. } = &answer.outcome {
            self.slot.pause_until(now.plus(backoff::pause(1, Some(*asked), self.jitter)));
        }
        for _ in 0..TRIES {
            match self.write_down(&answer.outcome, now).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    debug!(%error, "how a delivery ended cannot be written down yet");
                    sleep(AGAIN).await;
                }
            }
        }
        warn!(
            notification = self.slot.name(),
            "how a delivery ended could not be written down; it is made again"
        );
    }

    /// Returns whether it is written down, or not to be.
    async fn write_down(&self, outcome: &Outcome, now: Timestamp) -> Result<bool, Error> {
        let psc = std::slice::from_ref(&self.message.psc);
        let Some(mut conversation) =
            self.outbox.conversations(self.slot.name(), psc).await?.into_iter().next()
        else {
            return Ok(true);
        };
        if !self.is_mine(&conversation) {
            debug!(notification = self.slot.name(), "the lease was lost; somebody else tells how it ends");
            return Ok(true);
        }
        let from = Some(conversation.version);
        let settled = talk::settle(self.slot.rules(), &mut conversation, outcome.clone(), now, self.jitter);
        let step = Step {
            cursor: None,
            conversations: vec![Changed { from, to: conversation }],
            settled: settled.iter().cloned().collect(),
        };
        let made = self.outbox.step(step).await?;
        if made {
            self.tell(outcome, settled.as_ref(), now);
        }
        Ok(made)
    }

    fn is_mine(&self, conversation: &Conversation) -> bool {
        conversation.sending.as_ref().is_some_and(|sending| {
            sending.key == self.message.key && sending.leased_until == self.leased_until
        })
    }

    fn tell(&self, outcome: &Outcome, settled: Option<&Delivery>, now: Timestamp) {
        let (notification, kind) = (self.slot.name(), self.slot.kind());
        let (channel, key) = (&self.message.psc, &self.message.key);
        match (outcome, settled) {
            (Outcome::Delivered, settled) => {
                let attempts = settled.map_or(1, |settled| settled.attempts);
                if self.slot.works() {
                    info!(notification, "type" = kind, "notifications get through again");
                }
                debug!(notification, "type" = kind, %channel, key, attempts, "notified");
            }
            (Outcome::Failed { error, .. }, Some(settled)) => {
                self.slot.fails(now, error, true);
                let attempts = settled.attempts;
                error!(notification, "type" = kind, %channel, key, attempts, cause = error, "a notification was given up");
            }
            (Outcome::Failed { error, .. }, None) => {
                if self.slot.fails(now, error, false) {
                    warn!(notification, "type" = kind, %channel, key, cause = error, "a notification cannot be delivered; it is tried again");
                } else {
                    debug!(notification, "type" = kind, %channel, key, cause = error, "a notification cannot be delivered yet");
                }
            }
        }
    }
}
