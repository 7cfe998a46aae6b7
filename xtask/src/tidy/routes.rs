//! The routes that documents name are those the router serves.

use std::collections::BTreeSet;

use super::Finding;
use crate::workspace::File;

const ROUTER: &str = "crates/relay-api/src/router.rs";

/// Finds routes named in a document that the index at the top of the router does not list. That the index and the
/// router's table are the same is a test of relay-api.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let Some(router) = files.iter().find(|file| file.path == ROUTER) else {
        return vec![Finding::new(ROUTER, "is missing: it opens with the index of all endpoints")];
    };
    let index = index(router.text());
    if index.is_empty() {
        return vec![Finding::new(ROUTER, "does not open with the index of all endpoints")];
    }
    let documents = files.iter().filter(|file| {
        file.has_extension("md") && (file.path == "README.md" || file.path.starts_with("docs/"))
    });
    documents
        .flat_map(|file| {
            let named: BTreeSet<&str> = named(file.text()).filter(|route| !index.contains(route)).collect();
            named
                .into_iter()
                .map(|route| Finding::new(&file.path, format!("names {route}, which is not served")))
        })
        .collect()
}

/// Returns the paths that the module's documentation lists.
fn index(text: &str) -> BTreeSet<&str> {
    text.lines()
        .take_while(|line| line.starts_with("//!"))
        .flat_map(|line| line.split(|c: char| c.is_whitespace() || "`|,".contains(c)))
        .filter(|word| word.starts_with('/') && !word.starts_with("//"))
        .collect()
}

/// Returns the routes that a document names: words in backticks, optionally after a method and before a query, that
/// begin with `/api/` or are all there is between the backticks and begin with a slash.
fn named(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2).filter_map(|quoted| {
        let route = ["GET ", "POST ", "HEAD "]
            .iter()
            .find_map(|method| quoted.strip_prefix(method))
            .unwrap_or(quoted);
        let route = route.split(['?', '#']).next()?;
        let one_word = !route.contains(|c: char| c.is_whitespace() || "…*{<".contains(c));
        let is_route = route.starts_with("/api/")
            || ["/health", "/ready", "/metrics", "/badge.svg", "/feed.atom"].contains(&route);
        (one_word && is_route).then_some(route)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const INDEX: &str = "//! The table of routes.\n//!\n//! | GET | `/api/status` | the page's data |\n\
                         //! | GET | `/health` | alive |\n\nuse http::Method; // /api/not-this-one\n";

    fn findings(document: &str) -> usize {
        check(&[File::of(ROUTER, INDEX), File::of("docs/operations.md", document)]).len()
    }

    #[test]
    fn routes_that_are_served_may_be_named() {
        assert_eq!(findings("`/api/status`, `GET /api/status?period=7d`, `/health`, `/etc/relay`"), 0);
    }

    #[test]
    fn routes_that_are_not_served_may_not() {
        assert_eq!(findings("see `/api/gone`"), 1);
        assert_eq!(findings("see `/api/not-this-one`"), 1);
        assert_eq!(findings("see `/metrics`"), 1);
    }

    #[test]
    fn a_router_without_its_index_is_found() {
        assert_eq!(check(&[]).len(), 1);
        assert_eq!(check(&[File::of(ROUTER, "//! Routes.\n")]).len(), 1);
    }
}
