//! Anthropic messages.

use serde_json::{Value, json};

use super::{Reply, event, pieces};

/// Stands where the API puts the signature of a thinking block.
const SIGNATURE: &str = "c2ltdWxhdGVkIHNpZ25hdHVyZQ==";

pub(super) fn plain(reply: &Reply<'_>) -> Value {
    let mut content = Vec::new();
    if let Some(thinking) = reply.thinking {
        content.push(json!({"type": "thinking", "thinking": thinking, "signature": SIGNATURE}));
    }
    content.push(json!({"type": "text", "text": reply.text}));
    message(reply, content, "end_turn".into(), reply.output_tokens())
}

pub(super) fn frames(reply: &Reply<'_>) -> Vec<String> {
    let opening = message(reply, Vec::new(), Value::Null, 1);
    let mut frames = vec![event("message_start", &json!({"type": "message_start", "message": opening}))];
    let mut index = 0;
    if let Some(thinking) = reply.thinking {
        let empty = json!({"type": "thinking", "thinking": "", "signature": ""});
        let mut deltas: Vec<Value> = pieces(thinking)
            .into_iter()
            .map(|piece| json!({"type": "thinking_delta", "thinking": piece}))
            .collect();
        deltas.push(json!({"type": "signature_delta", "signature": SIGNATURE}));
        block(&mut frames, index, &empty, deltas);
        index += 1;
    }
    let deltas = pieces(reply.text).into_iter().map(|piece| json!({"type": "text_delta", "text": piece}));
    block(&mut frames, index, &json!({"type": "text", "text": ""}), deltas.collect());
    frames.push(event(
        "message_delta",
        &json!({
            "type": "message_delta",
            "delta": {"stop_reason": "end_turn", "stop_sequence": null},
            "usage": {"output_tokens": reply.output_tokens()},
        }),
    ));
    frames.push(event("message_stop", &json!({"type": "message_stop"})));
    frames
}

fn block(frames: &mut Vec<String>, index: u32, empty: &Value, deltas: Vec<Value>) {
    let start = json!({"type": "content_block_start", "index": index, "content_block": empty});
    frames.push(event("content_block_start", &start));
    if index == 0 {
        frames.push(event("ping", &json!({"type": "ping"})));
    }
    for delta in deltas {
        let value = json!({"type": "content_block_delta", "index": index, "delta": delta});
        frames.push(event("content_block_delta", &value));
    }
    frames.push(event("content_block_stop", &json!({"type": "content_block_stop", "index": index})));
}

fn message(reply: &Reply<'_>, content: Vec<Value>, stop: Value, output_tokens: u64) -> Value {
    json!({
        "id": format!("msg_{:016x}", reply.id),
        "type": "message",
        "role": "assistant",
        "model": reply.model,
        "content": content,
        "stop_reason": stop,
        "stop_sequence": null,
        "usage": {
            "input_tokens": reply.prompt_tokens,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": output_tokens,
        },
    })
}
