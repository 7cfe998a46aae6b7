//! One case for each rule, named by it: a text, and what is told of it or what it comes to.

mod badges;
mod global;
mod inheritance;
mod keys;
mod monitors;
mod notifications;
mod storage;
mod yaml;

use std::{fmt::Write as _, path::PathBuf};

use relay_config::{Environment, load_str, print_json};
use serde_json::Value;

use crate::support::{MONITOR, lines};

/// A rule, a text that touches it, and the places of the effective configuration to show.
type Case<'c> = (&'c str, String, &'c [&'c str]);

/// Runs all cases without any variable set.
fn table(name: &str, cases: &[Case<'_>]) {
    table_with(name, &Environment::new(), cases);
}

/// Runs all cases and compares what comes of them with `cases/<name>.txt`: under each rule what is told, then the
/// asked-for values of a configuration that loaded.
fn table_with(name: &str, env: &Environment, cases: &[Case<'_>]) {
    let mut found = String::new();
    for (rule, text, pointers) in cases {
        let _ = writeln!(found, "# {rule}");
        match load_str(text, "c.yaml", env) {
            Ok(loaded) => {
                found.push_str(&lines(&loaded.notices));
                let json: Value =
                    serde_json::from_str(&print_json(&loaded).expect("printable")).expect("printed JSON");
                for pointer in *pointers {
                    let value = json.pointer(pointer).unwrap_or(&Value::Null);
                    let _ = writeln!(found, "{pointer} = {value}");
                }
            }
            Err(problems) => found.push_str(&lines(problems.all())),
        }
        found.push('\n');
    }
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/integration/cases").join(format!("{name}.txt"));
    expect_test::expect_file![path].assert_eq(&found);
}

/// A file with one good monitor and these global settings in front.
fn global(settings: &str) -> String {
    format!("{settings}\n{MONITOR}")
}

/// A file with one good monitor that has these settings too; one of the same key replaces.
fn monitor(settings: &str) -> String {
    let key = settings.split(':').next().unwrap_or_default();
    let mut text = String::new();
    for line in MONITOR.lines() {
        if line.trim_start_matches(['-', ' ']).split(':').next() != Some(key) || line.starts_with("monitors")
        {
            let _ = writeln!(text, "{line}");
        } else if line.contains("- ") {
            let _ = writeln!(text, "  - x-first: 1");
        }
    }
    for line in settings.lines() {
        let _ = writeln!(text, "    {line}");
    }
    text
}
