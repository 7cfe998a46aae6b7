//! The framing of `text/event-stream`, as the HTML standard defines it ("Server-sent events", parsing).

use memchr::memchr2;

use super::MAX_EVENT_BYTES;

/// One event. The name is empty when no `event:` line came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Event<'a> {
    pub(super) name: &'a [u8],
    pub(super) data: &'a [u8],
}

/// Splits a stream into events, in pieces of any size. Lines may end in LF, CR or CRLF.
#[derive(Default)]
pub(super) struct Parser {
    /// The start of a line whose end has not come yet.
    line: Vec<u8>,
    /// The data lines of the event so far, each followed by LF.
    data: Vec<u8>,
    name: Vec<u8>,
    /// Whether the last byte was CR, so that a following LF belongs to the same line end.
    after_cr: bool,
    past_start: bool,
}

impl Parser {
    /// Returns how many bytes wait for the end of their event.
    pub(super) fn held(&self) -> usize {
        self.line.len() + self.data.len() + self.name.len()
    }

    /// Takes the next bytes and hands on every event that is complete.
    pub(super) fn push(&mut self, mut piece: &[u8], emit: &mut impl FnMut(Event<'_>)) {
        if self.after_cr && !piece.is_empty() {
            self.after_cr = false;
            piece = piece.strip_prefix(b"\n").unwrap_or(piece);
        }
        while let Some(end) = memchr2(b'\n', b'\r', piece) {
            if self.line.is_empty() {
                if let Some(data) = self.whole_event(piece, end) {
                    emit(Event { name: &self.name, data });
                    self.name.clear();
                    piece = &piece[end + 2..];
                    continue;
                }
                self.take_line(&piece[..end], emit);
            } else {
                self.grow_line(&piece[..end]);
                let mut line = std::mem::take(&mut self.line);
                self.take_line(&line, emit);
                line.clear();
                self.line = line;
            }
            let is_cr = piece[end] == b'\r';
            piece = &piece[end + 1..];
            if is_cr {
                self.after_cr = piece.is_empty();
                piece = piece.strip_prefix(b"\n").unwrap_or(piece);
            }
        }
        self.grow_line(piece);
    }

    /// Returns the data when the line up to `end` is the only one of its event and the blank line follows: nearly every
    /// event is like that and need not be copied.
    fn whole_event<'a>(&self, piece: &'a [u8], end: usize) -> Option<&'a [u8]> {
        if !self.past_start || !self.data.is_empty() || piece.get(end..end + 2)? != b"\n\n" {
            return None;
        }
        let value = piece[..end].strip_prefix(b"data:")?;
        Some(value.strip_prefix(b" ").unwrap_or(value))
    }

    /// Takes the end of the stream: a last line without an end and a last event without a blank line count.
    pub(super) fn finish(&mut self, emit: &mut impl FnMut(Event<'_>)) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.take_line(&line, emit);
        }
        self.dispatch(emit);
    }

    fn grow_line(&mut self, bytes: &[u8]) {
        let room = MAX_EVENT_BYTES.saturating_sub(self.line.len());
        self.line.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn take_line(&mut self, mut line: &[u8], emit: &mut impl FnMut(Event<'_>)) {
        if !self.past_start {
            self.past_start = true;
            line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
        }
        if let Some(value) = line.strip_prefix(b"data:") {
            if self.data.len() + value.len() > MAX_EVENT_BYTES {
                self.dispatch(emit);
            }
            self.data.extend_from_slice(value.strip_prefix(b" ").unwrap_or(value));
            self.data.push(b'\n');
        } else if line.is_empty() {
            self.dispatch(emit);
        } else if let Some(value) = line.strip_prefix(b"event:") {
            let name = value.strip_prefix(b" ").unwrap_or(value);
            self.name.clear();
            self.name.extend_from_slice(&name[..name.len().min(256)]);
        } else if line == b"data" {
            self.data.push(b'\n');
        }
        // Comments, ids, retry times and unknown fields say nothing about the answer.
    }

    fn dispatch(&mut self, emit: &mut impl FnMut(Event<'_>)) {
        if let Some(data) = self.data.strip_suffix(b"\n") {
            emit(Event { name: &self.name, data });
            self.data.clear();
        }
        self.name.clear();
    }
}
