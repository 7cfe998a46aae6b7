//! OpenAI chat completions and legacy completions.

use super::{Collected, frame::Frame};

/// Collects `choices[].delta.content`, the reasoning beside it, and `choices[].text`. Tells whether the frame is of
/// this dialect.
pub(super) fn read(frame: &Frame<'_>, out: &mut Collected) -> bool {
    let Some(choices) = &frame.choices else { return false };
    for choice in choices {
        out.push_content(choice.delta.content.as_deref());
        out.push_reasoning(choice.delta.reasoning.as_deref());
        out.push_content(choice.text.as_deref());
        // Relays that answer a streaming request with one whole completion in a frame.
        out.push_content(choice.message.content.as_deref());
    }
    true
}
