//! Every dialect in every form and encoding, against simulated relays.

use bytes::Bytes;
use http::{HeaderName, HeaderValue};
use relay_core::{
    ProbeSpec, Secret, Status,
    ports::Prober,
    target::{Challenge, Expect, Header, Pattern},
};
use relay_sim::{Behaviour, Dialect, Encoding, Mode, Options, Relay, Sim};

use crate::support::{get, prober, shown};

const FORMS: [(Dialect, Mode); 11] = [
    (Dialect::Chat, Mode::Plain),
    (Dialect::Chat, Mode::Stream),
    (Dialect::Responses, Mode::Plain),
    (Dialect::Responses, Mode::Stream),
    (Dialect::Messages, Mode::Plain),
    (Dialect::Messages, Mode::Stream),
    (Dialect::Gemini, Mode::Plain),
    (Dialect::Gemini, Mode::Stream),
    (Dialect::Gemini, Mode::StreamArray),
    (Dialect::Completions, Mode::Plain),
    (Dialect::Completions, Mode::Stream),
];

fn relay(dialect: Dialect, mode: Mode) -> Relay {
    let mut relay = Relay::new("test", dialect);
    relay.mode = mode;
    relay.answer = "the pong of it".to_owned();
    relay
}

async fn start(relay: &Relay) -> Sim {
    Sim::start(Options { relays: vec![relay.clone()], ..Options::default() }).await.expect("a simulation")
}

/// Returns what a monitor of `relay` sends.
fn spec(sim: &Sim, relay: &Relay) -> ProbeSpec {
    let template = relay.template();
    let model = &template.models[0];
    let fill = |text: &str| text.replace("{{API_KEY}}", &relay.key).replace("{{MODEL}}", model);
    let base = sim.url(&relay.name).expect("a relay");
    let mut spec = get(&fill(&format!("{base}{}", template.path)));
    spec.method = template.method.parse().expect("a method");
    spec.body = Bytes::from(fill(&template.body));
    spec.model = model.clone();
    spec.api_key = Some(Secret::new(&relay.key));
    spec.success_contains = Some(template.success_contains);
    for (name, value) in &template.headers {
        spec.headers.push(Header {
            name: HeaderName::from_bytes(name.as_bytes()).expect("a name"),
            value: HeaderValue::from_str(&fill(value)).expect("a value"),
            holds_key: value.contains("{{API_KEY}}"),
        });
    }
    spec
}

#[tokio::test]
async fn every_form_in_every_encoding_is_green() {
    for (dialect, mode) in FORMS {
        for compress in [None].into_iter().chain(Encoding::ALL.map(Some)) {
            let mut relay = relay(dialect, mode);
            relay.compress = compress;
            let sim = start(&relay).await;
            let mut spec = spec(&sim, &relay);
            spec.expect = Some(Expect {
                contains: Some("pong".to_owned()),
                not_contains: Some("choices".to_owned()),
                matches: Some(Pattern::new("^the pong of it$").expect("a pattern")),
                min_chars: Some(14),
                model_same: true,
                no_error_body: true,
                ..Expect::default()
            });
            let result = prober().probe(&spec).await;
            assert_eq!(shown(&result), "green - 200 | -", "{dialect:?} {mode:?} {compress:?}");
            assert_eq!(result.timings.first_token_ms.is_some(), mode != Mode::Plain);
            spec.success_contains = Some("ping".to_owned());
            let result = prober().probe(&spec).await;
            let expected = "red content_mismatch 200 | \"ping\" is not in the answer";
            assert!(shown(&result).starts_with(expected), "{dialect:?} {mode:?}: {}", shown(&result));
            sim.stop().await;
        }
    }
}

#[tokio::test]
async fn reasoning_is_not_the_answer() {
    for (dialect, mode) in FORMS {
        let mut relay = relay(dialect, mode);
        relay.thinking = Some("let me think of ping".to_owned());
        let sim = start(&relay).await;
        let mut spec = spec(&sim, &relay);
        spec.expect = Some(Expect { not_contains: Some("ping".to_owned()), ..Expect::default() });
        assert_eq!(shown(&prober().probe(&spec).await), "green - 200 | -", "{dialect:?} {mode:?}");
    }
}

#[tokio::test]
async fn a_challenge_is_answered_by_a_model_and_by_no_canned_body() {
    for (dialect, mode) in FORMS {
        let mut relay = relay(dialect, mode);
        relay.prompt = "{{CHALLENGE}}".to_owned();
        let sim = start(&relay).await;
        let mut spec = spec(&sim, &relay);
        spec.success_contains = None;
        spec.expect = Some(Expect { challenge: Some(Challenge::Arithmetic), ..Expect::default() });
        for _ in 0..5 {
            assert_eq!(shown(&prober().probe(&spec).await), "green - 200 | -", "{dialect:?} {mode:?}");
        }
        sim.handle().set_behaviour("test", Behaviour::WrongContent("it is 7".to_owned()));
        let shown = shown(&prober().probe(&spec).await);
        assert!(shown.contains("content_mismatch 200 | the challenge was not answered by "), "{shown}");
    }
}

#[tokio::test]
async fn misbehaviour_has_its_verdict_in_every_form() {
    let misbehaviours = [
        (Behaviour::RateLimited, "red rate_limit 429 | 429 Too Many Requests: "),
        (Behaviour::AuthError, "red auth_error 401 | 401 Unauthorized: "),
        (Behaviour::ServerError(503), "red server_error 503 | 503 Service Unavailable: "),
        (Behaviour::WrongContent("sorry".to_owned()), "red content_mismatch 200 | \"the pong of it\" is not"),
        (
            Behaviour::EmptyBody,
            "red content_mismatch 200 | \"the pong of it\" is not in the answer, which is empty",
        ),
        (
            Behaviour::ErrorBody,
            "red content_mismatch 200 | \"the pong of it\" is not in the answer, which is an error",
        ),
        (
            Behaviour::SwappedModel("other-9".to_owned()),
            "red content_mismatch 200 | the answer is by the model other-9",
        ),
        (Behaviour::RedirectLoop, "red network_error 307 | redirect: a loop back to "),
        (Behaviour::HugeBody(1 << 30), "red content_mismatch 200 | "),
        (Behaviour::Bomb(1 << 30), "red content_mismatch 200 | "),
    ];
    for (dialect, mode) in FORMS {
        let relay = relay(dialect, mode);
        let sim = start(&relay).await;
        let prober = prober();
        for (behaviour, expected) in &misbehaviours {
            sim.handle().set_behaviour("test", behaviour.clone());
            let mut spec = spec(&sim, &relay);
            spec.max_response_bytes = 64 * 1024;
            spec.expect = Some(Expect { model_same: true, ..Expect::default() });
            let shown = shown(&prober.probe(&spec).await);
            assert!(shown.starts_with(expected), "{dialect:?} {mode:?} {behaviour:?}: {shown}");
        }
        sim.handle().set_behaviour("test", Behaviour::Healthy);
        assert_eq!(prober.probe(&spec(&sim, &relay)).await.status, Status::Green);
    }
}
