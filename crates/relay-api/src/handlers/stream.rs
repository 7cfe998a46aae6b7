//! `GET /api/stream`: what the public may see, as it happens.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::sleep,
};

use crate::{
    api::Call,
    error::ApiError,
    live,
    response::{Broken, Response},
    sse::{self, Seat},
    state::State,
};

struct Listener {
    state: Arc<State>,
    news: Receiver<Bytes>,
    _seat: Seat,
}

pub(crate) fn get(state: &Arc<State>, call: &Call) -> Result<Response, ApiError> {
    let seat = state.seats.take(call.client.address)?;
    let listener = Listener { state: Arc::clone(state), news: live::news(state), _seat: seat };
    Ok(sse::response(&call.head.method, stream::unfold(listener, next)))
}

/// Waits for the next piece; the stream ends with the server, and breaks off for a reader that is too slow.
async fn next(mut listener: Listener) -> Option<(Result<Bytes, Broken>, Listener)> {
    let piece = tokio::select! {
        () = listener.state.closing.cancelled() => return None,
        piece = listener.news.recv() => match piece {
            Ok(piece) => Ok(piece),
            Err(RecvError::Lagged(_)) => Err(Broken),
            Err(RecvError::Closed) => return None,
        },
        () = sleep(sse::HEARTBEAT) => Ok(sse::BEAT),
    };
    Some((piece, listener))
}
