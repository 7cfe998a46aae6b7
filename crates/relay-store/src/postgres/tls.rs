//! TLS to the server, with the meanings that libpq gives to `sslmode`.

use std::{fs, path::Path, sync::Arc};

use relay_core::ports::repository::Error;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::options::{PostgresOptions, SslMode};

/// Returns what encrypts a connection, and how much the driver insists on that.
pub(super) fn connector(
    options: &PostgresOptions,
) -> Result<(MakeRustlsConnect, tokio_postgres::config::SslMode), Error> {
    use tokio_postgres::config::SslMode as Driver;
    let provider = Arc::new(ring::default_provider());
    // As libpq: a socket of the same machine is not encrypted.
    let mode = if options.host.starts_with('/') { SslMode::Disable } else { options.ssl_mode };
    let (verifier, insist): (Arc<dyn ServerCertVerifier>, _) = match mode {
        SslMode::Disable => (Arc::new(Anybody(Arc::clone(&provider))), Driver::Disable),
        SslMode::Prefer => (Arc::new(Anybody(Arc::clone(&provider))), Driver::Prefer),
        SslMode::Require => (Arc::new(Anybody(Arc::clone(&provider))), Driver::Require),
        SslMode::VerifyCa => (Arc::new(AnyName(known(options, &provider)?)), Driver::Require),
        SslMode::VerifyFull => (known(options, &provider)?, Driver::Require),
    };
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unusable(format!("TLS cannot be set up: {error}")))?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    Ok((MakeRustlsConnect::new(config), insist))
}

fn unusable(reason: String) -> Error {
    Error::Unavailable { reason, source: None }
}

/// Returns the verifier of those that were signed by an authority of the file, or of the system.
fn known(
    options: &PostgresOptions,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>, Error> {
    let roots = match &options.ssl_root_cert {
        Some(path) => roots_of_file(path)?,
        None => roots_of_system()?,
    };
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|error| unusable(format!("the authorities to trust cannot be used: {error}")))
}

fn roots_of_file(path: &Path) -> Result<RootCertStore, Error> {
    let shown = path.display();
    let pem =
        fs::read(path).map_err(|error| unusable(format!("cannot read sslrootcert {shown}: {error}")))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&pem) {
        certificate
            .map_err(|error| error.to_string())
            .and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()))
            .map_err(|error| unusable(format!("sslrootcert {shown} cannot be understood: {error}")))?;
    }
    if roots.is_empty() {
        return Err(unusable(format!("sslrootcert {shown} holds no certificate")));
    }
    Ok(roots)
}

fn roots_of_system() -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let reason = "the system has no authorities to trust: set sslrootcert to a file that has";
        return Err(unusable(reason.to_owned()));
    }
    Ok(roots)
}

/// Takes any certificate; that the server holds its key is still checked.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// Takes any name of a certificate that is good otherwise: the chain is verified before the name.
#[derive(Debug)]
struct AnyName(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyName {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        others: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match self.0.verify_server_cert(certificate, others, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}
