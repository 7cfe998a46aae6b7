//! Why a probe got no usable answer.

use std::{error::Error as StdError, fmt, io};

use relay_core::egress::Refused;

/// The stage at which a probe failed; the first word of its detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// The name could not be resolved.
    Dns,
    /// No connection, to the server or the proxy.
    Connect,
    /// No TLS session.
    Tls,
    /// The deadline passed.
    Timeout,
    /// The connection was cut.
    Reset,
    /// What came was no HTTP.
    Protocol,
    /// The body broke off or could not be decoded.
    Body,
    /// The address must not be dialled.
    Egress,
    /// A redirect that cannot be followed.
    Redirect,
    /// The request itself cannot be made.
    Request,
}

impl Kind {
    /// All stages.
    pub(crate) const ALL: [Self; 10] = [
        Self::Dns,
        Self::Connect,
        Self::Tls,
        Self::Timeout,
        Self::Reset,
        Self::Protocol,
        Self::Body,
        Self::Egress,
        Self::Redirect,
        Self::Request,
    ];

    /// Returns the stable word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Connect => "connect",
            Self::Tls => "tls",
            Self::Timeout => "timeout",
            Self::Reset => "reset",
            Self::Protocol => "protocol",
            Self::Body => "body",
            Self::Egress => "egress",
            Self::Redirect => "redirect",
            Self::Request => "request",
        }
    }
}

/// A failure with its words, not yet masked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The stage.
    pub(crate) kind: Kind,
    /// What happened.
    pub(crate) message: String,
}

impl Failure {
    /// Makes a failure of `kind`.
    pub(crate) fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// Describes an error of hyper, which hides the interesting part in its sources.
    pub(crate) fn of_hyper(error: &hyper::Error) -> Self {
        let io = find_source::<io::Error>(error);
        let kind = if error.is_parse() || error.is_parse_too_large() {
            Kind::Protocol
        } else if io.is_some_and(|e| e.kind() == io::ErrorKind::InvalidData && e.get_ref().is_some()) {
            // rustls reports broken records after the handshake as invalid data.
            Kind::Tls
        } else if error.is_incomplete_message() || error.is_canceled() || error.is_closed() || io.is_some() {
            Kind::Reset
        } else {
            Kind::Protocol
        };
        Self::new(kind, chain(error))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind.as_str(), self.message)
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        Self::new(Kind::Egress, refused.to_string())
    }
}

/// Returns the first source of the wanted type.
pub(crate) fn find_source<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        // An I/O error that wraps another one names the sources of that one, not the error itself.
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = wrapped.map(|inner| inner as &(dyn StdError + 'static)).or_else(|| error.source());
    }
    None
}

/// Joins an error and its sources with colons; a source that its parent already prints is left out.
fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(source) = next {
        let words = source.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        next = source.source();
    }
    text
}
