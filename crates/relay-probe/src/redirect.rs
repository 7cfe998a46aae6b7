//! Decides where a redirect leads and what is sent there.

use std::borrow::Cow;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderName, Method,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, COOKIE, HOST, LOCATION},
};
use relay_core::target::Header;
use url::Url;

use crate::{
    failure::{Failure, Kind},
    origin::Origin,
    request::Outgoing,
};

/// The most redirects that are followed.
pub(crate) const MAX_REDIRECTS: usize = 5;

/// Headers that are credentials whatever their value.
const CREDENTIALS: [HeaderName; 5] = [
    AUTHORIZATION,
    COOKIE,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("x-goog-api-key"),
    HeaderName::from_static("api-key"),
];

/// Returns the next hop after an answer with `code`, `None` when it is no redirect to follow. 300, 305 and 306 are
/// answers like 304: neither browsers nor Go follow them.
///
/// # Errors
/// A `redirect` failure when the Location cannot be used, or when following would hand the key to a stranger.
pub(crate) fn next<'a>(
    current: &Outgoing<'a>,
    code: u16,
    headers: &HeaderMap,
    key_in_url_or_body: bool,
) -> Result<Option<Outgoing<'a>>, Failure> {
    if !matches!(code, 301 | 302 | 303 | 307 | 308) {
        return Ok(None);
    }
    let Some(location) = headers.get(LOCATION) else { return Ok(None) };
    let url = target(&current.url, location.as_bytes())?;
    let becomes_get = match code {
        303 => current.method != Method::HEAD,
        301 | 302 => current.method == Method::POST,
        _ => false,
    };
    let (here, there) = (Origin::of(&current.url)?, Origin::of(&url)?);
    let is_foreign = here != there;
    let repeats = matches!(code, 307 | 308) || (!becomes_get && !current.body.is_empty());
    if is_foreign && key_in_url_or_body && repeats {
        return Err(Failure::new(
            Kind::Redirect,
            format!(
                "{code} to {} not followed: the request repeats the key in its address or body",
                there.authority()
            ),
        ));
    }
    let mut hop = current.clone();
    hop.url = Cow::Owned(url);
    if becomes_get {
        hop.method = Method::GET;
        hop.body = Bytes::new();
        hop.headers.to_mut().retain(|header| header.name != CONTENT_TYPE && header.name != CONTENT_ENCODING);
    }
    if is_foreign {
        hop.headers.to_mut().retain(|header| !is_credential(header) && header.name != HOST);
    }
    Ok(Some(hop))
}

fn is_credential(header: &Header) -> bool {
    header.holds_key || CREDENTIALS.contains(&header.name)
}

fn target(base: &Url, location: &[u8]) -> Result<Url, Failure> {
    let unusable = |why: &str| Failure::new(Kind::Redirect, format!("the Location cannot be used: {why}"));
    let text = String::from_utf8_lossy(location);
    if text.trim().is_empty() {
        return Err(unusable("it is empty"));
    }
    let mut url = base.join(text.trim()).map_err(|error| unusable(&error.to_string()))?;
    url.set_fragment(None);
    if !matches!(url.scheme(), "http" | "https") {
        return Err(unusable("it is neither http nor https"));
    }
    Ok(url)
}
