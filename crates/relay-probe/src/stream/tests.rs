//! A corpus of answers in the shapes that services and relays really send, each read whole, cut at every byte, and
//! byte by byte.

mod corpus;

use corpus::{SAMPLES, Sample};
use proptest::prelude::*;

use super::*;

/// Reads `body` in the given pieces.
fn read<'a>(content_type: &str, pieces: impl IntoIterator<Item = &'a [u8]>) -> Option<(Form, Collected)> {
    let mut reader = StreamReader::new(content_type);
    for piece in pieces {
        reader.push(piece);
    }
    reader.finish()
}

fn check(sample: &Sample, found: Option<&(Form, Collected)>, how: &str) {
    let Sample { name, .. } = sample;
    let Some((form, collected)) = found else {
        assert_eq!(sample.form, None, "{name}, {how}: not recognised");
        return;
    };
    assert_eq!(Some(*form), sample.form, "{name}, {how}: form");
    assert_eq!(collected.text(), sample.text, "{name}, {how}: text");
    assert_eq!(collected.model(), sample.model, "{name}, {how}: model");
    assert_eq!(collected.error(), sample.error, "{name}, {how}: error");
}

#[test]
fn every_sample_is_read_whole() {
    for sample in SAMPLES {
        check(sample, read(sample.content_type, [sample.body.as_bytes()]).as_ref(), "whole");
    }
}

#[test]
fn every_sample_is_read_in_two_pieces_cut_anywhere() {
    for sample in SAMPLES {
        for at in 0..=sample.body.len() {
            let (first, second) = sample.body.as_bytes().split_at(at);
            check(sample, read(sample.content_type, [first, second]).as_ref(), &format!("cut at {at}"));
        }
    }
}

#[test]
fn every_sample_is_read_byte_by_byte() {
    for sample in SAMPLES {
        check(sample, read(sample.content_type, sample.body.as_bytes().chunks(1)).as_ref(), "byte by byte");
    }
}

#[test]
fn every_sample_of_events_is_read_with_other_line_ends() {
    for sample in SAMPLES.iter().filter(|sample| sample.form == Some(Form::Events)) {
        for (end, how) in [("\r\n", "CRLF"), ("\r", "CR")] {
            let body = sample.body.replace("\r\n", "\n").replace('\n', end);
            check(sample, read(sample.content_type, [body.as_bytes()]).as_ref(), how);
            check(sample, read(sample.content_type, body.as_bytes().chunks(1)).as_ref(), how);
        }
    }
}

#[test]
fn events_have_names() {
    let named =
        |body: &str| read("text/event-stream", [body.as_bytes()]).expect("a stream").1.has_named_events();
    assert!(named("event: message\ndata: {}\n\n"));
    assert!(!named("data: {\"choices\":[]}\n\n"));
}

#[test]
fn an_event_of_any_length_is_bounded() {
    let mut reader = StreamReader::new("text/event-stream");
    reader.push(b"data: ");
    let block = vec![b'a'; 64 * 1024];
    for _ in 0..64 {
        reader.push(&block);
    }
    let (_, collected) = reader.finish().expect("a stream");
    assert!(collected.text().len() <= MAX_EVENT_BYTES);
}

#[test]
fn ten_thousand_events_are_read() {
    let body = "data: {\"choices\":[{\"delta\":{\"content\":\"ab\"}}]}\n\n".repeat(10_000);
    let (_, collected) = read("text/event-stream", body.as_bytes().chunks(1_000)).expect("a stream");
    assert_eq!((collected.frames(), collected.text().len()), (10_000, 20_000));
}

#[test]
fn deep_nesting_and_invalid_utf8_do_not_hurt() {
    let deep = format!("data: {{\"choices\":{}\n\n", "[".repeat(100_000));
    assert!(read("text/event-stream", [deep.as_bytes()]).is_some());
    let array = format!("[{{\"candidates\":{}", "[".repeat(100_000));
    assert!(read("application/json", [array.as_bytes()]).is_none());
    let broken = b"data: {\"choices\":[{\"delta\":{\"content\":\"a\xffb\"}}]}\n\n".as_slice();
    let (_, collected) = read("text/event-stream", [broken]).expect("a stream");
    assert_eq!(collected.text(), "a\u{fffd}b");
}

proptest! {
    #[test]
    fn anything_can_be_read_in_any_pieces(
        bytes in proptest::collection::vec(any::<u8>(), 0..400),
        cuts in proptest::collection::vec(1usize..40, 0..40),
        is_declared: bool,
    ) {
        let content_type = if is_declared { "text/event-stream" } else { "" };
        let whole = read(content_type, [bytes.as_slice()]);
        let mut rest = bytes.as_slice();
        let mut pieces = Vec::new();
        for cut in cuts {
            let (piece, behind) = rest.split_at(cut.min(rest.len()));
            pieces.push(piece);
            rest = behind;
        }
        pieces.push(rest);
        prop_assert_eq!(read(content_type, pieces), whole);
    }

    #[test]
    fn event_like_lines_can_be_read_in_any_pieces(
        lines in proptest::collection::vec(
            prop_oneof![
                Just("data: {\"choices\":[{\"delta\":{\"content\":\"é\"}}]}"),
                Just("data: words"), Just("data:"), Just(""), Just(": comment"), Just("event: x"), Just("data"),
            ], 0..20),
        end in prop_oneof![Just("\n"), Just("\r\n"), Just("\r")],
        cut: prop::sample::Index,
    ) {
        let body = lines.join(end);
        let whole = read("text/event-stream", [body.as_bytes()]);
        let (first, second) = body.as_bytes().split_at(cut.index(body.len() + 1));
        prop_assert_eq!(read("text/event-stream", [first, second]), whole);
    }
}

#[test]
fn what_is_printed_tells_sizes_and_no_words() {
    for (content_type, body) in [
        (
            "text/event-stream",
            "event: secret\ndata: {\"error\":{\"message\":\"secret\"},\"model\":\"secret\"}\n\ndata: secret",
        ),
        ("text/event-stream", "data: {\"choices\":[{\"delta\":{\"content\":\"secret\"}}]}\n\n"),
        (
            "application/json",
            "[{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"secret\"}]}}]},{\"secret\":1",
        ),
        ("application/json", "[ "),
    ] {
        let mut reader = StreamReader::new(content_type);
        reader.push(body.as_bytes());
        let printed = format!("{reader:?}");
        assert!(!printed.contains("secret") && printed.contains("held_bytes"), "{printed}");
        let collected = format!("{:?}", reader.finish());
        assert!(!collected.contains("secret"), "{collected}");
    }
    let mut reader = StreamReader::new("text/event-stream");
    reader.push(b"data: {\"choices\":[{\"delta\":{\"content\":\"four\"}}]}\n\ndata: 123");
    let printed = format!("{reader:?}");
    assert!(printed.contains("content_bytes: 4") && printed.contains("held_bytes: 9"), "{printed}");
}
