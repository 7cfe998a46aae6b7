//! The TLS configuration: ring, TLS 1.2 and 1.3, ALPN, no session resumption.

use std::sync::Arc;

use rustls::{
    ClientConfig, RootCertStore,
    client::Resumption,
    crypto::ring,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::{Error, Options, options::Roots};

/// Builds the configuration once per prober: reading the machine's roots takes tens of milliseconds, which must not
/// land in the TLS phase of a probe. Sessions are not resumed, because a resumed handshake costs one round trip less
/// and figures of the same phase would stop being comparable.
pub(crate) fn client_config(options: &Options) -> Result<Arc<ClientConfig>, Error> {
    let mut roots = RootCertStore::empty();
    if options.roots == Roots::Platform {
        let native = rustls_native_certs::load_native_certs();
        for error in &native.errors {
            tracing::debug!(%error, "a root certificate of this machine cannot be used");
        }
        roots.add_parsable_certificates(native.certs);
        if roots.is_empty() {
            tracing::info!("this machine has no root certificates: trusting the compiled-in list");
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    for certificate in CertificateDer::pem_slice_iter(&options.extra_roots_pem) {
        let certificate = certificate.map_err(|error| Error::ExtraRoots(error.to_string()))?;
        roots.add(certificate).map_err(|error| Error::ExtraRoots(error.to_string()))?;
    }
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
