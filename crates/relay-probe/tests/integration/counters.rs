//! What a prober counts.

use std::collections::BTreeMap;

use relay_core::ports::{
    MetricSource, Prober,
    metrics::{HistogramValues, MetricSink},
};
use relay_probe::{Counters, HttpProber, Options, Roots};

use crate::support::{Server, response};

#[derive(Default)]
struct Collected(BTreeMap<String, u64>);

impl MetricSink for Collected {
    fn counter(&mut self, name: &'static str, _: &'static str, labels: &[(&'static str, &str)], value: u64) {
        let kind = labels.first().map_or("", |(_, kind)| *kind);
        self.0.insert(format!("{name}/{kind}"), value);
    }

    fn gauge(&mut self, _: &'static str, _: &'static str, _: &[(&'static str, &str)], _: f64) {}

    fn histogram(
        &mut self,
        _: &'static str,
        _: &'static str,
        _: &[(&'static str, &str)],
        _: HistogramValues<'_>,
    ) {
    }
}

#[tokio::test]
async fn connections_bytes_redirects_and_failures_are_counted_across_probers() {
    let server = Server::answering(response("200 OK", "", "0123456789")).await;
    let moved =
        Server::answering(response("302 Found", &format!("Location: http://{}/\r\n", server.address), ""))
            .await;
    let counters = Counters::default();
    for _ in 0..2 {
        let options = Options { roots: Roots::OnlyExtra, counters: counters.clone(), ..Options::default() };
        let prober = HttpProber::new(options).expect("a prober");
        for _ in 0..3 {
            prober.probe(&server.spec("/")).await;
        }
        let mut small = moved.spec("/");
        small.max_response_bytes = 4;
        prober.probe(&small).await;
        let mut refused = server.spec("/");
        refused.https_only = true;
        prober.probe(&refused).await;
    }
    let mut collected = Collected::default();
    counters.collect(&mut collected);
    let seen: Vec<(&str, u64)> = collected
        .0
        .iter()
        .filter(|(_, value)| **value > 0)
        .map(|(name, value)| (name.as_str(), *value))
        .collect();
    assert_eq!(
        seen,
        [
            ("relay_prober_bodies_capped_total/", 2),
            ("relay_prober_body_bytes_total/", 2 * (3 * 10 + 4)),
            ("relay_prober_connections_total/opened", 4),
            ("relay_prober_connections_total/reused", 6),
            ("relay_prober_failures_total/egress", 2),
            ("relay_prober_redirects_total/", 2),
        ]
    );
}
