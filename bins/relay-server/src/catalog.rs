//! What is monitored, from the configuration.

use std::sync::Arc;

use arc_swap::ArcSwap;
use relay_config::Published;
use relay_core::ports::{Catalog, catalog::Snapshot};

/// The catalog of the configuration in force.
pub(crate) struct ConfigCatalog {
    current: ArcSwap<Snapshot>,
    demo: bool,
}

impl ConfigCatalog {
    /// Makes the catalog of a configuration. `demo` marks everything shown as simulated.
    pub(crate) fn new(published: &Published, demo: bool) -> Self {
        Self { current: ArcSwap::from_pointee(snapshot(published, demo)), demo }
    }

    /// Takes over a new configuration.
    pub(crate) fn replace(&self, published: &Published) {
        self.current.store(Arc::new(snapshot(published, self.demo)));
    }
}

impl Catalog for ConfigCatalog {
    fn current(&self) -> Arc<Snapshot> {
        self.current.load_full()
    }
}

fn snapshot(published: &Published, demo: bool) -> Snapshot {
    let mut site = published.config.site.clone();
    site.demo |= demo;
    Snapshot { generation: published.generation, monitors: published.config.monitors.clone(), site }
}
