//! The thread that writes, and how it is told what to write.

use std::{sync::Arc, thread};

use relay_core::{
    ProbeRecord, Psc,
    ports::{
        Transition,
        repository::{Appended, DayRollup, Error},
    },
};
use tokio::sync::{mpsc, oneshot};

use super::{
    engine::Engine,
    error::closed,
    file::{Lock, Place},
};

/// How many commands may wait. A caller beyond it waits too; batches are as large as callers make them.
const QUEUE: usize = 16;

type Reply<T> = oneshot::Sender<Result<T, Error>>;

enum Command {
    Append { batch: Vec<ProbeRecord>, transition: Arc<dyn Transition>, reply: Reply<Appended> },
    ImportDays { days: Vec<DayRollup>, reply: Reply<()> },
    NameChannels { groups: Vec<Psc>, reply: Reply<u64> },
    Run(Box<dyn FnOnce(&mut Engine) + Send>),
    Ping { reply: Reply<()> },
    Close { reply: Reply<()> },
}

/// The way to the writer thread. The thread ends when the last of these is dropped, or after closing.
#[derive(Debug)]
pub(super) struct Worker {
    commands: mpsc::Sender<Command>,
}

impl Worker {
    /// Starts the thread. It holds the lock as long as it has the database open.
    pub(super) fn start(engine: Engine, lock: Lock, place: Place) -> Result<Self, Error> {
        let (commands, receiver) = mpsc::channel(QUEUE);
        thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || run(engine, lock, &place, receiver))
            .map_err(|error| Error::Unavailable {
                reason: "the writer's thread cannot be started".to_owned(),
                source: Some(Box::new(error)),
            })?;
        Ok(Self { commands })
    }

    /// Appends a batch.
    pub(super) async fn append(
        &self,
        batch: Vec<ProbeRecord>,
        transition: Arc<dyn Transition>,
    ) -> Result<Appended, Error> {
        self.ask(|reply| Command::Append { batch, transition, reply }).await
    }

    /// Brings days in.
    pub(super) async fn import_days(&self, days: Vec<DayRollup>) -> Result<(), Error> {
        self.ask(|reply| Command::ImportDays { days, reply }).await
    }

    /// Moves history to channels that got a name.
    pub(super) async fn name_channels(&self, groups: Vec<Psc>) -> Result<u64, Error> {
        self.ask(|reply| Command::NameChannels { groups, reply }).await
    }

    /// Has the engine do something that needs no command of its own.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Engine) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.ask(|reply| {
            Command::Run(Box::new(move |engine| {
                // A caller that went away does not want the answer.
                let _ = reply.send(work(engine));
            }))
        })
        .await
    }

    /// Looks whether a write can begin.
    pub(super) async fn ping(&self) -> Result<(), Error> {
        self.ask(|reply| Command::Ping { reply }).await
    }

    /// Closes the database and ends the thread.
    pub(super) async fn close(&self) -> Result<(), Error> {
        self.ask(|reply| Command::Close { reply }).await
    }

    async fn ask<T>(&self, command: impl FnOnce(Reply<T>) -> Command) -> Result<T, Error> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| closed())?;
        answer.await.unwrap_or_else(|_| Err(closed()))
    }
}

fn run(mut engine: Engine, lock: Lock, place: &Place, mut commands: mpsc::Receiver<Command>) {
    while let Some(command) = commands.blocking_recv() {
        // A caller that went away does not want the answer; what was committed stays committed.
        match command {
            Command::Append { batch, transition, reply } => {
                let _ = reply.send(place.check().and_then(|()| engine.append(batch, transition.as_ref())));
            }
            Command::ImportDays { days, reply } => {
                let _ = reply.send(engine.import_days(days));
            }
            Command::NameChannels { groups, reply } => {
                let _ = reply.send(engine.name_channels(&groups));
            }
            Command::Run(work) => work(&mut engine),
            Command::Ping { reply } => {
                let _ = reply.send(place.check().and_then(|()| engine.ping()));
            }
            Command::Close { reply } => {
                let closed = engine.close();
                drop(lock);
                let _ = reply.send(closed);
                return;
            }
        }
        engine.tidy();
    }
    if let Err(error) = engine.close() {
        tracing::warn!(error = %error, "the store was not closed in order; nothing is lost");
    }
    drop(lock);
}
