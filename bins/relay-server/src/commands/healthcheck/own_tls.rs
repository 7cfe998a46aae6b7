//! Asking a server that speaks TLS itself, on the machine that it runs on.
//!
//! Its certificate is for the name that visitors use, may come from an authority that nobody here knows, and may have
//! been replaced a moment ago: whose it is says nothing about whether the server is well. So it is not looked at, which
//! is harmless because the question holds no secret and the answer is believed by nobody but a supervisor who started
//! both sides. That the server holds the key of what it presents is still checked.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context as _, bail};
use rustls::{
    ClientConfig, DigitallySignedStruct, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

/// More than any status line.
const HEAD_BYTES: u64 = 1024;

/// Asks `/health` at `address` over TLS, and is content with 200.
///
/// # Errors
/// What came instead of 200 within `patience`.
pub(super) async fn ask(address: SocketAddr, patience: Duration) -> anyhow::Result<()> {
    let answer = timeout(patience, status_line(address)).await;
    let line = answer
        .with_context(|| format!("not healthy, no answer within {patience:?}"))?
        .with_context(|| format!("not healthy, no answer from https://{address}/health"))?;
    match line.split_whitespace().nth(1) {
        Some("200") if line.starts_with("HTTP/1.") => Ok(()),
        Some(code) if line.starts_with("HTTP/1.") => bail!("not healthy, HTTP {code}"),
        _ => bail!("not healthy: https://{address} does not speak HTTP"),
    }
}

/// Returns the first line of the answer.
async fn status_line(address: SocketAddr) -> anyhow::Result<String> {
    let stream = TcpStream::connect(address).await.context("cannot connect")?;
    let connector = TlsConnector::from(Arc::new(client()?));
    let mut stream = connector
        .connect(ServerName::IpAddress(address.ip().into()), stream)
        .await
        .context("the TLS handshake failed")?;
    let request = format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.context("cannot ask")?;
    let mut answer = Vec::new();
    let mut head = stream.take(HEAD_BYTES);
    while !answer.contains(&b'\n') && head.read_buf(&mut answer).await.context("the answer broke off")? > 0 {}
    let text = String::from_utf8_lossy(&answer).into_owned();
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn client() -> anyhow::Result<ClientConfig> {
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .context("cannot set TLS up")?;
    Ok(builder
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(OwnServer { provider }))
        .with_no_client_auth())
}

/// Accepts every certificate, and checks signatures by it.
#[derive(Debug)]
struct OwnServer {
    provider: Arc<CryptoProvider>,
}

// === impl OwnServer ===

impl ServerCertVerifier for OwnServer {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
