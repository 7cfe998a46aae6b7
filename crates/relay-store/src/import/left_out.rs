//! What is left out of an import, and why.

/// Rows of records that an import left out, by reason. Each is counted for one reason only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LeftOut {
    /// Without provider or service.
    pub nameless: u64,
    /// With a provider, service, channel or model that no monitor can have:
    /// [`MonitorKey::is_part`](relay_core::MonitorKey::is_part).
    pub misnamed: u64,
    /// Without a time, or from before 1970.
    pub timeless: u64,
    /// From the future.
    pub future: u64,
    /// Older than what is kept, counts too.
    pub too_old: u64,
    /// Of an archive, and not to be understood.
    pub unreadable: u64,
}

impl LeftOut {
    /// Adds what another part of the import left out.
    pub(crate) fn add(&mut self, other: Self) {
        let Self { nameless, misnamed, timeless, future, too_old, unreadable } = other;
        self.nameless += nameless;
        self.misnamed += misnamed;
        self.timeless += timeless;
        self.future += future;
        self.too_old += too_old;
        self.unreadable += unreadable;
    }
}
