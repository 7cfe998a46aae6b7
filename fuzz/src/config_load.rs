//! Configuration files: any text is loaded or refused, and what loads is printed as a file that loads to itself.

use std::sync::Arc;

use relay_config::{Config, Environment, load_str, print_json, print_yaml};

/// What stands in a printed file where a secret was.
const MASK: &str = "***";

/// Loads `data` as a configuration file. Bytes that are no UTF-8 never get as far as that.
///
/// # Panics
/// When the file loads and what is printed of it does not load to the same.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let env = environment();
    let first = match load_str(text, "config.yaml", &env) {
        Ok(loaded) => loaded,
        Err(problems) => {
            assert!(problems.all().iter().all(|problem| !problem.to_string().contains('\n')), "{problems}");
            return;
        }
    };
    let printed = print_yaml(&first).expect("what loaded can be written");
    let json = print_json(&first).expect("what loaded can be written");
    let second =
        load_str(&printed, "printed.yaml", &env).unwrap_or_else(|problems| panic!("{problems}\n{printed}"));
    if printed.contains(MASK) {
        return;
    }
    assert_eq!(comparable(&first.config), comparable(&second.config), "{printed}");
    assert_eq!(printed, print_yaml(&second).expect("what loaded can be written"));
    assert_eq!(json, print_json(&second).expect("what loaded can be written"));
}

/// A key for one provider, a reference to resolve, and settings that lie over the file's.
fn environment() -> Environment {
    Environment::new()
        .with("MONITOR_A_CC_API_KEY", "sk-env-key")
        .with("OWN", "sk-own-key")
        .with("HOOK", "https://hook.example/t")
        .with("MONITOR_CORS_ORIGINS", "https://a.example")
}

/// Leaves out what printing gives up on purpose: the names of included files.
fn comparable(config: &Config) -> Config {
    let mut config = config.clone();
    for monitor in &mut config.monitors {
        Arc::make_mut(monitor).listing.template_name = None;
    }
    config
}
