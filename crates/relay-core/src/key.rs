//! The four-part key of a monitor.

use std::{fmt, sync::Arc};

/// Provider, service and channel: what all models of one group share. The channel may be empty.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Psc {
    provider: Arc<str>,
    service: Arc<str>,
    channel: Arc<str>,
}

impl Psc {
    /// Makes a group key; parts are kept as given, case included.
    pub fn new(
        provider: impl Into<Arc<str>>,
        service: impl Into<Arc<str>>,
        channel: impl Into<Arc<str>>,
    ) -> Self {
        Self { provider: provider.into(), service: service.into(), channel: channel.into() }
    }

    /// Returns the provider.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// Returns the service.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Returns the channel, empty when the group has none.
    #[must_use]
    pub fn channel(&self) -> &str {
        &self.channel
    }
}

/// Prints `provider/service/channel`, without the last slash when the channel is empty.
impl fmt::Display for Psc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.provider, self.service)?;
        if !self.channel.is_empty() {
            write!(f, "/{}", self.channel)?;
        }
        Ok(())
    }
}

/// The unique key of a monitor. Channel and model may be empty. Cloning is cheap: parts are shared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonitorKey {
    psc: Psc,
    model: Arc<str>,
}

impl MonitorKey {
    /// The most bytes that a part of a key should have: a name that people read, in a list of many, is shorter by far, and
    /// an index of PostgreSQL takes no entry much longer than two of these.
    pub const PART_BYTES: usize = 1_024;

    /// Tells whether a text can be a part of a key that came from elsewhere: at most [`PART_BYTES`](Self::PART_BYTES)
    /// long, and without control characters, of which PostgreSQL stores no NUL and no line shows any.
    #[must_use]
    pub fn is_part(text: &str) -> bool {
        text.len() <= Self::PART_BYTES && !text.contains(char::is_control)
    }

    /// Makes a key from its group and model.
    pub fn new(psc: Psc, model: impl Into<Arc<str>>) -> Self {
        Self { psc, model: model.into() }
    }

    /// Makes a key from its four parts.
    #[must_use]
    pub fn from_parts(provider: &str, service: &str, channel: &str, model: &str) -> Self {
        Self::new(Psc::new(provider, service, channel), model)
    }

    /// Returns the group the monitor belongs to.
    #[must_use]
    pub fn psc(&self) -> &Psc {
        &self.psc
    }

    /// Returns the provider.
    #[must_use]
    pub fn provider(&self) -> &str {
        self.psc.provider()
    }

    /// Returns the service.
    #[must_use]
    pub fn service(&self) -> &str {
        self.psc.service()
    }

    /// Returns the channel, empty when there is none.
    #[must_use]
    pub fn channel(&self) -> &str {
        self.psc.channel()
    }

    /// Returns the model, empty when there is none.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }
}

/// Prints `provider/service/channel/model`; empty parts at the end are left out, an empty channel before a model
/// stays visible as two slashes.
impl fmt::Display for MonitorKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.model.is_empty() {
            return self.psc.fmt(f);
        }
        write!(f, "{}/{}/{}/{}", self.provider(), self.service(), self.channel(), self.model)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_bounded_and_of_one_line() {
        let (longest, longer) = ("x".repeat(MonitorKey::PART_BYTES), "x".repeat(MonitorKey::PART_BYTES + 1));
        for (text, can_be) in [
            ("", true),
            ("GPT 4/ü", true),
            (&longest, true),
            (&longer, false),
            ("a\0b", false),
            ("\u{85}", false),
        ] {
            assert_eq!(MonitorKey::is_part(text), can_be, "{text:?}");
        }
    }

    #[test]
    fn display_leaves_out_empty_parts_at_the_end_only() {
        assert_eq!(MonitorKey::from_parts("a", "cc", "vip", "m").to_string(), "a/cc/vip/m");
        assert_eq!(MonitorKey::from_parts("a", "cc", "", "m").to_string(), "a/cc//m");
        assert_eq!(MonitorKey::from_parts("a", "cc", "vip", "").to_string(), "a/cc/vip");
        assert_eq!(MonitorKey::from_parts("a", "cc", "", "").to_string(), "a/cc");
    }
}
