//! `GET /metrics`

use http::{HeaderValue, StatusCode, header};
use relay_core::ports::metrics::MetricSink;

use crate::{
    api::Call,
    error::ApiError,
    metrics::Renderer,
    options::MetricsAccess,
    response::{self, NO_STORE, Response},
    state::State,
};

const PROMETHEUS: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

pub(crate) fn get(state: &State, call: &Call) -> Result<Response, ApiError> {
    let allowed = call.only_metrics
        || match state.access.load().metrics {
            MetricsAccess::Off => false,
            MetricsAccess::Loopback => call.client.is_local(&call.head),
            MetricsAccess::Public => true,
        };
    if !allowed {
        return Err(ApiError::not_found());
    }
    let mut renderer = Renderer::default();
    for source in &state.deps.metrics {
        source.collect(&mut renderer);
    }
    state.metrics.collect(&mut renderer);
    state.cache.collect(&mut renderer);
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let streams = state.seats.open() as f64;
    renderer.gauge("relay_http_streams", "Open live streams.", &[], streams);
    let mut response = response::content(StatusCode::OK, PROMETHEUS, renderer.finish());
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    Ok(response)
}
