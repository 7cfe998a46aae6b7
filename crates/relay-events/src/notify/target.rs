//! Where a notification goes, and how a message is put for it.

mod secrets;
#[cfg(test)]
mod tests;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{
    HeaderName, HeaderValue, Method, Request,
    header::{AUTHORIZATION, CONTENT_TYPE, USER_AGENT},
};
use http_body_util::Full;
use minijinja::{Value, context, value::Serde};
use relay_core::{Secret, Timestamp, egress::PrivateNetworks};
use sha2::Sha256;

use self::secrets::mask;
use super::{
    email::{self, Email, Mail},
    message::{Message, MessageView},
    presets::{Accepts, Preset, ServiceKind, ServiceSettings, Signature, TEXT, WEBHOOK_BODY},
    talk::Outcome,
    template::{Names, TemplateError, render},
    transport::{HttpAnswer, Transport},
};

/// The header with the idempotency key.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// How many characters of an answer are shown.
const SHOWN: usize = 500;

/// Where a notification goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination {
    /// Any HTTP endpoint.
    Webhook(Webhook),
    /// A service that is known.
    Service(ServiceKind, ServiceSettings),
    /// A mailbox.
    Email(Email),
}

/// A request that is described in full.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Webhook {
    /// The address, http or https.
    pub url: Secret,
    /// The method.
    pub method: Method,
    /// The headers.
    pub headers: Vec<(HeaderName, Secret)>,
    /// The body's template, `None` for the built-in one.
    pub body: Option<Secret>,
}

/// A destination that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    destination: Destination,
    text: Option<String>,
    egress: PrivateNetworks,
}

/// Why a destination cannot be used. Addresses and secrets are not repeated.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTarget {
    /// The text of the message has a mistake.
    #[error("template: {0}")]
    Text(TemplateError),
    /// The body has a mistake.
    #[error("body: {0}")]
    Body(TemplateError),
    /// Something of the request cannot be sent.
    #[error("{0}")]
    Request(String),
    /// A mail address has a mistake.
    #[error("{field}: {text:?} is no mail address")]
    Mailbox {
        /// Which one.
        field: &'static str,
        /// What stands there.
        text: String,
    },
}

/// How an attempt ended, and what may be shown of the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// How it ended.
    pub outcome: Outcome,
    /// The answer in short, secrets masked; for a person who asked for it, not for logs.
    pub shown: String,
}

impl Target {
    /// Checks a destination: sample messages of every kind are put for it. `text` is the template of the message, `None`
    /// for the built-in one; `egress` says where connections may go.
    ///
    /// # Errors
    /// [`InvalidTarget`].
    pub fn new(
        destination: Destination,
        text: Option<String>,
        egress: PrivateNetworks,
    ) -> Result<Self, InvalidTarget> {
        let target = Self { destination, text, egress };
        for full in [false, true] {
            let sample = Message::sample("sample", "0000", 1_773_146_096, full).with_full_lists();
            target.put(&sample, Timestamp::from_secs(1_773_146_096), Names::Strict)?;
        }
        Ok(target)
    }

    /// Returns the type, a word of a fixed set.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.destination {
            Destination::Webhook(_) => "webhook",
            Destination::Service(kind, _) => kind.preset().name,
            Destination::Email(_) => "email",
        }
    }

    /// Makes one attempt, within [`TOTAL`](super::transport::TOTAL).
    pub async fn send(&self, transport: &Transport, message: &Message, now: Timestamp) -> Answer {
        let put = match self.put(message, now, Names::Lenient) {
            Ok(put) => put,
            Err(invalid) => return Answer::failed(invalid.to_string(), None),
        };
        match put {
            Put::Mail(mail) => match email::send(transport, mail, self.egress).await {
                Ok(said) => Answer { outcome: Outcome::Delivered, shown: mask(&self.destination, &said) },
                Err(error) => Answer::failed(mask(&self.destination, &error), None),
            },
            Put::Request(request, accepts) => {
                let code_is_all = accepts == Accepts::Any;
                match transport.send(*request, self.egress, code_is_all, now).await {
                    Err(error) => Answer::failed(mask(&self.destination, &error), None),
                    Ok(answer) => self.judge(&answer, accepts),
                }
            }
        }
    }

    fn put(&self, message: &Message, now: Timestamp, names: Names) -> Result<Put, InvalidTarget> {
        let view = MessageView::of(message, now.as_secs())
            .ok_or_else(|| InvalidTarget::Request("there is nothing to tell".to_owned()))?;
        let view = Value::from(Serde(&view));
        let text = self.text.as_deref().unwrap_or(TEXT);
        let text = render(text, &view, names).map_err(InvalidTarget::Text)?;
        let text = text.trim();
        let view = context! { text, ..view };
        match &self.destination {
            Destination::Webhook(webhook) => webhook_request(webhook, message, &view, names),
            Destination::Service(kind, settings) => {
                service_request(kind.preset(), settings, message, &view, now, names)
            }
            Destination::Email(email) => {
                let title = view.get_attr("title").map(|title| title.to_string()).unwrap_or_default();
                email::put(email, &message.key, &title, text).map(|mail| Put::Mail(Box::new(mail)))
            }
        }
    }

    /// Tells a success from a failure.
    fn judge(&self, answer: &HttpAnswer, accepts: Accepts) -> Answer {
        let body = String::from_utf8_lossy(&answer.body);
        let json: serde_json::Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let said: String = body.trim().chars().take(SHOWN).collect();
        let shown = mask(&self.destination, &format!("{} {said}", answer.code));
        let place = |at: &str| json.pointer(at);
        let missing = match accepts {
            _ if answer.code.is_redirection() => Some("which leads elsewhere and is not followed".to_owned()),
            _ if !answer.code.is_success() => Some(String::new()),
            Accepts::Any => None,
            Accepts::Number(first, second, wanted) => {
                match place(first).or_else(|| place(second)).and_then(serde_json::Value::as_i64) {
                    Some(found) if found == wanted => None,
                    Some(found) => Some(format!("with {} {found}", &first[1..])),
                    None => Some(format!("without {}", &first[1..])),
                }
            }
            Accepts::True(at) => (place(at) != Some(&true.into())).then(|| format!("without {}", &at[1..])),
            Accepts::Text(at, wanted) => {
                (place(at) != Some(&wanted.into())).then(|| format!("without {}: {wanted}", &at[1..]))
            }
        };
        let Some(missing) = missing else { return Answer { outcome: Outcome::Delivered, shown } };
        let error = format!("the receiver answered {} {missing}", answer.code.as_u16()).trim_end().to_owned();
        // Telegram and Discord say it in the body.
        let told = ["/parameters/retry_after", "/retry_after"]
            .iter()
            .find_map(|at| place(at)?.as_f64())
            .and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
        let outcome = Outcome::Failed { error, retry_after: answer.retry_after.or(told) };
        Answer { outcome, shown }
    }
}

impl Answer {
    fn failed(error: String, retry_after: Option<std::time::Duration>) -> Self {
        Self { shown: error.clone(), outcome: Outcome::Failed { error, retry_after } }
    }
}

/// A message as it goes out.
enum Put {
    Request(Box<Request<Full<Bytes>>>, Accepts),
    Mail(Box<Mail>),
}

fn webhook_request(
    webhook: &Webhook,
    message: &Message,
    view: &Value,
    names: Names,
) -> Result<Put, InvalidTarget> {
    let bodyless = matches!(webhook.method, Method::GET | Method::HEAD | Method::DELETE);
    let source = match &webhook.body {
        Some(body) => Some(body.expose()),
        None => (!bodyless).then_some(WEBHOOK_BODY),
    };
    let body = source.map(|source| render(source, view, names)).transpose().map_err(InvalidTarget::Body)?;
    let headers =
        webhook.headers.iter().map(|(name, value)| (name.clone(), value.expose().trim().to_owned()));
    let request = request(&webhook.method, webhook.url.expose(), headers, body, message)?;
    Ok(Put::Request(Box::new(request), Accepts::Any))
}

fn service_request(
    preset: &Preset,
    settings: &ServiceSettings,
    message: &Message,
    view: &Value,
    now: Timestamp,
    names: Names,
) -> Result<Put, InvalidTarget> {
    let expose =
        |secret: &Option<Secret>| secret.as_ref().map(|it| it.expose().to_owned()).unwrap_or_default();
    let url = settings.url.as_ref().map_or(preset.usual_url, |url| url.expose().trim());
    let (timestamp, sign) = signature(preset.signature, &expose(&settings.secret), now);
    let sign_in_url: String = url::form_urlencoded::byte_serialize(sign.as_bytes()).collect();
    let values = context! {
        url => url.trim_end_matches('/'),
        token => expose(&settings.token),
        chat => settings.chat.clone(),
        timestamp, sign, sign_in_url,
        ..view.clone()
    };
    let put = |source| render(source, &values, names).map_err(InvalidTarget::Body);
    let body = put(preset.body)?;
    let mut headers = Vec::new();
    for (name, source) in preset.headers {
        let value = put(source)?;
        if !value.is_empty() {
            headers.push((HeaderName::from_static(name), value));
        }
    }
    let request = request(&Method::POST, &put(preset.url)?, headers, Some(body), message)?;
    Ok(Put::Request(Box::new(request), preset.accepts))
}

fn request(
    method: &Method,
    url: &str,
    headers: impl IntoIterator<Item = (HeaderName, String)>,
    body: Option<String>,
    message: &Message,
) -> Result<Request<Full<Bytes>>, InvalidTarget> {
    let wrong = |what: &str| InvalidTarget::Request(format!("{what} cannot be sent"));
    let url = url::Url::parse(url.trim()).map_err(|_| wrong("the address"))?;
    let user = decoded(url.username());
    let password = url.password().map(decoded);
    let mut plain = url;
    // Both fail only for addresses without a host, which are refused below.
    let _ = plain.set_username("");
    let _ = plain.set_password(None);
    plain.set_fragment(None);
    let mut request = Request::builder()
        .method(method)
        .uri(plain.as_str())
        .body(Full::new(Bytes::from(body.clone().unwrap_or_default())))
        .map_err(|_| wrong("the address"))?;
    if request.uri().host().is_none() {
        return Err(wrong("the address"));
    }
    let out = request.headers_mut();
    out.insert(USER_AGENT, HeaderValue::from_static(concat!("relay-pulse/", env!("CARGO_PKG_VERSION"))));
    out.insert(IDEMPOTENCY_KEY, HeaderValue::from_str(&message.key).map_err(|_| wrong("the key"))?);
    if let Some(body) = body {
        let json = body.trim_start().starts_with(['{', '[']);
        let kind = if json { "application/json" } else { "text/plain; charset=utf-8" };
        out.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    if !user.is_empty() || password.is_some() {
        let basic = STANDARD.encode(format!("{user}:{}", password.unwrap_or_default()));
        let mut value = HeaderValue::from_str(&format!("Basic {basic}")).map_err(|_| wrong("the user"))?;
        value.set_sensitive(true);
        out.insert(AUTHORIZATION, value);
    }
    for (name, value) in headers {
        let mut value = HeaderValue::from_str(&value).map_err(|_| wrong("a header"))?;
        value.set_sensitive(true);
        out.insert(name, value);
    }
    Ok(request)
}

/// Takes percent signs out of a part of an address.
fn decoded(part: &str) -> String {
    let pair = format!("x={}", part.replace('+', "%2B").replace('&', "%26"));
    url::form_urlencoded::parse(pair.as_bytes())
        .next()
        .map(|(_, value)| value.into_owned())
        .unwrap_or_default()
}

/// Returns the time as it is signed, and the signature; both empty without a secret.
fn signature(kind: Signature, secret: &str, now: Timestamp) -> (String, String) {
    let sign = |key: &str, text: &str| {
        Hmac::<Sha256>::new_from_slice(key.as_bytes())
            .map(|hmac| STANDARD.encode(hmac.chain_update(text).finalize().into_bytes()))
            .unwrap_or_default()
    };
    match kind {
        _ if secret.is_empty() => (String::new(), String::new()),
        Signature::None => (String::new(), String::new()),
        Signature::Feishu => {
            let at = now.as_secs().to_string();
            let signed = sign(&format!("{at}\n{secret}"), "");
            (at, signed)
        }
        Signature::Dingtalk => {
            let at = now.as_millis().to_string();
            let signed = sign(secret, &format!("{at}\n{secret}"));
            (at, signed)
        }
    }
}
