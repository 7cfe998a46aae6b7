//! The way from a text to settings.

use expect_test::expect;
use relay_config::{Environment, load_str};

use crate::support::{MONITOR, config, told};

#[test]
fn one_monitor_is_enough() {
    let config = config(MONITOR);
    assert_eq!(config.monitors.len(), 1);
    let monitor = &config.monitors[0];
    assert_eq!(monitor.key.to_string(), "acme/cc");
    assert_eq!(monitor.interval.as_secs(), 60);
    assert_eq!(monitor.probe.url.as_str(), "https://api.acme.example/v1");
}

#[test]
fn problems_name_key_line_and_column() {
    let text = "\
interval: 30
monitors:
  - provider: acme
    service: cc
    categori: public
    sponsor: us
    url: ftp://api.acme.example/v1
    method: FETCH
    intervall: 5s
  - provider: acme
    parent: a/b/c
";
    expect![[r#"
        error config.yaml:1:11: interval: a duration needs a unit, such as 30s, 5m or 1h30m
        error config.yaml:3:5: monitors[0].category: required (commercial or public)
        warning config.yaml:5:5: monitors[0].categori: unknown key, did you mean category?
        error config.yaml:7:10: monitors[0].url: must start with http:// or https://
        error config.yaml:8:13: monitors[0].method: must be GET, POST, PUT, DELETE or PATCH
        warning config.yaml:9:5: monitors[0].intervall: unknown key, did you mean interval?
        error config.yaml:10:5: monitors[1].model: required for an entry with parent
        error config.yaml:10:15: monitors[1].provider: differs from the one in parent; leave it out
        error config.yaml:11:13: monitors[1].parent: no entry without parent has this provider, service and channel
    "#]]
    .assert_eq(&told(text, &Environment::new()));
}

/// What only those who send messages can tell of has its place all the same.
#[test]
fn a_notification_is_blamed_at_its_place() {
    let hook = "{name: hook, type: webhook, url: 'https://a.example', body: '{{ id }}'}";
    let text = format!("notifications:\n  - {hook}\n{MONITOR}");
    let loaded = load_str(&text, "c.yaml", &Environment::new()).expect("a good file");
    for (name, key, place) in [
        ("hook", "body", "c.yaml:2:65: notifications[0].body: wrong"),
        ("hook", "template", "c.yaml:2:5: notifications[0].template: wrong"),
        ("hook", "", "c.yaml:2:5: notifications[0]: wrong"),
        ("other", "body", "c.yaml: notifications: wrong"),
    ] {
        assert_eq!(loaded.error_in_notification(name, key, "wrong".to_owned()).to_string(), place);
    }
}
