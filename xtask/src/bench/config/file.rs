//! A configuration of very many monitors of one relay.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use relay_core::ProbeSpec;

/// How many channels a provider has.
const CHANNELS: usize = 10;

/// Describes the file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LargeFile<'a> {
    /// What each monitor sends.
    pub(crate) spec: &'a ProbeSpec,
    /// How many monitors there are.
    pub(crate) monitors: usize,
}

impl LargeFile<'_> {
    /// Returns the text. Each `round` lists some monitors otherwise, and asks some others something else.
    pub(crate) fn text(&self, round: usize) -> String {
        let mut out = String::from("interval: 1m\nserver:\n  metrics: loopback\nmonitors:\n");
        for monitor in 0..self.monitors {
            let (sponsor, run) = match monitor % 1000 {
                1 => (round, 0),
                2 => (0, round),
                _ => (0, 0),
            };
            // Writing to a string cannot fail.
            let _ = self.entry(&mut out, monitor, sponsor, run);
        }
        out
    }

    fn entry(&self, out: &mut String, monitor: usize, sponsor: usize, run: usize) -> std::fmt::Result {
        let (provider, channel) = (monitor / CHANNELS, monitor % CHANNELS);
        writeln!(out, "  - provider: provider-{provider}")?;
        writeln!(out, "    service: chat\n    channel: channel-{channel}\n    category: commercial")?;
        writeln!(
            out,
            "    sponsor: sponsor number {sponsor}\n    provider_name: Provider number {provider}"
        )?;
        writeln!(out, "    url: {}\n    method: {}\n    headers:", self.spec.url, self.spec.method)?;
        for header in &self.spec.headers {
            let value = header.value.to_str().unwrap_or_default();
            writeln!(out, "      {}: \"{value}\"", header.name)?;
        }
        writeln!(out, "      x-run: \"{run}\"")?;
        let body = String::from_utf8_lossy(&self.spec.body);
        writeln!(out, "    body: '{}'", body.replace('\'', "''"))?;
        writeln!(out, "    success_contains: {}", self.spec.success_contains.as_deref().unwrap_or_default())
    }
}

/// Puts the text in the place of the configuration of `folder`, as editors do; returns where it is.
///
/// # Errors
/// When the folder cannot be written.
pub(crate) fn put(folder: &Path, text: &str) -> Result<PathBuf> {
    let (new, path) = (folder.join("config.new"), folder.join("config.yaml"));
    fs::write(&new, text).and_then(|()| fs::rename(&new, &path)).context("cannot write the configuration")?;
    Ok(path)
}
