//! Checks values against the generated JSON Schema, as far as it uses the language.

use std::sync::LazyLock;

use regex::Regex;
use serde_json::Value;

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(&relay_config::json_schema()).expect("the schema is JSON"));

/// Returns what is wrong with `value`, each with its place.
pub(crate) fn violations(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    check(value, &SCHEMA, "", &mut found);
    found
}

fn check(value: &Value, schema: &Value, at: &str, found: &mut Vec<String>) {
    let Some(schema) = schema.as_object() else { panic!("{at}: {schema} is no schema") };
    for (word, rule) in schema {
        match word.as_str() {
            "$ref" => check(value, definition(rule), at, found),
            "anyOf" => any_of(value, rule, at, found),
            _ => found.extend(broken(value, word, rule).map(|what| format!("{at}: {what}"))),
        }
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        if let Some(items) = schema.get("items") {
            check(item, items, &format!("{at}[{index}]"), found);
        }
    }
    for (key, inner) in value.as_object().into_iter().flatten() {
        let at = format!("{at}.{key}");
        match (schema.get("properties").and_then(|all| all.get(key)), schema.get("additionalProperties")) {
            (Some(property), _) => check(inner, property, &at, found),
            (None, Some(Value::Bool(false))) if !key.starts_with("x-") => {
                found.push(format!("{at}: unknown"))
            }
            (None, Some(other @ Value::Object(_))) => check(inner, other, &at, found),
            (None, _) => {}
        }
    }
}

fn definition(reference: &Value) -> &'static Value {
    let name = reference.as_str().and_then(|path| path.strip_prefix("#/$defs/")).expect("a local name");
    SCHEMA["$defs"].get(name).unwrap_or_else(|| panic!("no definition {name}"))
}

fn any_of(value: &Value, rule: &Value, at: &str, found: &mut Vec<String>) {
    let mut last = Vec::new();
    for one in rule.as_array().expect("a list") {
        let mut inner = Vec::new();
        check(value, one, at, &mut inner);
        if inner.is_empty() {
            return;
        }
        // "Or null" says nothing of what is wrong with something.
        if one["type"] != "null" {
            last = inner;
        }
    }
    found.extend(last);
}

/// Says how `value` breaks a rule that concerns it alone.
fn broken(value: &Value, word: &str, rule: &Value) -> Option<String> {
    let fine = match word {
        "type" => has_type(value, rule),
        "enum" => rule.as_array().expect("a list").contains(value),
        "pattern" => {
            let pattern = Regex::new(rule.as_str().expect("text")).expect("an expression");
            value.as_str().is_none_or(|text| pattern.is_match(text))
        }
        "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().expect("a number")),
        "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().expect("a number")),
        "required" => rule
            .as_array()
            .expect("a list")
            .iter()
            .filter_map(Value::as_str)
            .all(|key| value.get(key).is_some()),
        _ => true,
    };
    (!fine).then(|| format!("{value} breaks {word} {rule}"))
}

fn has_type(value: &Value, rule: &Value) -> bool {
    let is = |kind: &str| match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    };
    match rule {
        Value::String(kind) => is(kind),
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).any(is),
        _ => panic!("{rule} is no type"),
    }
}

#[test]
fn mistakes_are_found() {
    let text = r#"{"intervall": 1, "interval": "30", "stagger_probes": "maybe", "x-a": 1, "selftest": 1,
        "monitors": [{"method": "pust", "expect": {"status": [99]}, "badges": [{"idd": "x"}]}]}"#;
    let mut found = violations(&serde_json::from_str(text).expect("JSON"));
    found.sort();
    let places: Vec<&str> = found.iter().filter_map(|line| line.split(": ").next()).collect();
    assert_eq!(
        places,
        [
            ".interval",
            ".intervall",
            ".monitors[0].badges[0].idd",
            ".monitors[0].expect.status[0]",
            ".monitors[0].method",
            ".stagger_probes",
        ]
    );
}
