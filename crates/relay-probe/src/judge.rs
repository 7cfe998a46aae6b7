//! The table of verdicts: what an HTTP code and a latency mean.

use std::time::Duration;

use relay_core::{Status, SubStatus};

/// A colour with its cause.
pub(crate) type Verdict = (Status, Option<SubStatus>);

/// The verdict of every answer that cannot be used: no headers, an unfollowable redirect, the deadline.
pub(crate) const NETWORK_ERROR: Verdict = (Status::Red, Some(SubStatus::NetworkError));

/// The verdict of an answer with the wrong content.
pub(crate) const CONTENT_MISMATCH: Verdict = (Status::Red, Some(SubStatus::ContentMismatch));

/// Judges the headers of an answer. `expected` are the codes that count as success instead of 2xx, empty for 2xx; a
/// 2xx that is not among them is a content mismatch, other codes follow the table.
pub(crate) fn judge(code: u16, latency: Duration, slow: Duration, expected: &[u16]) -> Verdict {
    if !expected.is_empty() {
        if expected.contains(&code) {
            return success(latency, slow);
        }
        if (200..300).contains(&code) {
            return CONTENT_MISMATCH;
        }
    }
    match code {
        200..300 => success(latency, slow),
        // Those with a Location to follow never come here.
        300..400 => (Status::Green, None),
        400 => (Status::Red, Some(SubStatus::InvalidRequest)),
        401 | 403 => (Status::Red, Some(SubStatus::AuthError)),
        429 => (Status::Red, Some(SubStatus::RateLimit)),
        500.. => (Status::Red, Some(SubStatus::ServerError)),
        _ => (Status::Red, Some(SubStatus::ClientError)),
    }
}

fn success(latency: Duration, slow: Duration) -> Verdict {
    if latency > slow { (Status::Yellow, Some(SubStatus::SlowLatency)) } else { (Status::Green, None) }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use expect_test::{Expect, expect};

    use super::*;

    /// Prints the verdict of every code from 100 to 999, equal neighbours as one range.
    fn check(latency_ms: u64, expected: &[u16], table: Expect) {
        let mut text = String::new();
        let verdict = |code| judge(code, Duration::from_millis(latency_ms), Duration::from_secs(5), expected);
        let mut first = 100;
        for code in 100..=999 {
            if code == 999 || verdict(code + 1) != verdict(first) {
                let (status, cause) = verdict(first);
                let cause = cause.map_or("-", SubStatus::as_str);
                writeln!(text, "{first}-{code} {status} {cause}").expect("a string takes everything");
                first = code + 1;
            }
        }
        table.assert_eq(&text);
    }

    #[test]
    fn every_code_has_its_verdict() {
        check(
            5_000,
            &[],
            expect![[r#"
                100-199 red client_error
                200-399 green -
                400-400 red invalid_request
                401-401 red auth_error
                402-402 red client_error
                403-403 red auth_error
                404-428 red client_error
                429-429 red rate_limit
                430-499 red client_error
                500-999 red server_error
            "#]],
        );
    }

    #[test]
    fn only_a_success_can_be_slow() {
        check(
            5_001,
            &[],
            expect![[r#"
                100-199 red client_error
                200-299 yellow slow_latency
                300-399 green -
                400-400 red invalid_request
                401-401 red auth_error
                402-402 red client_error
                403-403 red auth_error
                404-428 red client_error
                429-429 red rate_limit
                430-499 red client_error
                500-999 red server_error
            "#]],
        );
    }

    #[test]
    fn expected_codes_take_the_place_of_2xx() {
        check(
            5,
            &[200, 401],
            expect![[r#"
                100-199 red client_error
                200-200 green -
                201-299 red content_mismatch
                300-399 green -
                400-400 red invalid_request
                401-401 green -
                402-402 red client_error
                403-403 red auth_error
                404-428 red client_error
                429-429 red rate_limit
                430-499 red client_error
                500-999 red server_error
            "#]],
        );
    }
}
