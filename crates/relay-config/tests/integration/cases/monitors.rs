//! Settings of a single monitor.

use super::{global, monitor, table};

#[test]
fn required_settings() {
    table(
        "monitors/required_settings",
        &[
            ("monitors is required", "interval: 1m\n".to_owned(), &[]),
            ("monitors must not be empty", "monitors: []\n".to_owned(), &[]),
            ("monitors must be a list", "monitors: {}\n".to_owned(), &[]),
            ("a monitor must be a mapping", "monitors: [a, {}]\n".to_owned(), &[]),
            ("what is required is told for each", "monitors: [{}]\n".to_owned(), &[]),
            ("provider is required", monitor("provider: ''"), &[]),
            ("white space is no service", monitor("service: ' '"), &[]),
            ("category is one of two", monitor("category: comercial"), &[]),
            (
                "a wrong value that is merged in is told once, and not missed",
                "x-base: &base\n  category: comercial\n  method: HEAD\n  sponsor: us\n  url: https://a.example\n\
                 monitors:\n  - {<<: *base, provider: a, service: cc}\n  - {<<: *base, provider: b, service: cc}\n"
                    .to_owned(),
                &[],
            ),
            ("category in any case", monitor("category: COMMERCIAL"), &["/monitors/0/category"]),
            ("sponsor is required", monitor("sponsor: null"), &[]),
            ("method is one of five", monitor("method: HEAD"), &[]),
            ("method in any case", monitor("method: post"), &["/monitors/0/method"]),
            ("url must be http or https", monitor("url: ws://a.example"), &[]),
            ("url must be valid", monitor("url: 'https://'"), &[]),
        ],
    );
}

#[test]
fn scalars_as_written() {
    table("monitors/scalars_as_written", &[
        ("a number is text where text is meant", monitor("channel: 1"), &["/monitors/0/channel"]),
        ("decimals keep their zeros", monitor("model: 4.10"), &["/monitors/0/model"]),
        ("a date is text where text is meant", monitor("channel: 2024-06-15"), &["/monitors/0/channel"]),
        ("a boolean is text where text is meant", monitor("headers: {X-Foo: true}"), &["/monitors/0/headers"]),
        ("octal-looking text stays", monitor("channel: 007"), &["/monitors/0/channel"]),
        ("also beside merge keys", "x-h: &h {channel: 1.10}\nmonitors:\n  - <<: *h\n    provider: a\n    service: cc\n    category: public\n    sponsor: us\n    url: https://a.example\n    method: GET\n    model: 0x10\n".to_owned(),
            &["/monitors/0/channel", "/monitors/0/model"]),
        ("names are trimmed", monitor("provider_name: '  Acme  '"), &["/monitors/0/provider_name"]),
        ("a list is no text", monitor("channel: [a]"), &[]),
        ("a mapping is no text", monitor("channel: {a: b}"), &[]),
    ]);
}

#[test]
fn names_that_make_the_key() {
    let child = format!("{}  - parent: \"acme/c\\u0007c\"\n    model: m\n", monitor("channel: vip"));
    table(
        "monitors/names_that_make_the_key",
        &[
            ("no name holds a NUL, which PostgreSQL cannot store", monitor(r#"provider: "n\0ul""#), &[]),
            ("no name has two lines", monitor(r#"service: "two\nlines""#), &[]),
            ("nor the path of a parent", child, &[]),
            ("a line break at the end is none", monitor("model: |\n  m1\n"), &["/monitors/0/model"]),
            ("other letters are fine", monitor("channel: 'VIP 通道 ü'"), &["/monitors/0/channel"]),
            ("a name may be long", monitor(&format!("model: {}", "m".repeat(1024))), &[]),
            ("a longer one may be lost", monitor(&format!("model: {}", "m".repeat(1025))), &[]),
        ],
    );
}

#[test]
fn what_is_sent_as_it_stands() {
    let header = |text: &str| monitor(&format!("headers: {{{text}}}"));
    table(
        "monitors/what_is_sent_as_it_stands",
        &[
            ("a variable in the address", monitor("url: 'https://a.example/${TOK:-dflt}/${UNCLOSED'"), &[]),
            ("an empty one in a header", header("X-Key: '${}'"), &[]),
            ("blanks in a placeholder", header("Authorization: 'Bearer {{ API_KEY }}'"), &[]),
            ("another case of one", monitor("url: 'https://a.example/{{model}}'"), &[]),
            ("a name that nobody knows", header("X-A: '{{FOO}}'"), &[]),
            (
                "in a body only what is surely meant",
                monitor(r#"body: '{"a": "{{ MODEL }}", "b": "{{ name }} {{FOO}} ${X}"}'"#),
                &[],
            ),
            ("an include without a file", monitor(r#"body: "!include""#), &[]),
            ("headers of the connection", header("Content-Length: 3, transfer-encoding: chunked"), &[]),
            ("a variable for a key", monitor("api_key: ${KEY}"), &[]),
            (
                "a variable for the token of events",
                global("events: {api_token: '${TOKEN}'}"),
                &["/events/api_token"],
            ),
            (
                "a variable in the path of the database",
                global("storage: {sqlite: {path: '${DATA}/relay.db'}}"),
                &["/storage/sqlite/path"],
            ),
            ("what is replaced says nothing", header("X-A: '{{MODEL}}', X-B: '{{x}} {'"), &[]),
        ],
    );
}

#[test]
fn intervals_of_another_unit() {
    table(
        "monitors/intervals_of_another_unit",
        &[
            ("a millisecond", monitor("interval: 1ms"), &["/monitors/0/interval"]),
            ("for all", global("interval: 1ns"), &["/interval"]),
            ("a second is fine", monitor("interval: 1s"), &[]),
        ],
    );
}

#[test]
fn what_is_shown() {
    table(
        "monitors/what_is_shown",
        &[
            ("provider_slug comes from provider", monitor("provider: ACME"), &["/monitors/0/provider_slug"]),
            ("a provider that makes no slug says what to do", monitor("provider: 鸭子"), &[]),
            (
                "provider_slug makes up for it",
                monitor("provider: 鸭子\nprovider_slug: duck"),
                &["/monitors/0/provider_slug"],
            ),
            ("provider_slug has a form", monitor("provider_slug: a--b"), &[]),
            ("provider_slug has a length", monitor(&format!("provider_slug: {}", "a".repeat(101))), &[]),
            (
                "provider_url loses its last slash",
                monitor("provider_url: https://a.example/"),
                &["/monitors/0/provider_url"],
            ),
            ("plain http warns", monitor("sponsor_url: http://a.example"), &[]),
            ("sponsor_url must be http or https", monitor("sponsor_url: mailto:a@b"), &[]),
            ("sponsor_level has three words", monitor("sponsor_level: gold"), &[]),
            ("sponsor_level may be empty", monitor("sponsor_level: ''"), &["/monitors/0/sponsor_level"]),
            ("price_min must not be negative", monitor("price_min: -1"), &[]),
            ("price_min must not be above price_max", monitor("price_min: 2\nprice_max: 1"), &[]),
            ("prices may be equal", monitor("price_min: 1\nprice_max: 1"), &["/monitors/0/price_min"]),
            ("listed_since is a day", monitor("listed_since: 2024-6-15"), &[]),
            ("listed_since must exist", monitor("listed_since: 2023-02-29"), &[]),
        ],
    );
}

#[test]
fn boards_and_switches() {
    let boards = |settings: &str| format!("boards: {{enabled: true}}\n{}", monitor(settings));
    table(
        "monitors/boards_and_switches",
        &[
            ("board has two words", boards("board: warm"), &[]),
            (
                "cold counts with boards only",
                monitor("board: cold\ncold_reason: old"),
                &["/monitors/0/board", "/monitors/0/cold_reason"],
            ),
            (
                "cold with boards",
                boards("board: cold\ncold_reason: old"),
                &["/monitors/0/board", "/monitors/0/cold_reason"],
            ),
            (
                "cold_reason without cold warns and is dropped",
                boards("cold_reason: old"),
                &["/monitors/0/cold_reason"],
            ),
            (
                "disabled implies hidden with its reason",
                monitor("disabled: true\ndisabled_reason: gone"),
                &["/monitors/0/hidden", "/monitors/0/hidden_reason", "/monitors/0/disabled_reason"],
            ),
            (
                "a hidden reason of its own stays",
                monitor("disabled: true\ndisabled_reason: gone\nhidden_reason: shy"),
                &["/monitors/0/hidden_reason"],
            ),
            (
                "a disabled provider disables",
                global("disabled_providers: [{provider: ' ACME ', reason: closed}]"),
                &["/monitors/0/disabled", "/monitors/0/disabled_reason", "/monitors/0/hidden_reason"],
            ),
            (
                "the monitor's own reason wins",
                format!(
                    "disabled_providers: [{{provider: acme, reason: closed}}]\n{}",
                    monitor("disabled: true\ndisabled_reason: mine")
                ),
                &["/monitors/0/disabled_reason"],
            ),
            (
                "a hidden provider hides",
                global("hidden_providers: [{provider: acme, reason: shy}]"),
                &["/monitors/0/hidden", "/monitors/0/hidden_reason", "/monitors/0/disabled"],
            ),
            (
                "a provider is listed once",
                global("hidden_providers: [{provider: a}, {provider: ' A '}]"),
                &[],
            ),
            ("a listed provider has a name", global("disabled_providers: [{reason: x}]"), &[]),
        ],
    );
}

#[test]
fn what_is_sent() {
    table("monitors/what_is_sent", &[
        ("{{MODEL}} is replaced everywhere", monitor("model: m1\nurl: https://a.example/{{MODEL}}\nheaders: {x: '{{MODEL}}'}\nbody: '{{MODEL}} {{MODEL}}'\nsuccess_contains: '{{MODEL}}'").replace("    url: https://api.acme.example/v1\n", ""),
            &["/monitors/0/url", "/monitors/0/headers/x", "/monitors/0/body", "/monitors/0/success_contains"]),
        ("the body is trimmed", monitor("body: \"  {}\\n \""), &["/monitors/0/body"]),
        ("a header needs a valid name", monitor("headers: {'a b': x}"), &[]),
        ("a header needs a valid value", monitor("headers: {x: \"a\\nb\"}"), &[]),
        ("a header is given once", monitor("headers: {X-A: 1, x-a: 2}"), &[]),
        ("a Host header must be a host", monitor("headers: {Host: 'a b'}"), &[]),
        ("an empty header is not set", monitor("headers: {x: }"), &["/monitors/0/headers"]),
        ("connection has two words", monitor("connection: keep"), &[]),
        ("proxy must be a proxy", monitor("proxy: ftp://p"), &[]),
        ("a proxy may be socks", monitor("proxy: socks://p.example:1080"), &["/monitors/0/proxy"]),
            ("a proxy over https is none", monitor("proxy: https://p.example"), &[]),
            (
                "a slow latency by service not below the timeout warns once",
                format!(
                    "slow_latency_by_service: {{cc: 30s}}\n{}",
                    monitor("model: m0") + "  - {parent: acme/cc, model: m1}\n"
                ),
                &[],
            ),
            ("a proxy's password is masked", monitor("proxy: http://u:secret@p.example:1"), &["/monitors/0/proxy"]),
        ("max_response_bytes must be above 0", monitor("max_response_bytes: -5"), &[]),
        ("private_networks comes from probe", format!("probe: {{private_networks: deny}}\n{}", monitor("")), &["/monitors/0/private_networks"]),
        ("a keyword that is a word of the protocol is hinted at", monitor("success_contains: choices"), &[]),
        ("a slow latency not below the timeout warns", monitor("timeout: 3s"), &["/monitors/0/timeout_ms"]),
        ("an include needs a folder", monitor("body: '!include data/x.json'"), &[]),
        ("a tag is understood at the body only", monitor("channel: !include data/x"), &[]),
    ]);
}

#[test]
fn what_is_expected() {
    table(
        "monitors/what_is_expected",
        &[
            ("expect.status takes codes", monitor("expect: {status: [200, 99]}"), &[]),
            ("expect.matches must be an expression", monitor("expect: {matches: '(a'}"), &[]),
            ("expect.json needs a path", monitor("expect: {json: [{exists: true}]}"), &[]),
            ("expect.json needs a condition", monitor("expect: {json: [{path: a.b}]}"), &[]),
            (
                "expect.json.matches must be an expression",
                monitor("expect: {json: [{path: a, matches: '['}]}"),
                &[],
            ),
            ("expect.model needs a model", monitor("expect: {model: same}"), &[]),
            ("expect.model has one word", monitor("model: m\nexpect: {model: other}"), &[]),
            ("expect.challenge needs its question", monitor("expect: {challenge: arithmetic}"), &[]),
            ("a question without expect.challenge warns", monitor("body: '{{CHALLENGE}}'"), &[]),
            (
                "expect.no_error_body is on with expect",
                monitor("expect: {min_chars: 1}"),
                &["/monitors/0/expect/no_error_body"],
            ),
            ("expect.min_chars must not be negative", monitor("expect: {min_chars: -1}"), &[]),
        ],
    );
}

#[test]
fn uniqueness() {
    let two = |second: &str| format!("{}{second}", monitor("model: m1"));
    let again = "  - {provider: acme, service: cc, category: public, sponsor: us, url: https://a.example, method: GET";
    table(
        "monitors/uniqueness",
        &[
            ("provider, service, channel and model are unique", two(&format!("{again}, model: m1}}\n")), &[]),
            ("one entry leads a group", two(&format!("{again}, model: m2}}\n")), &[]),
            (
                "another channel is another group",
                two(&format!("{again}, channel: x, model: m1}}\n")),
                &["/monitors/1/channel"],
            ),
        ],
    );
}
