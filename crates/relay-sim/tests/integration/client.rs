//! A small client: one connection per request, so that a broken one harms nothing else.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use relay_sim::{Options, Relay, Sim, Template};
use serde_json::Value;
use tokio::{net::TcpStream, task::JoinSet, time::timeout};

/// Nothing in these tests takes longer unless it hangs.
pub(crate) const SOON: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) code: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// Whether the body ended as it should.
    pub(crate) whole: bool,
}

impl Answer {
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// The JSON of every `data:` line but `[DONE]`.
    pub(crate) fn events(&self) -> Vec<Value> {
        let text = self.text();
        let data =
            text.lines().filter_map(|line| line.strip_prefix("data: ")).filter(|data| *data != "[DONE]");
        data.map(|data| serde_json::from_str(data).unwrap()).collect()
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

pub(crate) async fn sim(relay: Relay) -> Sim {
    Sim::start(Options { relays: vec![relay], ..Options::default() }).await.unwrap()
}

/// Fills a template's placeholders as a prober would.
pub(crate) fn request(base: &str, template: &Template, key: &str, model: &str) -> Request<Full<Bytes>> {
    let fill = |text: &str| text.replace("{{API_KEY}}", key).replace("{{MODEL}}", model);
    let mut request =
        Request::builder().method(template.method).uri(fill(&format!("{base}{}", template.path)));
    for (name, value) in &template.headers {
        request = request.header(name, fill(value));
    }
    request.body(Full::new(fill(&template.body).into())).unwrap()
}

/// Sends what the relay's own template says.
pub(crate) async fn ask(sim: &Sim, relay: &Relay) -> hyper::Result<Answer> {
    let template = relay.template();
    send(request(&sim.url(&relay.name).unwrap(), &template, &relay.key, &template.models[0])).await
}

pub(crate) async fn send(request: Request<Full<Bytes>>) -> hyper::Result<Answer> {
    let (response, _connection) = open(request, false).await?;
    Ok(read(response, usize::MAX).await)
}

/// Connects and sends; the connection lives as long as the returned set.
pub(crate) async fn open(
    mut request: Request<Full<Bytes>>,
    h2: bool,
) -> hyper::Result<(Response<Incoming>, JoinSet<()>)> {
    let authority = request.uri().authority().unwrap().clone();
    let stream = timeout(SOON, TcpStream::connect(authority.as_str())).await.unwrap().unwrap();
    let mut tasks = JoinSet::new();
    let response = if h2 {
        let builder = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
        let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await?;
        tasks.spawn(async move { drop(connection.await) });
        timeout(SOON, sender.send_request(request)).await.unwrap()?
    } else {
        request.headers_mut().insert("host", authority.as_str().parse().unwrap());
        *request.uri_mut() = request.uri().path_and_query().unwrap().as_str().parse().unwrap();
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
        tasks.spawn(async move { drop(connection.await) });
        timeout(SOON, sender.send_request(request)).await.unwrap()?
    };
    Ok((response, tasks))
}

/// Reads a body to its end, or until it has at least `enough` bytes.
pub(crate) async fn read(response: Response<Incoming>, enough: usize) -> Answer {
    let (head, mut incoming) = response.into_parts();
    let (mut body, mut whole) = (Vec::new(), true);
    while body.len() < enough {
        match timeout(SOON, incoming.frame()).await.unwrap() {
            Some(Ok(frame)) => body.extend_from_slice(&frame.into_data().unwrap_or_default()),
            Some(Err(_)) => {
                whole = false;
                break;
            }
            None => break,
        }
    }
    Answer { code: head.status, headers: head.headers, body: body.into(), whole }
}
