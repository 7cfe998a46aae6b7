//! OpenAI Responses.

use super::{Collected, frame::Frame};

/// Collects `response.output_text.delta`, or the text of `response.output_text.done` when nothing came before it.
/// Tells whether the frame is of this dialect.
pub(super) fn read(frame: &Frame<'_>, out: &mut Collected) -> bool {
    match frame.kind.as_deref() {
        Some("response.output_text.delta") => out.push_content(frame.delta.plain.as_deref()),
        Some("response.output_text.done") if out.content.is_empty() => {
            out.push_content(frame.text.as_deref())
        }
        Some("response.reasoning_text.delta" | "response.reasoning_summary_text.delta") => {
            out.push_reasoning(frame.delta.plain.as_deref());
        }
        Some(kind) if kind.starts_with("response.") => {}
        _ => return false,
    }
    true
}
