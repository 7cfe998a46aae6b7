//! Parents and children.

use super::table;
use crate::support::MONITOR;

/// A good parent `acme/cc/vip` with more settings, and entries behind it.
fn family(parent: &str, children: &[&str]) -> String {
    let mut text = format!("{MONITOR}    channel: vip\n    model: m0\n");
    for line in parent.lines() {
        text.push_str(&format!("    {line}\n"));
    }
    for child in children {
        text.push_str(&format!("  - {{{child}}}\n"));
    }
    text
}

const CHILD: &str = "parent: acme/cc/vip, model: m1";

#[test]
fn finding_the_parent() {
    table("inheritance/finding_the_parent", &[
        ("a child takes its place from parent", family("", &[CHILD]), &["/monitors/1/provider", "/monitors/1/service", "/monitors/1/channel", "/monitors/1/parent"]),
        ("the same values may be repeated", family("", &["parent: acme/cc/vip, model: m1, provider: acme, channel: vip"]), &["/monitors/1/channel"]),
        ("different values are an error", family("", &["parent: acme/cc/vip, model: m1, channel: x"]), &[]),
        ("a child needs a model", family("", &["parent: acme/cc/vip"]), &[]),
        ("a parent must exist", family("", &["parent: acme/cc/other, model: m1"]), &[]),
        ("a parent is named in full", family("", &["parent: acme, model: m1"]), &[]),
        ("a parent needs a model", family("", &[CHILD]).replace("    model: m0\n", ""), &[]),
        ("a parent without channel", format!("{MONITOR}    model: m0\n  - {{parent: acme/cc, model: m1}}\n"), &["/monitors/1/model", "/monitors/1/channel"]),
        ("a parent defined twice", family("", &[CHILD, "provider: acme, service: cc, channel: vip, model: m9, category: public, sponsor: us, url: https://a.example, method: GET"]), &[]),
        ("no monitor is its own parent", "monitors:\n  - {provider: a, service: b, channel: c, parent: a/b/c, model: m}\n".to_owned(), &[]),
        ("a child is no parent", family("", &["parent: acme/cc/vip, model: m1, channel: low", "parent: acme/cc/low, model: m2"]), &[]),
        ("a cycle is an error", "monitors:\n  - {provider: a, service: b, parent: c/d, model: m}\n  - {provider: c, service: d, parent: a/b, model: m}\n".to_owned(), &[]),
        ("a parent may stand behind its child", "monitors:\n  - {parent: a/b/c, model: m1}\n  - {provider: a, service: b, channel: c, model: m0, category: public, sponsor: us, url: https://a.example, method: GET}\n".to_owned(), &["/monitors/0/url"]),
    ]);
}

#[test]
fn taking_over() {
    table(
        "inheritance/taking_over",
        &[
            (
                "what a child does not say it inherits",
                family("interval: 5m\nsponsor_level: basic\nprice_min: 1", &[CHILD]),
                &[
                    "/monitors/1/interval_ms",
                    "/monitors/1/sponsor_level",
                    "/monitors/1/price_min",
                    "/monitors/1/url",
                ],
            ),
            (
                "what a child says counts",
                family(
                    "interval: 5m",
                    &["parent: acme/cc/vip, model: m1, interval: 7m, url: https://b.example"],
                ),
                &["/monitors/1/interval_ms", "/monitors/1/url"],
            ),
            (
                "null does not unset",
                family("interval: 5m", &["parent: acme/cc/vip, model: m1, interval: null"]),
                &["/monitors/1/interval_ms"],
            ),
            (
                "the parent's own time goes before that by service",
                format!("timeout_by_service: {{cc: 70s}}\n{}", family("timeout: 20s", &[CHILD])),
                &["/monitors/1/timeout_ms"],
            ),
            (
                "by service counts when the parent says nothing",
                format!("timeout_by_service: {{cc: 70s}}\n{}", family("", &[CHILD])),
                &["/monitors/1/timeout_ms"],
            ),
            (
                "headers merge, the child's win",
                family(
                    "headers: {X-A: 1, X-B: 2}",
                    &["parent: acme/cc/vip, model: m1, headers: {x-a: 3, X-C: 4}"],
                ),
                &["/monitors/1/headers"],
            ),
            (
                "badges replace",
                format!(
                    "badge_definitions: {{a: {{}}, b: {{}}}}\n{}",
                    family(
                        "badges: [a]",
                        &["parent: acme/cc/vip, model: m1, badges: [b]", "parent: acme/cc/vip, model: m2"]
                    )
                ),
                &["/monitors/1/badges", "/monitors/2/badges"],
            ),
            (
                "expect replaces",
                family(
                    "expect: {min_chars: 5, contains: a}",
                    &["parent: acme/cc/vip, model: m1, expect: {contains: b}"],
                ),
                &["/monitors/1/expect"],
            ),
        ],
    );
}

#[test]
fn cascading() {
    table(
        "inheritance/cascading",
        &[
            (
                "hidden cascades with its reason",
                family(
                    "hidden: true\nhidden_reason: shy",
                    &[CHILD, "parent: acme/cc/vip, model: m2, hidden: false, hidden_reason: own"],
                ),
                &[
                    "/monitors/1/hidden",
                    "/monitors/1/hidden_reason",
                    "/monitors/2/hidden",
                    "/monitors/2/hidden_reason",
                ],
            ),
            (
                "disabled cascades with its reason",
                family("disabled: true\ndisabled_reason: gone", &[CHILD]),
                &["/monitors/1/disabled", "/monitors/1/disabled_reason"],
            ),
            (
                "a child may be disabled alone",
                family("", &["parent: acme/cc/vip, model: m1, disabled: true"]),
                &["/monitors/0/disabled", "/monitors/1/disabled"],
            ),
            (
                "a child of a cold parent is cold",
                format!(
                    "boards: {{enabled: true}}\n{}",
                    family(
                        "board: cold\ncold_reason: old",
                        &[CHILD, "parent: acme/cc/vip, model: m2, board: hot"]
                    )
                ),
                &[
                    "/monitors/1/board",
                    "/monitors/1/cold_reason",
                    "/monitors/2/board",
                    "/monitors/2/cold_reason",
                ],
            ),
            (
                "a mistake of the parent is told once",
                family("headers: {x: \"a\\nb\"}", &[CHILD, "parent: acme/cc/vip, model: m2"]),
                &[],
            ),
        ],
    );
}
