//! Counts as people read them.

use std::fmt::Display;

/// Returns the count with its noun.
pub(crate) fn count_of<N: Display + PartialEq + From<u8>>(count: N, noun: &str) -> String {
    format!("{count} {noun}{}", if count == N::from(1) { "" } else { "s" })
}
