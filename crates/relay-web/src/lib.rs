//! The status page: its files, embedded in the binary, and the part of its HTML that the server writes.
//!
//! The page itself lives in `assets/`: plain ES modules without a build step, one style sheet, words in four
//! languages, and a few vendored libraries with their licences. It draws everything from the public API. This crate
//! adds what a reader without JavaScript, a search engine or a link preview needs to see: language, title,
//! description, canonical address, alternates.
//!
//! What it deliberately does not know: HTTP (relay-api owns the routes and headers), the catalog and configuration
//! (the caller passes in the few facts a page shows), and measurements (the page fetches them).
//!
//! - [`asset`] gives an embedded file by the path below `/assets/`. Every address carries a hash over all files, so
//!   relative imports between modules just work and everything may be cached for ever.
//! - [`page`] writes the HTML of a path from a [`PageInput`].
//! - [`Language`] says which languages there are and how their addresses look.
//!
//! To add a module or style sheet: put the file into `assets/` and its name into the list in `assets.rs`; a test
//! compares the two. To add words: give every file in `assets/locales/` the new key; a test compares them too. To add
//! a language: a file in `assets/locales/`, a [`Language`], and a line in `assets/js/i18n.js`.
//!
//! Tests of pure modules are in `tests/js` and run with the others; `tests/browser` tries the whole page in Chromium
//! against running servers, which takes packages and a built server: `cargo xtask web` sets both up, checks the types
//! of all modules, and keeps pictures of the page below the target folder.
//!
//! ```
//! let input = relay_web::PageInput {
//!     path: "/en/",
//!     public_base_url: "https://status.example.org",
//!     ..relay_web::PageInput::default()
//! };
//! let page = relay_web::page(&input);
//! assert_eq!(page.status, 200);
//! assert!(page.body.contains("<html lang=\"en\">"));
//! ```

mod assets;
mod language;
mod meta;
mod service;

pub use assets::{Asset, asset};
pub use language::Language;
pub use service::{Html, PageInput, Provider, page};
