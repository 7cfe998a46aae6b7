//! OpenAI chat completions and legacy completions.

use super::{Collected, frame::Frame};

/// Collects `choices[].delta.content`, the reasoning beside it, and `choices[].text`. Tells whether the frame is of
/// this dialect.
pub(super) fn read(frame: &Frame<'_>, out: &mut Collected) -> bool {
    out.push_said(frame.choices.said.as_ref())
}
