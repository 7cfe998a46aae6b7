//! Connections that misuse TCP, TLS and HTTP/1.1.

use std::time::Duration;

use relay_sim::{Abuse, Chunks};

use crate::arena::{BOUND_WITHOUT_BODY, Upstream};

const HTTP1: &[u8] = b"http/1.1";
const SOON: Duration = Duration::from_millis(500);

#[test]
fn a_reset_at_every_stage_before_the_body_is_a_network_error() {
    for (abuse, tls, causes) in [
        (Abuse::ResetAtAccept, None, ["reset: ", "connect: "]),
        (Abuse::ResetAtAccept, Some(HTTP1), ["tls: ", "connect: "]),
        (Abuse::ResetInTls, Some(HTTP1), ["tls: ", "tls: "]),
        (Abuse::ResetInHeaders, None, ["reset: ", "reset: "]),
        (Abuse::ResetInHeaders, Some(HTTP1), ["reset: ", "reset: "]),
    ] {
        let mut upstream = Upstream::abusing(abuse);
        upstream.alpn = tls;
        let shown = upstream.endured_within(BOUND_WITHOUT_BODY);
        let fits = causes.iter().any(|cause| shown.starts_with(&format!("red network_error 0 | {cause}")));
        assert!(fits, "{abuse:?}, {tls:?}: {shown}");
    }
}

#[test]
fn a_stalled_tls_handshake_ends_at_the_deadline() {
    let shown =
        Upstream::abusing(Abuse::StalledTls).with_tls(HTTP1).within(SOON).endured_within(BOUND_WITHOUT_BODY);
    assert_eq!(shown, "red network_error 0 | timeout: the TLS handshake did not end within 500 ms");
}

#[test]
fn headers_that_never_end_end_at_the_deadline() {
    let upstream = Upstream::abusing(Abuse::EndlessHeaders(Duration::from_millis(5)));
    let shown = upstream.within(SOON).endured_within(BOUND_WITHOUT_BODY);
    assert_eq!(shown, "red network_error 0 | timeout: the response headers did not come within 500 ms");
}

#[test]
fn floods_of_headers_are_malformed_and_kept_in_bounds() {
    for abuse in [Abuse::HeaderFlood, Abuse::LongHeader] {
        for tls in [None, Some(HTTP1)] {
            let mut upstream = Upstream::abusing(abuse);
            upstream.alpn = tls;
            let shown = upstream.endured_within(BOUND_WITHOUT_BODY);
            assert!(shown.starts_with("red network_error 0 | protocol: "), "{abuse:?}, {tls:?}: {shown}");
        }
    }
}

#[test]
fn interim_answers_without_end_end_at_the_deadline() {
    let shown = Upstream::abusing(Abuse::InterimFlood).within(SOON).endured_within(BOUND_WITHOUT_BODY);
    assert_eq!(shown, "red network_error 0 | timeout: the response headers did not come within 500 ms");
}

#[test]
fn another_protocol_is_malformed() {
    let shown = Upstream::abusing(Abuse::Garbage).endured_within(BOUND_WITHOUT_BODY);
    assert!(shown.starts_with("red network_error 0 | protocol: "), "{shown}");
    let shown = Upstream::abusing(Abuse::Garbage).with_tls(HTTP1).endured_within(BOUND_WITHOUT_BODY);
    assert!(shown.starts_with("red network_error 0 | protocol: "), "{shown}");
}

#[test]
fn misused_chunks_break_the_body_and_what_came_is_judged() {
    for chunks in [
        Chunks::NoNumber,
        Chunks::Overflow,
        Chunks::Promised,
        Chunks::EndlessExtension,
        Chunks::EndlessTrailers,
        Chunks::Crumbs,
    ] {
        let shown = Upstream::abusing(Abuse::Chunks(chunks)).endured_within(BOUND_WITHOUT_BODY);
        assert!(shown.starts_with("green - 200 | body: "), "{chunks:?}: {shown}");
    }
}

#[test]
fn a_chunk_size_of_noughts_only_ends_at_the_deadline() {
    let shown =
        Upstream::abusing(Abuse::Chunks(Chunks::EndlessSize)).within(SOON).endured_within(BOUND_WITHOUT_BODY);
    assert_eq!(shown, "red network_error 200 | timeout: the body did not end within 500 ms");
}
