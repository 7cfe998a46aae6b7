//! OpenAI legacy completions.

use serde_json::{Value, json};

use super::{Reply, chat, data, pieces};

pub(super) fn prompt(body: &Value) -> Option<String> {
    match &body["prompt"] {
        Value::String(text) => Some(text.clone()),
        Value::Array(prompts) => Some(prompts.last()?.as_str().unwrap_or_default().to_owned()),
        _ => None,
    }
}

pub(super) fn plain(reply: &Reply<'_>) -> Value {
    let mut value = chunk(reply, reply.text, "stop".into());
    value["usage"] = chat::usage(reply);
    value
}

pub(super) fn frames(reply: &Reply<'_>) -> Vec<String> {
    let mut frames: Vec<String> =
        pieces(reply.text).iter().map(|piece| data(&chunk(reply, piece, Value::Null).to_string())).collect();
    frames.push(data(&chunk(reply, "", "stop".into()).to_string()));
    frames.push(data("[DONE]"));
    frames
}

fn chunk(reply: &Reply<'_>, text: &str, finish: Value) -> Value {
    json!({
        "id": format!("cmpl-{:016x}", reply.id),
        "object": "text_completion",
        "created": reply.created,
        "model": reply.model,
        "choices": [{"text": text, "index": 0, "logprobs": null, "finish_reason": finish}],
    })
}
