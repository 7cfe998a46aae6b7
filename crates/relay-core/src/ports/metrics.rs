//! The numbers a component keeps of itself.

/// A component with counters. relay-api asks all of them for `/metrics`.
pub trait MetricSource: Send + Sync {
    /// Writes the current values. Label values come from the configuration or from fixed sets, never from upstreams
    /// or clients, so that their number is bounded.
    fn collect(&self, out: &mut dyn MetricSink);
}

/// Takes values in any order; implemented by the renderer.
pub trait MetricSink {
    /// Takes the value of a counter, which only grows while the process lives.
    fn counter(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        value: u64,
    );

    /// Takes the value of a gauge.
    fn gauge(&mut self, name: &'static str, help: &'static str, labels: &[(&'static str, &str)], value: f64);

    /// Takes a histogram.
    fn histogram(
        &mut self,
        name: &'static str,
        help: &'static str,
        labels: &[(&'static str, &str)],
        values: HistogramValues<'_>,
    );
}

/// The state of a histogram.
#[derive(Debug, Clone, Copy)]
pub struct HistogramValues<'a> {
    /// Upper bounds, rising, in the unit the metric's name says; the last bucket, without bound, is not listed.
    pub bounds: &'a [f64],
    /// Observations per bucket, not cumulated, one more than bounds.
    pub counts: &'a [u64],
    /// Sum of all observations.
    pub sum: f64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metric_source_is_dyn_compatible() {
        fn takes(_: Option<&dyn MetricSource>, _: Option<&mut dyn MetricSink>) {}
        takes(None, None);
    }
}
