//! Builds the request of a hop.

use std::borrow::Cow;

use bytes::Bytes;
use http::{
    HeaderMap, HeaderValue, Method, Request, Uri, Version,
    header::{ACCEPT_ENCODING, AUTHORIZATION, HOST, PROXY_AUTHORIZATION, USER_AGENT},
    uri::{Authority, PathAndQuery, Scheme},
};
use http_body_util::Full;
use relay_core::{
    ProbeSpec,
    target::{CONNECTION_HEADERS, Header},
};
use url::{Position, Url};

use crate::{
    client::Built,
    failure::{Failure, Kind},
    origin::Route,
    proxy::Credentials,
};

/// The encodings that answers may come in.
const ENCODINGS: HeaderValue = HeaderValue::from_static("gzip, br, zstd, deflate");

/// What one hop sends. Borrows from the probe's specification until a redirect changes something.
#[derive(Clone)]
pub(crate) struct Outgoing<'a> {
    pub(crate) method: Method,
    pub(crate) url: Cow<'a, Url>,
    pub(crate) headers: Cow<'a, [Header]>,
    pub(crate) body: Bytes,
    pub(crate) user_agent: &'a HeaderValue,
}

impl<'a> Outgoing<'a> {
    /// Makes the first hop of a probe.
    pub(crate) fn first(spec: &'a ProbeSpec, user_agent: &'a HeaderValue) -> Self {
        Self {
            method: spec.method.clone(),
            url: Cow::Borrowed(&spec.url),
            headers: Cow::Borrowed(&spec.headers),
            body: spec.body.clone(),
            user_agent,
        }
    }

    /// Returns the method.
    pub(crate) fn method(&self) -> &Method {
        &self.method
    }

    /// Builds the request for a connection along `route`.
    pub(crate) fn build(&self, route: &Route, h2: bool) -> Built {
        let mut headers = self.header_map();
        let host = match headers.remove(HOST) {
            Some(host) => host,
            None => host_of(&self.url)?,
        };
        let authority = || Authority::try_from(host.as_bytes());
        let path = path_of(&self.url)?;
        let mut parts = Uri::builder().path_and_query(path);
        if h2 {
            // HTTP/2 names the authority in the address; a `Host` header besides could contradict it.
            let authority = authority().map_err(|_| unusable("the Host header names no authority"))?;
            parts = parts.scheme(Scheme::HTTPS).authority(authority);
        } else if route.wants_absolute_form() {
            let authority = host_of(&self.url)?;
            parts = parts.scheme(Scheme::HTTP).authority(authority.as_bytes());
            if let Some(credentials) = route.proxy.as_ref().and_then(|proxy| Credentials::of(&proxy.url)) {
                headers.insert(PROXY_AUTHORIZATION, header_value(credentials.basic().into_bytes())?);
            }
        }
        let uri = parts.build().map_err(|error| unusable(&error.to_string()))?;
        if !h2 {
            headers.insert(HOST, host);
        }
        let mut request = Request::new(Full::new(self.body.clone()));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = uri;
        *request.version_mut() = if h2 { Version::HTTP_2 } else { Version::HTTP_11 };
        *request.headers_mut() = headers;
        Ok(request)
    }

    fn header_map(&self) -> HeaderMap {
        let mut map = HeaderMap::with_capacity(self.headers.len() + 4);
        for header in self.headers.iter() {
            if !CONNECTION_HEADERS.contains(&header.name) {
                map.append(header.name.clone(), header.value.clone());
            }
        }
        map.entry(USER_AGENT).or_insert_with(|| self.user_agent.clone());
        map.entry(ACCEPT_ENCODING).or_insert(ENCODINGS);
        if !map.contains_key(AUTHORIZATION)
            && let Some(value) =
                Credentials::of(&self.url).and_then(|user| header_value(user.basic().into_bytes()).ok())
        {
            map.insert(AUTHORIZATION, value);
        }
        map
    }
}

fn unusable(why: &str) -> Failure {
    Failure::new(Kind::Request, format!("the request cannot be made: {why}"))
}

fn header_value(bytes: Vec<u8>) -> Result<HeaderValue, Failure> {
    HeaderValue::from_maybe_shared(Bytes::from(bytes)).map_err(|error| unusable(&error.to_string()))
}

fn host_of(url: &Url) -> Result<HeaderValue, Failure> {
    header_value(url[Position::BeforeHost..Position::AfterPort].as_bytes().to_vec())
}

fn path_of(url: &Url) -> Result<PathAndQuery, Failure> {
    let path = &url[Position::BeforePath..Position::AfterQuery];
    PathAndQuery::from_maybe_shared(Bytes::copy_from_slice(path.as_bytes()))
        .map_err(|error| unusable(&format!("its path is no HTTP path: {error}")))
}
