//! What is asked of litellm, and what relay-server has to say about each answer.

use std::fmt;

use serde_json::{Value, json};

/// The key that every litellm here accepts.
pub(super) const MASTER_KEY: &str = "sk-relay-pulse-litellm";
/// What every mocked model says.
pub(super) const ANSWER: &str = "pong from litellm";
/// The model with a mocked answer in OpenAI's form.
pub(super) const CHAT_MODEL: &str = "gpt-4o-mini";
/// The model with a mocked answer in Anthropic's form.
pub(super) const MESSAGES_MODEL: &str = "claude-sonnet-4-5";
/// A Messages model that litellm translates from a chat model: its mocks answer `stream: true` on `/v1/messages` with a
/// plain body, a translated model really streams.
pub(super) const TRANSLATED_MODEL: &str = "claude-translated";

/// The provider of all monitors.
pub(super) const PROVIDER: &str = "litellm";

/// Where the two proxies are: base URLs without a final slash.
#[derive(Debug)]
pub(super) struct Endpoints {
    /// Keys are checked by a hook, as a database would check them.
    pub(super) hooked: String,
    /// Keys are compared with the master key, without a database.
    pub(super) bare: String,
}

/// One monitor with the verdict that the documents promise.
#[derive(Debug)]
pub(super) struct Case {
    /// Its name, which is also the monitor's channel.
    pub(super) name: &'static str,
    pub(super) wanted: Verdict,
    url: String,
    header: &'static str,
    key: &'static str,
    model: &'static str,
    body: String,
    contains: &'static str,
}

/// What relay-server says about a probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// 1 green, 2 yellow, 0 red, -1 no data.
    pub(super) status: i64,
    /// Why it is yellow or red.
    pub(super) reason: Option<String>,
    /// The HTTP status code, where the API tells it.
    pub(super) code: Option<u16>,
}

// === impl Verdict ===

impl Verdict {
    fn green() -> Self {
        Self { status: 1, reason: None, code: None }
    }

    /// Makes a red verdict; code 0 stands for one that the API does not tell.
    pub(super) fn red(reason: &str, code: u16) -> Self {
        Self { status: 0, reason: Some(reason.to_owned()), code: (code > 0).then_some(code) }
    }

    /// Reads a raw point of `/api/status`: exactly one record, so its one sub-status counts 1.
    pub(super) fn of(point: &Value) -> Self {
        let counts = point["status_counts"].as_object();
        let outcomes = ["available", "degraded", "unavailable", "missing"];
        let reason = counts.into_iter().flatten().find(|(name, count)| {
            count.as_u64().is_some_and(|n| n > 0) && !outcomes.contains(&name.as_str())
        });
        let codes = counts.and_then(|counts| counts.get("http_code_breakdown")?.as_object());
        let code = codes.into_iter().flatten().find_map(|(_, codes)| codes.as_object()?.keys().next());
        Self {
            status: point["status"].as_i64().unwrap_or(-1),
            reason: reason.map(|(name, _)| name.clone()),
            code: code.and_then(|code| code.parse().ok()),
        }
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.status {
            1 => "green",
            2 => "yellow",
            0 => "red",
            _ => "no data",
        })?;
        if let Some(reason) = &self.reason {
            write!(f, " {reason}")?;
        }
        if let Some(code) = self.code {
            write!(f, " {code}")?;
        }
        Ok(())
    }
}

// === impl Case ===

impl Case {
    /// Returns the monitor as a configuration file has it.
    pub(super) fn monitor(&self) -> Value {
        let mut headers = json!({"Content-Type": "application/json"});
        let value = if self.header == "Authorization" { "Bearer {{API_KEY}}" } else { "{{API_KEY}}" };
        if !self.key.is_empty() {
            headers[self.header] = value.into();
        }
        if self.header == "x-api-key" {
            headers["anthropic-version"] = "2023-06-01".into();
        }
        json!({
            "provider": PROVIDER, "service": "mock", "channel": self.name, "model": self.model,
            "category": "public", "sponsor": "nobody", "url": self.url, "method": "POST", "api_key": self.key,
            "headers": headers, "body": self.body, "success_contains": self.contains,
        })
    }
}

/// Returns every case.
pub(super) fn all(endpoints: &Endpoints) -> Vec<Case> {
    let green = |name, path: &str, header, model, body| Case {
        name,
        wanted: Verdict::green(),
        url: format!("{}{path}", endpoints.hooked),
        header,
        key: MASTER_KEY,
        model,
        body,
        contains: ANSWER,
    };
    let chat = |name, stream| green(name, "/v1/chat/completions", "Authorization", CHAT_MODEL, turn(stream));
    let messages = |name, model, stream| green(name, "/v1/messages", "x-api-key", model, turn(stream));
    let red = |case: Case, reason, code| Case { wanted: Verdict::red(reason, code), ..case };
    let bare = |case: Case| Case { url: case.url.replace(&endpoints.hooked, &endpoints.bare), ..case };
    vec![
        chat("chat-plain", false),
        chat("chat-stream", true),
        messages("messages-plain", MESSAGES_MODEL, false),
        messages("messages-stream", TRANSLATED_MODEL, true),
        green("responses-plain", "/v1/responses", "Authorization", CHAT_MODEL, responses()),
        green(
            "gemini-plain",
            "/v1beta/models/{{MODEL}}:generateContent",
            "x-goog-api-key",
            CHAT_MODEL,
            gemini(),
        ),
        red(Case { key: "sk-wrong", ..chat("wrong-key", false) }, "auth_error", 401),
        red(
            Case { key: "sk-wrong", ..messages("wrong-key-messages", MESSAGES_MODEL, false) },
            "auth_error",
            401,
        ),
        // Any key but the master key sends litellm to its database. Without one it says 400 "No connected db.", and a
        // 400 is an invalid request to whoever only sees the status code.
        red(bare(Case { key: "sk-wrong", ..chat("wrong-key-no-database", false) }), "invalid_request", 400),
        red(bare(Case { key: "", ..chat("no-key", false) }), "auth_error", 401),
        // Unlike the API it imitates, which says 404, litellm says 400 to a model it does not have.
        red(Case { model: "no-such-model", ..chat("unknown-model", false) }, "invalid_request", 400),
        red(Case { contains: "not in any answer", ..chat("keyword-plain", false) }, "content_mismatch", 0),
        red(Case { contains: "not in any answer", ..chat("keyword-stream", true) }, "content_mismatch", 0),
    ]
}

fn turn(stream: bool) -> String {
    json!({
        "model": "{{MODEL}}", "max_tokens": 16, "stream": stream,
        "messages": [{"role": "user", "content": "Reply with: pong"}],
    })
    .to_string()
}

fn responses() -> String {
    json!({"model": "{{MODEL}}", "input": "Reply with: pong"}).to_string()
}

fn gemini() -> String {
    json!({"contents": [{"role": "user", "parts": [{"text": "Reply with: pong"}]}]}).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_point_is_read_as_its_one_record() {
        let point = json!({"status": 0, "status_counts": {
            "available": 0, "degraded": 0, "unavailable": 1, "missing": 0, "auth_error": 1, "server_error": 0,
            "http_code_breakdown": {"auth_error": {"401": 1}},
        }});
        assert_eq!(Verdict::of(&point), Verdict::red("auth_error", 401));
        assert_eq!(Verdict::of(&point).to_string(), "red auth_error 401");
        let green = json!({"status": 1, "status_counts": {"available": 1, "unavailable": 0}});
        assert_eq!(Verdict::of(&green), Verdict::green());
        assert_eq!(Verdict::of(&json!({})).to_string(), "no data");
    }

    #[test]
    fn names_are_unique_and_no_header_is_sent_without_a_key() {
        let cases = all(&Endpoints { hooked: "http://h".to_owned(), bare: "http://b".to_owned() });
        let names: std::collections::HashSet<_> = cases.iter().map(|case| case.name).collect();
        assert_eq!(names.len(), cases.len());
        let keyless = cases.iter().find(|case| case.name == "no-key").expect("the case");
        assert_eq!(keyless.monitor()["headers"], json!({"Content-Type": "application/json"}));
        assert!(keyless.url.starts_with("http://b/"));
    }
}
