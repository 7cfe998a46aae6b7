//! A JSON array that grows: Gemini's `streamGenerateContent` without `alt=sse`.

use super::{MAX_EVENT_BYTES, frame::Frame, lossy};

/// Cuts the elements out of a growing array, in pieces of any size.
#[derive(Default)]
pub(super) struct Splitter {
    element: Vec<u8>,
    depth: usize,
    in_string: bool,
    escaped: bool,
    skipping: bool,
    verdict: Option<bool>,
}

impl Splitter {
    /// Returns how many bytes wait for the end of their element.
    pub(super) fn held(&self) -> usize {
        self.element.len()
    }

    /// Tells whether the first element looked like a frame of a stream, not like an ordinary list.
    pub(super) fn is_stream(&self) -> bool {
        self.verdict == Some(true)
    }

    /// Takes the next bytes and hands on every element that is complete.
    pub(super) fn push(&mut self, piece: &[u8], emit: &mut impl FnMut(&Frame<'_>)) {
        let text = valid(piece);
        let (mut at, mut start) = (0, 0);
        while let Some(byte) = piece.get(at) {
            if self.verdict == Some(false) {
                return;
            }
            let depth = self.depth;
            if depth == 1
                && *byte == b'{'
                && let Some(length) = self.whole(text.get(at..).unwrap_or_default(), emit)
            {
                at += length;
                continue;
            }
            self.step(*byte);
            match (depth, self.depth) {
                // The first byte of an object inside the array.
                (1, 2) => start = at,
                (2, 1) => {
                    self.keep(&piece[start..=at]);
                    self.emit(emit);
                    start = at + 1;
                }
                _ => {}
            }
            at += 1;
        }
        if self.depth >= 2 {
            self.keep(&piece[start..]);
        }
    }

    /// Hands on the element that `text` begins with and returns its length, when it is whole: nearly every element is,
    /// and need neither be searched for its end nor copied.
    fn whole(&self, text: &str, emit: &mut impl FnMut(&Frame<'_>)) -> Option<usize> {
        if self.verdict != Some(true) || self.in_string {
            return None;
        }
        let mut frame = Frame::default();
        let length = frame.read_first(text)?;
        (length <= MAX_EVENT_BYTES).then(|| {
            emit(&frame);
            length
        })
    }

    fn step(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.element.len() + bytes.len() > MAX_EVENT_BYTES {
            self.skipping = true;
        }
        if !self.skipping {
            self.element.extend_from_slice(bytes);
        }
    }

    fn emit(&mut self, emit: &mut impl FnMut(&Frame<'_>)) {
        if self.verdict.is_none() {
            self.verdict = Some(looks_like_a_frame(&self.element));
        }
        if self.verdict == Some(true) && !self.skipping {
            let (text, mut frame) = (lossy(&self.element), Frame::default());
            if frame.read(&text) {
                emit(&frame);
            }
        }
        self.skipping = false;
        self.element.clear();
    }
}

/// Returns what of `bytes` is valid UTF-8 from the start.
fn valid(bytes: &[u8]) -> &str {
    let valid = std::str::from_utf8(bytes).err().map_or(bytes.len(), |error| error.valid_up_to());
    std::str::from_utf8(&bytes[..valid]).unwrap_or_default()
}

/// Tells whether an element has a member that only Gemini's frames, or its error, have.
fn looks_like_a_frame(element: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(element) else { return false };
    ["candidates", "usageMetadata", "promptFeedback", "error"]
        .iter()
        .any(|member| value.get(member).is_some())
}
