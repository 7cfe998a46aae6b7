//! How long a large configuration takes to load: 10,000 monitors, 4 MB; at most a second is allowed.

use std::{fmt::Write as _, hint::black_box};

use criterion::{Criterion, criterion_group, criterion_main};
use relay_config::{Environment, diff, load_str};

fn text(monitors: usize) -> String {
    let mut text = String::from("monitors:\n");
    for at in 0..monitors {
        let provider = at / 10;
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "  - provider: provider{provider}\n    service: cc\n    channel: ch{at}\n    model: claude-sonnet-4\n    \
             category: commercial\n    sponsor: someone\n    url: https://relay{at}.example.com/v1/messages\n    \
             method: POST\n    headers:\n      x-api-key: \"{{{{API_KEY}}}}\"\n      content-type: application/json\n    \
             api_key: key-{at:010}\n    body: '{{\"model\": \"{{{{MODEL}}}}\", \"max_tokens\": 16, \"messages\": \
             [{{\"role\": \"user\", \"content\": \"Say pong.\"}}]}}'\n    success_contains: pong\n"
        );
    }
    text
}

fn load(criterion: &mut Criterion) {
    let (text, env) = (text(10_000), Environment::new());
    let mut group = criterion.benchmark_group("config");
    group.sample_size(10);
    group.bench_function("load_10000_monitors", |bench| {
        bench.iter(|| {
            load_str(black_box(&text), "config.yaml", &env).map(|loaded| loaded.config.monitors.len())
        });
    });
    let (one, two) = (load_str(&text, "config.yaml", &env), load_str(&text, "config.yaml", &env));
    if let (Ok(one), Ok(two)) = (one, two) {
        group.bench_function("diff_10000_monitors", |bench| {
            bench.iter(|| diff(black_box(&one.config), black_box(&two.config)).changed.len());
        });
    }
    group.finish();
}

criterion_group!(benches, load);
criterion_main!(benches);
