//! The files under `config/` load, and without a warning that a newcomer would have to explain.

use std::path::PathBuf;

use relay_config::{Environment, STARTER_CONFIG, STARTER_DOTENV, Severity, load, load_str};

fn example(name: &str, env: &Environment) -> relay_config::Loaded {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../config").join(name);
    load(&path, env).unwrap_or_else(|problems| panic!("{problems}"))
}

fn keys() -> Environment {
    [
        "MONITOR_EXAMPLE_CC_API_KEY",
        "MONITOR_EXAMPLE_GPT_API_KEY",
        "EXAMPLE_VIP_KEY",
        "EXAMPLE_KEY",
        "RELAY_DB_PASSWORD",
    ]
    .into_iter()
    .fold(Environment::new(), |env, name| env.with(name, "sk-test"))
}

#[test]
fn every_example_loads_without_notice() {
    for name in ["minimal.yaml", "full.yaml", "postgres.yaml", "multi-model.yaml", "starter.yaml"] {
        let loaded = example(name, &keys());
        assert_eq!(loaded.notices, [], "{name}");
    }
}

#[test]
fn the_starter_loads_without_a_key_and_says_where_it_goes() {
    let loaded = load_str(STARTER_CONFIG, "config.yaml", &Environment::new()).expect("the starter loads");
    let [notice] = &loaded.notices[..] else { panic!("{:?}", loaded.notices) };
    assert_eq!(notice.severity, Severity::Warning);
    assert!(notice.message.contains("MONITOR_EXAMPLE_CC_API_KEY"), "{notice}");
    assert!(STARTER_DOTENV.contains("MONITOR_EXAMPLE_CC_API_KEY="));
}

#[test]
fn the_multi_model_example_shares_settings() {
    let config = example("multi-model.yaml", &keys()).config;
    let keys: Vec<String> = config.monitors.iter().map(|monitor| monitor.key.to_string()).collect();
    assert_eq!(
        keys,
        [
            "example/gpt/standard/gpt-6-sol",
            "example/gpt/standard/gpt-6-luna",
            "example/gpt/standard/gpt-5.6-luna",
            "example/gpt/vip/gpt-6-sol",
            "example/cc/standard/claude-haiku-4-5",
        ]
    );
    let child = &config.monitors[1];
    assert!(child.is_child);
    assert_eq!(child.listing.template_name.as_deref(), Some("openai-chat.json"));
    assert_eq!(child.probe.headers.len(), 3);
    assert!(child.probe.body.windows(10).any(|part| part == b"gpt-6-luna"));
    assert_eq!(config.monitors[2].interval.as_secs(), 300);
}
