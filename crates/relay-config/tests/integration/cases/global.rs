//! Settings of the whole file.

use relay_config::Environment;

use super::{global, table, table_with};

#[test]
fn durations() {
    table(
        "global/durations",
        &[
            (
                "a duration takes Go's units",
                global("interval: 1h2m3.5s"),
                &["/interval", "/monitors/0/interval_ms"],
            ),
            ("a duration may be a fraction", global("interval: 1.5h"), &["/monitors/0/interval_ms"]),
            ("a plain number is no duration", global("interval: 30"), &[]),
            ("a duration of days is no duration", global("interval: 1d"), &[]),
            ("zero is no duration", global("timeout: 0s"), &[]),
            ("a negative duration is an error", global("slow_latency: -5s"), &[]),
            ("an empty duration is not set", global("interval: ''"), &["/interval"]),
            ("null is not set", global("interval: null"), &["/interval"]),
            ("an absent value is not set", global("interval:"), &["/interval"]),
            ("a list is no duration", global("interval: [1s]"), &[]),
        ],
    );
}

#[test]
fn latencies_and_deadlines() {
    table(
        "global/latencies_and_deadlines",
        &[
            (
                "by service goes before global",
                global("slow_latency: 2s\nslow_latency_by_service: {CC: 7s}"),
                &["/monitors/0/slow_latency_ms"],
            ),
            (
                "the deadline by service too",
                global("timeout_by_service: {cC: 70s}"),
                &["/monitors/0/timeout_ms"],
            ),
            ("services equal but for case are an error", global("timeout_by_service: {cc: 1s, CC: 2s}"), &[]),
            ("a bad duration by service names it", global("timeout_by_service: {cc: 7}"), &[]),
            ("slow latency not below timeout warns", global("slow_latency: 10s"), &["/slow_latency"]),
        ],
    );
}

#[test]
fn numbers_and_switches() {
    table(
        "global/numbers_and_switches",
        &[
            ("degraded_weight 0 is the default", global("degraded_weight: 0"), &["/degraded_weight"]),
            ("degraded_weight above 1 is an error", global("degraded_weight: 1.01"), &[]),
            ("degraded_weight below 0 is an error", global("degraded_weight: -0.1"), &[]),
            ("degraded_weight must be a number", global("degraded_weight: much"), &[]),
            ("max_concurrency 0 is the default", global("max_concurrency: 0"), &["/max_concurrency"]),
            (
                "max_concurrency -1 is as many as monitors",
                global("max_concurrency: -1"),
                &["/max_concurrency"],
            ),
            ("max_concurrency below -1 is an error", global("max_concurrency: -2"), &[]),
            ("max_concurrency must be whole", global("max_concurrency: 2.5"), &[]),
            ("yes is true", global("enable_badges: yes"), &["/enable_badges"]),
            ("Off is false", global("stagger_probes: Off"), &["/stagger_probes"]),
            ("a switch takes no other word", global("stagger_probes: maybe"), &[]),
        ],
    );
}

#[test]
fn the_site() {
    table(
        "global/the_site",
        &[
            (
                "public_base_url loses its last slash",
                global("public_base_url: https://a.example/x/"),
                &["/public_base_url"],
            ),
            ("public_base_url has a default", global(""), &["/public_base_url"]),
            ("public_base_url must be http or https", global("public_base_url: ftp://a.example"), &[]),
            ("public_base_url must be an address", global("public_base_url: a.example"), &[]),
            (
                "plain http in a displayed address warns",
                global("public_base_url: http://a.example"),
                &["/public_base_url"],
            ),
            ("subscribe_url is checked", global("web: {subscribe_url: 'javascript:x'}"), &[]),
            ("cache_ttl: 1d is 24h", global("cache_ttl: {1d: 5s}"), &["/cache_ttl/24h"]),
            (
                "cache_ttl: 90d and 1y follow 30d",
                global("cache_ttl: {30d: 7s}"),
                &["/cache_ttl/90d", "/cache_ttl/1y", "/cache_ttl/7d"],
            ),
            ("cache_ttl: 24h and 1d together are an error", global("cache_ttl: {1d: 5s, 24h: 6s}"), &[]),
            ("cache_ttl: an unknown period warns", global("cache_ttl: {2d: 5s}"), &[]),
            ("boards must be a mapping", global("boards: true"), &[]),
        ],
    );
}

#[test]
fn sponsors() {
    table(
        "global/sponsors",
        &[
            ("sponsor_pin has defaults", global(""), &["/sponsor_pin"]),
            (
                "sponsor_pin 0 is the default",
                global("sponsor_pin: {max_pinned: 0, service_count: 0, min_uptime: 0}"),
                &["/sponsor_pin"],
            ),
            (
                "sponsor_pin out of range warns",
                global("sponsor_pin: {max_pinned: -1, service_count: 0.5, min_uptime: 101}"),
                &["/sponsor_pin"],
            ),
            (
                "sponsor_pin.min_level must be a level",
                global("sponsor_pin: {min_level: gold}"),
                &["/sponsor_pin/min_level"],
            ),
            (
                "sponsor_pin.min_level in any case",
                global("sponsor_pin: {min_level: Enterprise}"),
                &["/sponsor_pin/min_level"],
            ),
        ],
    );
}

#[test]
fn events() {
    table(
        "global/events",
        &[
            ("events have defaults", global(""), &["/events"]),
            (
                "a threshold of 0 is the default",
                global("events: {down_threshold: 0}"),
                &["/events/down_threshold"],
            ),
            ("a negative threshold is an error", global("events: {up_threshold: -1}"), &[]),
            ("events.mode takes two words", global("events: {mode: models}"), &[]),
            ("events.channel_count_mode takes two words", global("events: {channel_count_mode: count}"), &[]),
            ("events.api_token is masked", global("events: {api_token: tok-123}"), &["/events/api_token"]),
        ],
    );
    let env = Environment::new().with("EVENTS_API_TOKEN", "tok-456");
    table_with(
        "global/events_2",
        &env,
        &[("EVENTS_API_TOKEN sets the token, masked", global(""), &["/events/api_token"])],
    );
}

#[test]
fn serving() {
    table(
        "global/serving",
        &[
            ("server has defaults", global(""), &["/server"]),
            ("server.listen takes a port alone", global("server: {listen: ':9'}"), &["/server/listen"]),
            ("server.listen must be an address", global("server: {listen: somewhere}"), &[]),
            ("server.tls needs both files", global("server: {tls: {cert: a.pem}}"), &[]),
            (
                "server.trusted_proxies takes networks and addresses",
                global("server: {trusted_proxies: [10.0.0.0/8, '::1']}"),
                &["/server/trusted_proxies"],
            ),
            (
                "server.trusted_proxies must be networks",
                global("server: {trusted_proxies: [10.0.0.0/33]}"),
                &[],
            ),
            ("server.metrics: off without quotes", global("server: {metrics: off}"), &["/server/metrics"]),
            (
                "server.metrics takes an address of its own",
                global("server: {metrics: '127.0.0.1:9090'}"),
                &["/server/metrics"],
            ),
            (
                "server.metrics has a port of its own",
                global("server: {listen: ':9090', metrics: '127.0.0.1:9090'}"),
                &[],
            ),
            ("server.metrics takes no other word", global("server: {metrics: everyone}"), &[]),
            (
                "server.limits 0 is the default",
                global("server: {limits: {streams: 0}}"),
                &["/server/limits/streams"],
            ),
            (
                "server.limits that let nobody in",
                global("server: {limits: {header_bytes: 1023, uri_bytes: 255}}"),
                &["/server/limits/uri_bytes"],
            ),
            (
                "server.limits may be small",
                global("server: {limits: {header_bytes: 1024, uri_bytes: 256}}"),
                &[],
            ),
            ("server.limits must not be negative", global("server: {limits: {streams: -1}}"), &[]),
            ("probe.user_agent must be a header", global("probe: {user_agent: \"a\\nb\"}"), &[]),
            ("probe.max_response_bytes must be above 0", global("probe: {max_response_bytes: 0}"), &[]),
            ("probe.private_networks takes two words", global("probe: {private_networks: denied}"), &[]),
            ("log.level takes five words", global("log: {level: loud}"), &[]),
        ],
    );
}

#[test]
fn keys_of_other_versions() {
    table(
        "global/keys_of_other_versions",
        &[
            ("selftest is known and not supported", global("selftest: {enabled: true}"), &[]),
            (
                "keys of newer versions are known",
                global("announcements: {}\nannotation_rules: []\ngithub: {}"),
                &[],
            ),
            ("they are told once", global("retry: 1") + "    retry: 2\n    template: x\n", &[]),
            ("an unknown key warns with a suggestion", global("intervall: 5s"), &["/interval"]),
            ("an unknown key far from all warns without", global("zzzzzzzz: 1"), &[]),
            ("an unknown key inside a section warns", global("storage: {retention: {dayz: 3}}"), &[]),
            ("keys that start with x- are the user's own", global("x-shared: {a: 1}"), &[]),
        ],
    );
}
