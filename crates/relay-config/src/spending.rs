//! What one load may cost beyond the size of its file: inheritance, placeholders and patterns multiply what was typed.

use std::{collections::HashMap, io};

use relay_core::target::Pattern;
use serde::Serialize;

/// The most bytes of text that inheritance and placeholders may make.
const MAX_TEXT_BYTES: u64 = 256 * 1024 * 1024;
/// The most different regular expressions, since each is compiled.
const MAX_PATTERNS: usize = 1_000;

/// Counts what a load has cost so far.
#[derive(Debug, Default)]
pub(crate) struct Spending {
    bytes: u64,
    patterns: HashMap<String, Result<Pattern, String>>,
}

impl Spending {
    /// Takes `bytes` from what is left.
    pub(crate) fn take(&mut self, bytes: u64) -> Result<(), String> {
        self.bytes = self.bytes.saturating_add(bytes);
        if self.bytes > MAX_TEXT_BYTES {
            return Err(format!(
                "the configuration grows beyond {} MiB once inherited settings and placeholders are written out",
                MAX_TEXT_BYTES >> 20
            ));
        }
        Ok(())
    }

    /// Tells whether nothing is left: whatever else the file says is not looked at any more.
    pub(crate) fn is_spent(&self) -> bool {
        self.bytes > MAX_TEXT_BYTES
    }

    /// Compiles an expression, or returns it compiled before.
    pub(crate) fn pattern(&mut self, source: &str) -> Result<Pattern, String> {
        if let Some(earlier) = self.patterns.get(source) {
            return earlier.clone();
        }
        if self.patterns.len() >= MAX_PATTERNS {
            return Err(format!("more than {MAX_PATTERNS} different regular expressions"));
        }
        let compiled = Pattern::new(source).map_err(|error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default().trim();
            format!("not a valid regular expression: {}", last.strip_prefix("error: ").unwrap_or(last))
        });
        self.patterns.insert(source.to_owned(), compiled.clone());
        compiled
    }
}

/// Returns about how many bytes a setting takes.
pub(crate) fn size_of(setting: &impl Serialize) -> u64 {
    let mut counter = Counter(0);
    // Counting cannot fail, and neither can writing settings.
    let _ = serde_json::to_writer(&mut counter, setting);
    counter.0
}

struct Counter(u64);

impl io::Write for Counter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
