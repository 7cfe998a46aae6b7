//! Google Gemini.

use super::{Collected, frame::Frame};

/// Collects `candidates[].content.parts[].text`; parts marked as thoughts are reasoning. Tells whether the frame is
/// of this dialect.
pub(super) fn read(frame: &Frame<'_>, out: &mut Collected) -> bool {
    let Some(candidates) = &frame.candidates else { return false };
    for part in candidates.iter().flat_map(|candidate| &candidate.parts) {
        if part.thought {
            out.push_reasoning(part.text.as_deref());
        } else {
            out.push_content(part.text.as_deref());
        }
    }
    true
}
