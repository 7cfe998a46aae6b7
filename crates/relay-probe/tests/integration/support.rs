//! Servers that say exactly what a test wants, byte by byte.

pub(crate) mod resolver;
pub(crate) mod tls;

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use relay_core::{ProbeResult, ProbeSpec, ports::Prober};
use relay_probe::{HttpProber, Options, Roots};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// A server that runs one script per connection until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Starts a server; `script` gets every connection.
    pub(crate) async fn start<F, R>(script: F) -> Self
    where
        F: Fn(TcpStream) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut running = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::Relaxed);
                running.spawn(script(stream));
            }
        });
        Self { address, connections, _tasks: tasks }
    }

    /// Starts a server that answers every request with the same bytes and keeps connections open.
    pub(crate) async fn answering(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::start(move |mut stream| {
            let answer = Arc::clone(&answer);
            async move {
                while read_request(&mut stream).await.is_some() {
                    if stream.write_all(&answer).await.is_err() {
                        return;
                    }
                }
            }
        })
        .await
    }

    /// Starts a server that answers once and closes the connection.
    pub(crate) async fn answering_and_closing(answer: impl Into<Vec<u8>>) -> Self {
        let answer: Arc<[u8]> = answer.into().into();
        Self::start(move |mut stream| {
            let answer = Arc::clone(&answer);
            async move {
                read_request(&mut stream).await;
                // The probe may have hung up already.
                let _ = stream.write_all(&answer).await;
            }
        })
        .await
    }

    /// Returns how many connections were accepted.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }

    /// Returns a GET of `path` on this server, with a generous deadline.
    pub(crate) fn spec(&self, path: &str) -> ProbeSpec {
        get(&format!("http://{}{path}", self.address))
    }
}

/// Returns a GET of `url` with a deadline that only a hanging probe reaches.
pub(crate) fn get(url: &str) -> ProbeSpec {
    let mut spec = ProbeSpec::get(url.parse().expect("a url"));
    spec.timeout = Duration::from_secs(20);
    spec
}

/// Reads one request with its body; `None` when the peer is gone.
pub(crate) async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
            let length = head
                .lines()
                .find_map(|line| line.strip_prefix("content-length:"))
                .map_or(0, |value| value.trim().parse::<usize>().expect("a length"));
            if bytes.len() >= end + 4 + length {
                return Some(String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// Returns a response of HTTP/1.1 with a Content-Length.
pub(crate) fn response(status: &str, headers: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let mut bytes =
        format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n", body.len()).into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Returns a prober that trusts no certificate: reading the machine's takes longer than most tests.
pub(crate) fn prober() -> HttpProber {
    HttpProber::new(Options { roots: Roots::OnlyExtra, ..Options::default() }).expect("a prober")
}

/// Probes once with a prober of its own.
pub(crate) async fn probe(spec: &ProbeSpec) -> ProbeResult {
    prober().probe(spec).await
}

/// Prints what a test usually looks at: colour, cause, code, detail.
pub(crate) fn shown(result: &ProbeResult) -> String {
    let cause = result.sub_status.map_or("-", relay_core::SubStatus::as_str);
    let detail = result.detail.as_deref().unwrap_or("-");
    format!("{} {cause} {} | {detail}", result.status, result.http_code)
}
