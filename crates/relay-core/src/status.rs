//! What a probe found, as colour and cause.

use std::fmt;

/// The colour of a record, a bucket or a channel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// Available: code 1.
    Green,
    /// Available but degraded: code 2.
    Yellow,
    /// Unavailable: code 0.
    Red,
    /// No data: code -1.
    Missing,
}

impl Status {
    /// Returns the number that clients and databases know the status by.
    #[must_use]
    pub const fn code(self) -> i8 {
        match self {
            Self::Green => 1,
            Self::Yellow => 2,
            Self::Red => 0,
            Self::Missing => -1,
        }
    }

    /// Returns the status of a number; anything outside 0–2 is [`Status::Missing`].
    #[must_use]
    pub const fn from_code(code: i64) -> Self {
        match code {
            0 => Self::Red,
            1 => Self::Green,
            2 => Self::Yellow,
            _ => Self::Missing,
        }
    }

    /// Tells whether a client could use the endpoint: green or yellow.
    #[must_use]
    pub const fn is_available(self) -> bool {
        matches!(self, Self::Green | Self::Yellow)
    }

    /// Returns how bad the status is for "worst of" comparisons: red > yellow > green > missing.
    #[must_use]
    pub const fn severity(self) -> u8 {
        match self {
            Self::Red => 3,
            Self::Yellow => 2,
            Self::Green => 1,
            Self::Missing => 0,
        }
    }

    /// Returns the worse of two, by [`Status::severity`].
    #[must_use]
    pub const fn worst(self, other: Self) -> Self {
        if other.severity() > self.severity() { other } else { self }
    }
}

/// Prints the colour in lower case.
impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
            Self::Missing => "missing",
        })
    }
}

/// Why a record is yellow or red.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum SubStatus {
    /// Successful, but slower than `slow_latency`.
    SlowLatency = 0,
    /// HTTP 429.
    RateLimit = 1,
    /// HTTP 500 and above.
    ServerError = 2,
    /// Other 4xx, 1xx and odd codes.
    ClientError = 3,
    /// HTTP 401 or 403.
    AuthError = 4,
    /// HTTP 400.
    InvalidRequest = 5,
    /// No usable answer: DNS, connect, TLS, reset, malformed HTTP or the deadline.
    NetworkError = 6,
    /// An answer with the wrong content.
    ContentMismatch = 7,
}

impl SubStatus {
    /// All causes, in the order of their indexes.
    pub const ALL: [Self; 8] = [
        Self::SlowLatency,
        Self::RateLimit,
        Self::ServerError,
        Self::ClientError,
        Self::AuthError,
        Self::InvalidRequest,
        Self::NetworkError,
        Self::ContentMismatch,
    ];

    /// Returns the position in [`SubStatus::ALL`].
    #[must_use]
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Returns the cause at a position of [`SubStatus::ALL`].
    #[must_use]
    pub fn from_index(index: usize) -> Option<Self> {
        Self::ALL.get(index).copied()
    }

    /// Returns the stable spelling, as in the API and in databases.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SlowLatency => "slow_latency",
            Self::RateLimit => "rate_limit",
            Self::ServerError => "server_error",
            Self::ClientError => "client_error",
            Self::AuthError => "auth_error",
            Self::InvalidRequest => "invalid_request",
            Self::NetworkError => "network_error",
            Self::ContentMismatch => "content_mismatch",
        }
    }

    /// Reads the stable spelling; anything else is `None`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cause| cause.as_str() == text)
    }
}

/// Prints the stable spelling.
impl fmt::Display for SubStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip_and_strangers_are_missing() {
        for status in [Status::Green, Status::Yellow, Status::Red, Status::Missing] {
            assert_eq!(Status::from_code(status.code().into()), status);
        }
        assert_eq!(Status::from_code(7), Status::Missing);
    }

    #[test]
    fn worst_prefers_red_then_yellow_then_green() {
        assert_eq!(Status::Missing.worst(Status::Green), Status::Green);
        assert_eq!(Status::Yellow.worst(Status::Green), Status::Yellow);
        assert_eq!(Status::Yellow.worst(Status::Red), Status::Red);
    }

    #[test]
    fn sub_status_spelling_and_index_round_trip() {
        for (index, cause) in SubStatus::ALL.into_iter().enumerate() {
            assert_eq!(cause.index(), index);
            assert_eq!(SubStatus::from_index(index), Some(cause));
            assert_eq!(SubStatus::parse(cause.as_str()), Some(cause));
        }
        assert_eq!(SubStatus::parse("unknown"), None);
    }
}
