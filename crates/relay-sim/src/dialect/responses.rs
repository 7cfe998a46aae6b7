//! OpenAI Responses.

use serde_json::{Value, json};

use super::{Reply, content, event, pieces};

pub(super) fn prompt(body: &Value) -> Option<String> {
    match &body["input"] {
        Value::String(text) => Some(text.clone()),
        Value::Array(items) => Some(content(&items.last()?["content"]).unwrap_or_default().to_owned()),
        _ => None,
    }
}

pub(super) fn plain(reply: &Reply<'_>) -> Value {
    response(reply, "completed", output(reply))
}

pub(super) fn frames(reply: &Reply<'_>) -> Vec<String> {
    let mut frames = Vec::new();
    let mut push = |name: &str, mut value: Value| {
        value["type"] = name.into();
        value["sequence_number"] = frames.len().into();
        frames.push(event(name, &value));
    };
    push("response.created", json!({"response": response(reply, "in_progress", Vec::new())}));
    push("response.in_progress", json!({"response": response(reply, "in_progress", Vec::new())}));
    let items = output(reply);
    let mut index = 0;
    if let Some(thinking) = reply.thinking {
        let id = format!("rs_{:016x}", reply.id);
        let empty = json!({"id": id, "type": "reasoning", "summary": []});
        push("response.output_item.added", json!({"output_index": index, "item": empty}));
        for piece in pieces(thinking) {
            let delta = json!({"item_id": id, "output_index": index, "summary_index": 0, "delta": piece});
            push("response.reasoning_summary_text.delta", delta);
        }
        push("response.output_item.done", json!({"output_index": index, "item": items[index]}));
        index += 1;
    }
    let id = format!("msg_{:016x}", reply.id);
    let place = |mut value: Value| {
        value["item_id"] = id.as_str().into();
        value["output_index"] = index.into();
        value["content_index"] = 0.into();
        value
    };
    let item = json!({
        "id": id, "type": "message", "status": "in_progress", "role": "assistant", "content": [],
    });
    push("response.output_item.added", json!({"output_index": index, "item": item}));
    push("response.content_part.added", place(json!({"part": part("")})));
    for piece in pieces(reply.text) {
        push("response.output_text.delta", place(json!({"delta": piece, "logprobs": []})));
    }
    push("response.output_text.done", place(json!({"text": reply.text, "logprobs": []})));
    push("response.content_part.done", place(json!({"part": part(reply.text)})));
    push("response.output_item.done", json!({"output_index": index, "item": items[index]}));
    push("response.completed", json!({"response": response(reply, "completed", items)}));
    frames
}

fn part(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

fn output(reply: &Reply<'_>) -> Vec<Value> {
    let mut items = Vec::new();
    if let Some(thinking) = reply.thinking {
        let summary = json!([{"type": "summary_text", "text": thinking}]);
        items.push(json!({"id": format!("rs_{:016x}", reply.id), "type": "reasoning", "summary": summary}));
    }
    items.push(json!({
        "id": format!("msg_{:016x}", reply.id),
        "type": "message",
        "status": "completed",
        "role": "assistant",
        "content": [part(reply.text)],
    }));
    items
}

fn response(reply: &Reply<'_>, status: &str, output: Vec<Value>) -> Value {
    let tokens = reply.output_tokens();
    let usage = (status == "completed").then(|| {
        json!({
            "input_tokens": reply.prompt_tokens,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": tokens,
            "output_tokens_details": {"reasoning_tokens": reply.thinking.map_or(0, super::tokens)},
            "total_tokens": reply.prompt_tokens + tokens,
        })
    });
    json!({
        "id": format!("resp_{:016x}", reply.id),
        "object": "response",
        "created_at": reply.created,
        "status": status,
        "error": null,
        "incomplete_details": null,
        "instructions": null,
        "model": reply.model,
        "output": output,
        "parallel_tool_calls": true,
        "tool_choice": "auto",
        "tools": [],
        "usage": usage,
        "metadata": {},
    })
}
