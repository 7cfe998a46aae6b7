//! Answers in the shapes that are really sent; the words are our own.

use super::Form;

pub(super) struct Sample {
    pub(super) name: &'static str,
    pub(super) content_type: &'static str,
    pub(super) body: &'static str,
    pub(super) form: Option<Form>,
    pub(super) text: &'static str,
    pub(super) model: Option<&'static str>,
    pub(super) error: Option<&'static str>,
}

/// An event stream of the declared type.
const fn events(name: &'static str, body: &'static str, text: &'static str) -> Sample {
    Sample {
        name,
        content_type: "text/event-stream; charset=utf-8",
        body,
        form: Some(Form::Events),
        text,
        model: None,
        error: None,
    }
}

/// A body of another type.
const fn typed(mut sample: Sample, content_type: &'static str, form: Option<Form>) -> Sample {
    sample.content_type = content_type;
    sample.form = form;
    sample
}

const fn from_model(mut sample: Sample, model: &'static str) -> Sample {
    sample.model = Some(model);
    sample
}

const fn with_error(mut sample: Sample, error: &'static str) -> Sample {
    sample.error = Some(error);
    sample
}

const CHAT: &str = concat!(
    r#"data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-x","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
    "\n\n",
    r#"data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"gpt-x","choices":[{"index":0,"delta":{"content":"Grüß"},"finish_reason":null}]}"#,
    "\n\n",
    r#"data: {"id":"c1","model":"gpt-x","choices":[{"index":0,"delta":{"content":" \"dich\"\n\ud83d\ude00"},"finish_reason":null}]}"#,
    "\n\n",
    r#"data: {"id":"c1","model":"gpt-x","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":{"total_tokens":9}}"#,
    "\n\ndata: [DONE]\n\n",
);

const ANTHROPIC: &str = concat!(
    "event: message_start\n",
    r#"data: {"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"claude-x-20250101","content":[],"usage":{"input_tokens":3}}}"#,
    "\n\nevent: content_block_start\n",
    r#"data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#,
    "\n\nevent: ping\ndata: {\"type\": \"ping\"}\n\nevent: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hel"}}"#,
    "\n\nevent: content_block_delta\n",
    r#"data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"lo"}}"#,
    "\n\nevent: content_block_stop\n",
    r#"data: {"type":"content_block_stop","index":0}"#,
    "\n\nevent: message_delta\n",
    r#"data: {"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":2}}"#,
    "\n\nevent: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
);

const RESPONSES: &str = concat!(
    "event: response.created\n",
    r#"data: {"type":"response.created","response":{"id":"r1","model":"gpt-y","status":"in_progress","error":null}}"#,
    "\n\nevent: response.output_text.delta\n",
    r#"data: {"type":"response.output_text.delta","item_id":"i","output_index":0,"content_index":0,"delta":"one "}"#,
    "\n\nevent: response.output_text.delta\n",
    r#"data: {"type":"response.output_text.delta","item_id":"i","delta":"two"}"#,
    "\n\nevent: response.output_text.done\n",
    r#"data: {"type":"response.output_text.done","item_id":"i","text":"one two"}"#,
    "\n\nevent: response.completed\n",
    r#"data: {"type":"response.completed","response":{"id":"r1","model":"gpt-y","output":[{"content":[{"type":"output_text","text":"one two"}]}]}}"#,
    "\n\n",
);

const GEMINI_ARRAY: &str = r#"[{
  "candidates": [{"content": {"parts": [{"text": "Zwei "}], "role": "model"}}],
  "modelVersion": "gemini-z"
}
,
{
  "candidates": [{"content": {"parts": [{"text": "und \"[{}]\" "}, {"text": "hm", "thought": true}], "role": "model"}}]
}
,
{
  "candidates": [{"content": {"parts": [{"text": "drei"}]}, "finishReason": "STOP"}],
  "usageMetadata": {"totalTokenCount": 5}
}
]
"#;

pub(super) const SAMPLES: &[Sample] = &[
    from_model(events("chat", CHAT, "Grüß \"dich\"\n😀"), "gpt-x"),
    typed(
        from_model(events("chat with the type of JSON", CHAT, "Grüß \"dich\"\n😀"), "gpt-x"),
        "application/json",
        Some(Form::Events),
    ),
    typed(
        from_model(events("chat without a type", CHAT, "Grüß \"dich\"\n😀"), "gpt-x"),
        "",
        Some(Form::Events),
    ),
    from_model(events("anthropic", ANTHROPIC, "Hello"), "claude-x-20250101"),
    from_model(events("responses", RESPONSES, "one two"), "gpt-y"),
    events(
        "responses with nothing but done",
        "event: response.output_text.done\ndata: {\"type\":\"response.output_text.done\",\"text\":\"all\"}\n\n",
        "all",
    ),
    events(
        "gemini as events",
        concat!(
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"thinking\",\"thought\":true}]}}]}\n\n",
            "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"},{\"text\":\"b\"}]}}]}\n\n",
        ),
        "ab",
    ),
    typed(
        from_model(events("gemini as an array", GEMINI_ARRAY, "Zwei und \"[{}]\" drei"), "gemini-z"),
        "application/json",
        Some(Form::JsonArray),
    ),
    typed(
        with_error(
            events("gemini array with an error", r#"[{"error":{"code":400,"message":"bad key"}}]"#, ""),
            "bad key",
        ),
        "application/json",
        Some(Form::JsonArray),
    ),
    typed(events("an ordinary list", r#"[{"content":"x"},{"content":"y"}]"#, ""), "application/json", None),
    typed(
        events("an ordinary object", r#"{"choices":[{"message":{"content":"x"}}]}"#, ""),
        "application/json",
        None,
    ),
    typed(events("ordinary words", "dat is no stream", ""), "text/plain", None),
    typed(events("nothing", "", ""), "", None),
    typed(events("nothing, declared as events", "", ""), "text/event-stream", None),
    events(
        "legacy completions",
        "data: {\"choices\":[{\"text\":\"a\",\"index\":0}]}\n\ndata: {\"choices\":[{\"text\":\"b\"}]}\n\n",
        "ab",
    ),
    events(
        "reasoning only",
        "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\",\"content\":null}}]}\n\n",
        "hm",
    ),
    events(
        "reasoning before content",
        concat!(
            "data: {\"choices\":[{\"delta\":{\"reasoning_content\":\"hm\"}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{\"content\":\"42\"}}]}\n\n",
        ),
        "42",
    ),
    events(
        "thinking of anthropic only",
        concat!(
            "event: content_block_delta\n",
            "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\n",
        ),
        "hm",
    ),
    events(
        "top-level content",
        "data: {\"content\":\"a\"}\n\ndata: {\"content\":\"b\",\"stop\":true}\n\n",
        "ab",
    ),
    events("top-level message", "data: {\"message\":\"hi\"}\n\n", "hi"),
    events(
        "words that are no JSON",
        "data: Hello\n\ndata:  world\n\ndata: 42\n\ndata: [DONE]\n\n",
        "Hello world42",
    ),
    events("a JSON string", "data: \"a\\u00e9\"\n\n", "aé"),
    events("data of several lines", "data: {\"content\":\ndata: \"joined\"}\n\n", "joined"),
    events(
        "frames without blank lines between",
        "data: {\"content\":\"a\"}\ndata: {\"content\":\"b\"}\ndata: [DONE]\n",
        "ab",
    ),
    events("words of several lines", "data: one\ndata: two\n\n", "one\ntwo"),
    events(
        "comments, ids and retry times",
        ": hello\nid: 7\nretry: 10\ndata: {\"content\":\"x\"}\n\n: bye\n\n",
        "x",
    ),
    events("no last blank line", "data: {\"content\":\"x\"}", "x"),
    events("a byte order mark", "\u{feff}data: {\"content\":\"x\"}\n\n", "x"),
    typed(
        events("a byte order mark and no type", "\u{feff}data: {\"content\":\"x\"}\n\n", "x"),
        "",
        Some(Form::Events),
    ),
    events("no space after the colon", "data:{\"content\":\"x\"}\n\n", "x"),
    events(
        "content as parts",
        "data: {\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"text\":\"b\"},\"c\"]}}]}\n\n",
        "abc",
    ),
    events(
        "members of odd types",
        concat!(
            "data: {\"choices\":{\"a\":1},\"delta\":7,\"content\":\"a\"}\n\n",
            "data: {\"choices\":[null,3,{\"delta\":\"x\"},{\"delta\":{\"content\":\"b\"}}]}\n\n",
            "data: {\"candidates\":\"none\",\"content\":\"c\"}\n\n",
        ),
        "abc",
    ),
    events(
        "a whole completion in a frame",
        "data: {\"choices\":[{\"message\":{\"content\":\"all\"}}]}\n\n",
        "all",
    ),
    with_error(
        events(
            "an error in the middle",
            "data: {\"content\":\"a\"}\n\ndata: {\"error\":{\"message\":\"full\"}}\n\n",
            "a",
        ),
        "full",
    ),
    with_error(
        events("an error as a string", "data: {\"error\":\"no such model\"}\n\n", ""),
        "no such model",
    ),
    with_error(
        events(
            "an error of anthropic",
            concat!(
                "event: error\n",
                "data: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"Overloaded\"}}\n\n",
            ),
            "",
        ),
        "Overloaded",
    ),
    with_error(
        events(
            "a failed response",
            "data: {\"type\":\"response.failed\",\"response\":{\"error\":{\"code\":\"x\",\"message\":\"gone\"}}}\n\n",
            "",
        ),
        "gone",
    ),
    with_error(
        events("a code with a message", "data: {\"code\":1001,\"message\":\"no balance\"}\n\n", ""),
        "no balance",
    ),
    with_error(events("no success", "data: {\"success\":false,\"message\":\"denied\"}\n\n", ""), "denied"),
    events("no error", "data: {\"error\":null,\"code\":0,\"content\":\"fine\"}\n\n", "fine"),
    events(
        "chat with tool calls, a refusal and usage without choices",
        concat!(
            "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"index\":0,\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"content\\\":1}\"}}]}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{\"refusal\":null,\"content\":\"ok\"}}]}\n\n",
            "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
        ),
        "ok",
    ),
    from_model(
        events(
            "azure, which begins with the results of its filters",
            concat!(
                "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"prompt_filter_results\":[{\"prompt_index\":0}]}\n\n",
                "data: {\"choices\":[{\"delta\":{\"content\":\"hi\"},\"content_filter_results\":{\"hate\":{\"filtered\":false}}}],\"model\":\"gpt-x\"}\n\n",
            ),
            "hi",
        ),
        "gpt-x",
    ),
    events(
        "reasoning under another name, twice",
        concat!(
            "data: {\"choices\":[{\"delta\":{\"reasoning\":\"hm\",\"reasoning_content\":\"hm\"}}]}\n\n",
            "data: {\"choices\":[{\"delta\":{\"reasoning\":\" so\"}}]}\n\n",
        ),
        "hm so",
    ),
    events(
        "anthropic with the input of a tool and a signature",
        concat!(
            "event: content_block_delta\n",
            "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"signature_delta\",\"signature\":\"EqQ\"}}\n\n",
            "event: content_block_delta\n",
            "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"{\\\"text\\\":1}\"}}\n\n",
            "event: content_block_delta\n",
            "data: {\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"yes\"}}\n\n",
        ),
        "yes",
    ),
    events(
        "responses with reasoning and parts",
        concat!(
            "data: {\"type\":\"response.reasoning_summary_text.delta\",\"delta\":\"hm\"}\n\n",
            "data: {\"type\":\"response.content_part.added\",\"part\":{\"type\":\"output_text\",\"text\":\"\"}}\n\n",
            "data: {\"type\":\"response.output_text.delta\",\"delta\":\"a\"}\n\n",
            "data: {\"type\":\"response.content_part.done\",\"part\":{\"type\":\"output_text\",\"text\":\"a\"}}\n\n",
        ),
        "a",
    ),
    events(
        "an event of comments only between",
        "data: {\"content\":\"a\"}\n\n: keep-alive\n\ndata: {\"content\":\"b\"}\n\n",
        "ab",
    ),
];
