//! Gemini `generateContent` and `streamGenerateContent`, as events or as a streamed JSON array.

use serde_json::{Value, json};

use super::{Ask, Fault, Mode, Reply, content, data, parameter, pieces};

/// Splits `/v1beta/models/{model}:{method}`; `None` for any other path.
pub(super) fn target(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix("/v1beta/models/").or_else(|| path.strip_prefix("/v1/models/"))?;
    let (model, method) = rest.rsplit_once(':')?;
    matches!(method, "generateContent" | "streamGenerateContent").then_some((model, method))
}

pub(super) fn ask(path: &str, query: Option<&str>, body: &Value) -> Result<Ask, Fault> {
    let (model, method) = target(path).ok_or(Fault::BadRequest("unknown method"))?;
    let last = body["contents"].as_array().and_then(|contents| contents.last());
    let last = last.ok_or(Fault::BadRequest("contents is not specified"))?;
    let mode = match method {
        "generateContent" => Mode::Plain,
        _ if query.and_then(|q| parameter(q, "alt")) == Some("sse") => Mode::Stream,
        _ => Mode::StreamArray,
    };
    let prompt = content(&last["parts"]).unwrap_or_default().to_owned();
    Ok(Ask { model: model.to_owned(), mode, prompt })
}

pub(super) fn plain(reply: &Reply<'_>) -> Value {
    let mut parts = Vec::new();
    if let Some(thinking) = reply.thinking {
        parts.push(json!({"text": thinking, "thought": true}));
    }
    parts.push(json!({"text": reply.text}));
    chunk(reply, Value::Array(parts), true)
}

pub(super) fn frames(reply: &Reply<'_>) -> Vec<String> {
    chunks(reply).iter().map(|chunk| data(&chunk.to_string())).collect()
}

/// Frames the JSON-array form: `[chunk\n,\r\nchunk\n]`, as the API separates it.
pub(super) fn array(reply: &Reply<'_>) -> Vec<String> {
    let mut frames: Vec<String> = chunks(reply)
        .iter()
        .enumerate()
        .map(|(index, chunk)| format!("{}{chunk}\n", if index == 0 { "[" } else { ",\r\n" }))
        .collect();
    frames.push("]".to_owned());
    frames
}

fn chunks(reply: &Reply<'_>) -> Vec<Value> {
    let mut chunks = Vec::new();
    for piece in reply.thinking.map(pieces).unwrap_or_default() {
        chunks.push(chunk(reply, json!([{"text": piece, "thought": true}]), false));
    }
    let texts = pieces(reply.text);
    let last = texts.len().saturating_sub(1);
    for (index, piece) in texts.iter().enumerate() {
        chunks.push(chunk(reply, json!([{"text": piece}]), index == last));
    }
    chunks
}

fn chunk(reply: &Reply<'_>, parts: Value, last: bool) -> Value {
    let mut candidate = json!({"content": {"parts": parts, "role": "model"}, "index": 0});
    if last {
        candidate["finishReason"] = "STOP".into();
    }
    let output = reply.output_tokens();
    json!({
        "candidates": [candidate],
        "usageMetadata": {
            "promptTokenCount": reply.prompt_tokens,
            "candidatesTokenCount": output,
            "totalTokenCount": reply.prompt_tokens + output,
        },
        "modelVersion": reply.model,
        "responseId": format!("{:016x}", reply.id),
    })
}
