//! The text of streamed answers, read piece by piece as it arrives.
//!
//! [`StreamReader`] takes the decoded body in pieces of any size and collects the text of every dialect we know; it
//! does no IO and its memory is bounded by what it is fed. The dialects are told apart frame by frame, because
//! relays translate, mix and misname them:
//!
//! - `sse`: the framing of `text/event-stream`; `array`: Gemini's other form, a JSON array that grows.
//! - `frame`: one frame, read leniently in a single pass.
//! - `openai`, `responses`, `anthropic`, `gemini`: what text a frame of each dialect holds.
//!
//! To add a dialect: a file with a `read` function, a line in `Collected::take`, samples in the corpus.

mod anthropic;
mod array;
mod frame;
mod gemini;
mod openai;
mod responses;
mod sse;

use std::{borrow::Cow, fmt};

use frame::{Frame, Said};
use sse::Event;

/// The most bytes of one event that are kept; the rest of a longer one is skipped.
pub const MAX_EVENT_BYTES: usize = 1024 * 1024;

/// How a streamed answer is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `text/event-stream`.
    Events,
    /// A JSON array whose elements arrive one by one.
    JsonArray,
}

/// What was read of a stream so far. Its `Debug` tells sizes only: what an upstream says may repeat a key.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Collected {
    content: String,
    reasoning: String,
    /// Frames that held anything: JSON or text, `[DONE]` not counted.
    frames: usize,
    named_events: bool,
    error: Option<String>,
    model: Option<String>,
}

impl fmt::Debug for Collected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collected")
            .field("content_bytes", &self.content.len())
            .field("reasoning_bytes", &self.reasoning.len())
            .field("frames", &self.frames)
            .field("named_events", &self.named_events)
            .field("error_bytes", &self.error.as_ref().map(String::len))
            .field("model_bytes", &self.model.as_ref().map(String::len))
            .finish()
    }
}

impl Collected {
    /// Returns the text: the content, or the reasoning when there was nothing else.
    #[must_use]
    pub fn text(&self) -> &str {
        if self.content.is_empty() { &self.reasoning } else { &self.content }
    }

    /// Tells whether any content came.
    #[must_use]
    pub fn has_content(&self) -> bool {
        !self.content.is_empty()
    }

    /// Tells whether any reasoning came.
    #[must_use]
    pub fn has_reasoning(&self) -> bool {
        !self.reasoning.is_empty()
    }

    /// Returns how many frames held JSON or text.
    #[must_use]
    pub fn frames(&self) -> usize {
        self.frames
    }

    /// Tells whether the stream names its events, as Anthropic and Responses do.
    #[must_use]
    pub fn has_named_events(&self) -> bool {
        self.named_events
    }

    /// Returns the words of the first error frame.
    #[must_use]
    pub fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Returns the model that the stream says it comes from.
    #[must_use]
    pub fn model(&self) -> Option<&str> {
        self.model.as_deref()
    }

    fn push_content(&mut self, text: Option<&str>) {
        self.content.push_str(text.unwrap_or_default());
    }

    fn push_reasoning(&mut self, text: Option<&str>) {
        self.reasoning.push_str(text.unwrap_or_default());
    }

    /// Takes what a list of the frame says; tells whether there was one.
    fn push_said(&mut self, said: Option<&Said<'_>>) -> bool {
        let Some(said) = said else { return false };
        self.push_content(said.content.as_deref());
        self.push_reasoning(said.reasoning.as_deref());
        true
    }

    fn take_event(&mut self, event: &Event<'_>) {
        if !event.name.is_empty() {
            self.named_events = true;
        }
        let data = lossy(event.data);
        if !self.take_json(&data, event.name) {
            // Relays that forget the blank line between frames send what looks like one event of many lines.
            let mut lines = data.lines().filter(|line| !line.trim().is_empty()).peekable();
            let is_frames = data.contains('\n') && lines.clone().any(|line| line.starts_with('{'));
            if is_frames {
                for line in lines.by_ref() {
                    if !self.take_json(line, event.name) {
                        self.take_words(line);
                    }
                }
            } else {
                self.take_words(&data);
            }
        }
    }

    /// Takes `data` when it is JSON, else returns `false`.
    fn take_json(&mut self, data: &str, name: &[u8]) -> bool {
        let trimmed = data.trim();
        if trimmed.is_empty() || trimmed == "[DONE]" {
            return true;
        }
        let mut frame = Frame::default();
        let is_json = frame.read(trimmed);
        if is_json {
            self.take_frame(&frame, name);
        }
        is_json
    }

    fn take_words(&mut self, words: &str) {
        self.frames += 1;
        self.content.push_str(words);
    }

    fn take_frame(&mut self, frame: &Frame<'_>, name: &[u8]) {
        self.frames += 1;
        if self.model.is_none() {
            self.model = frame.model().map(str::to_owned);
        }
        if frame.is_error() || name == b"error" {
            if self.error.is_none() {
                self.error = Some(frame.error_message().map_or_else(String::new, Cow::into_owned));
            }
            return;
        }
        if let Some(scalar) = frame.scalar() {
            self.content.push_str(scalar);
            return;
        }
        let known = openai::read(frame, self)
            | anthropic::read(frame, self)
            | responses::read(frame, self)
            | gemini::read(frame, self);
        if !known {
            self.push_content(frame.content.as_deref());
            self.push_content(frame.message.text.as_deref());
        }
    }
}

/// What a JSON object says of itself, whichever dialect it is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Facts {
    /// The words of the error it reports, empty when it has none.
    pub(crate) error: Option<String>,
    /// The model it comes from.
    pub(crate) model: Option<String>,
    /// Its `message`, `msg` or `detail`.
    pub(crate) message: Option<String>,
}

impl Facts {
    /// Reads an answer that is no stream; `None` when it is no JSON object.
    pub(crate) fn of(text: &str) -> Option<Self> {
        let text = text.trim().trim_start_matches('\u{feff}');
        let mut frame = Frame::default();
        (text.starts_with('{') && frame.read(text)).then(|| Self {
            error: frame.is_error().then(|| frame.error_message().map_or_else(String::new, Cow::into_owned)),
            model: frame.model().map(str::to_owned),
            message: frame.note().map(Cow::into_owned).filter(|note| !note.is_empty()),
        })
    }
}

/// Reads a body that may be a stream. Its `Debug` tells sizes only, as that of [`Collected`].
pub struct StreamReader {
    framing: Framing,
    collected: Collected,
}

enum Framing {
    /// Not enough bytes to tell yet.
    Unknown(Vec<u8>),
    Events(sse::Parser),
    Array(array::Splitter),
    /// An ordinary body.
    None,
}

impl fmt::Debug for StreamReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (framing, held) = match &self.framing {
            Framing::Unknown(seen) => ("unknown", seen.len()),
            Framing::Events(parser) => ("events", parser.held()),
            Framing::Array(splitter) => ("array", splitter.held()),
            Framing::None => ("none", 0),
        };
        f.debug_struct("StreamReader")
            .field("framing", &framing)
            .field("held_bytes", &held)
            .field("collected", &self.collected)
            .finish()
    }
}

impl StreamReader {
    /// Starts reading a body whose `Content-Type` is given, empty when there is none.
    #[must_use]
    pub fn new(content_type: &str) -> Self {
        let essence = content_type.split(';').next().unwrap_or_default().trim();
        let framing = if essence.eq_ignore_ascii_case("text/event-stream") {
            Framing::Events(sse::Parser::default())
        } else {
            Framing::Unknown(Vec::new())
        };
        Self { framing, collected: Collected::default() }
    }

    /// Takes the next piece of the body.
    pub fn push(&mut self, piece: &[u8]) {
        let Framing::Unknown(seen) = &mut self.framing else { return self.feed(piece) };
        if seen.is_empty() {
            // Nearly every body shows its shape in its first piece, which then need not be kept.
            match sniff(piece) {
                Shape::Undecided if piece.len() < SNIFF_BYTES => seen.extend_from_slice(piece),
                shape => {
                    self.framing = shape.framing();
                    self.feed(piece);
                }
            }
            return;
        }
        seen.extend_from_slice(piece);
        let shape = sniff(seen);
        if shape == Shape::Undecided && seen.len() < SNIFF_BYTES {
            return;
        }
        let seen = std::mem::take(seen);
        self.framing = shape.framing();
        self.feed(&seen);
    }

    fn feed(&mut self, piece: &[u8]) {
        let collected = &mut self.collected;
        match &mut self.framing {
            Framing::Events(parser) => parser.push(piece, &mut |event| collected.take_event(&event)),
            Framing::Array(splitter) => splitter.push(piece, &mut |frame| collected.take_frame(frame, b"")),
            Framing::Unknown(_) | Framing::None => {}
        }
    }

    /// Returns what was read so far.
    #[must_use]
    pub fn collected(&self) -> &Collected {
        &self.collected
    }

    /// Takes the end of the body, also an early one: what is left over counts as a last event. Returns `None` when
    /// the body was no stream.
    #[must_use]
    pub fn finish(mut self) -> Option<(Form, Collected)> {
        let form = match &mut self.framing {
            Framing::Events(parser) => {
                let collected = &mut self.collected;
                parser.finish(&mut |event| collected.take_event(&event));
                Form::Events
            }
            Framing::Array(splitter) if splitter.is_stream() => Form::JsonArray,
            Framing::Array(_) | Framing::Unknown(_) | Framing::None => return None,
        };
        (self.collected.frames > 0).then_some((form, self.collected))
    }
}

/// Reads bytes as text; what is no UTF-8 becomes replacement characters. Validating first is several times faster than
/// going through the valid chunks one by one, and nearly everything is valid.
pub(crate) fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// How many bytes are looked at to recognise a stream by its shape.
const SNIFF_BYTES: usize = 256;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Undecided,
    Events,
    Array,
    Plain,
}

impl Shape {
    fn framing(self) -> Framing {
        match self {
            Self::Events => Framing::Events(sse::Parser::default()),
            Self::Array => Framing::Array(array::Splitter::default()),
            Self::Plain | Self::Undecided => Framing::None,
        }
    }
}

/// Recognises a stream that has the wrong content type.
fn sniff(start: &[u8]) -> Shape {
    const BOM: &[u8] = b"\xef\xbb\xbf";
    if start.len() < BOM.len() && BOM.starts_with(start) {
        return Shape::Undecided;
    }
    let text = start.strip_prefix(BOM).unwrap_or(start).trim_ascii_start();
    match text.first() {
        None => Shape::Undecided,
        Some(b'[') => Shape::Array,
        Some(_) => {
            for field in [b"data:".as_slice(), b"event:", b"id:", b"retry:", b":"] {
                if text.starts_with(field) {
                    return Shape::Events;
                }
                if field.starts_with(text) {
                    return Shape::Undecided;
                }
            }
            Shape::Plain
        }
    }
}

#[cfg(test)]
mod tests;
