//! How fast probes are, beside a bare hyper client in the same run, and how fast streams are read.
//!
//! ```text
//! cargo bench -p relay-probe --bench speed
//! ```
//!
//! A canned server runs on a thread of its own; the client under test on another, with one thread, whose CPU time is
//! what a request costs. Then the prober runs on two threads for its throughput.

#![expect(clippy::print_stdout, reason = "a program that prints its figures")]

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use relay_core::{
    ProbeSpec, Status,
    ports::Prober,
    target::{Connection, Header},
};
use relay_probe::{HttpProber, Options, Resolver, Roots, stream::StreamReader};
use rustix::time::{ClockId, clock_gettime};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::Resumption,
    pki_types::{PrivateKeyDer, ServerName},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    runtime::{Builder, Runtime},
    task::JoinSet,
    time::Instant,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};

const BODY: &str =
    r#"{"model":"m","max_tokens":8,"messages":[{"role":"user","content":"Reply with exactly: pong"}]}"#;
const ANSWER: &str = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 103\r\n\r\n\
    {\"id\":\"chatcmpl-1\",\"model\":\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\",\"content\":\"pong\"}}]}";
const CONNECTIONS: usize = 32;
const TIME: Duration = Duration::from_secs(3);

fn main() {
    let port = serve();
    let url = format!("http://127.0.0.1:{port}/v1/chat/completions");
    println!("one client thread, {CONNECTIONS} keep-alive connections, {TIME:?} each");
    let bare = measure("bare hyper", || bare_hyper(port));
    let plain = measure("prober", || probes(&url, None));
    let keyword = measure("prober, success_contains", || probes(&url, Some("pong")));
    println!("CPU per probe: {:.2} and {:.2} times a bare hyper request", plain / bare, keyword / bare);
    let tls = Tls::serve();
    let bare_tls = measure("bare hyper, fresh TLS", || tls.bare_hyper());
    let probe_tls = measure("prober, fresh TLS", || tls.probes());
    println!(
        "CPU per probe on a fresh TLS connection: {:.2} times a bare hyper request",
        probe_tls / bare_tls
    );
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime");
    let (count, elapsed) = runtime.block_on(probes(&url, Some("pong")));
    println!("prober on two threads: {:.0} probes/s", count as f64 / elapsed.as_secs_f64());
    read_streams();
}

/// Runs `work` on a thread of one and returns the CPU microseconds per request.
fn measure<F: Future<Output = (u64, Duration)>>(name: &str, work: impl Fn() -> F) -> f64 {
    let runtime = current_thread();
    let before = cpu_time();
    let (count, elapsed) = runtime.block_on(work());
    let micros = (cpu_time() - before).as_secs_f64() * 1e6 / count as f64;
    println!(
        "{name:<26} {:>8.0} requests/s  {micros:>6.2} µs CPU each",
        count as f64 / elapsed.as_secs_f64()
    );
    micros
}

fn current_thread() -> Runtime {
    Builder::new_current_thread().enable_all().build().expect("a runtime")
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Starts a server that answers every read with the same bytes: requests here fit into one packet.
fn serve() -> u16 {
    let (send, receive) = std::sync::mpsc::channel();
    thread::spawn(move || {
        current_thread().block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
            send.send(listener.local_addr().expect("an address").port()).expect("received");
            let mut connections = JoinSet::new();
            while let Ok((mut stream, _)) = listener.accept().await {
                connections.spawn(async move {
                    let _ = stream.set_nodelay(true);
                    let mut buffer = [0; 4096];
                    while stream.read(&mut buffer).await.is_ok_and(|length| length > 0) {
                        if stream.write_all(ANSWER.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
    });
    receive.recv().expect("a port")
}

/// Repeats `request` on every connection until the time is over.
async fn repeat<F, R>(start: impl Fn() -> F) -> (u64, Duration)
where
    F: Future<Output = R> + Send + 'static,
    R: Requests,
{
    let count = Arc::new(AtomicU64::new(0));
    let begin = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..CONNECTIONS {
        let (count, client) = (Arc::clone(&count), start());
        tasks.spawn(async move {
            let mut client = client.await;
            while begin.elapsed() < TIME {
                client.request().await;
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    tasks.join_all().await;
    (count.load(Ordering::Relaxed), begin.elapsed())
}

trait Requests: Send + 'static {
    fn request(&mut self) -> impl Future<Output = ()> + Send;
}

struct Bare {
    sender: http1::SendRequest<Full<Bytes>>,
    _driver: JoinSet<()>,
    host: HeaderValue,
}

impl Requests for Bare {
    async fn request(&mut self) {
        let request = Request::post("/v1/chat/completions")
            .header("host", self.host.clone())
            .header("content-type", "application/json")
            .header("authorization", "Bearer sk-bench")
            .header("user-agent", "bench")
            .body(Full::new(Bytes::from_static(BODY.as_bytes())))
            .expect("a request");
        self.sender.ready().await.expect("ready");
        let response = self.sender.send_request(request).await.expect("an answer");
        assert_eq!(response.status(), 200);
        response.into_body().collect().await.expect("a body");
    }
}

/// A server with TLS, and what its clients need.
struct Tls {
    port: u16,
    pem: String,
    config: Arc<ClientConfig>,
}

impl Tls {
    /// Starts a server that answers once per connection.
    fn serve() -> Self {
        let signed = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let key = PrivateKeyDer::Pkcs8(signed.signing_key.serialize_der().into());
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![signed.cert.der().clone()], key)
            .expect("a configuration");
        let mut roots = RootCertStore::empty();
        roots.add(signed.cert.der().clone()).expect("a root");
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        // The prober resumes no session either: both make whole handshakes.
        config.resumption = Resumption::disabled();
        let (send, receive) = std::sync::mpsc::channel();
        thread::spawn(move || {
            current_thread().block_on(async {
                let acceptor = TlsAcceptor::from(Arc::new(server));
                let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
                send.send(listener.local_addr().expect("an address").port()).expect("received");
                let mut connections = JoinSet::new();
                while let Ok((stream, _)) = listener.accept().await {
                    let acceptor = acceptor.clone();
                    connections.spawn(async move {
                        let Ok(mut stream) = acceptor.accept(stream).await else { return };
                        let mut buffer = [0; 4096];
                        while stream.read(&mut buffer).await.is_ok_and(|length| length > 0) {
                            if stream.write_all(ANSWER.as_bytes()).await.is_err() {
                                return;
                            }
                        }
                    });
                    while connections.try_join_next().is_some() {}
                }
            });
        });
        let port = receive.recv().expect("a port");
        Self { port, pem: signed.cert.pem(), config: Arc::new(config) }
    }

    async fn bare_hyper(&self) -> (u64, Duration) {
        repeat(|| {
            let bare = BareTls { port: self.port, connector: TlsConnector::from(Arc::clone(&self.config)) };
            async move { bare }
        })
        .await
    }

    async fn probes(&self) -> (u64, Duration) {
        let mut spec = spec(&format!("https://localhost:{}/v1/chat/completions", self.port), None);
        spec.connection = Connection::Fresh;
        let options = Options {
            roots: Roots::OnlyExtra,
            extra_roots_pem: self.pem.clone().into_bytes(),
            resolver: Some(Arc::new(Loopback)),
            ..Options::default()
        };
        probing(spec, options).await
    }
}

/// Answers at once, as the bare client needs no look-up either.
struct Loopback;

#[async_trait::async_trait]
impl Resolver for Loopback {
    async fn resolve(&self, _: &str, port: u16) -> std::io::Result<Vec<SocketAddr>> {
        Ok(vec![SocketAddr::from(([127, 0, 0, 1], port))])
    }
}

struct BareTls {
    port: u16,
    connector: TlsConnector,
}

impl Requests for BareTls {
    async fn request(&mut self) {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).await.expect("connected");
        stream.set_nodelay(true).expect("set");
        let name = ServerName::try_from("localhost").expect("a name");
        let stream = self.connector.connect(name, stream).await.expect("a session");
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            let _ = connection.await;
        });
        Bare { sender, _driver: driver, host: HeaderValue::from_static("localhost") }.request().await;
    }
}

async fn bare_hyper(port: u16) -> (u64, Duration) {
    repeat(|| async move {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.expect("connected");
        stream.set_nodelay(true).expect("set");
        let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.expect("a handshake");
        let mut driver = JoinSet::new();
        driver.spawn(async move {
            let _ = connection.await;
        });
        let host = HeaderValue::from_str(&format!("127.0.0.1:{port}")).expect("a value");
        Bare { sender, _driver: driver, host }
    })
    .await
}

struct Probing {
    prober: Arc<HttpProber>,
    spec: Arc<ProbeSpec>,
}

impl Requests for Probing {
    async fn request(&mut self) {
        assert_eq!(self.prober.probe(&self.spec).await.status, Status::Green);
    }
}

async fn probes(url: &str, keyword: Option<&str>) -> (u64, Duration) {
    probing(spec(url, keyword), Options { roots: Roots::OnlyExtra, ..Options::default() }).await
}

fn spec(url: &str, keyword: Option<&str>) -> ProbeSpec {
    let mut spec = ProbeSpec::get(url.parse().expect("a url"));
    spec.method = Method::POST;
    spec.body = Bytes::from_static(BODY.as_bytes());
    spec.success_contains = keyword.map(str::to_owned);
    for (name, value) in
        [(http::header::CONTENT_TYPE, "application/json"), (http::header::AUTHORIZATION, "Bearer sk-bench")]
    {
        spec.headers.push(Header { name, value: HeaderValue::from_static(value), holds_key: false });
    }
    spec
}

async fn probing(spec: ProbeSpec, options: Options) -> (u64, Duration) {
    let spec = Arc::new(spec);
    let prober = Arc::new(HttpProber::new(options).expect("a prober"));
    repeat(|| {
        let probing = Probing { prober: Arc::clone(&prober), spec: Arc::clone(&spec) };
        async move { probing }
    })
    .await
}

/// Reads streams of each dialect in pieces of 16 KiB.
fn read_streams() {
    let chat = "data: {\"id\":\"chatcmpl-abc123\",\"object\":\"chat.completion.chunk\",\"created\":1700000000,\"model\":\"gpt-4o-mini\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
    let anthropic = "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" token\"}}\n\n";
    let responses = "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"sequence_number\":7,\"item_id\":\"msg_abc\",\"output_index\":0,\"content_index\":0,\"delta\":\" token\",\"logprobs\":[]}\n\n";
    let gemini = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\" token\"}],\"role\":\"model\"},\"index\":0}],\"usageMetadata\":{\"promptTokenCount\":8,\"totalTokenCount\":9},\"modelVersion\":\"gemini-2.0-flash\"}\n\n";
    for (name, frame) in
        [("chat", chat), ("anthropic", anthropic), ("responses", responses), ("gemini", gemini)]
    {
        let stream = frame.repeat(8 * 1024 * 1024 / frame.len());
        let before = cpu_time();
        for _ in 0..16 {
            let mut reader = StreamReader::new("text/event-stream");
            for piece in stream.as_bytes().chunks(16 * 1024) {
                reader.push(piece);
            }
            assert!(reader.finish().is_some_and(|(_, collected)| collected.has_content()));
        }
        let speed = 16.0 * stream.len() as f64 / (cpu_time() - before).as_secs_f64() / 1e6;
        println!("stream of {name:<10} {speed:>6.0} MB/s");
    }
}
