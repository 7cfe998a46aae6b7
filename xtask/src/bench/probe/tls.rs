//! Probes that each make a TLS connection of their own.

use std::{
    sync::{Arc, mpsc},
    thread::JoinHandle,
};

use anyhow::{Context as _, Result, ensure};
use http::StatusCode;
use http_body_util::BodyExt as _;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use relay_core::{ProbeSpec, target::Connection};
use relay_probe::{HttpProber, Options, Roots};
use rustls::{
    ClientConfig, RootCertStore, ServerConfig,
    client::Resumption,
    crypto::ring,
    pki_types::{PrivateKeyDer, ServerName},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use tokio_rustls::{TlsAcceptor, TlsConnector};
use tokio_util::sync::CancellationToken;

use super::{Cost, measure_probes, on_this_thread, repeat, request};

const ADDRESS: &str = "127.0.0.1";
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 83\r\n\r\n\
    {\"model\":\"m\",\"choices\":[{\"message\":{\"role\":\"assistant\",\"content\":\"the word is pong\"}}]}";

/// A server with a certificate of its own, on a thread of its own; dropping it stops it.
pub(super) struct Server {
    spec: ProbeSpec,
    port: u16,
    certificate: String,
    client: Arc<ClientConfig>,
    stop: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Starts one that answers what is sent as `like` is.
    ///
    /// # Errors
    /// When it cannot listen on loopback.
    pub(super) fn start(like: &ProbeSpec) -> Result<Self> {
        let signed = rcgen::generate_simple_self_signed([ADDRESS.to_owned()])?;
        let key = PrivateKeyDer::Pkcs8(signed.signing_key.serialize_der().into());
        let provider = Arc::new(ring::default_provider());
        let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![signed.cert.der().clone()], key)?;
        let mut roots = RootCertStore::empty();
        roots.add(signed.cert.der().clone())?;
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // The prober resumes no session either: both make whole handshakes.
        client.resumption = Resumption::disabled();
        let (send, receive) = mpsc::channel();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                let Ok(listener) = TcpListener::bind((ADDRESS, 0)).await else { return };
                let Ok(address) = listener.local_addr() else { return };
                if send.send(address.port()).is_ok() {
                    stopped.run_until_cancelled(serve(listener, server)).await;
                }
            });
        });
        let port = receive.recv().context("the TLS server did not start")?;
        let mut spec = like.clone();
        spec.url = format!("https://{ADDRESS}:{port}/v1/chat/completions").parse()?;
        spec.connection = Connection::Fresh;
        spec.success_contains = Some("pong".to_owned());
        let certificate = signed.cert.pem();
        Ok(Self { spec, port, certificate, client: Arc::new(client), stop, thread: Some(thread) })
    }

    /// Measures the prober.
    ///
    /// # Errors
    /// When a probe is not green.
    pub(super) fn measure_prober(&self, count: usize) -> Result<Cost> {
        let options = Options {
            roots: Roots::OnlyExtra,
            extra_roots_pem: self.certificate.clone().into_bytes(),
            ..Options::default()
        };
        measure_probes(HttpProber::new(options)?, &self.spec, count)
    }

    /// Measures hyper and rustls alone.
    ///
    /// # Errors
    /// When a request fails.
    pub(super) fn measure_bare(&self, count: usize) -> Result<Cost> {
        on_this_thread(async { repeat(count, async || self.ask().await).await })
    }

    async fn ask(&self) -> Result<()> {
        let stream = TcpStream::connect((ADDRESS, self.port)).await?;
        stream.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::clone(&self.client));
        let stream = connector.connect(ServerName::try_from(ADDRESS)?, stream).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let mut request = request(&self.spec)?;
        request.headers_mut().insert("host", format!("{ADDRESS}:{}", self.port).parse()?);
        let answer = sender.send_request(request).await.context("the bare client failed")?;
        ensure!(answer.status() == StatusCode::OK, "the server answered {}", answer.status());
        answer.into_body().collect().await.context("the bare client failed")?;
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(thread) = self.thread.take() {
            // A panic of the server showed itself as failed probes already.
            let _ = thread.join();
        }
    }
}

/// Answers every read the same: a request here fits into one record.
async fn serve(listener: TcpListener, config: ServerConfig) {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        let acceptor = acceptor.clone();
        connections.spawn(async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            let mut buffer = [0; 4096];
            while stream.read(&mut buffer).await.is_ok_and(|length| length > 0) {
                if stream.write_all(ANSWER).await.is_err() {
                    return;
                }
            }
        });
        while connections.try_join_next().is_some() {}
    }
}
