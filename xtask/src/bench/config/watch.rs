//! Watching a server that probes and answers: with reloads, and without.

use std::{
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context as _, Result, ensure};
use tokio::{
    task::{JoinSet, spawn_blocking},
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{file, lateness::Lateness};
use crate::bench::{
    figure::millis,
    server::Server,
    wire::{self, Connection},
};

/// What is asked for all the time: an answer that costs nothing, and one from the cache, which each reload empties.
pub(super) const ASKED: [&str; 2] = ["/health", "/api/status?provider=provider-7"];

/// Between two questions of a client, so that it takes no processor from the server.
const BREATH: Duration = Duration::from_millis(2);

/// Between two reloads, and between nothing and nothing.
const PAUSE: Duration = Duration::from_millis(1500);

/// How long the server may take to do anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// What was seen in a while.
#[derive(Debug)]
pub(super) struct Seen {
    /// How long each answer took, sorted, for each path of [`ASKED`].
    pub(super) answers: Vec<Vec<Duration>>,
    /// How late probes started.
    pub(super) probes: Lateness,
    /// How many milliseconds each reload took, from the replaced file to the new generation.
    pub(super) reloads: Vec<f64>,
}

/// A server that is watched.
pub(super) struct Watch<'a> {
    server: &'a Server,
    folder: PathBuf,
    control: Connection,
}

impl<'a> Watch<'a> {
    /// Begins to watch a server whose configuration is in `folder`.
    ///
    /// # Errors
    /// When it does not answer.
    pub(super) async fn open(server: &'a Server, folder: &Path) -> Result<Self> {
        Ok(Self { server, folder: folder.to_owned(), control: Connection::open(server.addr()).await? })
    }

    /// Waits until probes are being made.
    ///
    /// # Errors
    /// When none is made.
    pub(super) async fn until_probing(&mut self) -> Result<()> {
        let end = Instant::now() + PATIENCE;
        while self.probes().await?.count() < 100 {
            ensure!(Instant::now() < end, "the server does not probe");
            sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Watches as long as so many reloads would take, without any.
    ///
    /// # Errors
    /// When an answer is not 200.
    pub(super) async fn quietly(&mut self, rounds: usize) -> Result<Seen> {
        self.watch(vec![None; rounds]).await
    }

    /// Watches while the configuration is replaced by these texts, one after the other.
    ///
    /// # Errors
    /// When an answer is not 200, or a reload takes too long.
    pub(super) async fn reloading(&mut self, texts: Vec<String>) -> Result<Seen> {
        self.watch(texts.into_iter().map(Some).collect()).await
    }

    async fn watch(&mut self, rounds: Vec<Option<String>>) -> Result<Seen> {
        let before = self.probes().await?;
        let stop = CancellationToken::new();
        let mut clients = JoinSet::new();
        for (which, path) in ASKED.iter().enumerate() {
            let (addr, stop) = (self.server.addr(), stop.clone());
            clients.spawn(async move { Ok::<_, anyhow::Error>((which, ask(addr, path, stop).await?)) });
        }
        let mut reloads = Vec::new();
        for round in rounds {
            sleep(PAUSE).await;
            if let Some(text) = round {
                reloads.push(millis(self.reload(text).await?));
            }
        }
        sleep(PAUSE).await;
        stop.cancel();
        let mut answers = vec![Vec::new(); ASKED.len()];
        while let Some(done) = clients.join_next().await {
            let (which, times) = done??;
            answers[which] = times;
        }
        Ok(Seen { answers, probes: self.probes().await?.since(&before), reloads })
    }

    /// Replaces the file and waits for the next generation.
    async fn reload(&mut self, text: String) -> Result<Duration> {
        let (before, start) = (self.generation().await?, Instant::now());
        let folder = self.folder.clone();
        // On another thread: the clients of this one must not wait for the disk.
        spawn_blocking(move || file::put(&folder, &text)).await??;
        while self.generation().await? == before {
            ensure!(start.elapsed() < PATIENCE, "the server did not reload");
            sleep(Duration::from_millis(5)).await;
        }
        Ok(start.elapsed())
    }

    async fn generation(&mut self) -> Result<u64> {
        let answer = self.control.fetch(&wire::get("/ready", "identity")).await?;
        let ready: serde_json::Value = serde_json::from_slice(&answer.body).context("/ready is no JSON")?;
        ready["config_generation"].as_u64().with_context(|| format!("/ready tells no generation: {ready}"))
    }

    async fn probes(&mut self) -> Result<Lateness> {
        let answer = self.control.fetch(&wire::get("/metrics", "identity")).await?;
        Lateness::parse(&String::from_utf8_lossy(&answer.body))
    }
}

/// Asks again and again until `stop`; returns how long each answer took, sorted.
async fn ask(addr: std::net::SocketAddr, path: &str, stop: CancellationToken) -> Result<Vec<Duration>> {
    let (mut connection, request) = (Connection::open(addr).await?, wire::get(path, "identity"));
    let mut times = Vec::new();
    while !stop.is_cancelled() {
        let start = Instant::now();
        let (code, _) = connection.exchange(&request).await?;
        ensure!(code == 200, "{path} was answered with {code}");
        times.push(start.elapsed());
        sleep(BREATH).await;
    }
    times.sort_unstable();
    Ok(times)
}
