//! Speaking to the program's own certificate.

use std::{fs, net::SocketAddr, path::Path, sync::Arc};

use anyhow::{Context as _, Result};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

const HOST: &str = "bench.invalid";

/// A client that trusts one certificate.
#[derive(Debug, Clone)]
pub(crate) struct Encrypted {
    client: Arc<ClientConfig>,
}

impl Encrypted {
    /// Makes a certificate, puts it into `folder` and sets it in the configuration there, which says nothing of the
    /// server yet.
    ///
    /// # Errors
    /// When the folder cannot be written.
    pub(crate) fn install(folder: &Path) -> Result<Self> {
        let signed = rcgen::generate_simple_self_signed([HOST.to_owned()])?;
        fs::write(folder.join("cert.pem"), signed.cert.pem()).context("cannot write the certificate")?;
        fs::write(folder.join("key.pem"), signed.signing_key.serialize_pem())
            .context("cannot write the key")?;
        super::server::configure_more(folder, "server:\n  tls: {cert: cert.pem, key: key.pem}\n")?;
        let mut roots = RootCertStore::empty();
        roots.add(signed.cert.der().clone())?;
        // Without ALPN, so that both sides speak HTTP/1.1 as they do in clear.
        let client = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self { client: Arc::new(client) })
    }

    /// Connects and shakes hands.
    ///
    /// # Errors
    /// When nobody listens, or the certificate is another.
    pub(crate) async fn connect(&self, addr: SocketAddr) -> Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(addr).await.with_context(|| format!("cannot connect to {addr}"))?;
        stream.set_nodelay(true)?;
        let connector = TlsConnector::from(Arc::clone(&self.client));
        connector.connect(ServerName::try_from(HOST)?, stream).await.context("no handshake")
    }
}
