//! The text of an answer: what `success_contains` and `expect` look into.

use std::borrow::Cow;

use crate::{body::ReadBody, stream::Form};

/// Whether an answer holds a keyword, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Found {
    /// In the text.
    Text,
    /// Only in the raw frames of a stream, which counts for compatibility.
    Frame,
    /// Nowhere.
    Nowhere,
}

/// Returns the raw body as text; bytes that are no UTF-8 become replacement characters.
pub(crate) fn raw(body: &ReadBody) -> Cow<'_, str> {
    String::from_utf8_lossy(&body.bytes)
}

/// Returns the text of an answer for `success_contains`: what a stream says, the raw body of everything else. A stream
/// in which no text was found counts as a raw body too, unless it holds an error: then it has no text.
pub(crate) fn text(body: &ReadBody) -> Cow<'_, str> {
    match &body.stream {
        Some((_, stream)) if !stream.text().is_empty() => Cow::Borrowed(stream.text()),
        Some((_, stream)) if stream.error().is_some() => Cow::Borrowed(""),
        _ => raw(body),
    }
}

/// Looks for `keyword`. In a stream without named events, and in a JSON-array stream, the raw frames count as well:
/// the Go version looks into those. Frames that report an error without any text do not.
pub(crate) fn find(body: &ReadBody, keyword: &str) -> Found {
    let text = text(body);
    if text.trim().is_empty() {
        return Found::Nowhere;
    }
    if text.contains(keyword) {
        return Found::Text;
    }
    match &body.stream {
        Some((form, stream)) if *form == Form::JsonArray || !stream.has_named_events() => {
            if raw(body).contains(keyword) { Found::Frame } else { Found::Nowhere }
        }
        _ => Found::Nowhere,
    }
}
