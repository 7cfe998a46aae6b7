//! How a server misuses the protocols below its answers.

use std::time::Duration;

/// What is done to every connection of a simulation, whichever relay is asked: see
/// [`Options::abuse`](crate::Options::abuse). Nothing of it costs this side memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abuse {
    /// A reset as soon as the connection is accepted.
    ResetAtAccept,
    /// The first bytes of the TLS handshake are read and never answered.
    StalledTls,
    /// A reset when the first bytes of the TLS handshake have come.
    ResetInTls,
    /// A reset in the middle of the response headers.
    ResetInHeaders,
    /// Response headers that come byte by byte, one per this much time, and never end.
    EndlessHeaders(Duration),
    /// Header lines without end, as fast as they are read.
    HeaderFlood,
    /// One header line without end, as fast as it is read.
    LongHeader,
    /// Interim answers (100) without end, as fast as they are read.
    InterimFlood,
    /// Words of another protocol, then the regular end of the connection.
    Garbage,
    /// A chunked body that is none.
    Chunks(Chunks),
    /// Frames that HTTP/2 allows at another time or in another number. Only for a simulation with TLS whose ALPN is
    /// `h2`.
    Http2(Http2),
}

/// How the framing of a chunked body is misused. Every one begins with the chunk `pong`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Chunks {
    /// A size that is no number.
    NoNumber,
    /// A size beyond 64 bits.
    Overflow,
    /// A size of 2^60 bytes that are never sent; the connection is then closed.
    Promised,
    /// A size of nothing but noughts, without end.
    EndlessSize,
    /// A chunk extension without end.
    EndlessExtension,
    /// Trailer lines without end.
    EndlessTrailers,
    /// Chunks of one byte, each with an extension of a kibibyte, without end.
    Crumbs,
}

/// How HTTP/2 is misused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Http2 {
    /// `RST_STREAM` (`INTERNAL_ERROR`) instead of headers.
    ResetBeforeHeaders,
    /// `RST_STREAM` (`INTERNAL_ERROR`) after the headers and `pong`.
    ResetInBody,
    /// `GOAWAY` (`ENHANCE_YOUR_CALM`, nothing was processed) instead of headers.
    GoAwayBeforeHeaders,
    /// `GOAWAY` (`INTERNAL_ERROR`) after the headers and `pong`, then the end of the connection.
    GoAwayInBody,
    /// Bytes that are no frame.
    Garbage,
    /// `CONTINUATION` frames without end: headers that are never complete.
    EndlessHeaders,
    /// `PING` frames without end.
    PingFlood,
    /// `SETTINGS` frames without end.
    SettingsFlood,
    /// Empty `DATA` frames without end, after the headers.
    EmptyData,
}
