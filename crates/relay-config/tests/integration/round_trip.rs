//! What is printed loads to the same configuration.

use std::sync::Arc;

use proptest::{collection::vec, prelude::*, sample::select};
use relay_config::{Config, Environment, NotificationKind, load_str, print_json, print_yaml};
use relay_core::Secret;
use serde_json::{Map, Value, json};

use crate::schema_check::violations;

fn env() -> Environment {
    Environment::new().with("MONITOR_A_CC_API_KEY", "sk-env-key").with("OWN", "sk-own-key")
}

/// Leaves out what printing gives up on purpose: the names of included files, and masked secrets.
fn comparable(config: &Config) -> Config {
    let mut config = config.clone();
    for monitor in &mut config.monitors {
        Arc::make_mut(monitor).listing.template_name = None;
    }
    for notification in &mut config.notifications {
        if let NotificationKind::Webhook(webhook) = &mut notification.kind {
            webhook.url = Secret::default();
            webhook.headers.clear();
        }
    }
    config
}

fn loads_to_itself(text: &str) -> Result<(), TestCaseError> {
    let first =
        load_str(text, "config.yaml", &env()).map_err(|p| TestCaseError::fail(format!("{p}\n{text}")))?;
    let printed = print_yaml(&first).map_err(|error| TestCaseError::fail(error.to_string()))?;
    let second = load_str(&printed, "printed.yaml", &env())
        .map_err(|problems| TestCaseError::fail(format!("{problems}\n{printed}")))?;
    prop_assert_eq!(comparable(&first.config), comparable(&second.config), "{}", printed);
    prop_assert_eq!(&printed, &print_yaml(&second).expect("printable"));
    prop_assert_eq!(print_json(&first).expect("printable"), print_json(&second).expect("printable"));
    Ok(())
}

/// Text of all kinds: ordinary, hard for YAML, and with placeholders.
fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,8}",
        "[ -~]{1,20}",
        "\\PC{1,12}",
        "[ a-z:#'\"\\\\\n\t|>-]{1,20}",
        select(vec![
            "true",
            "no",
            "1",
            "4.10",
            "0x1F",
            "~",
            "null",
            "2024-06-15",
            "- a",
            "a: b",
            "{{MODEL}}",
            "\n a\n\n"
        ])
        .prop_map(str::to_owned),
    ]
}

fn span() -> impl Strategy<Value = Value> {
    select(vec!["300ms", "30s", "1m30s", "1.5h", "2h0m1s"]).prop_map(Value::from)
}

type Setting = BoxedStrategy<Value>;

/// Puts together an object of settings, each there or not.
fn object(settings: Vec<(&'static str, Setting)>) -> Setting {
    let all: Vec<_> = settings
        .into_iter()
        .map(|(key, setting)| {
            proptest::option::of(setting).prop_map(move |value| value.map(|v| (key.to_owned(), v)))
        })
        .collect();
    all.prop_map(|pairs| Value::Object(pairs.into_iter().flatten().collect::<Map<_, _>>())).boxed()
}

fn switch() -> Setting {
    prop_oneof![any::<bool>().prop_map(Value::from), select(vec!["yes", "off"]).prop_map(Value::from)].boxed()
}

fn number(numbers: &'static [i64]) -> Setting {
    select(numbers.to_vec()).prop_map(Value::from).boxed()
}

fn decimals(numbers: &'static [f64]) -> Setting {
    select(numbers.to_vec()).prop_map(Value::from).boxed()
}

fn words(words: &'static [&'static str]) -> Setting {
    select(words.to_vec()).prop_map(Value::from).boxed()
}

fn text() -> Setting {
    any_text().prop_map(Value::from).boxed()
}

fn header_value() -> Setting {
    prop_oneof!["[ -~]{0,20}", Just("Bearer {{API_KEY}}".to_owned())].prop_map(Value::from).boxed()
}

/// What any monitor may say.
fn monitor() -> Setting {
    object(vec![
        ("interval", span().boxed()),
        ("slow_latency", span().boxed()),
        ("timeout", span().boxed()),
        ("body", text()),
        ("success_contains", text()),
        ("headers", object(vec![("X-One", header_value()), ("x-two", header_value())])),
        ("connection", words(&["reuse", "fresh"])),
        ("proxy", words(&["http://127.0.0.1:3128", "socks5://proxy.example:1080"])),
        ("max_response_bytes", number(&[1, 4096])),
        ("private_networks", words(&["allow", "deny"])),
        ("expect", expectation()),
        ("provider_name", text()),
        ("provider_url", words(&["https://a.example/", "http://a.example/x"])),
        ("sponsor_level", words(&["basic", "ADVANCED"])),
        ("price_min", decimals(&[0.0, 0.5])),
        ("price_max", decimals(&[1.0, 0.75])),
        ("listed_since", words(&["2024-06-15"])),
        ("board", words(&["hot", "cold"])),
        ("cold_reason", text()),
        ("hidden", switch()),
        ("hidden_reason", text()),
        ("disabled", switch()),
        ("disabled_reason", text()),
        ("env_var_name", words(&["OWN", "NOT_SET"])),
        (
            "badges",
            vec(prop_oneof![Just(json!("b1")), Just(json!({"id": "b2", "tooltip_override": "t"}))], 0..3)
                .prop_map(Value::from)
                .boxed(),
        ),
    ])
}

fn expectation() -> Setting {
    object(vec![
        ("status", Just(json!([200, 401])).boxed()),
        ("contains", text()),
        ("not_contains", text()),
        ("matches", words(&["a+", "(?i)pong$"])),
        ("json", Just(json!([{"path": "a.0", "exists": true}, {"path": "b", "matches": "^x"}])).boxed()),
        ("min_chars", number(&[0, 5])),
        ("no_error_body", switch()),
    ])
}

fn root() -> Setting {
    object(vec![
        ("interval", span().boxed()),
        ("slow_latency_by_service", Just(json!({"CC": "7s", "gm": "8s"})).boxed()),
        ("timeout_by_service", Just(json!({"cc": "70s"})).boxed()),
        ("degraded_weight", decimals(&[0.0, 0.25, 1.0])),
        ("max_concurrency", number(&[-1, 0, 7])),
        ("stagger_probes", switch()),
        ("public_base_url", words(&["https://x.example/"])),
        ("enable_concurrent_query", switch()),
        ("enable_badges", switch()),
        ("cache_ttl", Just(json!({"1d": "5s", "30d": "9s"})).boxed()),
        ("sponsor_pin", object(vec![("max_pinned", number(&[0, 4])), ("min_uptime", number(&[0, 50, 101]))])),
        ("boards", object(vec![("enabled", switch())])),
        ("events", object(vec![("enabled", switch()), ("mode", words(&["model", "channel"]))])),
        (
            "storage",
            object(vec![
                ("retention", object(vec![("days", number(&[0, 9])), ("jitter", number(&[0, 1]))])),
                ("archive", object(vec![("enabled", switch()), ("keep_days", number(&[0, 9]))])),
            ]),
        ),
        ("hidden_providers", Just(json!([{"provider": " A ", "reason": "r"}])).boxed()),
        ("risk_providers", Just(json!([{"provider": "a", "risks": [{"label": "l"}]}])).boxed()),
        ("badge_providers", Just(json!([{"provider": "A", "badges": ["b2"]}])).boxed()),
        ("probe", object(vec![("user_agent", words(&["x/1"])), ("private_networks", words(&["deny"]))])),
        (
            "server",
            object(vec![("listen", words(&[":1", "localhost:2"])), ("metrics", words(&["off", "public"]))]),
        ),
        ("web", object(vec![("title", text()), ("footer_note", text())])),
        ("notifications", Just(json!([
                {"name": "a", "type": "webhook", "url": "https://a.example/t", "headers": {"x": "1"}, "on": ["up"],
                 "quiet_hours": "23:00-07:00", "template": "a ${b"},
                {"name": "b", "type": "telegram", "token": "${OWN}", "chat_id": 5},
            ])).boxed()),
            ("log", object(vec![("level", words(&["warn"]))])),
    ])
}

fn with(mut value: Value, more: &Value) -> Value {
    for (key, inner) in more.as_object().into_iter().flatten() {
        value[key] = inner.clone();
    }
    value
}

/// A whole file in JSON, which is YAML too: a parent, children of it, and a monitor of its own.
fn file() -> impl Strategy<Value = String> {
    (root(), monitor(), vec(monitor(), 0..3), monitor()).prop_map(|(root, parent, children, single)| {
        let lead = json!({"provider": "a", "service": "cc", "channel": 1, "model": "m0", "category": "public",
            "sponsor": "us", "url": "https://a.example/{{MODEL}}?k={{API_KEY}}", "method": "post"});
        let alone = json!({"provider": "b", "service": "gm", "category": "COMMERCIAL", "sponsor": "us",
            "url": "https://b.example", "method": "GET"});
        let mut monitors = vec![with(parent, &lead), with(single, &alone)];
        for (at, child) in children.into_iter().enumerate() {
            monitors.push(with(child, &json!({"parent": "a/cc/1", "model": format!("m{}", at + 1)})));
        }
        let definitions = json!({"b1": {"weight": 3}, "b2": {"label": {"en": "x"}, "kind": "source"}});
        let whole = with(root, &json!({"monitors": monitors, "badge_definitions": definitions}));
        serde_json::to_string(&whole).expect("JSON")
    })
}

#[test]
fn line_breaks_of_older_yaml_are_text() {
    for odd in ['\u{85}', '\u{2028}', '\u{2029}'] {
        let monitor = serde_json::json!({
            "provider": "a", "service": "cc", "category": "public", "sponsor": format!("x{odd}y"),
            "url": "https://a.example/v1", "method": "GET",
        });
        loads_to_itself(&serde_json::json!({ "monitors": [monitor] }).to_string()).expect("the same");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn a_printed_configuration_loads_to_itself(text in file()) {
        loads_to_itself(&text)?;
    }

    #[test]
    fn what_loads_fits_the_json_schema(text in file()) {
        // A value that is out of range loads with a warning; an editor marks it.
        prop_assume!(!text.contains("\"min_uptime\":101"));
        let value = serde_json::from_str(&text).expect("JSON");
        prop_assert_eq!(violations(&value), Vec::<String>::new());
    }

    #[test]
    fn any_text_is_loaded_or_refused(text in "(monitors|a|-|:| |\n|&x|\\*x|<<|\\[|\\{|\\}|\\]|!include|\"|'|\\||#|\t|0){0,60}") {
        let _ = load_str(&text, "config.yaml", &env());
    }
}
