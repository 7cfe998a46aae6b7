//! The conditions of `expect`, beyond `success_contains`.

mod model;

use std::borrow::Cow;

use http::StatusCode;
use relay_core::{
    ProbeSpec,
    target::{Expect, JsonCondition, JsonTest},
};
use serde_json::Value;

use crate::{answer, body::ReadBody, challenge::Sum, text};

/// What the conditions are held against.
pub(crate) struct Answered<'a> {
    /// The code of the answer.
    pub(crate) code: StatusCode,
    /// Its body.
    pub(crate) body: &'a ReadBody,
    /// The sum that was asked, when one was.
    pub(crate) sum: Option<&'a Sum>,
}

/// Holds all conditions against an answer.
///
/// # Errors
/// The reason why the first one does not hold, in words.
pub(crate) fn check(spec: &ProbeSpec, expect: &Expect, answered: &Answered<'_>) -> Result<(), String> {
    let body = answered.body;
    let json: Option<Value> = if body.capped { None } else { serde_json::from_slice(&body.bytes).ok() };
    if expect.no_error_body && answered.code.is_success() {
        check_no_error(body)?;
    }
    if expect.model_same {
        check_model(spec, body)?;
    }
    check_text(expect, &expect_text(body, json.as_ref()), answered.sum)?;
    expect.json.iter().try_for_each(|condition| check_json(condition, json.as_ref(), body.capped))
}

/// Returns the text that the conditions look into: a stream's text, the message of a known JSON answer, else the raw
/// body.
fn expect_text<'a>(body: &'a ReadBody, json: Option<&Value>) -> Cow<'a, str> {
    if body.stream.is_some() {
        return text::text(body);
    }
    match json.and_then(answer::message_text) {
        Some(message) => Cow::Owned(message),
        None => text::raw(body),
    }
}

fn check_no_error(body: &ReadBody) -> Result<(), String> {
    match text::error(body) {
        Some(message) if message.is_empty() => Err("the answer is an error object".to_owned()),
        Some(message) => Err(format!("the answer is an error object: {message}")),
        None => Ok(()),
    }
}

fn check_model(spec: &ProbeSpec, body: &ReadBody) -> Result<(), String> {
    let wanted = if spec.model.is_empty() {
        let asked: Option<Value> = serde_json::from_slice(&spec.body).ok();
        asked.and_then(|asked| asked.get("model")?.as_str().map(str::to_owned)).unwrap_or_default()
    } else {
        spec.model.clone()
    };
    if wanted.is_empty() {
        return Err("model: same, but neither the monitor nor its body names a model".to_owned());
    }
    match text::model(body) {
        None => Err(format!("the answer names no model, {wanted} was asked")),
        Some(answered) if model::is_same(&wanted, &answered) => Ok(()),
        Some(answered) => Err(format!("the answer is by the model {answered}, {wanted} was asked")),
    }
}

fn check_text(expect: &Expect, text: &str, sum: Option<&Sum>) -> Result<(), String> {
    let but = |reason: String| Err(if text.is_empty() { reason } else { format!("{reason}: {text}") });
    if let Some(wanted) = expect.contains.as_deref().filter(|wanted| !text.contains(*wanted)) {
        return but(format!("{wanted:?} is not in the answer"));
    }
    if let Some(unwanted) = expect.not_contains.as_deref().filter(|unwanted| text.contains(*unwanted)) {
        return but(format!("{unwanted:?} is in the answer"));
    }
    if let Some(pattern) = expect.matches.as_ref().filter(|pattern| !pattern.is_match(text)) {
        return but(format!("/{}/ does not match the answer", pattern.as_str()));
    }
    if let Some(least) = expect.min_chars {
        let length = text.chars().count();
        if length < least {
            return but(format!("the answer has {length} of at least {least} characters"));
        }
    }
    if let Some(sum) = sum.filter(|sum| !sum.is_answered_in(text)) {
        return but(format!("the challenge was not answered by {}", sum.answer()));
    }
    Ok(())
}

fn check_json(condition: &JsonCondition, json: Option<&Value>, capped: bool) -> Result<(), String> {
    let JsonCondition { path, test } = condition;
    let Some(root) = json else {
        let why = if capped { "the body was cut at its cap" } else { "the body is no JSON" };
        return Err(format!("json {path}: not parseable, {why}"));
    };
    let found = look_up(root, path);
    let holds = match (test, found) {
        (JsonTest::Exists(wanted), found) => found.is_some() == *wanted,
        (_, None) => return Err(format!("json {path}: there is nothing")),
        (JsonTest::Equals(wanted), Some(value)) => words_of(value) == wanted.as_str(),
        (JsonTest::Contains(wanted), Some(value)) => words_of(value).contains(wanted.as_str()),
        (JsonTest::Matches(pattern), Some(value)) => pattern.is_match(&words_of(value)),
    };
    if holds {
        return Ok(());
    }
    let wanted = match test {
        JsonTest::Exists(true) => "does not exist".to_owned(),
        JsonTest::Exists(false) => "exists".to_owned(),
        JsonTest::Equals(wanted) => format!("does not equal {wanted:?}"),
        JsonTest::Contains(wanted) => format!("does not contain {wanted:?}"),
        JsonTest::Matches(pattern) => format!("does not match /{}/", pattern.as_str()),
    };
    let value = found.map(|value| format!(": {}", words_of(value))).unwrap_or_default();
    Err(format!("json {path} {wanted}{value}"))
}

/// Walks along dot-separated member names and array indexes; an empty path is the whole document.
fn look_up<'a>(root: &'a Value, path: &str) -> Option<&'a Value> {
    path.split('.').filter(|_| !path.is_empty()).try_fold(root, |value, step| match value {
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => value.get(step),
    })
}

/// A string as it is, anything else as JSON.
fn words_of(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        other => Cow::Owned(other.to_string()),
    }
}

#[cfg(test)]
mod tests;
