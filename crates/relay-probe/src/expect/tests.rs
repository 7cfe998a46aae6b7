//! Each condition by itself, on answers of each kind.

use bytes::Bytes;
use relay_core::target::Pattern;

use super::*;
use crate::stream::StreamReader;

const CHAT: &str =
    r#"{"id":"c","model":"gpt-4o-2024-08-06","choices":[{"message":{"content":"The answer is 42"}}]}"#;

fn body(text: &str) -> ReadBody {
    let mut reader = StreamReader::new("");
    reader.push(text.as_bytes());
    ReadBody {
        bytes: Bytes::copy_from_slice(text.as_bytes()),
        stream: reader.finish(),
        ..ReadBody::default()
    }
}

fn check_body(expect: &Expect, body: &ReadBody) -> Result<(), String> {
    let mut spec = ProbeSpec::get("https://api.example.com/".parse().expect("a url"));
    spec.model = "gpt-4o".to_owned();
    check(&spec, expect, &Answered { code: StatusCode::OK, body, sum: None })
}

fn check_answer(expect: &Expect, text: &str) -> Result<(), String> {
    check_body(expect, &body(text))
}

fn json(path: &str, test: JsonTest) -> Expect {
    Expect { json: vec![JsonCondition { path: path.to_owned(), test }], ..Expect::default() }
}

fn pattern(source: &str) -> Pattern {
    Pattern::new(source).expect("a pattern")
}

#[test]
fn nothing_is_asked_of_anything() {
    for text in ["", "{", CHAT] {
        assert_eq!(check_answer(&Expect::default(), text), Ok(()));
    }
}

#[test]
fn text_conditions_look_into_the_message() {
    let contains = |word: &str| Expect { contains: Some(word.to_owned()), ..Expect::default() };
    let lacks = |word: &str| Expect { not_contains: Some(word.to_owned()), ..Expect::default() };
    let matches = |source| Expect { matches: Some(pattern(source)), ..Expect::default() };
    let stream = "data: {\"choices\":[{\"delta\":{\"content\":\"4\"}}]}\n\ndata: {\"choices\":[{\"delta\":{\"content\":\"2\"}}]}\n\n";
    assert_eq!(check_answer(&contains("42"), CHAT), Ok(()));
    assert_eq!(check_answer(&contains("42"), stream), Ok(()));
    assert_eq!(
        check_answer(&contains("choices"), CHAT),
        Err("\"choices\" is not in the answer: The answer is 42".to_owned())
    );
    assert_eq!(check_answer(&contains("choices"), "the choices"), Ok(()));
    assert_eq!(check_answer(&lacks("gpt"), CHAT), Ok(()));
    assert!(check_answer(&lacks("answer"), CHAT).is_err());
    assert_eq!(check_answer(&matches("^The .* [0-9]+$"), CHAT), Ok(()));
    assert!(check_answer(&matches("^model"), CHAT).is_err());
}

#[test]
fn the_least_number_of_characters_counts_characters() {
    let least = |min_chars| Expect { min_chars: Some(min_chars), ..Expect::default() };
    assert_eq!(check_answer(&least(4), "Grüß"), Ok(()));
    assert_eq!(
        check_answer(&least(5), "Grüß"),
        Err("the answer has 4 of at least 5 characters: Grüß".to_owned())
    );
}

#[test]
fn json_conditions_walk_paths() {
    let content = "choices.0.message.content";
    for (path, test, holds) in [
        (content, JsonTest::Exists(true), true),
        (content, JsonTest::Exists(false), false),
        ("choices.1", JsonTest::Exists(false), true),
        ("choices.x", JsonTest::Exists(true), false),
        (content, JsonTest::Equals("The answer is 42".to_owned()), true),
        (content, JsonTest::Equals("42".to_owned()), false),
        (content, JsonTest::Contains("42".to_owned()), true),
        (content, JsonTest::Matches(pattern("[0-9]{2}$")), true),
        ("choices.7", JsonTest::Contains(String::new()), false),
        ("", JsonTest::Exists(true), true),
    ] {
        let outcome = check_answer(&json(path, test.clone()), CHAT);
        assert_eq!(outcome.is_ok(), holds, "{path} {test:?}: {outcome:?}");
    }
    let number = r#"{"usage":{"total":7,"ok":true,"none":null}}"#;
    for (path, text) in [("usage.total", "7"), ("usage.ok", "true"), ("usage.none", "null")] {
        assert_eq!(check_answer(&json(path, JsonTest::Equals(text.to_owned())), number), Ok(()));
    }
}

#[test]
fn a_body_that_was_cut_is_text_but_no_json() {
    let mut cut = body(CHAT);
    cut.capped = true;
    let contains = Expect { contains: Some("42".to_owned()), ..Expect::default() };
    assert_eq!(check_body(&contains, &cut), Ok(()));
    let reason = check_body(&json("model", JsonTest::Exists(true)), &cut).expect_err("not parseable");
    assert_eq!(reason, "json model: not parseable, the body was cut at its cap");
    assert!(check_answer(&json("model", JsonTest::Exists(false)), "words").is_err());
}

#[test]
fn error_objects_are_found() {
    let expect = Expect { no_error_body: true, ..Expect::default() };
    for (text, reason) in [
        (r#"{"error":{"message":"no quota"}}"#, "the answer is an error object: no quota"),
        (r#"{"error":"no quota"}"#, "the answer is an error object: no quota"),
        (r#"{"error":{}}"#, "the answer is an error object"),
        (r#"{"type":"error","message":"x"}"#, "the answer is an error object: x"),
        (r#"{"success":false,"msg":"x"}"#, "the answer is an error object: x"),
        (r#"{"code":1001,"message":"x"}"#, "the answer is an error object: x"),
        (r#"{"code":"invalid","message":"x"}"#, "the answer is an error object: x"),
        (
            "data: {\"content\":\"a\"}\n\ndata: {\"error\":{\"message\":\"x\"}}\n\n",
            "the answer is an error object: x",
        ),
    ] {
        assert_eq!(check_answer(&expect, text), Err(reason.to_owned()), "{text}");
    }
    for text in [
        CHAT,
        "",
        "error",
        r#"["error"]"#,
        r#"{"error":null,"output":[]}"#,
        r#"{"code":0,"message":"ok"}"#,
        r#"{"code":200,"message":"success","data":{}}"#,
        r#"{"code":7}"#,
        r#"{"success":true}"#,
    ] {
        assert_eq!(check_answer(&expect, text), Ok(()), "{text}");
    }
    let other_code = Answered { code: StatusCode::UNAUTHORIZED, body: &body(r#"{"error":"x"}"#), sum: None };
    let spec = ProbeSpec::get("https://api.example.com/".parse().expect("a url"));
    assert_eq!(check(&spec, &expect, &other_code), Ok(()));
}

#[test]
fn the_model_must_be_the_one_that_was_asked() {
    let expect = Expect { model_same: true, ..Expect::default() };
    assert_eq!(check_answer(&expect, CHAT), Ok(()));
    let swapped = CHAT.replace("gpt-4o", "gpt-4o-mini");
    assert_eq!(
        check_answer(&expect, &swapped),
        Err("the answer is by the model gpt-4o-mini-2024-08-06, gpt-4o was asked".to_owned())
    );
    assert_eq!(check_answer(&expect, "{}"), Err("the answer names no model, gpt-4o was asked".to_owned()));
    let stream =
        "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"model\":\"gpt-4o\"}}\n\n";
    assert_eq!(check_answer(&expect, stream), Ok(()));
}
