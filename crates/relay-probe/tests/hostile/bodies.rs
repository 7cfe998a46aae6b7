//! Answers that are HTTP and no good: too long, too slow, packed, broken off.

use std::time::Duration;

use relay_core::Status;
use relay_sim::{Behaviour, Dialect, Encoding, Mode, Outage};

use crate::arena::{BOUND, Upstream};

const GIB: u64 = 1 << 30;

#[test]
fn an_endless_body_is_judged_by_what_is_below_the_cap() {
    let shown = Upstream::new(Behaviour::Endless, Mode::Plain).endured();
    assert!(shown.starts_with("red content_mismatch 200 | "), "{shown}");
}

#[test]
fn an_endless_event_stream_is_judged_by_what_is_below_the_cap() {
    for dialect in Dialect::ALL {
        let shown = Upstream::speaking(dialect, Behaviour::Endless, Mode::Stream).endured();
        let expected = "red content_mismatch 200 | \"pong\" is not in the answer: and so on and so on";
        assert!(shown.starts_with(expected), "{dialect:?}: {shown}");
    }
}

#[test]
fn a_body_of_a_gigabyte_is_judged_by_what_is_below_the_cap() {
    let shown = Upstream::new(Behaviour::HugeBody(GIB), Mode::Plain).endured();
    assert!(shown.starts_with("red content_mismatch 200 | \"pong\" is not in the answer: xxx"), "{shown}");
}

#[test]
fn one_byte_a_second_ends_at_the_deadline() {
    for mode in [Mode::Plain, Mode::Stream] {
        let upstream = Upstream::new(Behaviour::Drip(Duration::from_secs(1)), mode);
        let shown = upstream.within(Duration::from_millis(1_200)).endured();
        assert_eq!(shown, "red network_error 200 | timeout: the body did not end within 1200 ms");
    }
}

#[test]
fn a_bomb_of_every_encoding_unfolds_to_the_cap_only() {
    for encoding in Encoding::ALL {
        let shown = Upstream::new(Behaviour::Bomb(GIB), Mode::Plain).compressed(encoding).endured();
        assert!(shown.starts_with("red content_mismatch 200 | "), "{encoding:?}: {shown}");
    }
}

#[test]
fn ten_thousand_events_are_read_to_their_end() {
    for dialect in Dialect::ALL {
        let mut upstream = Upstream::speaking(dialect, Behaviour::Talkative(10_000), Mode::Stream);
        upstream.max_response_bytes = 8 * 1024 * 1024;
        let endured = upstream.probe();
        assert_eq!(endured.result.status, Status::Green, "{dialect:?}: {:?}", endured.result.detail);
        assert!(endured.result.timings.first_token_ms.is_some(), "{dialect:?}");
        assert!(endured.peak <= 2 * BOUND, "{dialect:?}: {} bytes", endured.peak);
    }
}

#[test]
fn bytes_that_are_no_utf8_hide_nothing_beside_them() {
    for dialect in Dialect::ALL {
        for mode in [Mode::Plain, Mode::Stream] {
            let shown = Upstream::speaking(dialect, Behaviour::InvalidUtf8, mode).endured();
            assert_eq!(shown, "green - 200 | -", "{dialect:?} {mode:?}");
        }
    }
}

#[test]
fn a_redirect_loop_is_red_with_its_code() {
    let shown = Upstream::new(Behaviour::RedirectLoop, Mode::Plain).endured();
    assert!(shown.starts_with("red network_error 307 | redirect: a loop back to http://"), "{shown}");
}

#[test]
fn a_reset_in_the_body_is_judged_by_what_came() {
    let shown = Upstream::new(Behaviour::Cut(20), Mode::Stream).endured();
    assert!(shown.starts_with("red content_mismatch 200 | body: "), "{shown}");
    let shown = Upstream::new(Behaviour::Cut(4_000), Mode::Stream).endured();
    assert!(shown.starts_with("green - 200 | body: "), "{shown}");
}

#[test]
fn a_relay_that_is_down_is_red_without_a_code() {
    for (outage, cause) in [
        (Outage::Refused, "connect: "),
        (Outage::Reset, "reset: "),
        (Outage::Silent, "timeout: the response headers did not come within 500 ms"),
    ] {
        let upstream = Upstream::new(Behaviour::Down(outage), Mode::Plain);
        let shown = upstream.within(Duration::from_millis(500)).endured();
        assert!(shown.starts_with(&format!("red network_error 0 | {cause}")), "{outage:?}: {shown}");
    }
}
