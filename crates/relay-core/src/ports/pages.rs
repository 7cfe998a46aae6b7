//! The web page, as the HTTP server sees it.

use bytes::Bytes;

/// Gives the pages and files of the status page. relay-api owns the routes and asks here; the binary implements it
/// over relay-web and the catalog.
pub trait Pages: Send + Sync {
    /// Returns the page of a path without query, such as `/`, `/en/` or `/p/some-slug`. Every path has one: an
    /// unknown path or slug gets the page with status 404.
    fn page(&self, path: &str) -> Page;

    /// Returns the file of a path below `/assets/` (given without that prefix), `None` when there is none.
    fn asset(&self, path: &str) -> Option<Asset>;
}

/// A page made for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// 200 or 404.
    pub status: u16,
    /// The HTML, UTF-8.
    pub html: Bytes,
    /// Whether other sites may show it in a frame: provider pages may be embedded, nothing else.
    pub embeddable: bool,
    /// `script-src` sources beyond `'self'`, such as the hash of an import map.
    pub script_sources: &'static [&'static str],
}

/// An embedded file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asset {
    /// Its content.
    pub content: &'static [u8],
    /// Its media type.
    pub content_type: &'static str,
    /// A strong entity tag, quotes included.
    pub etag: &'static str,
    /// Whether its address changes with its content, so that it may be kept for ever.
    pub immutable: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_is_dyn_compatible() {
        fn takes(_: Option<&dyn Pages>) {}
        takes(None);
    }
}
