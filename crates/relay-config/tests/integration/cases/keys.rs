//! Which key a monitor uses, and what is told when there is none.

use relay_config::{Environment, load_str};

use super::{monitor, table};

/// Returns the key of each monitor, with variables `A=x`.
fn keys(text: &str, variables: &[(&str, &str)]) -> Vec<Option<String>> {
    let env = variables.iter().fold(Environment::new(), |env, (name, value)| env.with(*name, *value));
    let loaded = load_str(text, "c.yaml", &env).unwrap_or_else(|problems| panic!("{problems}"));
    let key = |monitor: &std::sync::Arc<relay_core::Monitor>| {
        monitor.probe.api_key.as_ref().map(|key| key.expose().to_owned())
    };
    loaded.config.monitors.iter().map(key).collect()
}

fn key(settings: &str, variables: &[(&str, &str)]) -> Option<String> {
    keys(&monitor(settings), variables).remove(0)
}

#[test]
fn the_order_of_keys() {
    let all =
        [("OWN", "own"), ("MONITOR_ACME_CC_V1_API_KEY", "channel"), ("MONITOR_ACME_CC_API_KEY", "service")];
    let settings = "channel: V1\nenv_var_name: OWN\napi_key: typed";
    for (rule, from, expected) in [
        ("env_var_name is first", 0, "own"),
        ("then provider, service and channel", 1, "channel"),
        ("then provider and service", 2, "service"),
        ("then api_key", 3, "typed"),
    ] {
        assert_eq!(key(settings, &all[from..]).as_deref(), Some(expected), "{rule}");
    }
    assert_eq!(key("channel: V1", &[]), None, "none");
    assert_eq!(
        key("api_key: typed", &[("MONITOR_ACME_CC_API_KEY", "")]).as_deref(),
        Some("typed"),
        "empty is not set"
    );
    assert_eq!(
        key("channel: V1", &[("MONITOR_ACME_CC_V1_API_KEY", " "), ("MONITOR_ACME_CC_API_KEY", "service")])
            .as_deref(),
        Some("service"),
        "white space is empty"
    );
    assert_eq!(
        key("channel: 免费", &[("MONITOR_ACME_CC_免费_API_KEY", "old")]).as_deref(),
        Some("old"),
        "the older form"
    );
}

#[test]
fn a_child_uses_its_parents_key_last() {
    let text = format!(
        "{}  - {{parent: acme/cc, model: m1}}\n  - {{parent: acme/cc, model: m2, api_key: mine}}\n",
        monitor("model: m0\napi_key: theirs")
    );
    let expected = ["theirs", "theirs", "mine"].map(|key| Some(key.to_owned()));
    assert_eq!(keys(&text, &[]), expected);
    let by_name = monitor("model: m0\nenv_var_name: OWN") + "  - {parent: acme/cc, model: m1}\n";
    assert_eq!(
        keys(&by_name, &[("OWN", "k")]),
        ["k", "k"].map(|key| Some(key.to_owned())),
        "by the parent's own name"
    );
}

#[test]
fn a_missing_key_is_told() {
    table(
        "keys/a_missing_key_is_told",
        &[
            (
                "{{API_KEY}} without a key warns and names the variables",
                monitor("channel: v-1\nenv_var_name: OWN\nheaders: {authorization: 'Bearer {{API_KEY}}'}"),
                &[],
            ),
            (
                "children of it are not told of",
                monitor("model: m0\nheaders: {authorization: 'Bearer {{API_KEY}}'}")
                    + "  - {parent: acme/cc, model: m1}\n",
                &[],
            ),
            ("a key that is not used is not missed", monitor("body: x"), &[]),
        ],
    );
}

#[test]
fn where_the_key_goes_is_known() {
    let text = monitor("api_key: sk-1\nbody: 'k={{API_KEY}}'\nheaders: {a: 'x {{API_KEY}}', b: y}");
    let loaded = load_str(&text, "c.yaml", &Environment::new()).expect("a good file");
    let probe = &loaded.config.monitors[0].probe;
    assert!(probe.key_in_url_or_body);
    assert_eq!(probe.body, "k=sk-1");
    assert_eq!(probe.headers.iter().map(|header| header.holds_key).collect::<Vec<_>>(), [true, false]);
    assert!(probe.headers[0].value.is_sensitive());
}

#[test]
fn no_secret_is_ever_shown() {
    let sent = "\
api_key: sk-typed-12345678
proxy: http://u:hunter2@p.example
headers: {authorization: Bearer token-1, x-other: sk-typed-12345678}
body: 'sk-ant-other-12345678'
";
    let address = "https://u:sk-typed-12345678@a.example/sk-typed-12345678/x?key=abc";
    let text = monitor(sent).replace("https://api.acme.example/v1", address);
    let notification = "name: n, type: webhook, url: 'https://h.example/hook-987', headers: {x: head-987}, body: 'b ${BODY}'";
    let global = "events: {api_token: tok-987}\nstorage: {postgres: {password: pw-987}}\n";
    let text = format!("notifications: [{{{notification}}}]\n{global}{text}");
    let env = Environment::new().with("BODY", "body-987");
    let loaded = load_str(&text, "c.yaml", &env).unwrap_or_else(|problems| panic!("{problems}"));
    let shown = format!(
        "{}{}{:?}{:?}",
        relay_config::print_yaml(&loaded).expect("printable"),
        relay_config::print_json(&loaded).expect("printable"),
        loaded,
        loaded.config.notifications
    );
    for secret in [
        "sk-typed",
        "sk-ant-other",
        "hunter2",
        "token-1",
        "tok-987",
        "pw-987",
        "hook-987",
        "head-987",
        "body-987",
        "key=abc",
    ] {
        assert!(!shown.contains(secret), "{secret} in {shown}");
    }
    assert_eq!(loaded.config.monitors[0].listing.probe_url, "https://a.example");
}
