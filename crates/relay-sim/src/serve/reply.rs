//! Ordinary answers, right and wrong ones.

use std::{
    convert::Infallible,
    sync::{Arc, atomic::AtomicBool},
    time::Duration,
};

use bytes::Bytes;
use futures_util::stream;
use http::{
    HeaderValue, Response, StatusCode,
    header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, LOCATION, RETRY_AFTER},
    request::Parts,
};
use http_body_util::{BodyExt, Either, Full, StreamBody};
use hyper::body::Frame;
use tokio::time::sleep;

use super::{
    Body, hostile,
    live::{Live, Ticket},
};
use crate::{
    answer::arithmetic,
    behaviour::Behaviour,
    dialect::{Ask, Dialect, Fault, Mode, Reply, tokens},
    pace::Pace,
};

const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");

/// A request that may be answered, and everything its answer depends on.
pub(super) struct Answer<'a> {
    pub(super) live: &'a Live,
    pub(super) ask: &'a Ask,
    pub(super) head: &'a Parts,
    pub(super) ticket: Ticket,
    pub(super) latency: Duration,
    pub(super) reset: &'a Arc<AtomicBool>,
}

// === impl Answer ===

impl Answer<'_> {
    pub(super) fn make(&self, behaviour: Behaviour) -> Response<Body> {
        let relay = self.live.relay();
        match behaviour {
            // Resolved before; down was dealt with before.
            Behaviour::Healthy | Behaviour::Slow(_) | Behaviour::Flaky { .. } | Behaviour::Down(_) => {
                self.healthy()
            }
            Behaviour::RateLimited => {
                let mut response = fault(relay.dialect, Fault::RateLimited, self.ticket.id);
                response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("20"));
                response
            }
            Behaviour::WrongContent(text) => self.send(&self.ask.model, &text),
            Behaviour::EmptyBody => self.ready(Bytes::new()),
            Behaviour::ErrorBody => {
                let fault = Fault::Status(503);
                let body = match self.ask.mode {
                    Mode::Stream => relay.dialect.fault_frame(fault, self.ticket.id),
                    _ => relay.dialect.fault(fault, self.ticket.id).1,
                };
                self.ready(body.into())
            }
            Behaviour::SwappedModel(model) => self.send(&model, &self.text()),
            Behaviour::ServerError(code) => fault(relay.dialect, Fault::Status(code), self.ticket.id),
            Behaviour::AuthError => fault(relay.dialect, Fault::BadKey, self.ticket.id),
            Behaviour::RedirectLoop => self.redirect(),
            Behaviour::Endless => self.stream(hostile::endless(&self.filler())),
            Behaviour::Talkative(words) => {
                self.send(&self.ask.model, &["word".repeat(words as usize), self.text()].concat())
            }
            Behaviour::InvalidUtf8 => self.ready(hostile::garbled(&self.whole(), &self.text())),
            Behaviour::HugeBody(bytes) => self.huge(bytes),
            Behaviour::Bomb(bytes) => self.bomb(bytes),
            Behaviour::Drip(pause) => self.stream(hostile::drip(self.whole(), pause)),
            Behaviour::Cut(after) => self.stream(hostile::cut(self.whole(), after, Arc::clone(self.reset))),
        }
    }

    fn healthy(&self) -> Response<Body> {
        self.live.count_answered();
        let relay = self.live.relay();
        if self.latency.is_zero()
            && relay.compress.is_none()
            && arithmetic(&self.ask.prompt).is_none()
            && let Some(body) = self.live.prebuilt(&self.ask.model, self.ask.mode)
        {
            return self.ready(body);
        }
        self.send(&self.ask.model, &self.text())
    }

    /// The right text for this prompt.
    fn text(&self) -> String {
        arithmetic(&self.ask.prompt)
            .map_or_else(|| self.live.relay().answer.clone(), |result| result.to_string())
    }

    fn frames(&self, model: &str, text: &str) -> Vec<String> {
        let relay = self.live.relay();
        let reply = Reply {
            id: self.ticket.id,
            model,
            text,
            thinking: relay.thinking.as_deref(),
            prompt_tokens: tokens(&self.ask.prompt),
            created: self.ticket.time,
        };
        match self.ask.mode {
            Mode::Plain => vec![relay.dialect.plain(&reply)],
            mode => relay.dialect.frames(mode, &reply),
        }
    }

    /// The right answer as one piece.
    fn whole(&self) -> Bytes {
        self.frames(&self.ask.model, &self.text()).concat().into()
    }

    /// What an endless body repeats: events of the dialect in a stream, spaces elsewhere.
    fn filler(&self) -> Bytes {
        match self.ask.mode {
            Mode::Stream => self.frames(&self.ask.model, "and so on ").concat().into(),
            _ => Bytes::from_static(b" "),
        }
    }

    /// Sends an answer in the form asked for; streams of a relay with latency come frame by frame.
    fn send(&self, model: &str, text: &str) -> Response<Body> {
        let frames = self.frames(model, text);
        let encoding = self.live.relay().compress.and_then(|wanted| wanted.accepted(&self.head.headers));
        if let Some(encoding) = encoding {
            let mut response = self.ready(encoding.encode(frames.concat().as_bytes()));
            let name = HeaderValue::from_static(encoding.name());
            response.headers_mut().insert(CONTENT_ENCODING, name);
            return response;
        }
        if self.latency.is_zero() || frames.len() == 1 {
            return self.ready(frames.concat().into());
        }
        let pause = Pace::pause(self.latency);
        let frames = stream::unfold(frames.into_iter(), move |mut rest| async move {
            let frame = rest.next()?;
            sleep(pause).await;
            Some((Ok::<_, Infallible>(Frame::data(Bytes::from(frame))), rest))
        });
        self.stream(StreamBody::new(frames).map_err(|never| match never {}).boxed_unsync())
    }

    fn ready(&self, body: Bytes) -> Response<Body> {
        self.typed(Either::Left(Full::new(body)))
    }

    fn stream(&self, body: hostile::Made) -> Response<Body> {
        self.typed(Either::Right(body))
    }

    fn typed(&self, body: Body) -> Response<Body> {
        let mut response = Response::new(body);
        let kind = self.live.relay().dialect.content_type(self.ask.mode);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        if self.ask.mode == Mode::Stream {
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        }
        response
    }

    fn huge(&self, bytes: u64) -> Response<Body> {
        let mut response = self.stream(hostile::huge(bytes));
        response.headers_mut().insert(http::header::CONTENT_LENGTH, bytes.into());
        response
    }

    fn bomb(&self, bytes: u64) -> Response<Body> {
        let wanted = self.live.relay().compress.unwrap_or(crate::Encoding::Gzip);
        let Some(encoding) = wanted.accepted(&self.head.headers) else {
            return self.stream(hostile::huge(bytes));
        };
        let mut response = self.stream(hostile::bomb(encoding, bytes));
        response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding.name()));
        response
    }

    fn redirect(&self) -> Response<Body> {
        let mut response = Response::new(Either::Left(Full::default()));
        *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
        let target = self.head.uri.path_and_query().map_or("/", |target| target.as_str());
        if let Ok(target) = HeaderValue::from_str(target) {
            response.headers_mut().insert(LOCATION, target);
        }
        response
    }
}

/// Answers with a dialect's error object.
pub(super) fn fault(dialect: Dialect, fault: Fault, id: u64) -> Response<Body> {
    let (code, body) = dialect.fault(fault, id);
    let mut response = Response::new(Either::Left(Full::new(Bytes::from(body))));
    *response.status_mut() = StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    if fault == Fault::MethodNotAllowed {
        response.headers_mut().insert(http::header::ALLOW, HeaderValue::from_static("POST"));
    }
    response
}
