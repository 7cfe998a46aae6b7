//! Headers that every response carries.

use http::{HeaderMap, HeaderName, HeaderValue, header};

pub(crate) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

const NOSNIFF: HeaderValue = HeaderValue::from_static("nosniff");
const REFERRER: HeaderValue = HeaderValue::from_static("strict-origin-when-cross-origin");
const SAME_ORIGIN: HeaderValue = HeaderValue::from_static("SAMEORIGIN");
/// A year, on this host only.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=31536000");
/// For answers that are no page: nothing may be loaded or run in their name.
const DATA_POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; frame-ancestors 'self'");

/// Adds the security headers; those of a page are there already and stay.
pub(crate) fn add(headers: &mut HeaderMap, https: bool) {
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, NOSNIFF);
    headers.insert(header::REFERRER_POLICY, REFERRER);
    if !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, DATA_POLICY);
        headers.insert(header::X_FRAME_OPTIONS, SAME_ORIGIN);
    }
    if https {
        headers.insert(header::STRICT_TRANSPORT_SECURITY, HSTS);
    }
}

/// Adds what belongs to a page alone.
pub(crate) fn add_page(headers: &mut HeaderMap, policy: &HeaderValue, embeddable: bool) {
    headers.insert(header::CONTENT_SECURITY_POLICY, policy.clone());
    if !embeddable {
        headers.insert(header::X_FRAME_OPTIONS, SAME_ORIGIN);
    }
}

/// Writes the Content-Security-Policy of a page: own files only, no inline script.
pub(crate) fn page_policy(script_sources: &[&str], embeddable: bool) -> HeaderValue {
    let mut policy = String::from("default-src 'self'; script-src 'self'");
    for source in script_sources {
        policy.push(' ');
        policy.push_str(source);
    }
    policy.push_str("; img-src 'self' data:; object-src 'none'; base-uri 'none'; form-action 'self'");
    policy.push_str(if embeddable { "; frame-ancestors *" } else { "; frame-ancestors 'self'" });
    HeaderValue::try_from(policy).unwrap_or(DATA_POLICY)
}
