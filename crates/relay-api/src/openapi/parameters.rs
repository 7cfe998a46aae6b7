//! The parameters that several endpoints share.

use serde_json::{Value, json};

/// Describes a parameter of the query.
pub(super) fn query(name: &str, description: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "description": description, "schema": schema })
}

/// Describes a parameter of the query that must be given.
pub(super) fn required(name: &str, description: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "query", "description": description, "required": true, "schema": schema })
}

/// Describes a part of the path.
pub(super) fn path(name: &str, description: &str, schema: &Value) -> Value {
    json!({ "name": name, "in": "path", "description": description, "required": true, "schema": schema })
}

pub(super) fn text() -> Value {
    json!({ "type": "string" })
}

/// A name that has to be there.
pub(super) fn name() -> Value {
    json!({ "type": "string", "minLength": 1, "pattern": "\\S" })
}

fn one_of(words: &[&str], default: &str) -> Value {
    json!({ "type": "string", "enum": words, "default": default })
}

pub(super) fn period() -> Value {
    query("period", "How far back", &one_of(&["90m", "24h", "1d", "7d", "30d", "90d", "1y"], "24h"))
}

/// How history is cut.
pub(super) fn span() -> Vec<Value> {
    let half_hour = "([01][0-9]|2[0-3]):(00|30)";
    let filter = json!({
        "type": "string",
        "pattern": format!(r"^\s*({half_hour}-({half_hour}|24:00))?\s*$"),
    });
    vec![
        period(),
        query("align", "End at the next full hour; matters for 24h", &one_of(&["", "hour"], "")),
        query("time_filter", "Only this time of day, UTC; with 7d and 30d. Start and end differ", &filter),
    ]
}

/// What names a monitor.
pub(super) fn monitor() -> Vec<Value> {
    vec![
        required("provider", "Name or slug, any case", &name()),
        required("service", "Any case", &name()),
        query("channel", "Any case; left open: the first that fits", &text()),
        query("model", "Any case; left open: the parent", &text()),
    ]
}

/// What chooses a page of records.
pub(super) fn page_of_records() -> Vec<Value> {
    let moment = json!({ "type": ["integer", "string"], "description": "Unix seconds or RFC 3339" });
    let limit = json!({ "type": "integer", "minimum": 1, "maximum": 1000, "default": 100 });
    let cursor = json!({ "type": "string", "pattern": r"^\s*([+-]?[0-9]+\.[+-]?[0-9]+)?\s*$" });
    vec![
        query("from", "The first second; the + of an offset is written %2B", &moment),
        query("to", "The last second, likewise", &moment),
        query("limit", "At most so many; another number is refused", &limit),
        query("cursor", "next_cursor of the page before", &cursor),
    ]
}

/// What chooses entries of `/api/status`.
pub(super) fn selection() -> Vec<Value> {
    vec![
        query("provider", "Name or slug, any case; an unknown one gives empty lists", &text()),
        query("service", "Any case", &text()),
        query("board", "Which board", &one_of(&["hot", "cold", "all"], "hot")),
        query(
            "include_hidden",
            "Whether hidden monitors are shown too; 1 and 0 are understood as well",
            &json!({ "type": "boolean", "default": false }),
        ),
        query("view", "How points are written", &one_of(&["full", "compact"], "full")),
    ]
}

/// What chooses events.
pub(super) fn events() -> Vec<Value> {
    let word = "([Dd][Oo][Ww][Nn]|[Uu][Pp])";
    let types = json!({ "type": "string", "pattern": format!(r"^\s*({word}\s*)?(,\s*({word}\s*)?)*$") });
    vec![
        query("since_id", "Only events with a higher id", &json!({ "type": "integer", "format": "int64" })),
        query("provider", "As configured", &text()),
        query("service", "As configured", &text()),
        query("channel", "As configured", &text()),
        query("types", "DOWN, UP or both with a comma, any case", &types),
    ]
}
