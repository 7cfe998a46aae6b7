//! Connections that misuse HTTP/2.

use std::time::Duration;

use relay_sim::{Abuse, Behaviour, Http2, Mode};

use crate::arena::{BOUND_WITHOUT_BODY, Upstream};

const H2: &[u8] = b"h2";
const SOON: Duration = Duration::from_millis(500);

fn abusing(abuse: Http2) -> Upstream {
    Upstream::abusing(Abuse::Http2(abuse)).with_tls(H2)
}

#[test]
fn resets_and_goaways_before_the_headers_are_network_errors() {
    for abuse in [Http2::ResetBeforeHeaders, Http2::GoAwayBeforeHeaders, Http2::Garbage] {
        let shown = abusing(abuse).endured_within(BOUND_WITHOUT_BODY);
        assert!(shown.starts_with("red network_error 0 | "), "{abuse:?}: {shown}");
        assert!(!shown.contains("timeout"), "{abuse:?}: {shown}");
    }
}

#[test]
fn resets_and_goaways_in_the_body_are_judged_by_what_came() {
    for abuse in [Http2::ResetInBody, Http2::GoAwayInBody] {
        let shown = abusing(abuse).endured_within(BOUND_WITHOUT_BODY);
        assert!(shown.starts_with("green - 200 | body: "), "{abuse:?}: {shown}");
    }
}

#[test]
fn headers_without_end_are_malformed_and_kept_in_bounds() {
    let shown = abusing(Http2::EndlessHeaders).endured_within(BOUND_WITHOUT_BODY);
    assert!(shown.starts_with("red network_error "), "{shown}");
    assert!(!shown.contains("timeout"), "{shown}");
}

#[test]
fn frames_that_bring_nothing_end_by_the_deadline() {
    for abuse in [Http2::PingFlood, Http2::SettingsFlood] {
        let shown = abusing(abuse).within(SOON).endured_within(BOUND_WITHOUT_BODY);
        assert!(shown.starts_with("red network_error 0 | "), "{abuse:?}: {shown}");
    }
    let shown = abusing(Http2::EmptyData).endured_within(BOUND_WITHOUT_BODY);
    assert!(shown.starts_with("red content_mismatch 200 | body: "), "{shown}");
}

#[test]
fn endless_bodies_and_bombs_are_bounded_here_too() {
    for behaviour in [Behaviour::Endless, Behaviour::HugeBody(1 << 30), Behaviour::Bomb(1 << 30)] {
        let shown = Upstream::new(behaviour.clone(), Mode::Plain).with_tls(H2).endured();
        assert!(shown.starts_with("red content_mismatch 200 | "), "{behaviour:?}: {shown}");
    }
}
