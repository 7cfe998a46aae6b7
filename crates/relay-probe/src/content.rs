//! Judges the body of an answer, after its headers.

use std::time::Duration;

use relay_core::{ProbeSpec, SubStatus};

use crate::{
    expect::{self, Answered},
    failure::Failure,
    judge::{CONTENT_MISMATCH, NETWORK_ERROR, Verdict},
    text::{self, Found},
};

/// What a probe found: the verdict, and the words that say why, not yet masked.
#[derive(Debug)]
pub(crate) struct Finding {
    pub(crate) verdict: Verdict,
    pub(crate) detail: Option<String>,
}

impl Finding {
    /// Makes the finding of a probe that got no usable answer.
    pub(crate) fn network_error(failure: &Failure) -> Self {
        Self { verdict: NETWORK_ERROR, detail: Some(failure.to_string()) }
    }

    fn mismatch(reason: String) -> Self {
        Self { verdict: CONTENT_MISMATCH, detail: Some(reason) }
    }
}

/// Judges an answer whose headers gave `verdict`. A body that broke off is judged by what came, and said to have
/// broken off.
pub(crate) fn judge(
    spec: &ProbeSpec,
    verdict: Verdict,
    latency: Duration,
    answered: &Answered<'_>,
) -> Finding {
    let mut finding = judge_text(spec, verdict, latency, answered);
    if let Some(broken) = &answered.body.broken {
        finding.detail = Some(match finding.detail {
            Some(detail) => format!("{broken}; {detail}"),
            None => broken.to_string(),
        });
    }
    finding
}

fn judge_text(spec: &ProbeSpec, verdict: Verdict, latency: Duration, answered: &Answered<'_>) -> Finding {
    let body = answered.body;
    if !verdict.0.is_available() {
        let reason = text::reason(body);
        let code = answered.code;
        let unexpected = if verdict == CONTENT_MISMATCH { " is not an expected code" } else { "" };
        let detail = if reason.trim().is_empty() {
            format!("{code}{unexpected}")
        } else {
            format!("{code}{unexpected}: {reason}")
        };
        return Finding { verdict, detail: Some(detail) };
    }
    let mut detail = (verdict.1 == Some(SubStatus::SlowLatency)).then(|| {
        let (took, limit) = (latency.as_millis(), spec.slow_latency.as_millis());
        format!("answered after {took} ms, slow from {limit} ms")
    });
    if let Some(keyword) = spec.success_contains.as_deref().filter(|keyword| !keyword.is_empty()) {
        match text::find(body, keyword) {
            Found::Text => {}
            Found::Frame => detail = Some("matched a protocol frame, not text".to_owned()),
            Found::Nowhere => return Finding::mismatch(missing(keyword, answered)),
        }
    }
    if let Some(expect) = &spec.expect
        && let Err(reason) = expect::check(spec, expect, answered)
    {
        return Finding::mismatch(reason);
    }
    Finding { verdict, detail }
}

fn missing(keyword: &str, answered: &Answered<'_>) -> String {
    let text = text::text(answered.body);
    if let Some(error) = text::error(answered.body) {
        format!("{keyword:?} is not in the answer, which is an error: {error}")
    } else if text.trim().is_empty() {
        format!("{keyword:?} is not in the answer, which is empty")
    } else {
        format!("{keyword:?} is not in the answer: {text}")
    }
}
