//! Each dialect in each form: shapes, text, keys, errors, sums.

use relay_sim::{Dialect, Mode, Relay};
use serde_json::Value;

use crate::client::{Answer, ask, request, send, sim};

const TEXT: &str = "the pong is here";
const THOUGHT: &str = "hidden thought";

fn relay(dialect: Dialect, mode: Mode) -> Relay {
    let thinking = Some(THOUGHT.to_owned());
    Relay { mode, thinking, answer: TEXT.to_owned(), ..Relay::new("r", dialect) }
}

/// Joins what a reader of the public API would take for the text.
fn text(dialect: Dialect, mode: Mode, answer: &Answer) -> String {
    let joined =
        |values: &[Value], pick: fn(&Value) -> Option<&str>| values.iter().filter_map(pick).collect();
    let chunks = match mode {
        Mode::Plain => vec![answer.json()],
        Mode::StreamArray if dialect == Dialect::Gemini => answer.json().as_array().unwrap().clone(),
        _ => answer.events(),
    };
    match (dialect, mode) {
        (Dialect::Chat, Mode::Plain) => joined(&chunks, |v| v["choices"][0]["message"]["content"].as_str()),
        (Dialect::Chat, _) => joined(&chunks, |v| v["choices"][0]["delta"]["content"].as_str()),
        (Dialect::Completions, _) => joined(&chunks, |v| v["choices"][0]["text"].as_str()),
        (Dialect::Responses, Mode::Plain) => {
            joined(&chunks, |v| v["output"].as_array()?.last()?["content"][0]["text"].as_str())
        }
        (Dialect::Responses, _) => {
            joined(&chunks, |v| v["delta"].as_str().filter(|_| v["type"] == "response.output_text.delta"))
        }
        (Dialect::Messages, Mode::Plain) => {
            joined(&chunks, |v| v["content"].as_array()?.last()?["text"].as_str())
        }
        (Dialect::Messages, _) => joined(&chunks, |v| v["delta"]["text"].as_str()),
        (Dialect::Gemini, _) => joined(&chunks, |v| {
            let parts = v["candidates"][0]["content"]["parts"].as_array()?;
            parts.iter().filter(|part| part["thought"] != true).find_map(|part| part["text"].as_str())
        }),
    }
}

#[tokio::test]
async fn every_dialect_answers_in_every_form() {
    for dialect in Dialect::ALL {
        for mode in [Mode::Plain, Mode::Stream, Mode::StreamArray] {
            let relay = relay(dialect, mode);
            let sim = sim(relay.clone()).await;
            let answer = ask(&sim, &relay).await.unwrap();
            assert_eq!(answer.code, 200, "{dialect:?} {mode:?}: {}", answer.text());
            assert_eq!(text(dialect, mode, &answer), TEXT, "{dialect:?} {mode:?}: {}", answer.text());
            let sse = mode == Mode::Stream || (mode == Mode::StreamArray && dialect != Dialect::Gemini);
            let kind = if sse { "text/event-stream" } else { "application/json" };
            assert!(answer.header("content-type").starts_with(kind), "{dialect:?} {mode:?}");
            assert_eq!(sim.handle().counts("r").unwrap().answered, 1);
            sim.stop().await;
        }
    }
}

#[tokio::test]
async fn streams_end_as_the_apis_end_them() {
    for (dialect, end) in [
        (Dialect::Chat, "data: [DONE]\n\n"),
        (Dialect::Completions, "data: [DONE]\n\n"),
        (Dialect::Messages, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"),
    ] {
        let relay = relay(dialect, Mode::Stream);
        let sim = sim(relay.clone()).await;
        let answer = ask(&sim, &relay).await.unwrap();
        assert!(answer.text().ends_with(end), "{dialect:?}: {}", answer.text());
        sim.stop().await;
    }
}

#[tokio::test]
async fn anthropic_events_come_in_their_order_with_thinking_first() {
    let relay = relay(Dialect::Messages, Mode::Stream);
    let sim = sim(relay.clone()).await;
    let events = ask(&sim, &relay).await.unwrap().events();
    let kind = |v: &Value| v["type"].as_str().unwrap().to_owned();
    let mut kinds: Vec<String> = events.iter().map(kind).collect();
    kinds.dedup();
    let wanted = "message_start content_block_start ping content_block_delta content_block_stop \
                  content_block_start content_block_delta content_block_stop message_delta message_stop";
    assert_eq!(kinds.join(" "), wanted);
    let thinking: String = events.iter().filter_map(|v| v["delta"]["thinking"].as_str()).collect();
    assert_eq!(thinking, THOUGHT);
    assert_eq!(events[0]["message"]["role"], "assistant");
    assert!(events[events.len() - 2]["usage"]["output_tokens"].as_u64().unwrap() > 0);
    sim.stop().await;
}

#[tokio::test]
async fn responses_number_their_events_and_complete() {
    let relay = relay(Dialect::Responses, Mode::Stream);
    let sim = sim(relay.clone()).await;
    let events = ask(&sim, &relay).await.unwrap().events();
    for (index, event) in events.iter().enumerate() {
        assert_eq!(event["sequence_number"], index);
    }
    let last = events.last().unwrap();
    assert_eq!(last["type"], "response.completed");
    assert_eq!(last["response"]["status"], "completed");
    assert!(last["response"]["usage"]["total_tokens"].as_u64().unwrap() > 0);
    sim.stop().await;
}

#[tokio::test]
async fn a_wrong_or_missing_key_is_refused_in_the_dialects_words() {
    for dialect in Dialect::ALL {
        let relay = relay(dialect, Mode::Plain);
        let sim = sim(relay.clone()).await;
        let base = sim.url("r").unwrap();
        let wrong = send(request(&base, &relay.template(), "nonsense", "sim-1")).await.unwrap();
        let mut without = request(&base, &relay.template(), "", "sim-1");
        for name in ["authorization", "x-api-key", "x-goog-api-key"] {
            without.headers_mut().remove(name);
        }
        let missing = send(without).await.unwrap();
        for answer in [wrong, missing] {
            assert_eq!(answer.code, 401, "{dialect:?}");
            let json = answer.json();
            match dialect {
                Dialect::Messages => assert_eq!(json["error"]["type"], "authentication_error"),
                Dialect::Gemini => assert_eq!(json["error"]["status"], "UNAUTHENTICATED"),
                _ => assert_eq!(json["error"]["code"], "invalid_api_key"),
            }
        }
        let counts = sim.handle().counts("r").unwrap();
        assert_eq!((counts.requests, counts.unauthorized, counts.answered), (2, 2, 0));
        sim.stop().await;
    }
}

#[tokio::test]
async fn unknown_models_paths_methods_and_bodies_are_refused() {
    for dialect in Dialect::ALL {
        let relay = relay(dialect, Mode::Plain);
        let sim = sim(relay.clone()).await;
        let base = sim.url("r").unwrap();
        let template = relay.template();
        let model = send(request(&base, &template, &relay.key, "no-such")).await.unwrap();
        assert_eq!(model.code, 404, "{dialect:?}");
        match dialect {
            Dialect::Messages => assert_eq!(model.json()["error"]["type"], "not_found_error"),
            Dialect::Gemini => assert_eq!(model.json()["error"]["status"], "NOT_FOUND"),
            _ => assert_eq!(model.json()["error"]["code"], "model_not_found"),
        }
        let mut broken = template.clone();
        broken.body = "{".to_owned();
        assert_eq!(send(request(&base, &broken, &relay.key, "sim-1")).await.unwrap().code, 400);
        let mut get = request(&base, &template, &relay.key, "sim-1");
        *get.method_mut() = http::Method::GET;
        assert_eq!(send(get).await.unwrap().code, 405);
        let mut elsewhere = template.clone();
        elsewhere.path = "/v2/none".to_owned();
        assert_eq!(send(request(&base, &elsewhere, &relay.key, "sim-1")).await.unwrap().code, 404);
        sim.stop().await;
    }
}

#[tokio::test]
async fn small_sums_are_answered_in_every_dialect() {
    for dialect in Dialect::ALL {
        for (prompt, result) in [("What is 3 plus 4?", "7"), ("what is twenty-one plus twenty one", "42")] {
            let relay = Relay { prompt: prompt.to_owned(), ..relay(dialect, Mode::Stream) };
            let sim = sim(relay.clone()).await;
            let answer = ask(&sim, &relay).await.unwrap();
            assert_eq!(text(dialect, Mode::Stream, &answer), result, "{dialect:?}");
            sim.stop().await;
        }
    }
}

#[tokio::test]
async fn geminis_key_may_come_in_the_query() {
    let relay = relay(Dialect::Gemini, Mode::Plain);
    let sim = sim(relay.clone()).await;
    let mut template = relay.template();
    template.headers.clear();
    template.path.push_str("?key={{API_KEY}}");
    let answer = send(request(&sim.url("r").unwrap(), &template, &relay.key, "sim-1")).await.unwrap();
    assert_eq!(answer.code, 200);
    sim.stop().await;
}
