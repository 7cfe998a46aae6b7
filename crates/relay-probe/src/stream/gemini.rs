//! Google Gemini.

use super::{Collected, frame::Frame};

/// Collects `candidates[].content.parts[].text`; parts marked as thoughts are reasoning. Tells whether the frame is
/// of this dialect.
pub(super) fn read(frame: &Frame<'_>, out: &mut Collected) -> bool {
    out.push_said(frame.candidates.said.as_ref())
}
