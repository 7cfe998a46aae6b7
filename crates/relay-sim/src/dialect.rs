//! The wire shapes of the public APIs: what a request says, and what the answers look like.

mod chat;
mod completions;
mod error;
mod gemini;
mod messages;
mod responses;

use http::HeaderMap;
use serde_json::Value;

pub(crate) use error::Fault;

/// The API a relay speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI chat completions, `POST /v1/chat/completions`.
    Chat,
    /// OpenAI Responses, `POST /v1/responses`.
    Responses,
    /// Anthropic messages, `POST /v1/messages`.
    Messages,
    /// Gemini, `POST /v1beta/models/{model}:generateContent` and `:streamGenerateContent`.
    Gemini,
    /// OpenAI legacy completions, `POST /v1/completions`.
    Completions,
}

/// Which form of answer a request asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// One JSON object.
    Plain,
    /// Server-sent events.
    Stream,
    /// Gemini's streamed JSON array (`streamGenerateContent` without `alt=sse`); other dialects take it
    /// for [`Mode::Stream`].
    StreamArray,
}

/// What a well-formed request asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ask {
    pub(crate) model: String,
    pub(crate) mode: Mode,
    /// The text of the last input, empty if there is none.
    pub(crate) prompt: String,
}

/// Everything that goes into one answer.
#[derive(Debug)]
pub(crate) struct Reply<'a> {
    /// Feeds ids; equal ids make equal answers.
    pub(crate) id: u64,
    pub(crate) model: &'a str,
    pub(crate) text: &'a str,
    /// Sent as reasoning before the text, where the dialect has a place for it.
    pub(crate) thinking: Option<&'a str>,
    pub(crate) prompt_tokens: u64,
    /// Unix seconds.
    pub(crate) created: i64,
}

// === impl Reply ===

impl Reply<'_> {
    /// Tokens of the answer by the usual four-characters rule, at least 1.
    fn output_tokens(&self) -> u64 {
        tokens(self.text) + self.thinking.map_or(0, tokens)
    }
}

/// Estimates the tokens of a text: a quarter of its bytes, at least 1.
pub(crate) fn tokens(text: &str) -> u64 {
    (text.len() as u64).div_ceil(4).max(1)
}

// === impl Dialect ===

impl Dialect {
    /// Every dialect, in the order of their declaration.
    pub const ALL: [Self; 5] = [Self::Chat, Self::Responses, Self::Messages, Self::Gemini, Self::Completions];

    /// Says whether `path` (below the relay's own prefix) belongs to this dialect.
    pub(crate) fn owns(self, path: &str) -> bool {
        match self {
            Self::Chat => path == "/v1/chat/completions",
            Self::Responses => path == "/v1/responses",
            Self::Messages => path == "/v1/messages",
            Self::Gemini => gemini::target(path).is_some(),
            Self::Completions => path == "/v1/completions",
        }
    }

    /// Returns the path of a request, with `{{MODEL}}` where the model belongs to it.
    pub(crate) fn path(self, mode: Mode) -> &'static str {
        match (self, mode) {
            (Self::Chat, _) => "/v1/chat/completions",
            (Self::Responses, _) => "/v1/responses",
            (Self::Messages, _) => "/v1/messages",
            (Self::Completions, _) => "/v1/completions",
            (Self::Gemini, Mode::Plain) => "/v1beta/models/{{MODEL}}:generateContent",
            (Self::Gemini, Mode::Stream) => "/v1beta/models/{{MODEL}}:streamGenerateContent?alt=sse",
            (Self::Gemini, Mode::StreamArray) => "/v1beta/models/{{MODEL}}:streamGenerateContent",
        }
    }

    /// Returns the headers of a request, with `{{API_KEY}}` in the dialect's own place.
    pub(crate) fn headers(self) -> Vec<(String, String)> {
        let key: &[(&str, &str)] = match self {
            Self::Messages => &[("x-api-key", "{{API_KEY}}"), ("anthropic-version", "2023-06-01")],
            Self::Gemini => &[("x-goog-api-key", "{{API_KEY}}")],
            _ => &[("Authorization", "Bearer {{API_KEY}}")],
        };
        let json = [("Content-Type", "application/json")];
        key.iter().chain(&json).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// Returns the JSON body of a request that asks `prompt`, with `{{MODEL}}` for the model.
    pub(crate) fn body(self, mode: Mode, prompt: &str) -> String {
        let prompt = Value::from(prompt);
        let stream = if mode == Mode::Plain { "" } else { ",\"stream\":true" };
        let turn = format!("[{{\"role\":\"user\",\"content\":{prompt}}}]");
        match self {
            Self::Chat => {
                format!("{{\"model\":\"{{{{MODEL}}}}\",\"messages\":{turn},\"max_tokens\":16{stream}}}")
            }
            Self::Messages => {
                format!("{{\"model\":\"{{{{MODEL}}}}\",\"max_tokens\":16,\"messages\":{turn}{stream}}}")
            }
            Self::Responses => {
                format!("{{\"model\":\"{{{{MODEL}}}}\",\"input\":{prompt},\"max_output_tokens\":16{stream}}}")
            }
            Self::Completions => {
                format!("{{\"model\":\"{{{{MODEL}}}}\",\"prompt\":{prompt},\"max_tokens\":16{stream}}}")
            }
            Self::Gemini => {
                format!("{{\"contents\":[{{\"role\":\"user\",\"parts\":[{{\"text\":{prompt}}}]}}]}}")
            }
        }
    }

    /// Returns the key that a request carries, if it does in one of the dialect's own places.
    pub(crate) fn key<'a>(self, headers: &'a HeaderMap, query: Option<&'a str>) -> Option<&'a str> {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let bearer = || header("authorization").and_then(|value| value.strip_prefix("Bearer "));
        match self {
            Self::Chat | Self::Responses | Self::Completions => bearer(),
            Self::Messages => header("x-api-key").or_else(bearer),
            Self::Gemini => header("x-goog-api-key").or_else(|| parameter(query?, "key")),
        }
    }

    /// Reads a request.
    ///
    /// # Errors
    /// [`Fault::BadRequest`] when it is not JSON or lacks what the API requires.
    pub(crate) fn ask(self, path: &str, query: Option<&str>, body: &[u8]) -> Result<Ask, Fault> {
        let json: Value = serde_json::from_slice(body)
            .map_err(|_| Fault::BadRequest("could not parse the JSON body of the request"))?;
        if self == Self::Gemini {
            return gemini::ask(path, query, &json);
        }
        let Some(model) = json["model"].as_str() else {
            return Err(Fault::BadRequest("you must provide a model parameter"));
        };
        let prompt = match self {
            Self::Responses => responses::prompt(&json),
            Self::Completions => completions::prompt(&json),
            _ => chat::prompt(&json),
        };
        let prompt = prompt.ok_or(Fault::BadRequest("missing required parameter: the input"))?;
        let mode = if json["stream"] == Value::Bool(true) { Mode::Stream } else { Mode::Plain };
        Ok(Ask { model: model.to_owned(), mode, prompt })
    }

    /// Builds the plain answer.
    pub(crate) fn plain(self, reply: &Reply<'_>) -> String {
        match self {
            Self::Chat => chat::plain(reply),
            Self::Responses => responses::plain(reply),
            Self::Messages => messages::plain(reply),
            Self::Gemini => gemini::plain(reply),
            Self::Completions => completions::plain(reply),
        }
        .to_string()
    }

    /// Builds the streamed answer, frame by frame, framing included.
    pub(crate) fn frames(self, mode: Mode, reply: &Reply<'_>) -> Vec<String> {
        match self {
            Self::Chat => chat::frames(reply),
            Self::Responses => responses::frames(reply),
            Self::Messages => messages::frames(reply),
            Self::Gemini if mode == Mode::StreamArray => gemini::array(reply),
            Self::Gemini => gemini::frames(reply),
            Self::Completions => completions::frames(reply),
        }
    }

    /// Builds the status code and the error object for a fault.
    pub(crate) fn fault(self, fault: Fault, id: u64) -> (u16, String) {
        let (code, value) = match self {
            Self::Messages => error::anthropic(fault, id),
            Self::Gemini => error::gemini(fault),
            _ => error::openai(fault),
        };
        (code, value.to_string())
    }

    /// Builds the event that carries an error inside a stream.
    pub(crate) fn fault_frame(self, fault: Fault, id: u64) -> String {
        let (_, body) = self.fault(fault, id);
        match self {
            Self::Messages | Self::Responses => format!("event: error\ndata: {body}\n\n"),
            _ => data(&body),
        }
    }

    /// Returns the content type of an answer in this form.
    pub(crate) fn content_type(self, mode: Mode) -> &'static str {
        match (self, mode) {
            (_, Mode::Plain) | (Self::Gemini, Mode::StreamArray) => "application/json; charset=UTF-8",
            _ => "text/event-stream; charset=utf-8",
        }
    }
}

/// Frames one unnamed event.
fn data(json: &str) -> String {
    format!("data: {json}\n\n")
}

/// Frames one named event.
fn event(name: &str, json: &Value) -> String {
    format!("event: {name}\ndata: {json}\n\n")
}

/// Cuts a text into token-like pieces of up to four characters.
fn pieces(text: &str) -> Vec<String> {
    let chars: Vec<char> = text.chars().collect();
    chars.chunks(4).map(|piece| piece.iter().collect()).collect()
}

/// Returns the text of a `content`-like value: a string, or the `text` of its last textual part.
fn content(value: &Value) -> Option<&str> {
    match value {
        Value::String(text) => Some(text),
        Value::Array(parts) => parts.iter().rev().find_map(|part| part["text"].as_str()),
        _ => None,
    }
}

fn parameter<'a>(query: &'a str, name: &str) -> Option<&'a str> {
    query.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name).map(|(_, v)| v)
}
