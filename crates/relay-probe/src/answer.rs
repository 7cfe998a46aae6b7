//! The message inside a JSON answer.

use serde_json::Value;

/// Returns the text of the message when `answer` has the shape of a chat completion, a response, an Anthropic
/// message, a Gemini answer or a legacy completion; `None` for any other JSON. Reasoning counts only when nothing else
/// was said.
pub(crate) fn message_text(answer: &Value) -> Option<String> {
    choices(answer).or_else(|| output(answer)).or_else(|| content(answer)).or_else(|| candidates(answer))
}

/// OpenAI chat and legacy completions.
fn choices(answer: &Value) -> Option<String> {
    let choices = answer.get("choices")?.as_array()?;
    let mut text = String::new();
    let mut reasoning = String::new();
    for choice in choices {
        if let Some(message) = choice.get("message") {
            push_parts(&mut text, message.get("content"));
            push_parts(&mut reasoning, message.get("reasoning_content").or_else(|| message.get("reasoning")));
        }
        push_parts(&mut text, choice.get("text"));
    }
    Some(if text.is_empty() { reasoning } else { text })
}

/// OpenAI Responses.
fn output(answer: &Value) -> Option<String> {
    let items = answer.get("output")?.as_array()?;
    let mut text = String::new();
    for item in items.iter().filter(|item| item.get("type").is_none_or(|kind| kind == "message")) {
        push_parts(&mut text, item.get("content"));
    }
    Some(text)
}

/// Anthropic messages.
fn content(answer: &Value) -> Option<String> {
    let blocks = answer.get("content")?.as_array()?;
    let mut text = String::new();
    push_parts(&mut text, answer.get("content"));
    if text.is_empty() {
        for thought in blocks.iter().filter_map(|block| block.get("thinking")?.as_str()) {
            text.push_str(thought);
        }
    }
    Some(text)
}

/// Gemini, also the array of its chunks.
fn candidates(answer: &Value) -> Option<String> {
    let candidates = answer.get("candidates")?.as_array()?;
    let mut text = String::new();
    for candidate in candidates {
        push_parts(&mut text, candidate.pointer("/content/parts"));
    }
    Some(text)
}

/// Appends a string, or the texts of a list of parts that are no thoughts.
fn push_parts(text: &mut String, value: Option<&Value>) {
    match value {
        Some(Value::String(words)) => text.push_str(words),
        Some(Value::Array(parts)) => {
            for part in parts.iter().filter(|part| part.get("thought") != Some(&Value::Bool(true))) {
                push_parts(text, Some(part.get("text").unwrap_or(part)).filter(|value| value.is_string()));
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(json: &str) -> Option<String> {
        message_text(&serde_json::from_str(json).expect("JSON"))
    }

    #[test]
    fn known_answers_have_message_texts() {
        for (json, text) in [
            (r#"{"model":"m","choices":[{"message":{"role":"assistant","content":"hi"}}]}"#, "hi"),
            (
                r#"{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}}]}"#,
                "ab",
            ),
            (r#"{"choices":[{"message":{"content":null,"reasoning_content":"hm"}}]}"#, "hm"),
            (r#"{"choices":[{"message":{"content":"yes","reasoning_content":"hm"}}]}"#, "yes"),
            (r#"{"choices":[{"text":"old","index":0}]}"#, "old"),
            (r#"{"choices":[]}"#, ""),
            (
                r#"{"output":[{"type":"reasoning","summary":[]},{"type":"message","content":[{"type":"output_text","text":"r"}]}]}"#,
                "r",
            ),
            (
                r#"{"type":"message","content":[{"type":"thinking","thinking":"hm"},{"type":"text","text":"c"}]}"#,
                "c",
            ),
            (r#"{"type":"message","content":[{"type":"thinking","thinking":"hm"}]}"#, "hm"),
            (r#"{"candidates":[{"content":{"parts":[{"text":"t","thought":true},{"text":"g"}]}}]}"#, "g"),
        ] {
            assert_eq!(text_of(json).as_deref(), Some(text), "{json}");
        }
    }

    #[test]
    fn other_json_is_nobodys_message() {
        for json in [r#"{"content":"x"}"#, r#"{"choices":"x"}"#, "[]", "1", r#"{"data":{"choices":[]}}"#] {
            assert_eq!(text_of(json), None, "{json}");
        }
    }
}
