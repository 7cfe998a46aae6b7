//! The server's own certificate, read again when its files change.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use arc_swap::ArcSwap;
use rustls::{
    ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
};
use thiserror::Error;
use tokio::{task::spawn_blocking, time::sleep};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::options::TlsFiles;

/// How often the files are looked at.
const LOOK: Duration = Duration::from_secs(5);

/// HTTP/2 first: clients that know it take it.
pub(crate) const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// Why a certificate cannot be served. Nothing of a key is ever told.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum TlsError {
    /// A file cannot be read, or holds nothing of the kind.
    #[error("{}: {reason}", file.display())]
    File {
        /// The file.
        file: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// Certificate and key cannot be used together.
    #[error("the certificate {} and the key {} cannot be used: {reason}", cert.display(), key.display())]
    Pair {
        /// The certificate's file.
        cert: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// What is wrong with them.
        reason: String,
    },
}

/// Tells whether the files could be served now, and reads them for that.
///
/// # Errors
/// What is wrong with them.
pub fn check_tls(files: &TlsFiles) -> Result<(), TlsError> {
    read(files).map(drop)
}

/// A certificate in service.
#[derive(Debug)]
pub(crate) struct Certificate {
    files: TlsFiles,
    config: ArcSwap<ServerConfig>,
    /// How the files looked when they were read.
    seen: [Option<Look>; 2],
}

/// What tells one content of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Look {
    modified: Option<SystemTime>,
    bytes: u64,
    #[cfg(unix)]
    inode: u64,
}

impl Certificate {
    /// Reads the files.
    pub(crate) fn load(files: TlsFiles) -> Result<Self, TlsError> {
        let seen = look(&files);
        let config = ArcSwap::from(read(&files)?);
        Ok(Self { files, config, seen })
    }

    /// Returns what takes the next connection.
    pub(crate) fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(self.config.load_full())
    }

    /// Looks after the files until `stop` is cancelled. Files that cannot be used leave the last certificate in
    /// service: half of a pair may have been replaced before the other.
    pub(crate) async fn follow(self: Arc<Self>, stop: CancellationToken) {
        let mut seen = self.seen;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = sleep(LOOK) => {}
            }
            let files = self.files.clone();
            let before = seen;
            let looked = spawn_blocking(move || {
                let now = look(&files);
                (now != before).then(|| (now, read(&files)))
            });
            let Ok(Some((now, config))) = looked.await else { continue };
            seen = now;
            match config {
                Ok(config) => {
                    self.config.store(config);
                    tracing::info!(cert = %self.files.cert.display(), "took over a new certificate");
                }
                Err(error) => tracing::warn!(%error, "the certificate stays as it was"),
            }
        }
    }
}

fn look(files: &TlsFiles) -> [Option<Look>; 2] {
    [&files.cert, &files.key].map(|file| {
        let found = fs::metadata(file).ok()?;
        Some(Look {
            modified: found.modified().ok(),
            bytes: found.len(),
            #[cfg(unix)]
            inode: std::os::unix::fs::MetadataExt::ino(&found),
        })
    })
}

fn read(files: &TlsFiles) -> Result<Arc<ServerConfig>, TlsError> {
    let content = |file: &Path| fs::read(file).map_err(|error| broken(file, said(&error)));
    let chain = CertificateDer::pem_slice_iter(&content(&files.cert)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| broken(&files.cert, "it is no certificate in PEM form"))?;
    if chain.is_empty() {
        return Err(broken(&files.cert, "it holds no certificate in PEM form"));
    }
    let key = PrivateKeyDer::from_pem_slice(&content(&files.key)?)
        .map_err(|_| broken(&files.key, "it holds no private key in PEM form"))?;
    let pair = |error: rustls::Error| TlsError::Pair {
        cert: files.cert.clone(),
        key: files.key.clone(),
        reason: error.to_string(),
    };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(pair)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(pair)?;
    config.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];
    Ok(Arc::new(config))
}

fn broken(file: &Path, reason: impl Into<String>) -> TlsError {
    TlsError::File { file: file.to_owned(), reason: reason.into() }
}

fn said(error: &io::Error) -> String {
    format!("cannot be read: {error}")
}
