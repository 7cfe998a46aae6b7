//! Reads a body: decodes it, watches for the first token, stops at the cap.

use std::ops::ControlFlow;

use bytes::{Bytes, BytesMut};
use http::{
    HeaderMap, HeaderName,
    header::{CONTENT_ENCODING, CONTENT_TYPE},
};
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};

use crate::{
    decode::{DecodeError, Decoder},
    failure::{Failure, Kind},
    stream::{Collected, Form, StreamReader},
    trace::Trace,
};

/// A body, as far as it was read.
#[derive(Debug, Default)]
pub(crate) struct ReadBody {
    /// The decoded bytes, at most the cap.
    pub(crate) bytes: Bytes,
    /// What the body holds as a stream, when it is one.
    pub(crate) stream: Option<(Form, Collected)>,
    /// Whether reading stopped at the cap.
    pub(crate) capped: bool,
    /// Why the body ended early.
    pub(crate) broken: Option<Failure>,
    /// Whether the connection can be used again: everything was read.
    pub(crate) reusable: bool,
}

/// Collects decoded bytes up to the cap.
struct Sink {
    first: Bytes,
    more: BytesMut,
    length: usize,
    cap: usize,
    stream: StreamReader,
}

impl Sink {
    /// Takes bytes that may be shared: a body that comes in one piece is never copied.
    fn take_shared(&mut self, piece: &Bytes) -> ControlFlow<()> {
        let kept = piece.len().min(self.cap - self.length);
        if self.length == 0 {
            self.first = piece.slice(..kept);
        } else {
            self.spill();
            self.more.extend_from_slice(&piece[..kept]);
        }
        self.took(&piece[..kept], kept < piece.len())
    }

    fn take(&mut self, piece: &[u8]) -> ControlFlow<()> {
        let kept = piece.len().min(self.cap - self.length);
        self.spill();
        self.more.extend_from_slice(&piece[..kept]);
        self.took(&piece[..kept], kept < piece.len())
    }

    fn spill(&mut self) {
        if !self.first.is_empty() {
            self.more.extend_from_slice(&std::mem::take(&mut self.first));
        }
    }

    fn took(&mut self, piece: &[u8], is_full: bool) -> ControlFlow<()> {
        self.length += piece.len();
        self.stream.push(piece);
        if is_full { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    fn finish(self) -> (Bytes, Option<(Form, Collected)>) {
        let bytes = if self.more.is_empty() { self.first } else { self.more.freeze() };
        (bytes, self.stream.finish())
    }
}

/// Reads `body` to its end, to `cap` decoded bytes, or to where it breaks. Comes back only then: the deadline is the
/// caller's.
pub(crate) async fn read(headers: &HeaderMap, mut body: Incoming, cap: usize, trace: &mut Trace) -> ReadBody {
    let mut decoder = match Decoder::new(&joined(headers, &CONTENT_ENCODING)) {
        Ok(decoder) => decoder,
        Err(error) => return ReadBody { broken: Some(failure(&error)), ..ReadBody::default() },
    };
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let mut sink = Sink {
        first: Bytes::new(),
        more: BytesMut::new(),
        length: 0,
        cap,
        stream: StreamReader::new(content_type),
    };
    let mut read = ReadBody::default();
    loop {
        if body.is_end_stream() {
            read.reusable = true;
            break;
        }
        let frame = match body.frame().await {
            None => {
                read.reusable = true;
                break;
            }
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                read.broken = Some(Failure::new(Kind::Body, Failure::of_hyper(&error).message));
                break;
            }
        };
        let Ok(data) = frame.into_data() else { continue };
        let flow = if decoder.passes(&data) {
            Ok(sink.take_shared(&data))
        } else {
            decoder.push(&data, &mut |piece| sink.take(piece))
        };
        let collected = sink.stream.collected();
        trace.text_came(collected.has_content(), collected.has_reasoning());
        match flow {
            Ok(ControlFlow::Continue(())) => {}
            Ok(ControlFlow::Break(())) => {
                read.capped = true;
                break;
            }
            Err(error) => {
                read.broken = Some(failure(&error));
                break;
            }
        }
    }
    if !read.capped && read.broken.is_none() {
        read.broken = decoder.finish(&mut |piece| sink.take(piece)).err().map(|error| failure(&error));
    }
    trace.body_ended();
    (read.bytes, read.stream) = sink.finish();
    read
}

fn failure(error: &DecodeError) -> Failure {
    Failure::new(Kind::Body, error.to_string())
}

/// Joins all values of a header by commas, as RFC 9110, 5.2 allows.
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let mut values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    let first = values.next().unwrap_or_default().to_owned();
    values.fold(first, |joined, value| joined + "," + value)
}
