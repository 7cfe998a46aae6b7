use expect_test::{Expect, expect};
use proptest::prelude::*;
use relay_core::record::Timings;

use super::*;

fn results() -> [(&'static str, ProbeResult); 3] {
    let green = ProbeResult {
        status: Status::Green,
        sub_status: None,
        http_code: 200,
        latency_ms: 431,
        timings: Timings {
            dns_ms: Some(12),
            connect_ms: Some(30),
            tls_ms: Some(41),
            first_token_ms: Some(620),
            total_ms: Some(1504),
        },
        detail: None,
    };
    let mismatch = ProbeResult {
        status: Status::Red,
        sub_status: Some(SubStatus::ContentMismatch),
        timings: Timings { total_ms: Some(90), ..Timings::default() },
        latency_ms: 88,
        detail: Some("the answer does not contain \"pong\": 今天天气很好，我们去公园散步吧".to_owned()),
        ..green
    };
    let down = ProbeResult {
        status: Status::Red,
        sub_status: Some(SubStatus::NetworkError),
        http_code: 0,
        latency_ms: 10_000,
        timings: Timings::default(),
        detail: Some("timeout".to_owned()),
    };
    [("acme/chat/vip/gpt-5", green), ("中转站/cc/主", mismatch), ("b/cc", down)]
}

fn draw(width: Option<usize>) -> String {
    let results = results();
    let table = Table::new(results.iter().map(|(name, _)| *name), width, false);
    results.iter().fold(table.head(), |text, (name, result)| text + &table.row(name, result))
}

fn check(width: Option<usize>, expected: Expect) {
    expected.assert_eq(&draw(width));
}

#[test]
fn without_a_terminal_a_result_is_a_line() {
    check(
        None,
        expect![[r#"
        MONITOR              STATUS  SUB-STATUS        CODE    DNS  CONNECT    TLS    TTFB   TOKEN   TOTAL  DETAIL
        acme/chat/vip/gpt-5  green   -                  200     12       30     41     431     620    1504
        中转站/cc/主         red     content_mismatch   200      -        -      -      88       -      90  the answer does not contain "pong": 今天天气很好，我们去公园散步吧
        b/cc                 red     network_error        -      -        -      -       -       -       -  timeout
    "#]],
    );
}

#[test]
fn on_a_wide_terminal_the_detail_wraps_in_its_column() {
    check(
        Some(130),
        expect![[r#"
        MONITOR              STATUS  SUB-STATUS        CODE    DNS  CONNECT    TLS    TTFB   TOKEN   TOTAL  DETAIL
        acme/chat/vip/gpt-5  green   -                  200     12       30     41     431     620    1504
        中转站/cc/主         red     content_mismatch   200      -        -      -      88       -      90  the answer does not contain
                                                                                                            "pong":
                                                                                                            今天天气很好，我们去公园散步吧
        b/cc                 red     network_error        -      -        -      -       -       -       -  timeout
    "#]],
    );
}

#[test]
fn on_a_middling_terminal_the_detail_is_below() {
    check(
        Some(105),
        expect![[r#"
        MONITOR              STATUS  SUB-STATUS        CODE    DNS  CONNECT    TLS    TTFB   TOKEN   TOTAL
        acme/chat/vip/gpt-5  green   -                  200     12       30     41     431     620    1504
        中转站/cc/主         red     content_mismatch   200      -        -      -      88       -      90
          the answer does not contain "pong": 今天天气很好，我们去公园散步吧
        b/cc                 red     network_error        -      -        -      -       -       -       -
          timeout
    "#]],
    );
}

#[test]
fn on_a_narrow_terminal_a_result_is_a_paragraph() {
    check(
        Some(40),
        expect![[r#"
        acme/chat/vip/gpt-5
          green 200
          dns 12 connect 30 tls 41 ttfb 431
          token 620 total 1504
        中转站/cc/主
          red content_mismatch 200
          ttfb 88 total 90
          the answer does not contain "pong":
          今天天气很好，我们去公园散步吧
        b/cc
          red network_error -
          timeout
    "#]],
    );
}

#[test]
fn colour_is_the_statuss_alone_and_moves_nothing() {
    let results = results();
    let names = || results.iter().map(|(name, _)| *name);
    let (plain, painted) = (Table::new(names(), Some(130), false), Table::new(names(), Some(130), true));
    for (name, result) in &results {
        let text = painted.row(name, result);
        let colour = if result.status == Status::Green { "\x1b[32m" } else { "\x1b[31m" };
        assert_eq!(text.matches('\x1b').count(), 2, "{text}");
        assert_eq!(text.replace(colour, "").replace(RESET, ""), plain.row(name, result));
    }
}

#[test]
fn an_upstream_cannot_command_the_terminal() {
    let (_, mut result) = results()[2].clone();
    result.detail = Some("\x1b]0;owned\x07\u{9b}2J\r\n\u{202e}gnp".to_owned());
    let text = Table::new(["a"].into_iter(), None, false).row("a", &result);
    assert_eq!(text.lines().count(), 1);
    assert!(text.trim_end().chars().all(|c| !c.is_control() && c != '\u{202e}'), "{text:?}");
}

#[test]
fn a_summary_counts_reds_and_takes_latencies_of_answers_only() {
    let [(_, green), (_, red), (_, down)] = results();
    let mut mixed = Summary::default();
    for result in [&green, &red, &down, &green] {
        mixed.add(result);
    }
    let mut even = Summary::default();
    even.add(&green);
    even.add(&red);
    let mut dead = Summary::default();
    dead.add(&down);
    let rows = [("中转站/cc".to_owned(), mixed), ("b/cc".to_owned(), even), ("c/cc".to_owned(), dead)];
    expect![[r#"
        MONITOR    ROUNDS   RED     MIN  MEDIAN     MAX
        中转站/cc       4     2      88     431     431
        b/cc            2     1      88     259     431
        c/cc            1     1       -       -       -
    "#]]
    .assert_eq(&summary(&rows));
}

proptest! {
    #[test]
    fn no_line_is_wider_than_the_terminal(
        name in "[a-z中]{1,60}(/[a-z中 ]{0,12}){1,3}",
        detail in ".{0,300}",
        width in 20_usize..200,
    ) {
        let (_, mut result) = results()[1].clone();
        result.detail = Some(detail.clone());
        let text = Table::new([name.as_str()].into_iter(), Some(width), false).row(&name, &result);
        for line in text.lines() {
            prop_assert!(width_of(line) <= width.max(26), "{} > {width}: {line:?}", width_of(line));
        }
        // Nothing is lost but spaces.
        let shown: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let words: String = clean(&detail).chars().filter(|c| !c.is_whitespace()).collect();
        prop_assert!(shown.ends_with(&words), "{shown:?} {words:?}");
    }
}
