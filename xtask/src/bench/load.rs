//! Asking a server the same thing over many connections at once, as fast as it answers.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Result, ensure};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    sync::Barrier,
    task::JoinSet,
    time::Instant,
};

use super::{encrypted::Encrypted, figure, wire::Connection};

/// How to press.
#[derive(Debug, Clone)]
pub(crate) struct Load {
    /// Whom to ask.
    pub(crate) addr: SocketAddr,
    /// How to speak to whom, if not in clear.
    pub(crate) tls: Option<Encrypted>,
    /// The whole request.
    pub(crate) request: Vec<u8>,
    /// Connections at once, each with one request in flight.
    pub(crate) connections: usize,
    /// How long.
    pub(crate) duration: Duration,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Throughput {
    /// Answers per second.
    pub(crate) per_second: f64,
    /// Time of the middle answer.
    pub(crate) p50: Duration,
    /// Time under which 99 of 100 answers stay.
    pub(crate) p99: Duration,
}

impl Load {
    /// Presses on this thread alone, so that the server has the other processors to itself.
    ///
    /// # Errors
    /// When an answer is not 200, or a connection breaks.
    pub(crate) fn press(&self) -> Result<Throughput> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(self.run())
    }

    async fn run(&self) -> Result<Throughput> {
        let mut connections = JoinSet::new();
        let open = Arc::new(Barrier::new(self.connections + 1));
        for _ in 0..self.connections {
            connections.spawn(ask(self.clone(), Arc::clone(&open)));
        }
        // Opening is not counted: over TLS it takes longer than many an answer.
        open.wait().await;
        let start = Instant::now();
        let mut times = Vec::new();
        while let Some(done) = connections.join_next().await {
            times.extend(done??);
        }
        let took = start.elapsed();
        times.sort_unstable();
        Ok(Throughput {
            per_second: figure::per_second(times.len() as u64, took),
            p50: figure::quantile(&times, 0.5),
            p99: figure::quantile(&times, 0.99),
        })
    }
}

/// Asks over one connection, for as long as it is pressed once all are `open`; returns how long each answer took.
async fn ask(load: Load, open: Arc<Barrier>) -> Result<Vec<Duration>> {
    match &load.tls {
        Some(tls) => ask_over(&load, tls.connect(load.addr).await.map(Connection::over), &open).await,
        None => ask_over(&load, Connection::open(load.addr).await, &open).await,
    }
}

async fn ask_over<S: AsyncRead + AsyncWrite + Unpin>(
    load: &Load,
    connection: Result<Connection<S>>,
    open: &Barrier,
) -> Result<Vec<Duration>> {
    // Whoever has no connection is waited for too.
    open.wait().await;
    let (mut connection, end) = (connection?, Instant::now() + load.duration);
    let mut times = Vec::new();
    loop {
        let start = Instant::now();
        if start >= end {
            return Ok(times);
        }
        let (code, _) = connection.exchange(&load.request).await?;
        ensure!(code == 200, "the server answered {code}");
        times.push(start.elapsed());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::{bare::BareServer, wire};

    #[test]
    fn a_bare_server_answers_under_load() {
        let headers = vec![("content-type".to_owned(), "text/plain".to_owned())];
        let server = BareServer::start(wire::Answer { code: 200, headers, body: b"hello".to_vec() })
            .expect("a server");
        let load = Load {
            addr: server.addr(),
            tls: None,
            request: wire::get("/", "identity"),
            connections: 4,
            duration: Duration::from_millis(50),
        };
        let throughput = load.press().expect("answers");
        assert!(throughput.per_second > 10.0, "{throughput:?}");
        assert!(throughput.p50 <= throughput.p99, "{throughput:?}");
    }

    #[test]
    fn an_error_answer_fails_the_measurement() {
        let server = BareServer::start(wire::Answer { code: 503, headers: Vec::new(), body: Vec::new() })
            .expect("a server");
        let load = Load {
            addr: server.addr(),
            tls: None,
            request: wire::get("/", "identity"),
            connections: 1,
            duration: Duration::from_secs(1),
        };
        let error = load.press().expect_err("refused");
        assert_eq!(error.to_string(), "the server answered 503");
    }
}
