//! Probing one endpoint.

use async_trait::async_trait;

use crate::{ProbeResult, ProbeSpec};

/// Executes one probe. Implemented by relay-probe, called by its scheduler and by one-shot commands.
#[async_trait]
pub trait Prober: Send + Sync {
    /// Sends the request of `spec` and judges the answer. Always comes back by `spec.timeout` (plus scheduling
    /// noise), whatever the upstream does, and turns every failure into a red result: it never errs.
    ///
    /// # Cancel safety
    /// Dropping the future abandons the request; the connection is closed or returned to the pool.
    async fn probe(&self, spec: &ProbeSpec) -> ProbeResult;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prober_is_dyn_compatible() {
        fn takes(_: Option<&dyn Prober>) {}
        takes(None);
    }
}
