//! Why a prober could not be made.

/// What is wrong with the [`Options`](crate::Options).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The user agent cannot be sent as a header; use printable ASCII.
    #[error("the user agent {0:?} cannot be sent as a header")]
    UserAgent(String),
    /// The extra certificates are not PEM or not certificates.
    #[error("the extra root certificates cannot be read: {0}")]
    ExtraRoots(String),
    /// The TLS library refused its own configuration.
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}
