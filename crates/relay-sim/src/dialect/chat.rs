//! OpenAI chat completions.

use serde_json::{Value, json};

use super::{Reply, content, data, pieces};

/// Returns the text of the last message; `None` when there are no messages (Anthropic's are alike).
pub(super) fn prompt(body: &Value) -> Option<String> {
    let last = body["messages"].as_array()?.last()?;
    Some(content(&last["content"]).unwrap_or_default().to_owned())
}

pub(super) fn plain(reply: &Reply<'_>) -> Value {
    let mut message = json!({"role": "assistant", "content": reply.text, "refusal": null});
    if let Some(thinking) = reply.thinking {
        message["reasoning_content"] = thinking.into();
    }
    json!({
        "id": id(reply),
        "object": "chat.completion",
        "created": reply.created,
        "model": reply.model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": "stop"}],
        "usage": usage(reply),
        "system_fingerprint": null,
    })
}

pub(super) fn frames(reply: &Reply<'_>) -> Vec<String> {
    let chunk = |delta: Value, finish: Value| {
        data(
            &json!({
                "id": id(reply),
                "object": "chat.completion.chunk",
                "created": reply.created,
                "model": reply.model,
                "choices": [{"index": 0, "delta": delta, "logprobs": null, "finish_reason": finish}],
            })
            .to_string(),
        )
    };
    let mut frames = vec![chunk(json!({"role": "assistant", "content": ""}), Value::Null)];
    for piece in reply.thinking.map(pieces).unwrap_or_default() {
        frames.push(chunk(json!({"reasoning_content": piece}), Value::Null));
    }
    for piece in pieces(reply.text) {
        frames.push(chunk(json!({"content": piece}), Value::Null));
    }
    frames.push(chunk(json!({}), "stop".into()));
    let totals = json!({
        "id": id(reply),
        "object": "chat.completion.chunk",
        "created": reply.created,
        "model": reply.model,
        "choices": [],
        "usage": usage(reply),
    });
    frames.push(data(&totals.to_string()));
    frames.push(data("[DONE]"));
    frames
}

fn id(reply: &Reply<'_>) -> String {
    format!("chatcmpl-{:016x}", reply.id)
}

pub(super) fn usage(reply: &Reply<'_>) -> Value {
    let output = reply.output_tokens();
    json!({
        "prompt_tokens": reply.prompt_tokens,
        "completion_tokens": output,
        "total_tokens": reply.prompt_tokens + output,
    })
}
