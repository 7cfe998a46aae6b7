//! What each endpoint takes and answers.

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use crate::{
    dto::{
        event::{EventsDto, LatestDto},
        history::HistoryDto,
        kuma::{KumaBeatsDto, KumaPageDto},
        query::AnswersDto,
        status::StatusSchema,
        timeline::TimelineDto,
    },
    handlers::{
        health::{AliveDto, ReadyDto},
        version::VersionDto,
    },
    openapi::parameters::{
        events, monitor, name, page_of_records, path, period, query, selection, span, text,
    },
    router::Endpoint,
};

/// One endpoint as the document tells of it.
pub(super) struct Operation {
    pub(super) id: &'static str,
    pub(super) summary: &'static str,
    pub(super) tag: &'static str,
    pub(super) parameters: Vec<Value>,
    pub(super) body: Option<Value>,
    pub(super) answers: Answers,
    /// Whether it knows `If-None-Match`.
    pub(super) cached: bool,
    /// What it answers besides 200, 304 and errors.
    pub(super) others: Vec<(u16, Option<Value>)>,
    /// The errors that it answers with, besides those that every request may meet.
    pub(super) errors: Vec<u16>,
    pub(super) security: Vec<&'static str>,
}

/// What comes with 200.
pub(super) enum Answers {
    Json(Value),
    /// JSON, or a stream where that is asked for.
    Streamed(Value),
    Text(&'static str),
    File,
    /// There is no 200.
    Nothing,
}

impl Operation {
    fn new(id: &'static str, summary: &'static str, tag: &'static str, answers: Answers) -> Self {
        Self {
            id,
            summary,
            tag,
            parameters: Vec::new(),
            body: None,
            answers,
            cached: false,
            others: Vec::new(),
            errors: Vec::new(),
            security: Vec::new(),
        }
    }

    fn takes(mut self, parameters: Vec<Value>) -> Self {
        self.parameters.extend(parameters);
        self
    }

    fn fails(mut self, errors: &[u16]) -> Self {
        self.errors.extend(errors);
        self
    }

    fn cached(self) -> Self {
        Self { cached: true, ..self }
    }

    fn secured(self, schemes: &[&'static str]) -> Self {
        Self { security: schemes.to_vec(), ..self }
    }
}

/// The errors of whatever asks the store.
const ASKING: [u16; 2] = [429, 503];
/// Those of what is read with a token, and of what is not there.
const GUARDED: [u16; 3] = [401, 403, 404];

const STATUS: &str = "status";
const EVENTS: &str = "events";
const SERVER: &str = "server";
const PAGE: &str = "page";
const SSE: &str = "text/event-stream";
const HTML: &str = "text/html";

/// Describes an endpoint.
pub(super) fn operation(endpoint: Endpoint, generator: &mut SchemaGenerator) -> Operation {
    match endpoint {
        Endpoint::Status
        | Endpoint::Query
        | Endpoint::Batch
        | Endpoint::Timeline
        | Endpoint::History
        | Endpoint::Stream
        | Endpoint::Badge
        | Endpoint::KumaPage
        | Endpoint::KumaBeats => of_status(endpoint, generator),
        Endpoint::Events | Endpoint::LatestEvent | Endpoint::EventStream | Endpoint::Feed => {
            of_events(endpoint, generator)
        }
        Endpoint::Version | Endpoint::Health | Endpoint::Ready | Endpoint::Metrics | Endpoint::OpenApi => {
            of_server(endpoint, generator)
        }
        Endpoint::Sitemap
        | Endpoint::Robots
        | Endpoint::Asset
        | Endpoint::LanguageHome(_)
        | Endpoint::Page => of_page(endpoint),
    }
}

fn of_status(endpoint: Endpoint, generator: &mut SchemaGenerator) -> Operation {
    let op = |id, summary, answers| Operation::new(id, summary, STATUS, answers);
    match endpoint {
        Endpoint::Status => {
            op("status", "Every monitor with its timeline", schema::<StatusSchema<'_>>(generator))
                .takes(span())
                .takes(selection())
                .fails(&[400])
                .fails(&ASKING)
                .cached()
        }
        Endpoint::Query => op(
            "query",
            "The present state of some channels",
            schema::<AnswersDto<'_>>(generator),
        )
        .takes(vec![
            query("provider", "Name or slug, any case", &text()),
            query("service", "Any case", &text()),
            query("channel", "Any case", &text()),
            query(
                "q",
                "provider/service/channel, the last two optional; the three parameters do not count then",
                &json!({ "type": "array", "maxItems": 20, "items": text() }),
            ),
        ])
        .fails(&[400])
        .fails(&ASKING),
        Endpoint::Batch => {
            let op = op("batch", "The present state of many channels", schema::<AnswersDto<'_>>(generator))
                .fails(&[400, 408, 413])
                .fails(&ASKING);
            Operation { body: Some(batch_body()), ..op }
        }
        Endpoint::Timeline => op("timeline", "One monitor in detail", schema::<TimelineDto<'_>>(generator))
            .takes(monitor())
            .takes(span())
            .fails(&[400, 404])
            .fails(&ASKING)
            .cached(),
        Endpoint::Badge => {
            let metric =
                json!({ "type": "string", "enum": ["uptime", "latency", "status"], "default": "uptime" });
            op("badge", "One number of one monitor as a picture", Answers::Text("image/svg+xml"))
                .takes(monitor())
                .takes(vec![period(), query("metric", "Which number", &metric)])
                .fails(&[400, 404])
                .fails(&ASKING)
                .cached()
        }
        Endpoint::Stream => op("stream", "Records as they come", Answers::Text(SSE)).fails(&ASKING),
        Endpoint::KumaPage => op(
            "kumaPage",
            "Everything visible, as Uptime Kuma tells it",
            schema::<KumaPageDto<'_>>(generator),
        )
        .takes(vec![slug()])
        .fails(&[404])
        .fails(&ASKING)
        .cached(),
        Endpoint::KumaBeats => op("kumaHeartbeats", "Its latest results", schema::<KumaBeatsDto>(generator))
            .takes(vec![slug()])
            .fails(&[404])
            .fails(&ASKING)
            .cached(),
        _ => op("history", "The records of one monitor", schema::<HistoryDto<'_>>(generator))
            .takes(monitor())
            .takes(page_of_records())
            .fails(&[400, 404])
            .fails(&ASKING),
    }
}

fn of_events(endpoint: Endpoint, generator: &mut SchemaGenerator) -> Operation {
    let op = |id, summary, answers| Operation::new(id, summary, EVENTS, answers);
    match endpoint {
        Endpoint::Events => {
            let limit = json!({ "type": "integer", "default": 100 });
            let page = generator.subschema_for::<EventsDto<'_>>().to_value();
            op("events", "What happened to monitors, oldest first", Answers::Streamed(page))
                .takes(events())
                .takes(vec![query("limit", "At most so many; above 500 is 500, below 1 is 100", &limit)])
                .fails(&[400])
                .fails(&GUARDED)
                .fails(&ASKING)
                .secured(&["bearer"])
        }
        Endpoint::LatestEvent => {
            op("latestEvent", "The number of the newest event", schema::<LatestDto>(generator))
                .fails(&GUARDED)
                .fails(&ASKING)
                .secured(&["bearer"])
        }
        Endpoint::EventStream => op("eventStream", "Events as they come", Answers::Text(SSE))
            .takes(events())
            .takes(vec![json!({
                "name": "Last-Event-ID", "in": "header", "description": "Where to go on",
                "schema": { "type": "integer", "format": "int64" },
            })])
            .fails(&[400])
            .fails(&GUARDED)
            .fails(&ASKING)
            .secured(&["bearer", "query"]),
        _ => op("feed", "The newest events of visible monitors", Answers::Text("application/atom+xml"))
            .fails(&[404])
            .fails(&ASKING)
            .cached(),
    }
}

fn of_server(endpoint: Endpoint, generator: &mut SchemaGenerator) -> Operation {
    let op = |id, summary, answers| Operation::new(id, summary, SERVER, answers);
    match endpoint {
        Endpoint::Version => op("version", "What runs here", schema::<VersionDto<'_>>(generator)),
        Endpoint::Health => op("health", "The process lives", schema::<AliveDto>(generator)),
        Endpoint::Ready => {
            let unready = generator.subschema_for::<ReadyDto>().to_value();
            let op = op("ready", "Every component works", schema::<ReadyDto>(generator));
            Operation { others: vec![(503, Some(unready))], ..op }
        }
        Endpoint::Metrics => {
            op("metrics", "Counters for Prometheus", Answers::Text("text/plain")).fails(&[404])
        }
        _ => op("openapi", "This document", Answers::Json(json!({ "type": "object" }))).cached(),
    }
}

fn of_page(endpoint: Endpoint) -> Operation {
    let op = |id, summary, answers| Operation::new(id, summary, PAGE, answers);
    match endpoint {
        Endpoint::Sitemap => op("sitemap", "The pages for search engines", Answers::Text("application/xml")),
        Endpoint::Robots => op("robots", "Where search engines may go", Answers::Text("text/plain")),
        Endpoint::Asset => {
            let op = op("asset", "A file of the page", Answers::File)
                .takes(vec![path("rest", "Its path", &text())])
                .cached();
            Operation { others: vec![(404, None)], ..op }
        }
        Endpoint::LanguageHome(id) => {
            let op = op(id, "To the page in this language", Answers::Nothing);
            Operation { others: vec![(308, None)], ..op }
        }
        _ => op("page", "The page", Answers::Text(HTML)).cached(),
    }
}

fn batch_body() -> Value {
    let one = json!({
        "type": "object",
        "required": ["provider"],
        "properties": { "provider": name(), "service": text(), "channel": text() },
    });
    json!({
        "type": "object",
        "required": ["queries"],
        "properties": { "queries": { "type": "array", "minItems": 1, "maxItems": 50, "items": one } },
    })
}

fn slug() -> Value {
    path("slug", "There is one page", &json!({ "type": "string", "enum": ["default"] }))
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Answers {
    Answers::Json(generator.subschema_for::<T>().to_value())
}
