use expect_test::{Expect, expect};
use http_body_util::BodyExt as _;

use super::*;

const NOW: Timestamp = Timestamp::from_secs(1_773_146_096);

fn secret(text: &str) -> Option<Secret> {
    Some(Secret::new(text))
}

/// Shows a request as it goes out: line, headers that are not always the same, body.
async fn shown(destination: Destination, full: bool) -> String {
    let target = Target::new(destination, None, PrivateNetworks::Allow).expect("a target");
    let message = Message::sample("ops", "the-key", NOW.as_secs(), full);
    let Put::Request(request, _) = target.put(&message, NOW, Names::Strict).expect("a request") else {
        panic!("not a request")
    };
    let (head, body) = request.into_parts();
    assert_eq!(head.headers["idempotency-key"], "the-key");
    let mut text = format!("{} {}\n", head.method, head.uri);
    for (name, value) in &head.headers {
        if !["user-agent", "idempotency-key"].contains(&name.as_str()) {
            text += &format!("{name}: {}\n", value.to_str().expect("text"));
        }
    }
    let body = body.collect().await.expect("a body").to_bytes();
    match serde_json::from_slice::<serde_json::Value>(&body) {
        Ok(json) => text + &serde_json::to_string_pretty(&json).expect("JSON"),
        Err(_) => text + &String::from_utf8_lossy(&body),
    }
}

async fn check(kind: ServiceKind, settings: ServiceSettings, expected: Expect) {
    expected.assert_eq(&shown(Destination::Service(kind, settings), false).await);
}

fn hook(secret_text: &str) -> ServiceSettings {
    ServiceSettings {
        url: secret("https://hook.example/t0k?access_token=x"),
        secret: secret(secret_text),
        ..Default::default()
    }
}

#[tokio::test]
async fn chats() {
    let telegram = ServiceSettings { token: secret("1:t0k"), chat: "-100".to_owned(), ..Default::default() };
    check(ServiceKind::Telegram, telegram, expect![[r#"
        POST https://api.telegram.org/bot1:t0k/sendMessage
        content-type: application/json
        {
          "chat_id": "-100",
          "link_preview_options": {
            "is_disabled": true
          },
          "text": "🔴 DOWN example-provider/chat/sample/sample-model, server_error, HTTP 503, 2026-03-10 12:34:56 UTC\nthis is a test"
        }"#]]).await;
    check(ServiceKind::Slack, hook(""), expect![[r#"
        POST https://hook.example/t0k?access_token=x
        content-type: application/json
        {
          "text": "🔴 DOWN example-provider/chat/sample/sample-model, server_error, HTTP 503, 2026-03-10 12:34:56 UTC\nthis is a test"
        }"#]]).await;
    check(ServiceKind::Discord, hook(""), expect![[r#"
        POST https://hook.example/t0k?access_token=x
        content-type: application/json
        {
          "allowed_mentions": {
            "parse": []
          },
          "content": "🔴 DOWN example-provider/chat/sample/sample-model, server_error, HTTP 503, 2026-03-10 12:34:56 UTC\nthis is a test"
        }"#]]).await;
    check(ServiceKind::Wecom, hook(""), expect![[r#"
        POST https://hook.example/t0k?access_token=x
        content-type: application/json
        {
          "msgtype": "text",
          "text": {
            "content": "🔴 DOWN example-provider/chat/sample/sample-model, server_error, HTTP 503, 2026-03-10 12:34:56 UTC\nthis is a test"
          }
        }"#]]).await;
}

#[tokio::test]
async fn signed_chats() {
    check(ServiceKind::Feishu, hook("SEC-feishu"), expect![[r#"
        POST https://hook.example/t0k?access_token=x
        content-type: application/json
        {
          "content": {
            "text": "🔴 DOWN example-provider/chat/sample/sample-model, server_error, HTTP 503, 2026-03-10 12:34:56 UTC\nthis is a test"
          },
          "msg_type": "text",
          "sign": "GwEsspIuh07myQhd0jtZQsLMkCQCupEeooPpt4tthZw=",
          "timestamp": "1773146096"
        }"#]]).await;
    check(ServiceKind::Lark, hook(""), expect![[r#"
        POST https://hook.example/t0k?access_token=x
        content-type: application/json
        {
          "content": {
            "text": "🔴 DOWN example-provider/chat/sample/sample-model, server_error, HTTP 503, 2026-03-10 12:34:56 UTC\nthis is a test"
          },
          "msg_type": "text"
        }"#]]).await;
    check(ServiceKind::Dingtalk, hook("SEC-ding"), expect![[r#"
        POST https://hook.example/t0k?access_token=x&timestamp=1773146096000&sign=%2FdtG%2FgevhCNFdEBZFHbldhfgNdh98GuHpQ5RuGxGWi8%3D
        content-type: application/json
        {
          "msgtype": "text",
          "text": {
            "content": "🔴 DOWN example-provider/chat/sample/sample-model, server_error, HTTP 503, 2026-03-10 12:34:56 UTC\nthis is a test"
          }
        }"#]]).await;
}

#[tokio::test]
async fn pushes() {
    let server = |chat: &str| ServiceSettings {
        url: secret("https://push.example/"),
        token: secret("t0k"),
        chat: chat.to_owned(),
        secret: None,
    };
    check(ServiceKind::Ntfy, server("alerts"), expect![[r#"
        POST https://push.example/
        content-type: application/json
        authorization: Bearer t0k
        {
          "message": "🔴 DOWN example-provider/chat/sample/sample-model, server_error, HTTP 503, 2026-03-10 12:34:56 UTC\nthis is a test",
          "priority": 4,
          "tags": [
            "rotating_light"
          ],
          "title": "DOWN: example-provider/chat/sample/sample-model",
          "topic": "alerts"
        }"#]]).await;
    check(ServiceKind::Bark, server(""), expect![[r#"
        POST https://push.example/push
        content-type: application/json
        {
          "body": "🔴 DOWN example-provider/chat/sample/sample-model, server_error, HTTP 503, 2026-03-10 12:34:56 UTC\nthis is a test",
          "device_key": "t0k",
          "group": "relay-pulse",
          "level": "timeSensitive",
          "title": "DOWN: example-provider/chat/sample/sample-model"
        }"#]]).await;
    check(ServiceKind::Gotify, server(""), expect![[r#"
        POST https://push.example/message
        content-type: application/json
        x-gotify-key: t0k
        {
          "message": "🔴 DOWN example-provider/chat/sample/sample-model, server_error, HTTP 503, 2026-03-10 12:34:56 UTC\nthis is a test",
          "priority": 8,
          "title": "DOWN: example-provider/chat/sample/sample-model"
        }"#]]).await;
    let pagerduty = ServiceSettings { token: secret("R0UT1NG"), ..Default::default() };
    check(ServiceKind::Pagerduty, pagerduty, expect![[r#"
        POST https://events.pagerduty.com/v2/enqueue
        content-type: application/json
        {
          "dedup_key": "relay-pulse/example-provider/chat/sample",
          "event_action": "trigger",
          "payload": {
            "component": "chat",
            "custom_details": {
              "text": "🔴 DOWN example-provider/chat/sample/sample-model, server_error, HTTP 503, 2026-03-10 12:34:56 UTC\nthis is a test"
            },
            "group": "example-provider",
            "severity": "critical",
            "source": "example-provider/chat/sample",
            "summary": "DOWN: example-provider/chat/sample/sample-model"
          },
          "routing_key": "R0UT1NG"
        }"#]]).await;
}

#[tokio::test]
async fn webhooks() {
    let webhook = Webhook {
        url: Secret::new("https://user:pass%20word@hook.example/x#part"),
        method: Method::PUT,
        headers: vec![(HeaderName::from_static("x-team"), Secret::new("night"))],
        body: None,
    };
    expect_test::expect_file!["webhook.txt"]
        .assert_eq(&shown(Destination::Webhook(webhook.clone()), true).await);
    let plain = Webhook { body: secret("{{ title }}"), method: Method::POST, ..webhook.clone() };
    expect![[r#"
        POST https://hook.example/x
        content-type: text/plain; charset=utf-8
        authorization: Basic dXNlcjpwYXNzIHdvcmQ=
        x-team: night
        DOWN: example-provider/chat/sample/sample-model"#]]
    .assert_eq(&shown(Destination::Webhook(plain), false).await);
    let bare = Webhook { method: Method::GET, ..webhook };
    expect![[r#"
        GET https://hook.example/x
        authorization: Basic dXNlcjpwYXNzIHdvcmQ=
        x-team: night
    "#]]
    .assert_eq(&shown(Destination::Webhook(bare), false).await);
}

#[test]
fn signatures_are_those_that_others_compute() {
    // Computed with Python's hmac and base64 modules by the services' own examples:
    // b64encode(hmac.new(f"{ts}\n{secret}".encode(), b"", sha256).digest()) and
    // b64encode(hmac.new(secret.encode(), f"{ts_ms}\n{secret}".encode(), sha256).digest()).
    let (at, sign) = signature(Signature::Feishu, "SEC-feishu", NOW);
    assert_eq!((at.as_str(), sign.as_str()), ("1773146096", "GwEsspIuh07myQhd0jtZQsLMkCQCupEeooPpt4tthZw="));
    let (at, sign) = signature(Signature::Dingtalk, "SEC-ding", NOW);
    assert_eq!(
        (at.as_str(), sign.as_str()),
        ("1773146096000", "/dtG/gevhCNFdEBZFHbldhfgNdh98GuHpQ5RuGxGWi8=")
    );
    assert_eq!(signature(Signature::Dingtalk, "", NOW), (String::new(), String::new()));
}

fn judged(kind: ServiceKind, code: u16, body: &str) -> Outcome {
    let settings = ServiceSettings { url: secret("https://hook.example/t0k"), ..Default::default() };
    let target = Target {
        destination: Destination::Service(kind, settings),
        text: None,
        egress: PrivateNetworks::Allow,
    };
    let answer = HttpAnswer {
        code: http::StatusCode::from_u16(code).expect("a code"),
        retry_after: None,
        body: Bytes::from(body.to_owned()),
    };
    target.judge(&answer, kind.preset().accepts).outcome
}

#[test]
fn a_success_is_what_the_service_calls_one() {
    for (kind, code, body, good) in [
        (ServiceKind::Telegram, 200, r#"{"ok": true}"#, true),
        (ServiceKind::Telegram, 200, r#"{"ok": false}"#, false),
        (ServiceKind::Telegram, 200, "<html>", false),
        (ServiceKind::Feishu, 200, r#"{"code": 0}"#, true),
        (ServiceKind::Feishu, 200, r#"{"StatusCode": 0, "StatusMessage": "success"}"#, true),
        (ServiceKind::Feishu, 200, r#"{"code": 19021, "msg": "sign match fail"}"#, false),
        (ServiceKind::Dingtalk, 200, r#"{"errcode": 310000}"#, false),
        (ServiceKind::Wecom, 200, r#"{"errcode": 0, "errmsg": "ok"}"#, true),
        (ServiceKind::Wecom, 200, r#"{"errcode": 93000}"#, false),
        (ServiceKind::Bark, 200, r#"{"code": 200}"#, true),
        (ServiceKind::Pagerduty, 202, r#"{"status": "success"}"#, true),
        (ServiceKind::Pagerduty, 200, "{}", false),
        (ServiceKind::Discord, 204, "", true),
        (ServiceKind::Slack, 404, "no_service", false),
        (ServiceKind::Ntfy, 301, "", false),
    ] {
        let outcome = judged(kind, code, body);
        assert_eq!(outcome == Outcome::Delivered, good, "{kind:?} {code} {body}: {outcome:?}");
    }
    let busy = judged(ServiceKind::Telegram, 429, r#"{"ok": false, "parameters": {"retry_after": 7}}"#);
    let Outcome::Failed { error, retry_after } = busy else { panic!("taken") };
    assert_eq!(
        (error.as_str(), retry_after.map(|span| span.as_secs())),
        ("the receiver answered 429", Some(7))
    );
}

#[test]
fn mistakes_are_found_before_anything_is_sent() {
    let new = |destination, text: Option<&str>| {
        let text = text.map(str::to_owned);
        Target::new(destination, text, PrivateNetworks::Allow).map_err(|error| error.to_string())
    };
    let slack = || Destination::Service(ServiceKind::Slack, hook(""));
    assert!(new(slack(), Some("{{ title }} {{ event.detail }}")).is_ok());
    let error = new(slack(), Some("fine\n{{ event.colour }}")).expect_err("no such name");
    assert!(error.starts_with("template: line 2"), "{error}");
    let mail = |from: &str, to: &str| {
        Destination::Email(Email {
            host: "mail.example".to_owned(),
            port: 25,
            security: super::super::MailSecurity::None,
            user: None,
            password: None,
            from: from.to_owned(),
            to: vec![to.to_owned()],
        })
    };
    assert!(new(mail("Relay Pulse <a@b.example>", "c@d.example"), None).is_ok());
    assert_eq!(new(mail("a@b.example", "nobody"), None), Err("to: \"nobody\" is no mail address".to_owned()));
}

#[tokio::test]
async fn long_texts_are_cut_to_what_a_service_takes() {
    let mut message = Message::sample("ops", "k", NOW.as_secs(), false);
    message.items = vec![message.items[0].clone(); 200];
    for item in &mut message.items {
        item.event.event.meta.detail = Some("äöü€😀".repeat(40));
    }
    for (kind, most) in
        [(ServiceKind::Telegram, 4_096), (ServiceKind::Discord, 2_000), (ServiceKind::Wecom, 2_048)]
    {
        let settings = ServiceSettings { url: secret("https://hook.example"), ..Default::default() };
        let target = Target::new(Destination::Service(kind, settings), None, PrivateNetworks::Allow);
        let put = target.expect("a target").put(&message, NOW, Names::Strict).expect("a request");
        let Put::Request(request, _) = put else { panic!("not a request") };
        let body = request.into_body().collect().await.expect("a body").to_bytes();
        let json: serde_json::Value = serde_json::from_slice(&body).expect("JSON");
        let text = ["/text", "/content", "/text/content"].iter().find_map(|at| json.pointer(at)?.as_str());
        let text = text.expect("a text");
        let length = if kind == ServiceKind::Wecom { text.len() } else { text.chars().count() };
        assert!(length > most / 2 && length <= most, "{kind:?}: {length}");
    }
}

fn text_of(message: &Message, kind: ServiceKind) -> String {
    let view = MessageView::of(message, NOW.as_secs()).expect("something to tell");
    let view = Value::from(Serde(&view));
    let text = render(TEXT, &view, Names::Lenient).expect("a text");
    render(kind.preset().body, &context! { text, ..view }, Names::Lenient).expect("a body")
}

#[test]
fn an_upstream_calls_nobody() {
    let mut message = Message::sample("ops", "k", NOW.as_secs(), false);
    message.items[0].event.event.meta.detail =
        Some("<at user_id=\"all\">x</at> <!channel> @everyone".to_owned());
    for kind in [ServiceKind::Feishu, ServiceKind::Lark, ServiceKind::Slack] {
        let text = text_of(&message, kind);
        assert!(!text.contains("<at") && !text.contains("<!"), "{text}");
    }
}

#[test]
fn a_reminder_says_what_is_known() {
    let mut message = Message::sample("ops", "k", NOW.as_secs(), true).with_full_lists();
    message.items.retain(|item| item.kind == relay_core::delivery::ItemKind::StillDown);
    message.still_down = vec![String::new(), "m".to_owned()];
    let view = MessageView::of(&message, NOW.as_secs()).expect("something to tell");
    let text = render(TEXT, &Value::from(Serde(&view)), Names::Strict).expect("a text");
    assert_eq!(
        text.trim(),
        "🔴 STILL DOWN example-provider/chat/sample/sample-model (down for 1 min), server_error, HTTP 503, since \
         2026-03-10 12:34:56 UTC"
    );
    let names = render("{{ still_down | join(' ') }}", &Value::from(Serde(&view)), Names::Strict);
    assert_eq!(names, Ok("example-provider/chat/sample m".to_owned()));
}

#[test]
fn names_are_checked_wherever_they_stand_and_lists_have_a_first_element() {
    let with = |template: &str| {
        let destination = Destination::Service(ServiceKind::Slack, hook(""));
        Target::new(destination, Some(template.to_owned()), PrivateNetworks::Allow).map(|_| ())
    };
    let good = "{{ event.down_models[0] }}{{ event.up_models | first }}{{ still_down[0] }}{% for event in events %}{{ \
                event.name }}{% endfor %}";
    assert_eq!(with(good), Ok(()));
    for (wrong, name) in [
        ("fine\n{% if channel == 'vip' %}{{ nope }}{% endif %}", "nope"),
        ("fine\n{% if resolved %}{{ event.modle }}{% endif %}", "event.modle"),
    ] {
        let said = with(wrong).expect_err(wrong).to_string();
        assert_eq!(said, format!("template: line 2: nothing is called {name}"));
    }
}
