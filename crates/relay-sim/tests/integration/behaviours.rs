//! Each behaviour, as it arrives at a client.

use std::time::Duration;

use relay_sim::{Behaviour, Dialect, Flakiness, Incidents, Latency, Mode, Options, Outage, Relay, Sim};
use tokio::{
    net::TcpStream,
    time::{Instant, timeout},
};

use crate::client::{ask, open, read, request, send, sim};

fn relay() -> Relay {
    Relay::new("r", Dialect::Chat)
}

fn own_request(sim: &Sim, relay: &Relay) -> http::Request<http_body_util::Full<bytes::Bytes>> {
    request(&sim.url("r").unwrap(), &relay.template(), &relay.key, "sim-1")
}

#[tokio::test]
async fn behaviours_change_while_it_runs() {
    let relay = relay();
    let sim = sim(relay.clone()).await;
    let handle = sim.handle();
    for (behaviour, code, holds) in [
        (Behaviour::RateLimited, 429, "rate_limit_exceeded"),
        (Behaviour::ServerError(503), 503, "server_error"),
        (Behaviour::ServerError(400), 400, "invalid_request_error"),
        (Behaviour::AuthError, 401, "invalid_api_key"),
        (Behaviour::WrongContent("top up".to_owned()), 200, "top up"),
        (Behaviour::ErrorBody, 200, "\"error\""),
        (Behaviour::SwappedModel("cheap-1".to_owned()), 200, "\"model\":\"cheap-1\""),
        (Behaviour::Healthy, 200, "pong"),
    ] {
        assert!(handle.set_behaviour("r", behaviour.clone()));
        let answer = ask(&sim, &relay).await.unwrap();
        assert_eq!(answer.code, code, "{behaviour:?}");
        assert!(answer.text().contains(holds), "{behaviour:?}: {}", answer.text());
    }
    assert!(handle.set_behaviour("r", Behaviour::EmptyBody));
    assert!(ask(&sim, &relay).await.unwrap().body.is_empty());
    assert!(handle.reset_behaviour("r"));
    assert!(ask(&sim, &relay).await.unwrap().text().contains("pong"));
    assert!(!handle.set_behaviour("none", Behaviour::Healthy));
    sim.stop().await;
}

#[tokio::test]
async fn rate_limits_say_when_to_retry() {
    let relay = Relay { behaviour: Behaviour::RateLimited, ..relay() };
    let sim = sim(relay.clone()).await;
    assert_eq!(ask(&sim, &relay).await.unwrap().header("retry-after"), "20");
    sim.stop().await;
}

#[tokio::test]
async fn an_error_inside_a_stream_is_its_only_event() {
    for dialect in [Dialect::Chat, Dialect::Messages, Dialect::Responses, Dialect::Gemini] {
        let relay = Relay { behaviour: Behaviour::ErrorBody, mode: Mode::Stream, ..Relay::new("r", dialect) };
        let sim = sim(relay.clone()).await;
        let events = ask(&sim, &relay).await.unwrap().events();
        assert!(events.len() == 1 && events[0]["error"].is_object(), "{dialect:?} {events:?}");
        sim.stop().await;
    }
}

#[tokio::test]
async fn a_slow_relay_is_slow_and_streams_piece_by_piece() {
    let relay = Relay { behaviour: Behaviour::Slow(Latency::new(60, 0.0)), mode: Mode::Stream, ..relay() };
    let sim = sim(relay.clone()).await;
    let before = Instant::now();
    let (response, connection) = open(own_request(&sim, &relay), false).await.unwrap();
    assert!(before.elapsed() >= Duration::from_millis(60));
    let first = read(response, 1).await;
    assert!(first.text().starts_with("data: ") && !first.text().contains("[DONE]"), "{}", first.text());
    drop(connection);
    sim.stop().await;
}

#[tokio::test]
async fn a_flaky_pattern_fails_in_turn() {
    let flaky = Behaviour::Flaky {
        when: Flakiness::Pattern(vec![false, true]),
        failure: Box::new(Behaviour::ServerError(502)),
    };
    let relay = Relay { behaviour: flaky, ..relay() };
    let sim = sim(relay.clone()).await;
    let mut codes = Vec::new();
    for _ in 0..4 {
        codes.push(ask(&sim, &relay).await.unwrap().code.as_u16());
    }
    assert_eq!(codes, [200, 502, 200, 502]);
    sim.stop().await;
}

#[tokio::test]
async fn live_answers_follow_the_same_incidents_as_history() {
    let incidents = Incidents { per_week: 7.0, minutes: 1440, behaviour: Behaviour::ServerError(503) };
    let relay = Relay { incidents: Some(incidents), ..relay() };
    let mut seen = std::collections::HashSet::new();
    for hour in 0..48 {
        let now = hour * 3600;
        let options = Options {
            relays: vec![relay.clone()],
            seed: 5,
            now: std::sync::Arc::new(move || now),
            ..Options::default()
        };
        let sim = Sim::start(options).await.unwrap();
        let code = ask(&sim, &relay).await.unwrap().code.as_u16();
        assert_eq!(relay.plausible("", 5, now).code, code, "hour {hour}");
        seen.insert(code);
        sim.stop().await;
    }
    assert_eq!(seen.len(), 2);
}

#[tokio::test]
async fn a_relay_can_be_down_in_three_ways() {
    let refused = Relay { behaviour: Behaviour::Down(Outage::Refused), ..relay() };
    let gone = sim(refused.clone()).await;
    let url = gone.url("r").unwrap();
    let authority = url.strip_prefix("http://").and_then(|rest| rest.strip_suffix("/r")).unwrap();
    assert_eq!(
        TcpStream::connect(authority).await.unwrap_err().kind(),
        std::io::ErrorKind::ConnectionRefused
    );
    gone.stop().await;

    let reset = Relay { behaviour: Behaviour::Down(Outage::Reset), ..relay() };
    let sim_reset = sim(reset.clone()).await;
    assert!(ask(&sim_reset, &reset).await.is_err());
    sim_reset.stop().await;

    let silent = Relay { behaviour: Behaviour::Down(Outage::Silent), ..relay() };
    let sim = sim(silent.clone()).await;
    assert!(timeout(Duration::from_millis(100), ask(&sim, &silent)).await.is_err());
    assert_eq!(sim.handle().requests(), 1);
    sim.stop().await;
}

#[tokio::test]
async fn a_cut_ends_in_an_error_after_its_bytes() {
    let relay = Relay { behaviour: Behaviour::Cut(30), mode: Mode::Stream, ..relay() };
    let sim = sim(relay.clone()).await;
    let answer = ask(&sim, &relay).await.unwrap();
    assert!(!answer.whole);
    assert_eq!(answer.body.len(), 30);
    sim.stop().await;
}

#[tokio::test]
async fn a_drip_is_whole_in_the_end() {
    let relay = Relay { behaviour: Behaviour::Drip(Duration::from_millis(1)), ..relay() };
    let sim = sim(relay.clone()).await;
    let answer = ask(&sim, &relay).await.unwrap();
    assert!(answer.whole && answer.text().contains("pong"));
    sim.stop().await;
}

#[tokio::test]
async fn endless_and_huge_bodies_keep_coming() {
    for (behaviour, mode) in [
        (Behaviour::Endless, Mode::Plain),
        (Behaviour::Endless, Mode::Stream),
        (Behaviour::HugeBody(1 << 30), Mode::Plain),
    ] {
        let relay = Relay { behaviour, mode, ..relay() };
        let sim = sim(relay.clone()).await;
        let (response, connection) = open(own_request(&sim, &relay), false).await.unwrap();
        assert!(read(response, 4 << 20).await.body.len() >= 4 << 20);
        drop(connection);
        sim.stop().await;
    }
}

#[tokio::test]
async fn a_redirect_loop_points_to_itself() {
    let relay = Relay { behaviour: Behaviour::RedirectLoop, ..relay() };
    let sim = sim(relay.clone()).await;
    let answer = send(own_request(&sim, &relay)).await.unwrap();
    assert_eq!(answer.code, 307);
    assert_eq!(answer.header("location"), "/r/v1/chat/completions");
    sim.stop().await;
}

#[tokio::test]
async fn a_talkative_relay_comes_to_the_answer_in_the_end() {
    let relay = Relay { behaviour: Behaviour::Talkative(500), mode: Mode::Stream, ..relay() };
    let sim = sim(relay.clone()).await;
    let events = ask(&sim, &relay).await.unwrap().events();
    let words: Vec<&str> =
        events.iter().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
    assert_eq!(words.iter().filter(|word| **word == "word").count(), 500);
    assert!(words.concat().ends_with("wordpong"), "{words:?}");
    sim.stop().await;
}

#[tokio::test]
async fn an_answer_may_be_no_utf8() {
    let relay = Relay { behaviour: Behaviour::InvalidUtf8, ..relay() };
    let sim = sim(relay.clone()).await;
    let answer = ask(&sim, &relay).await.unwrap();
    assert!(std::str::from_utf8(&answer.body).is_err());
    assert!(answer.body.windows(6).any(|window| window == b"\xff\xc3pong"), "{}", answer.text());
    sim.stop().await;
}
