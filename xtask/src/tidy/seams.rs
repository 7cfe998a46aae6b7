//! Code that only some crates may contain, where the dependency alone does not tell.

use super::Finding;
use crate::workspace::File;

/// A path of code and the folders of those who may write it.
const OWNED: &[(&[&str], &[&str])] = &[
    (
        &["hyper::client", "hyper_util::client", "client::legacy"],
        &["crates/relay-probe/", "crates/relay-events/src/notify/transport"],
    ),
    (&["hyper::server", "hyper_util::server"], &["crates/relay-api/", "crates/relay-sim/"]),
];

/// Finds the HTTP client or server in a crate that has no business with it. Tests and xtask may use what they like.
pub(super) fn check(files: &[File]) -> Vec<Finding> {
    let sources = files.iter().filter(|file| {
        file.has_extension("rs")
            && file.path.contains("/src/")
            && (file.path.starts_with("crates/") || file.path.starts_with("bins/"))
    });
    sources.flat_map(check_file).collect()
}

fn check_file(file: &File) -> Vec<Finding> {
    let foreign = OWNED.iter().filter(|(_, owners)| !owners.iter().any(|owner| file.path.starts_with(owner)));
    foreign
        .flat_map(|(paths, owners)| {
            paths.iter().filter(|path| file.text().contains(**path)).map(move |path| {
                Finding::new(&file.path, format!("must not use `{path}`: that is for {}", owners.join(", ")))
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> usize {
        check(&[File::of(path, text)]).len()
    }

    #[test]
    fn the_client_is_for_the_prober() {
        let client = "use hyper_util::client::legacy::connect::HttpConnector;";
        assert_eq!(findings("crates/relay-probe/src/client.rs", client), 0);
        assert_ne!(findings("crates/relay-api/src/server.rs", client), 0);
        assert_ne!(findings("bins/relay-server/src/main.rs", client), 0);
        assert_eq!(findings("bins/relay-server/tests/integration/main.rs", client), 0);
        assert_eq!(findings("xtask/src/bench/load.rs", client), 0);
    }

    #[test]
    fn the_server_is_for_the_api_and_the_simulator() {
        let server = "use hyper::server::conn::http1;";
        assert_eq!(findings("crates/relay-api/src/server.rs", server), 0);
        assert_eq!(findings("crates/relay-sim/src/server.rs", server), 0);
        assert_eq!(findings("crates/relay-probe/src/client.rs", server), 1);
    }
}
