//! The web page, from relay-web and the catalog.

use std::{collections::HashSet, sync::Arc};

use relay_core::{
    Monitor,
    ports::{
        Catalog, Pages,
        pages::{Asset, Page},
    },
};
use relay_web::{PageInput, Provider};

/// The pages of the site that the catalog describes.
pub(crate) struct SitePages {
    catalog: Arc<dyn Catalog>,
}

impl SitePages {
    pub(crate) fn new(catalog: Arc<dyn Catalog>) -> Self {
        Self { catalog }
    }
}

impl Pages for SitePages {
    fn page(&self, path: &str) -> Page {
        let snapshot = self.catalog.current();
        let site = &snapshot.site;
        let html = relay_web::page(&PageInput {
            path,
            title: site.title.as_deref(),
            public_base_url: &site.public_base_url,
            demo: site.demo,
            feed: site.feed,
            footer_note: site.footer_note.as_deref(),
            subscribe_url: site.subscribe_url.as_deref(),
            providers: &providers(&snapshot.monitors),
        });
        Page {
            status: html.status,
            html: html.body.into(),
            embeddable: html.embeddable,
            script_sources: html.script_sources,
        }
    }

    fn asset(&self, path: &str) -> Option<Asset> {
        let asset = relay_web::asset(path)?;
        Some(Asset {
            content: asset.content,
            content_type: asset.content_type,
            etag: asset.etag,
            immutable: asset.immutable,
        })
    }
}

/// Returns the providers that have a page: those the public may see, each once.
fn providers(monitors: &[Arc<Monitor>]) -> Vec<Provider<'_>> {
    let mut seen = HashSet::new();
    monitors
        .iter()
        .filter(|monitor| monitor.is_visible() && seen.insert(monitor.listing.provider_slug.as_str()))
        .map(|monitor| Provider {
            slug: &monitor.listing.provider_slug,
            name: monitor.listing.provider_name.as_deref().unwrap_or_else(|| monitor.key.provider()),
        })
        .collect()
}
