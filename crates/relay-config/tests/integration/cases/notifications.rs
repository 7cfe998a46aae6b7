//! Who is told of events.

use relay_config::{Environment, NotificationKind, load_str};
use relay_core::event::EventType;

use super::{global, table, table_with};

fn notify(settings: &str) -> String {
    global(&format!("events: {{enabled: true}}\nnotifications: [{{{settings}}}]"))
}

#[test]
fn forms() {
    table(
        "notifications/forms",
        &[
            ("a name is required", notify("type: slack, url: https://a.example"), &[]),
            ("a type is required", notify("name: a"), &[]),
            ("a type is known", notify("name: a, type: slakc"), &[]),
            (
                "a name is unique",
                global(
                    "events: {enabled: true}\nnotifications: [{name: a, type: slack, url: https://a.example}, \
                     {name: a, type: slack, url: https://a.example}]",
                ),
                &[],
            ),
            ("a webhook needs an address", notify("name: a, type: webhook"), &[]),
            ("an address is checked and not shown", notify("name: a, type: slack, url: 'ftp://secret'"), &[]),
            ("telegram needs a token and a chat", notify("name: a, type: telegram"), &[]),
            ("email needs a server, a sender and recipients", notify("name: a, type: email"), &[]),
            (
                "on takes two words",
                notify("name: a, type: slack, url: https://a.example, on: [down, GONE]"),
                &[],
            ),
            (
                "quiet hours are two times",
                notify("name: a, type: slack, url: https://a.example, quiet_hours: 24:00-7:00"),
                &[],
            ),
            (
                "a time zone is a single name",
                notify("name: a, type: slack, url: https://a.example, timezone: 'not a zone'"),
                &[],
            ),
            (
                "a time zone is one of the IANA database",
                notify("name: a, type: slack, url: https://a.example, timezone: Europe/Berlim"),
                &[],
            ),
            (
                "a city alone is no time zone",
                notify("name: a, type: slack, url: https://a.example, timezone: new york"),
                &[],
            ),
            (
                "a time zone in any case",
                notify("name: a, type: slack, url: https://a.example, timezone: asia/shanghai"),
                &["/notifications/0/timezone"],
            ),
            (
                "templates are checked",
                "events: {enabled: true}\nnotifications:\n  - name: a\n    type: webhook\n    url: https://a.example\n    template: |\n      \
                 fine\n      {{ event.type\n    body: '{% endif %}'\n"
                    .to_owned()
                    + "monitors: [{provider: p, service: s, category: public, sponsor: x, method: GET, url: 'https://a.example'}]",
                &[],
            ),
            (
                "private networks are allowed or denied",
                notify("name: a, type: telegram, token: t, chat_id: 1, url: https://a.example, private_networks: no"),
                &[],
            ),
            (
                "headers are checked",
                notify("name: a, type: webhook, url: https://a.example, headers: {'a b': x}"),
                &[],
            ),
            (
                "secrets are masked, references are not",
                notify(
                    "name: a, type: webhook, url: https://a.example/tok, headers: {x: tok}, quiet_hours: '23:00 - 07:00'",
                ),
                &["/notifications/0"],
            ),
            (
                "a missing variable is an error that names it",
                notify("name: a, type: slack, url: '${HOOK}'"),
                &[],
            ),
        ],
    );
}

#[test]
fn without_effect() {
    table(
        "notifications/without_effect",
        &[
            (
                "nobody is told without events",
                global("notifications: [{name: a, type: slack, url: https://a.example}]"),
                &[],
            ),
            (
                "what a type does not use is told",
                notify("name: a, type: slack, url: https://a.example, body: x, token: t, host: h"),
                &[],
            ),
            (
                "reminders are not closer than what is collected",
                notify("name: a, type: slack, url: https://a.example, repeat_every: 10s"),
                &[],
            ),
        ],
    );
}

#[test]
fn references() {
    let env = Environment::new().with("HOOK", "https://hook.example/tok");
    table_with(
        "notifications/references",
        &env,
        &[(
            "a reference is printed as typed",
            notify("name: a, type: slack, url: '${HOOK}'"),
            &["/notifications/0/url"],
        )],
    );
}

#[test]
fn what_a_notification_comes_to() {
    let text = notify(
        "name: mail, type: email, host: smtp.example, from: '${FROM}', to: [a@b.example], security: tls, on: [UP], \
         match: {provider: 'a*'}, min_down: 5m",
    );
    let env = Environment::new().with("FROM", "relay@b.example");
    let config = load_str(&text, "c.yaml", &env).unwrap_or_else(|problems| panic!("{problems}")).config;
    let [notification] = &config.notifications[..] else { panic!("one notification") };
    let NotificationKind::Email(smtp) = &notification.kind else { panic!("an email") };
    assert_eq!((smtp.port, smtp.from.as_str()), (465, "relay@b.example"));
    assert_eq!(notification.on, [EventType::Up]);
    assert_eq!(notification.filter.provider.as_deref(), Some("a*"));
    assert_eq!(notification.min_down.map(|span| span.as_secs()), Some(300));
}
