//! Who may depend on whom, inside the workspace and outside of it.

use cargo_metadata::{DependencyKind, Package};

use super::Finding;

/// What each crate may depend on inside the workspace. A new crate is added here, with a reason in
/// `docs/architecture.md`.
const ARROWS: &[(&str, Inside)] = &[
    ("relay-core", Inside::Nothing),
    ("relay-config", Inside::Core),
    ("relay-probe", Inside::Core),
    ("relay-store", Inside::Core),
    ("relay-events", Inside::Core),
    ("relay-api", Inside::Core),
    ("relay-web", Inside::Nothing),
    ("relay-sim", Inside::Nothing),
    ("relay-testkit", Inside::Core),
    ("relay-server", Inside::Everything),
    ("xtask", Inside::Everything),
];

/// What tests of any crate may use besides.
const FOR_TESTS: &[&str] = &["relay-core", "relay-testkit", "relay-sim"];

/// The crates outside of the workspace that only some members may use. xtask is exempt: its benches need bare clients
/// and servers to compare with.
const OWNED: &[(&[&str], &[&str])] = &[
    (
        &["rusqlite", "r2d2", "r2d2_sqlite", "tokio-postgres", "deadpool-postgres", "tokio-postgres-rustls"],
        &["relay-store"],
    ),
    (&["serde_yaml", "granit-parser", "notify", "notify-debouncer-full"], &["relay-config"]),
    (&["rustls-native-certs"], &["relay-probe", "relay-store"]),
    (&["webpki-roots"], &["relay-probe"]),
    (&["matchit"], &["relay-api"]),
    (&["hyper", "hyper-util"], &["relay-probe", "relay-api", "relay-sim", "relay-events"]),
    (&["hyper-rustls", "lettre", "tower-service"], &["relay-events"]),
    (&["clap", "anyhow", "tikv-jemallocator"], &["relay-server"]),
    (&["tracing-subscriber"], &["relay-server", "relay-testkit"]),
];

/// All that relay-core may use.
const CORE_USES: &[&str] =
    &["async-trait", "bytes", "http", "ipnet", "jiff", "regex", "thiserror", "url", "zeroize"];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Nothing,
    Core,
    Everything,
}

/// A dependency as a manifest declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Arrow<'a> {
    from: &'a str,
    to: &'a str,
    /// Whether only tests, examples and benches see it.
    for_tests: bool,
}

/// Finds dependencies that the layers do not allow, and crates that have no layer.
pub(super) fn check(packages: &[Package]) -> Vec<Finding> {
    let members: Vec<&str> = packages.iter().map(|package| package.name.as_str()).collect();
    let arrows: Vec<Arrow<'_>> = packages
        .iter()
        .flat_map(|package| {
            package.dependencies.iter().map(|dependency| Arrow {
                from: package.name.as_str(),
                to: &dependency.name,
                for_tests: dependency.kind == DependencyKind::Development,
            })
        })
        .collect();
    check_arrows(&members, &arrows)
}

fn check_arrows(members: &[&str], arrows: &[Arrow<'_>]) -> Vec<Finding> {
    let layerless = members.iter().filter(|member| inside(member).is_none()).map(|member| {
        Finding::new(*member, "has no layer: name it in xtask/src/tidy/layers.rs and docs/architecture.md")
    });
    let gone = ARROWS.iter().filter(|(name, _)| !members.contains(name)).map(|(name, _)| {
        Finding::new(*name, "is named in xtask/src/tidy/layers.rs but is no member of the workspace")
    });
    let forbidden = arrows
        .iter()
        .filter_map(|arrow| refusal(members, arrow).map(|message| Finding::new(arrow.from, message)));
    layerless.chain(gone).chain(forbidden).collect()
}

fn inside(member: &str) -> Option<Inside> {
    ARROWS.iter().find(|(name, _)| *name == member).map(|(_, inside)| *inside)
}

/// Says why an arrow is not allowed, if it is not.
fn refusal(members: &[&str], arrow: &Arrow<'_>) -> Option<String> {
    let Arrow { from, to, for_tests } = *arrow;
    let inside = inside(from)?;
    if members.contains(&to) {
        let allowed = inside == Inside::Everything
            || (inside == Inside::Core && to == "relay-core")
            || (for_tests && FOR_TESTS.contains(&to));
        return (!allowed).then(|| format!("must not depend on {to}: go through a port of relay-core"));
    }
    if for_tests || from == "xtask" {
        return None;
    }
    if from == "relay-core" && !CORE_USES.contains(&to) {
        return Some(format!("must not depend on {to}: it holds words and ports and does no IO"));
    }
    let (_, owners) = OWNED.iter().find(|(owned, _)| owned.contains(&to))?;
    (!owners.contains(&from)).then(|| format!("must not depend on {to}: that is for {}", owners.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members() -> Vec<&'static str> {
        ARROWS.iter().map(|(name, _)| *name).collect()
    }

    fn allowed(from: &str, to: &str, for_tests: bool) -> bool {
        check_arrows(&members(), &[Arrow { from, to, for_tests }]).is_empty()
    }

    #[test]
    fn libraries_see_relay_core_only() {
        assert!(allowed("relay-api", "relay-core", false));
        assert!(!allowed("relay-api", "relay-store", false));
        assert!(!allowed("relay-probe", "relay-sim", false));
        assert!(!allowed("relay-core", "relay-config", false));
        assert!(!allowed("relay-web", "relay-core", false));
        assert!(!allowed("relay-sim", "relay-core", false));
    }

    #[test]
    fn the_binary_and_xtask_see_all() {
        for to in members() {
            assert!(allowed("relay-server", to, false), "{to}");
            assert!(allowed("xtask", to, false), "{to}");
        }
    }

    #[test]
    fn tests_may_use_the_kit_and_the_simulator_but_no_other_layer() {
        assert!(allowed("relay-store", "relay-testkit", true));
        assert!(allowed("relay-probe", "relay-sim", true));
        assert!(!allowed("relay-store", "relay-testkit", false));
        assert!(!allowed("relay-api", "relay-store", true));
    }

    #[test]
    fn databases_yaml_and_the_client_have_owners() {
        assert!(allowed("relay-store", "rusqlite", false));
        assert!(!allowed("relay-api", "rusqlite", false));
        assert!(!allowed("relay-server", "rusqlite", false));
        assert!(allowed("relay-config", "serde_yaml", false));
        assert!(!allowed("relay-server", "serde_yaml", false));
        assert!(!allowed("relay-store", "hyper", false));
        assert!(!allowed("relay-events", "anyhow", false));
        assert!(allowed("relay-server", "anyhow", false));
        assert!(allowed("xtask", "rusqlite", false));
        assert!(allowed("relay-api", "serde_json", false));
    }

    #[test]
    fn relay_core_uses_what_is_listed_and_nothing_else() {
        assert!(allowed("relay-core", "jiff", false));
        assert!(!allowed("relay-core", "tokio", false));
        assert!(!allowed("relay-core", "serde", false));
        assert!(allowed("relay-core", "proptest", true));
    }

    #[test]
    fn a_new_crate_needs_a_layer_and_a_lost_one_loses_it() {
        let mut with_new = members();
        with_new.push("relay-new");
        let findings = check_arrows(&with_new, &[]);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place, "relay-new");
        let findings = check_arrows(&members()[1..], &[]);
        assert_eq!(findings.len(), 1);
        assert_eq!(findings[0].place, "relay-core");
    }
}
