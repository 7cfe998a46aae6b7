//! The text of an answer: what `success_contains` and `expect` look into.

use std::borrow::Cow;

use crate::{
    body::ReadBody,
    stream::{Facts, Form, lossy},
};

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
    lossy(&body.bytes)
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

/// Returns the words of the error that the body reports, empty when it has none; `None` when it reports no error.
pub(crate) fn error(body: &ReadBody) -> Option<String> {
    match &body.stream {
        Some((_, stream)) => stream.error().map(str::to_owned),
        None => Facts::of(&raw(body))?.error,
    }
}

/// Returns the model that the body says it comes from.
pub(crate) fn model(body: &ReadBody) -> Option<String> {
    match &body.stream {
        Some((_, stream)) => stream.model().map(str::to_owned),
        None => Facts::of(&raw(body))?.model,
    }
}

/// Returns what the body of a failure says of its reason: the message of an error object, the title of a page, else
/// the body itself.
pub(crate) fn reason(body: &ReadBody) -> String {
    if let Some(message) = error(body).filter(|message| !message.is_empty()) {
        return message;
    }
    let raw = raw(body);
    if let Some(message) = Facts::of(&raw).and_then(|facts| facts.message) {
        return message;
    }
    if raw.trim_start().starts_with('<') {
        return title(&raw).unwrap_or_default().to_owned();
    }
    raw.into_owned()
}

/// Returns the title of an HTML page.
fn title(page: &str) -> Option<&str> {
    // Lower-casing ASCII only keeps every position.
    let lower = page.to_ascii_lowercase();
    let start = lower.find("<title")?;
    let start = start + lower[start..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    Some(page[start..end].trim())
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::stream::StreamReader;

    fn body(text: &str) -> ReadBody {
        let mut reader = StreamReader::new("");
        reader.push(text.as_bytes());
        ReadBody {
            bytes: Bytes::copy_from_slice(text.as_bytes()),
            stream: reader.finish(),
            ..ReadBody::default()
        }
    }

    #[test]
    fn keywords_are_found_in_texts_and_for_compatibility_in_frames() {
        let chat = "data: {\"choices\":[{\"delta\":{\"content\":\"po\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"ng\"}}]}\n\n";
        let named = format!("event: x\n{chat}");
        let failed = "data: {\"error\":{\"message\":\"pong\"}}\n\n";
        let array = r#"[{"candidates":[{"content":{"parts":[{"text":"pong"}]}}]}]"#;
        for (text, keyword, found) in [
            ("ping pong", "pong", Found::Text),
            ("ping", "pong", Found::Nowhere),
            (" \n", " ", Found::Nowhere),
            (chat, "pong", Found::Text),
            (chat, "choices", Found::Frame),
            (&named, "pong", Found::Text),
            (&named, "choices", Found::Nowhere),
            (failed, "pong", Found::Nowhere),
            (array, "pong", Found::Text),
            (array, "candidates", Found::Frame),
            ("data: {\"id\":1}\n\n", "id", Found::Text),
        ] {
            assert_eq!(find(&body(text), keyword), found, "{keyword} in {text}");
        }
    }

    #[test]
    fn reasons_are_messages_titles_or_bodies() {
        for (text, expected) in [
            (r#"{"error":{"message":"bad key","type":"auth"}}"#, "bad key"),
            (r#"{"detail":"Not Found"}"#, "Not Found"),
            (r#"{"message":"slow down"}"#, "slow down"),
            ("<html><head><TITLE>\n502 Bad Gateway </TITLE></head>", "502 Bad Gateway"),
            ("<html>", ""),
            ("plain words", "plain words"),
            ("data: {\"error\":\"in a stream\"}\n\n", "in a stream"),
            (r#"{"a":1}"#, r#"{"a":1}"#),
        ] {
            assert_eq!(reason(&body(text)), expected, "{text}");
        }
    }
}
