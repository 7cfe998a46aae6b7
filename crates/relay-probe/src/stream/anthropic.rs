//! Anthropic messages.

use super::{Collected, frame::Frame};

/// Collects `delta.text` of `content_block_delta`, and `delta.thinking` as reasoning. Tells whether the frame is of
/// this dialect.
pub(super) fn read(frame: &Frame<'_>, out: &mut Collected) -> bool {
    match frame.kind.as_deref() {
        Some("content_block_delta") => {
            out.push_content(frame.delta.text.as_deref());
            out.push_reasoning(frame.delta.said.reasoning.as_deref());
            true
        }
        Some(
            "message_start" | "content_block_start" | "content_block_stop" | "message_delta" | "message_stop",
        ) => true,
        _ => false,
    }
}
