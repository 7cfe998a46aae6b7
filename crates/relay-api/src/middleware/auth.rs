//! Who may read events, and what of them.

use http::{HeaderMap, header};
use relay_core::Secret;
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::{
    error::{ApiError, Code},
    options::EventsAccess,
    query::Params,
};

/// What a reader may see of events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reader {
    /// Whoever asks: no hidden monitors, nothing of what upstreams said.
    Public,
    /// Somebody with the token.
    Operator,
}

/// Tells who reads events. The token may stand in the query where the client cannot send headers: browsers open
/// streams without any.
///
/// # Errors
/// `events_disabled`; `unauthorized` without a readable token, `forbidden` with a wrong one.
pub(crate) fn reader(
    access: &EventsAccess,
    headers: &HeaderMap,
    query: Option<&Params<'_>>,
) -> Result<Reader, ApiError> {
    let token = match access {
        EventsAccess::Off => return Err(off()),
        EventsAccess::Open => return Ok(Reader::Public),
        EventsAccess::Token(token) => token,
    };
    let given = match query.map_or("", |query| query.text("token")) {
        _ if headers.contains_key(header::AUTHORIZATION) => bearer(headers),
        "" => None,
        text => Some(text.as_bytes()),
    };
    let Some(given) = given else {
        let text = "events are read with a token: send Authorization: Bearer <token>";
        return Err(ApiError::new(Code::Unauthorized, text));
    };
    if is(token, given) {
        Ok(Reader::Operator)
    } else {
        Err(ApiError::new(Code::Forbidden, "the token is wrong"))
    }
}

/// What the endpoints of events say when there are none.
pub(crate) fn off() -> ApiError {
    ApiError::new(Code::EventsDisabled, "events are disabled here (events.enabled)")
}

/// Tells whether a request carries the token of events, for answers that show operators more.
pub(crate) fn is_operator(access: &EventsAccess, headers: &HeaderMap) -> bool {
    let EventsAccess::Token(token) = access else { return false };
    bearer(headers).is_some_and(|given| is(token, given))
}

fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    let value = headers.get(header::AUTHORIZATION)?.as_bytes();
    let (scheme, rest) = value.split_at_checked("Bearer ".len())?;
    let token = rest.trim_ascii();
    (scheme.eq_ignore_ascii_case(b"Bearer ") && !token.is_empty()).then_some(token)
}

/// Compares in a time that says nothing about either text: digests are equally long.
fn is(token: &Secret, given: &[u8]) -> bool {
    Sha256::digest(token.expose().as_bytes()).ct_eq(&Sha256::digest(given)).into()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_token_is_asked_for_and_compared() {
        let access = EventsAccess::Token(Secret::new("right"));
        for (header, query, expected) in [
            ("Bearer right", "", Ok(Reader::Operator)),
            ("bearer  right ", "", Ok(Reader::Operator)),
            ("", "token=right", Ok(Reader::Operator)),
            ("Bearer wrong", "token=right", Err(Code::Forbidden)),
            ("Bearer righ", "", Err(Code::Forbidden)),
            ("Bearer rightt", "", Err(Code::Forbidden)),
            ("", "token=wrong", Err(Code::Forbidden)),
            ("", "", Err(Code::Unauthorized)),
            ("Bearer", "", Err(Code::Unauthorized)),
            ("Bearer ", "", Err(Code::Unauthorized)),
            ("Basic right", "", Err(Code::Unauthorized)),
            ("right", "", Err(Code::Unauthorized)),
        ] {
            let mut headers = HeaderMap::new();
            if !header.is_empty() {
                headers.insert(header::AUTHORIZATION, HeaderValue::from_static(header));
            }
            let params = Params::parse(query);
            let found = reader(&access, &headers, Some(&params)).map_err(|error| error.code);
            assert_eq!(found, expected, "{header:?} {query:?}");
            assert_eq!(is_operator(&access, &headers), query.is_empty() && expected == Ok(Reader::Operator));
        }
        let params = Params::parse("token=right");
        let refused = reader(&access, &HeaderMap::new(), None).map_err(|error| error.code);
        assert_eq!(refused, Err(Code::Unauthorized), "{params:?} counts only where it is looked for");
    }

    #[test]
    fn without_a_token_everybody_reads_as_the_public() {
        let headers = HeaderMap::new();
        assert_eq!(reader(&EventsAccess::Open, &headers, None).ok(), Some(Reader::Public));
        let code = reader(&EventsAccess::Off, &headers, None).map_err(|error| error.code);
        assert_eq!(code, Err(Code::EventsDisabled));
        assert!(!is_operator(&EventsAccess::Open, &headers));
    }
}
