//! A web server on loopback that takes notifications and answers as it is told to.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
    sync::Notify,
    task::JoinSet,
    time::{Instant, timeout},
};

/// The most bytes of a body that are taken.
const MAX_BODY: u64 = 4 << 20;

/// A request that came in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    /// When it was there as a whole.
    pub at: Instant,
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Received {
    /// Returns a header by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(header, _)| header == name).map(|(_, value)| value.as_str())
    }

    /// Returns the idempotency key.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn key(&self) -> &str {
        self.header("idempotency-key").expect("a request with an idempotency key")
    }
}

/// How a request is answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// With a code, headers (whole lines) and a body.
    Answer(u16, Vec<String>, String),
    /// Not at all, while the connection stays open.
    Silence,
    /// With a good code, and a body that never ends.
    Endless,
    /// By closing the connection.
    Close,
}

impl Reply {
    /// Returns 200 with this body.
    #[must_use]
    pub fn ok(body: &str) -> Self {
        Self::Answer(200, Vec::new(), body.to_owned())
    }

    /// Returns a code without a body.
    #[must_use]
    pub fn code(code: u16) -> Self {
        Self::Answer(code, Vec::new(), String::new())
    }
}

/// The server; dropping it closes it.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    _serving: JoinSet<()>,
}

#[derive(Debug)]
struct Shared {
    reply: Mutex<Reply>,
    received: Mutex<Vec<Received>>,
    more: Notify,
}

impl Receiver {
    /// Starts a server that answers 200.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn start() -> Self {
        Self::start_at(SocketAddr::from(([127, 0, 0, 1], 0))).await
    }

    /// Starts a server at a place.
    ///
    /// # Panics
    /// When the port is taken.
    pub async fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).await.expect("a port on loopback");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared {
            reply: Mutex::new(Reply::ok("ok")),
            received: Mutex::default(),
            more: Notify::new(),
        });
        let mut serving = JoinSet::new();
        serving.spawn(serve(listener, Arc::clone(&shared)));
        Self { address, shared, _serving: serving }
    }

    /// Returns where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the address of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// Answers every request like this from now on.
    pub fn reply(&self, reply: Reply) {
        *self.shared.reply.lock().unwrap_or_else(PoisonError::into_inner) = reply;
    }

    /// Returns what came so far.
    #[must_use]
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until `count` requests have come, and returns all of them.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn wait_for(&self, count: usize, patience: Duration) -> Vec<Received> {
        self.wait_until(patience, |received| received.len() >= count).await
    }

    /// Waits until what came is as `wanted`, and returns all of it.
    ///
    /// # Panics
    /// When that takes too long.
    pub async fn wait_until(
        &self,
        patience: Duration,
        wanted: impl Fn(&[Received]) -> bool + Send + Sync,
    ) -> Vec<Received> {
        let wait = async {
            loop {
                let more = self.shared.more.notified();
                let received = self.received();
                if wanted(&received) {
                    return received;
                }
                more.await;
            }
        };
        match timeout(patience, wait).await {
            Ok(received) => received,
            Err(_) => panic!("not what was waited for: {:#?}", self.received()),
        }
    }
}

async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(talk(stream, Arc::clone(&shared)));
        while connections.try_join_next().is_some() {}
    }
}

async fn talk(stream: TcpStream, shared: Arc<Shared>) {
    let mut stream = BufReader::new(stream);
    while let Some(request) = read(&mut stream).await {
        let reply = {
            shared.received.lock().unwrap_or_else(PoisonError::into_inner).push(request);
            shared.more.notify_waiters();
            shared.reply.lock().unwrap_or_else(PoisonError::into_inner).clone()
        };
        if write(stream.get_mut(), reply).await.is_none() {
            return;
        }
    }
}

async fn read(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok()?;
    let mut first = line.split_whitespace();
    let (method, target) = (first.next()?.to_owned(), first.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let length: u64 = length.and_then(|(_, value)| value.parse().ok()).unwrap_or_default();
    let mut body = Vec::new();
    stream.take(length.min(MAX_BODY)).read_to_end(&mut body).await.ok()?;
    let body = String::from_utf8_lossy(&body).into_owned();
    Some(Received { at: Instant::now(), method, target, headers, body })
}

/// Answers; `None` when the connection is over.
async fn write(stream: &mut TcpStream, reply: Reply) -> Option<()> {
    match reply {
        Reply::Answer(code, headers, body) => {
            let mut head = format!("HTTP/1.1 {code} Scripted\r\nContent-Length: {}\r\n", body.len());
            for header in headers {
                head.push_str(&header);
                head.push_str("\r\n");
            }
            head.push_str("\r\n");
            stream.write_all(head.as_bytes()).await.ok()?;
            stream.write_all(body.as_bytes()).await.ok()
        }
        Reply::Silence => {
            // Ends when the client has had enough.
            let _ = stream.read_u8().await;
            None
        }
        Reply::Endless => {
            stream.write_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n").await.ok()?;
            let chunk = [b"1000\r\n".as_slice(), &[b'x'; 0x1000], b"\r\n"].concat();
            loop {
                stream.write_all(&chunk).await.ok()?;
            }
        }
        Reply::Close => None,
    }
}
