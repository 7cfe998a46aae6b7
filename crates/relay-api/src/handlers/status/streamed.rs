//! Answers that are too large to be kept: made piece by piece while they are sent, so that memory holds a few pieces
//! and not the whole.

use std::{slice::Iter, sync::Arc, time::Duration};

use bytes::Bytes;
use http::{HeaderValue, StatusCode, header};
use relay_core::{ports::repository::Timelines, timeline::Timeline};
use tokio::{sync::mpsc, task::spawn_blocking, time::timeout};

use crate::{
    api::Call,
    encode::{Encoding, Stream, negotiate},
    error::ApiError,
    handlers::status::{
        question::{Question, ask},
        shown::ShownUnit,
    },
    response::{self, Body, Broken, Response, VARY},
    state::State,
};

/// How many timelines one piece holds.
const PIECE: usize = 200;
/// How many pieces may wait for a slow client.
const WAITING: usize = 2;
/// How long one of these answers may take, slow clients included.
const DEADLINE: Duration = Duration::from_secs(120);
/// How long a request waits for its turn.
const PATIENCE: Duration = Duration::from_secs(15);

/// Answers a question piece by piece. Only so many of these answers are made at once.
pub(super) async fn answer(state: &State, call: &Call, question: Question) -> Result<Response, ApiError> {
    state.limiter.take(call.client.address)?;
    let turn = timeout(PATIENCE, Arc::clone(&state.streams).acquire_owned()).await;
    let Ok(Ok(turn)) = turn else {
        return Err(ApiError::busy("too many large answers are being made, try again later"));
    };
    let encoding = negotiate(&call.head.headers);
    let seconds = question.ttl().as_secs();
    let mut pieces = Pieces::new(question, Arc::clone(&state.deps.timelines), encoding)?;
    // The first piece is made before the status goes out, so that a store that is away is still a 503.
    let first = pieces.next().await?;
    let (send, receive) = mpsc::channel(WAITING);
    state.tasks.spawn(async move {
        if timeout(DEADLINE, pump(&mut pieces, first, &send)).await.is_err() {
            let _ = send.try_send(Err(Broken));
        }
        drop(turn);
    });
    let mut response = Response::new(Body::Streamed(receive));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, response::JSON);
    if let Some(coding) = encoding.header() {
        headers.insert(header::CONTENT_ENCODING, coding);
    }
    let cache_control = format!("public, max-age={seconds}, s-maxage={seconds}");
    let no_store = response::NO_STORE;
    headers.insert(header::CACHE_CONTROL, HeaderValue::try_from(cache_control).unwrap_or(no_store));
    headers.insert(header::VARY, VARY);
    Ok(response)
}

/// Sends pieces until there are no more, or nobody takes them. An error breaks the connection off: the client sees
/// that the answer is not whole.
async fn pump(pieces: &mut Pieces, first: Option<Bytes>, send: &mpsc::Sender<Result<Bytes, Broken>>) {
    let mut piece = first;
    while let Some(bytes) = piece {
        if send.send(Ok(bytes)).await.is_err() {
            return;
        }
        piece = match pieces.next().await {
            Ok(next) => next,
            Err(error) => {
                tracing::warn!(reason = error.internal.as_deref(), "a streamed answer broke off");
                let _ = send.send(Err(Broken)).await;
                return;
            }
        };
    }
}

/// Makes the pieces of one answer.
struct Pieces {
    question: Arc<Question>,
    timelines: Arc<dyn Timelines>,
    /// Taken while a piece is being coded; `None` once the last one was.
    stream: Option<Stream>,
    next: usize,
}

impl Pieces {
    fn new(question: Question, timelines: Arc<dyn Timelines>, encoding: Encoding) -> Result<Self, ApiError> {
        let stream = Stream::new(encoding)
            .map_err(|error| ApiError::internal(format!("coding an answer: {error}")))?;
        Ok(Self { question: Arc::new(question), timelines, stream: Some(stream), next: 0 })
    }

    /// Returns the next piece, `None` after the last one.
    async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let Some(mut stream) = self.stream.take() else { return Ok(None) };
        let from = self.next;
        let shown = &self.question.shown;
        let mut size = 0;
        let count = shown
            .units()
            .skip(from)
            .take_while(|unit| {
                size += unit.timelines();
                size <= PIECE
            })
            .count()
            .max(1);
        let all = shown.singles.len() + shown.groups.len();
        let to = all.min(from + count);
        let keys = self.question.keys(shown.units().skip(from).take(to - from));
        let found = ask(&*self.timelines, &keys, &self.question.plan).await?;
        let question = Arc::clone(&self.question);
        let made = spawn_blocking(move || {
            let text = write(&question, from, to, &found)?;
            Ok::<_, std::io::Error>(if to == all {
                (stream.finish(&text)?, None)
            } else {
                (stream.push(&text)?, Some(stream))
            })
        });
        let made = made.await.map_err(|error| ApiError::internal(format!("writing a piece: {error}")))?;
        let (bytes, stream) =
            made.map_err(|error| ApiError::internal(format!("writing a piece: {error}")))?;
        self.next = to;
        self.stream = stream;
        Ok(Some(bytes))
    }
}

/// Writes the entries `from..to`, with the head before the first and the end after the last.
fn write<'a>(
    question: &'a Question,
    from: usize,
    to: usize,
    found: &'a [Timeline],
) -> std::io::Result<Vec<u8>> {
    let shown = &question.shown;
    let singles = shown.singles.len();
    let mut text = Vec::new();
    if from == 0 {
        text.extend_from_slice(b"{\"meta\":");
        serde_json::to_writer(&mut text, &question.meta())?;
        text.extend_from_slice(b",\"data\":[");
    }
    let mut found = found.iter();
    for (at, unit) in shown.units().enumerate().take(to).skip(from) {
        text.extend_from_slice(match at {
            _ if at == singles => b"],\"groups\":[",
            0 => b"",
            _ => b",",
        });
        entry(question, unit, &mut found, &mut text)?;
    }
    if to == singles + shown.groups.len() {
        text.extend_from_slice(if shown.groups.is_empty() { b"],\"groups\":[]}" } else { b"]}" });
    }
    Ok(text)
}

fn entry<'a>(
    question: &'a Question,
    unit: &ShownUnit,
    found: &mut Iter<'a, Timeline>,
    text: &mut Vec<u8>,
) -> std::io::Result<()> {
    let entry = unit.write(&question.index, &question.writer(), found);
    let entry = entry.ok_or_else(|| std::io::Error::other("a timeline is missing"))?;
    Ok(serde_json::to_writer(text, &entry)?)
}
