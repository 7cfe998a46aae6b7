//! Badges and risks.

use super::{global, monitor, table};

#[test]
fn definitions() {
    table(
        "badges/definitions",
        &[
            ("a monitor without badges has the built-in one", global(""), &["/monitors/0/badges"]),
            ("a definition has defaults", global("badge_definitions: {a: {}}"), &["/badge_definitions/a"]),
            ("a definition may be empty", global("badge_definitions: {a: }"), &["/badge_definitions/a/kind"]),
            ("kind has three words", global("badge_definitions: {a: {kind: sauce}}"), &[]),
            ("variant has five words", global("badge_definitions: {a: {variant: red}}"), &[]),
            ("weight is 0 to 100", global("badge_definitions: {a: {weight: 101}}"), &[]),
            ("url is checked", global("badge_definitions: {a: {url: /x}}"), &[]),
            (
                "label by language",
                global("badge_definitions: {a: {label: {en: A, zh-CN: 甲}}}"),
                &["/badge_definitions/a/label"],
            ),
            (
                "the built-in badge may be redefined",
                global("badge_definitions: {api_key_official: {label: Ours}}"),
                &["/monitors/0/badges", "/badge_definitions/api_key_official/weight"],
            ),
        ],
    );
}

#[test]
fn references() {
    let defined = "badge_definitions: {a: {weight: 1}, b: {weight: 9}, c: {weight: 1}}\n";
    table(
        "badges/references",
        &[
            ("an unknown badge is an error", monitor("badges: [nope]"), &[]),
            (
                "an unknown badge of a provider is an error",
                global("badge_providers: [{provider: acme, badges: [nope]}]"),
                &[],
            ),
            (
                "a badge reference needs an id",
                format!("{defined}{}", monitor("badges: [{tooltip_override: t}]")),
                &[],
            ),
            (
                "heavier badges come first, then the first mentioned",
                format!(
                    "{defined}badge_providers: [{{provider: ACME, badges: [c]}}]\n{}",
                    monitor("badges: [a, b]")
                ),
                &["/monitors/0/badges"],
            ),
            (
                "a badge counts once, the monitor's wins",
                format!(
                    "{defined}badge_providers: [{{provider: acme, badges: [a, {{id: c, tooltip_override: p}}]}}]\n{}",
                    monitor("badges: [{id: a, tooltip_override: own}]")
                ),
                &["/monitors/0/badges"],
            ),
            (
                "badge_providers: a provider is listed once",
                format!(
                    "{defined}badge_providers: [{{provider: a, badges: [a]}}, {{provider: A, badges: [b]}}]\n{}",
                    monitor("")
                ),
                &[],
            ),
            (
                "badge_providers: a provider has a name",
                format!("{defined}badge_providers: [{{badges: [a]}}]\n{}", monitor("")),
                &[],
            ),
        ],
    );
}

#[test]
fn risks() {
    table(
        "badges/risks",
        &[
            (
                "risks reach each monitor of the provider",
                global(
                    "risk_providers: [{provider: ' Acme', risks: [{label: L, discussion_url: 'https://a.example/t/'}]}]",
                ),
                &["/monitors/0/risks"],
            ),
            ("risks must not be empty", global("risk_providers: [{provider: a, risks: []}]"), &[]),
            (
                "a risk needs a label",
                global("risk_providers: [{provider: a, risks: [{discussion_url: https://a.example}]}]"),
                &[],
            ),
            (
                "discussion_url is checked",
                global("risk_providers: [{provider: a, risks: [{label: L, discussion_url: x}]}]"),
                &[],
            ),
            (
                "risk_providers: a provider is listed once",
                global(
                    "risk_providers: [{provider: a, risks: [{label: L}]}, {provider: A, risks: [{label: L}]}]",
                ),
                &[],
            ),
            ("risk_providers: a provider has a name", global("risk_providers: [{risks: [{label: L}]}]"), &[]),
        ],
    );
}
