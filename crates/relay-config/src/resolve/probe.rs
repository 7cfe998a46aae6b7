//! What a monitor sends and expects.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use relay_core::{
    ProbeSpec, Secret,
    egress::PrivateNetworks,
    target::{Challenge, Connection, Expect, Header, JsonCondition, JsonTest, Pattern},
};

use super::url::{self, API_KEY, MODEL};
use crate::{
    include::Included,
    inherit::text,
    reader::{Field, Located, Reader, mark_of},
    schema::{
        monitors::{Body, Monitor},
        probe as typed,
        root::Root,
        values::{GoDuration, ServiceDurations, Size, Text, TextMap},
        words,
    },
    yaml::Mark,
};

/// The placeholder of the question.
const CHALLENGE: &str = "{{CHALLENGE}}";

/// What placeholders stand for.
pub(super) struct Values<'v> {
    pub(super) key: Option<&'v Secret>,
    pub(super) model: &'v str,
}

impl Values<'_> {
    /// Returns how long [`Values::replace`] would make a text, at most.
    fn length(&self, template: &str) -> u64 {
        let model = template.matches(MODEL).count() * self.model.len();
        let key = template.matches(API_KEY).count() * self.key.map_or(0, |key| key.expose().len());
        (template.len() + model + key) as u64
    }

    fn replace(&self, template: &str) -> String {
        let with_model = template.replace(MODEL, self.model);
        with_model.replace(API_KEY, self.key.map_or("", |key| key.expose()))
    }
}

/// The three times of a monitor.
pub(super) struct Times {
    pub(super) interval: Duration,
    pub(super) slow_latency: Duration,
    pub(super) timeout: Duration,
    /// Where the narrower of the settings behind `slow_latency` and `timeout` stands; nowhere when both are global.
    pub(super) mark: Mark,
}

impl Times {
    /// Applies the order of precedence: its own or its parent's, then by service, then global.
    pub(super) fn of(whole: &Monitor, root: &Root) -> Self {
        let service = text(&whole.service);
        let pick = |own: &Field<GoDuration>, by_service: &Field<ServiceDurations>| {
            let own = own.as_ref().map(|at| Located { value: at.value.0, mark: at.mark });
            own.or_else(|| by_service.as_ref().and_then(|map| map.value.of(service)))
        };
        let slow_latency = pick(&whole.slow_latency, &root.slow_latency_by_service);
        let timeout = pick(&whole.timeout, &root.timeout_by_service);
        Self {
            interval: whole.interval.as_ref().map_or_else(|| root.interval().0, |at| at.value.0),
            mark: slow_latency.as_ref().or(timeout.as_ref()).map(|at| at.mark).unwrap_or_default(),
            slow_latency: slow_latency.map_or_else(|| root.slow_latency().0, |at| at.value),
            timeout: timeout.map_or_else(|| root.timeout().0, |at| at.value),
        }
    }
}

/// Resolves what is sent. `None` when a problem was reported.
pub(super) fn resolve(
    whole: &Monitor,
    values: &Values<'_>,
    times: &Times,
    root: &Root,
    reader: &mut Reader<'_>,
) -> Option<ProbeSpec> {
    let template = whole.url.as_ref();
    let body = body_template(whole);
    let texts = [template.map_or("", |url| &url.value.0), body, text(&whole.success_contains)];
    let length: u64 = texts.into_iter().chain(header_templates(whole)).map(|text| values.length(text)).sum();
    if let Err(message) = reader.spending.take(length) {
        reader.at_root("monitors", |reader| reader.error(Mark::default(), message));
        return None;
    }
    let url = template.and_then(|template| {
        let parsed = url::parse(&values.replace(template.value.0.trim()));
        parsed.map_err(|message| reader.within("url", |reader| reader.error(template.mark, message))).ok()
    });
    let headers = headers(whole.headers.as_ref(), values, reader);
    let expect = whole
        .expect
        .as_ref()
        .map(|located| reader.within("expect", |reader| expect(located, text(&whole.model), body, reader)));
    hint_challenge(whole, body, reader);
    let success_contains = whole.success_contains.as_ref().map(|located| values_model(located, values));
    hint_keyword(whole.success_contains.as_ref(), reader);
    let url_template = template.map_or("", |template| template.value.0.as_str());
    Some(ProbeSpec {
        method: method(whole.method.as_ref()?.value),
        url: url?,
        headers: headers?,
        body: Bytes::from(values.replace(body).trim().to_owned()),
        success_contains,
        expect: match expect {
            Some(expect) => Some(expect?),
            None => None,
        },
        model: text(&whole.model).to_owned(),
        connection: match whole.connection.as_ref().map(|located| located.value) {
            Some(words::Connection::Fresh) => Connection::Fresh,
            Some(words::Connection::Reuse) | None => Connection::Reuse,
        },
        proxy: whole.proxy.as_ref().map(|located| located.value.0.clone()),
        max_response_bytes: bytes(
            whole
                .max_response_bytes
                .as_ref()
                .map_or_else(|| root.probe().max_response_bytes(), |own| own.value),
        ),
        private_networks: private_networks(
            whole.private_networks.as_ref().map_or_else(|| root.probe().private_networks(), |own| own.value),
        ),
        https_only: false,
        slow_latency: times.slow_latency,
        timeout: times.timeout,
        api_key: values.key.cloned(),
        key_in_url_or_body: url_template.contains(API_KEY) || body.contains(API_KEY),
    })
}

/// Tells whether the monitor asks for the key anywhere.
pub(super) fn uses_key(whole: &Monitor) -> bool {
    whole.url.as_ref().is_some_and(|url| url.value.0.contains(API_KEY))
        || body_template(whole).contains(API_KEY)
        || header_templates(whole).any(|template| template.contains(API_KEY))
}

fn header_templates(whole: &Monitor) -> impl Iterator<Item = &str> {
    whole.headers.iter().flat_map(|map| map.value.0.iter().map(|(_, template)| template.value.0.as_str()))
}

fn body_template(whole: &Monitor) -> &str {
    match whole.body.as_ref().map(|located| &located.value) {
        Some(Body::Text(text) | Body::Included(Included { text, .. })) => text,
        // A file that could not be read was reported already.
        Some(Body::Include(_)) | None => "",
    }
}

fn values_model(located: &Located<Text>, values: &Values<'_>) -> String {
    located.value.0.replace(MODEL, values.model)
}

/// Translates the word of configuration.
pub(super) fn method(word: words::Method) -> Method {
    match word {
        words::Method::Get => Method::GET,
        words::Method::Post => Method::POST,
        words::Method::Put => Method::PUT,
        words::Method::Delete => Method::DELETE,
        words::Method::Patch => Method::PATCH,
    }
}

/// Translates the word of configuration.
pub(super) fn private_networks(word: words::PrivateNetworks) -> PrivateNetworks {
    match word {
        words::PrivateNetworks::Allow => PrivateNetworks::Allow,
        words::PrivateNetworks::Deny => PrivateNetworks::Deny,
    }
}

/// Turns a size into what memory can hold.
pub(super) fn bytes(size: Size) -> usize {
    usize::try_from(size.0).unwrap_or(usize::MAX)
}

fn headers(
    typed: Option<&Located<TextMap>>,
    values: &Values<'_>,
    reader: &mut Reader<'_>,
) -> Option<Vec<Header>> {
    let Some(typed) = typed else { return Some(Vec::new()) };
    reader.within("headers", |reader| {
        let mut headers: Vec<Header> = Vec::with_capacity(typed.value.0.len());
        let mut fine = true;
        for (name, template) in &typed.value.0 {
            let header = reader.within(name.value.escape_debug(), |reader| {
                let header = header(name, template, values, reader)?;
                if headers.iter().any(|earlier| earlier.name == header.name) {
                    reader
                        .error(name.mark, "this header is given twice; names compare without regard to case");
                    return None;
                }
                Some(header)
            });
            fine &= header.is_some();
            headers.extend(header);
        }
        fine.then_some(headers)
    })
}

fn header(
    name: &Located<String>,
    template: &Located<Text>,
    values: &Values<'_>,
    reader: &mut Reader<'_>,
) -> Option<Header> {
    let Ok(parsed) = HeaderName::from_bytes(name.value.trim().as_bytes()) else {
        reader.error(name.mark, "not a valid name of a header");
        return None;
    };
    let Ok(mut value) = HeaderValue::from_bytes(values.replace(&template.value.0).trim().as_bytes()) else {
        reader.error(template.mark, "not a valid value of a header");
        return None;
    };
    let holds_key = template.value.0.contains(API_KEY);
    value.set_sensitive(holds_key);
    if parsed == http::header::HOST
        && value.to_str().ok().and_then(|v| v.parse::<http::uri::Authority>().ok()).is_none()
    {
        reader.error(template.mark, "a Host header must be host or host:port");
        return None;
    }
    Some(Header { name: parsed, value, holds_key })
}

fn expect(
    located: &Located<typed::Expect>,
    model: &str,
    body: &str,
    reader: &mut Reader<'_>,
) -> Option<Expect> {
    let typed = &located.value;
    let start = reader.count_errors();
    let matches = typed.matches.as_ref().and_then(|at| pattern("matches", at, reader));
    let mut json = Vec::new();
    if let Some(list) = &typed.json {
        reader.within("json", |reader| {
            for (index, condition) in list.value.iter() {
                reader.within_item(index, |reader| json_condition(condition, &mut json, reader));
            }
        });
    }
    if let Some(at) = &typed.model
        && model.is_empty()
    {
        reader
            .within("model", |reader| reader.error(at.mark, "needs a monitor with a model to compare with"));
    }
    if let Some(at) = &typed.challenge
        && !body.contains(CHALLENGE)
    {
        reader.within("challenge", |reader| reader.error(at.mark, "needs {{CHALLENGE}} in the body"));
    }
    let words = |field: &Field<Text>| field.as_ref().map(|at| at.value.0.clone());
    (reader.count_errors() == start).then(|| Expect {
        status: typed
            .status
            .iter()
            .flat_map(|list| list.value.iter().map(|(_, code)| code.value.0))
            .collect(),
        contains: words(&typed.contains),
        not_contains: words(&typed.not_contains),
        matches,
        json,
        min_chars: typed.min_chars.as_ref().map(|at| at.value.0 as usize),
        model_same: typed.model.is_some(),
        no_error_body: typed.no_error_body(),
        challenge: typed.challenge.as_ref().map(|at| match at.value {
            words::Challenge::Arithmetic => Challenge::Arithmetic,
        }),
    })
}

fn pattern(key: &str, at: &Located<Text>, reader: &mut Reader<'_>) -> Option<Pattern> {
    match reader.spending.pattern(&at.value.0) {
        Ok(pattern) => Some(pattern),
        Err(message) => {
            reader.within(key, |reader| reader.error(at.mark, message));
            None
        }
    }
}

fn json_condition(
    at: &Located<typed::JsonCondition>,
    json: &mut Vec<JsonCondition>,
    reader: &mut Reader<'_>,
) {
    let typed = &at.value;
    let Some(path) = crate::inherit::given(&typed.path) else {
        return reader
            .within("path", |reader| reader.error(at.mark, "required, such as choices.0.message.content"));
    };
    let start = json.len();
    let mut push = |test: JsonTest| json.push(JsonCondition { path: path.value.0.trim().to_owned(), test });
    if let Some(exists) = &typed.exists {
        push(JsonTest::Exists(exists.value));
    }
    if let Some(text) = &typed.equals {
        push(JsonTest::Equals(text.value.0.clone()));
    }
    if let Some(text) = &typed.contains {
        push(JsonTest::Contains(text.value.0.clone()));
    }
    let matches = typed.matches.as_ref();
    if let Some(pattern) = matches.and_then(|text| pattern("matches", text, reader)) {
        push(JsonTest::Matches(pattern));
    }
    if json.len() == start && matches.is_none() {
        reader.error(at.mark, "needs one of exists, equals, contains and matches");
    }
}

fn hint_challenge(whole: &Monitor, body: &str, reader: &mut Reader<'_>) {
    let asked = whole.expect.as_ref().is_some_and(|expect| expect.value.challenge.is_some());
    if body.contains(CHALLENGE) && !asked {
        let mark = mark_of(&whole.body);
        reader.within("body", |reader| {
            reader.warn(mark, "{{CHALLENGE}} is asked, but expect.challenge is not set")
        });
    }
}

/// Words of the protocols: a keyword that is one of these says nothing about the model's text.
const PROTOCOL_WORDS: [&str; 6] = ["choices", "content", "delta", "candidates", "message", "id"];

fn hint_keyword(keyword: Option<&Located<Text>>, reader: &mut Reader<'_>) {
    if let Some(keyword) = keyword
        && PROTOCOL_WORDS.contains(&keyword.value.0.trim().trim_matches('"'))
    {
        reader.within("success_contains", |reader| {
            reader.info(
                keyword.mark,
                "is a word of the protocol, which any answer holds; use a word of the model's text",
            );
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_that_looks_like_a_placeholder_is_not_replaced_again() {
        let key = Secret::new("{{MODEL}}");
        let values = Values { key: Some(&key), model: "m" };
        assert_eq!(values.replace("{{API_KEY}} {{MODEL}}"), "{{MODEL}} m");
        assert_eq!(relay_core::target::DEFAULT_MAX_RESPONSE_BYTES, bytes(Size(1024 * 1024)));
    }
}
