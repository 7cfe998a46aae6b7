//! The form of the file.

use super::{global, table};
use crate::support::MONITOR;

#[test]
fn documents() {
    table("yaml/documents", &[
        ("an empty file is an error", String::new(), &[]),
        ("a file of comments is empty", "# nothing\n".to_owned(), &[]),
        ("a file must be a mapping", "- a\n".to_owned(), &[]),
        ("a second document warns", format!("{MONITOR}---\nmonitors: [\n"), &["/monitors/0/provider"]),
        ("the end of a document is fine", format!("---\n{MONITOR}...\n"), &["/monitors/0/provider"]),
        ("broken YAML is told with its place", global("interval: [1s"), &[]),
        ("a tab is no indentation", "monitors:\n\t- a\n".to_owned(), &[]),
        ("a NUL byte is no text", global("interval: 1\0s"), &[]),
        ("JSON is YAML too", "{monitors: [{provider: a, service: b, category: public, sponsor: us, url: https://a.example, method: GET}]}".to_owned(), &["/monitors/0/provider"]),
    ]);
}

#[test]
fn keys_of_mappings() {
    table(
        "yaml/keys_of_mappings",
        &[
            ("a key given twice is an error with both places", global("interval: 1s\ninterval: 2s"), &[]),
            (
                "all keys given twice are told",
                global("interval: 1s\ninterval: 2s\nweb: {title: a, title: b}"),
                &[],
            ),
            ("a header given twice too", format!("{MONITOR}    headers: {{a: 1, a: 2}}\n"), &[]),
            ("a key must be a single value", global("[a, b]: 1"), &[]),
        ],
    );
}

#[test]
fn anchors_and_merges() {
    let shared = "x-a: &a {category: public, sponsor: us, method: GET, url: https://a.example}\n";
    table(
        "yaml/anchors_and_merges",
        &[
            (
                "aliases and merge keys work",
                format!("{shared}monitors:\n  - {{<<: *a, provider: p, service: s}}\n"),
                &["/monitors/0/sponsor"],
            ),
            (
                "what stands beside a merge key wins",
                format!("{shared}monitors:\n  - {{provider: p, service: s, sponsor: own, <<: *a}}\n"),
                &["/monitors/0/sponsor"],
            ),
            (
                "of several merged mappings the first wins",
                format!(
                    "{shared}x-b: &b {{sponsor: second, channel: c}}\nmonitors:\n  - {{<<: [*a, *b], provider: p, service: s}}\n"
                ),
                &["/monitors/0/sponsor", "/monitors/0/channel"],
            ),
            ("a merge key takes mappings only", global("x-a: &a 1\nweb: {<<: *a}"), &[]),
            ("a quoted merge key is a key", global("web: {'<<': 1}"), &[]),
            ("an alias must be defined", global("interval: *nope"), &[]),
            ("an alias inside its own value is an error", global("x-a: &a [*a]"), &[]),
            (
                "an explicit tag makes text",
                global("interval: !!str 5s\nweb: {title: !!str null}"),
                &["/interval", "/web/title"],
            ),
            ("a tag of its own is an error", global("interval: !soon 5s"), &[]),
        ],
    );
}
