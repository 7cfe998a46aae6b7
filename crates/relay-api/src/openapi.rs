//! The API described for programs: OpenAPI 3.1, made from the routes and from the types that are written.

mod operations;
mod parameters;

use std::collections::BTreeMap;

use http::Method;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    error::{Code, ErrorDto},
    openapi::operations::{Answers, Operation, operation},
    router::ROUTES,
};

const DESCRIPTION: &str = "Watches LLM API relays by really calling them. HEAD works wherever GET does, another method \
    is answered with 405 and Allow. Space around the value of a parameter is ignored, and an empty one counts as none. \
    Every response carries X-Request-ID, and every error of the API is JSON, except what is refused before it is a \
    request: 431 for headers that are too long and 400 for what is no HTTP have neither. Paths that are not listed are \
    the page, or 404.";

/// The errors that every request may meet.
const ANYWHERE: [u16; 3] = [414, 431, 500];

/// Returns the document, ready to be printed.
#[must_use]
pub fn openapi_json() -> String {
    let mut settings = SchemaSettings::draft2020_12().for_serialize();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let mut generator = SchemaGenerator::new(settings);
    let mut paths = Map::new();
    for route in &ROUTES {
        let operation = operation(route.endpoint, &mut generator);
        let method = if route.endpoint.allow().contains(Method::POST.as_str()) { "post" } else { "get" };
        let described = describe(&operation);
        paths.insert(route.path.replace("{*", "{"), json!({ method: described }));
    }
    let errors = errors(&mut generator);
    let document = json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Relay Pulse",
            "version": env!("CARGO_PKG_VERSION"),
            "description": DESCRIPTION,
            "license": { "name": "MIT", "identifier": "MIT" },
        },
        "servers": [{ "url": "/" }],
        "paths": paths,
        "components": {
            "responses": errors,
            "schemas": generator.take_definitions(true),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "description": "events.api_token" },
                "query": { "type": "apiKey", "in": "query", "name": "token",
                    "description": "events.api_token, for clients that cannot send headers" },
            },
        },
    });
    format!("{document:#}\n")
}

fn describe(operation: &Operation) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": operation.parameters,
        "responses": responses(operation),
    });
    if let Some(schema) = &operation.body {
        described["requestBody"] =
            json!({ "required": true, "content": { "application/json": { "schema": schema } } });
    }
    if !operation.security.is_empty() {
        described["security"] = operation.security.iter().map(|scheme| json!({ *scheme: [] })).collect();
    }
    described
}

fn responses(operation: &Operation) -> Value {
    let mut responses = Map::new();
    let content = match &operation.answers {
        Answers::Json(schema) => json!({ "application/json": { "schema": schema } }),
        Answers::Streamed(schema) => json!({
            "application/json": { "schema": schema },
            "text/event-stream": { "schema": { "type": "string" } },
        }),
        Answers::Text(kind) => json!({ *kind: { "schema": { "type": "string" } } }),
        Answers::File => json!({ "*/*": {} }),
        Answers::Nothing => Value::Null,
    };
    if !content.is_null() {
        responses.insert("200".to_owned(), json!({ "description": "The answer.", "content": content }));
    }
    if operation.cached {
        let text = "What If-None-Match names is still the answer.";
        responses.insert("304".to_owned(), json!({ "description": text }));
    }
    for (status, schema) in &operation.others {
        let described = match schema {
            Some(schema) => json!({
                "description": "Something else than 200.",
                "content": { "application/json": { "schema": schema } },
            }),
            None => json!({ "description": "Something else than 200." }),
        };
        responses.insert(status.to_string(), described);
    }
    for status in operation.errors.iter().chain(&ANYWHERE) {
        let status = status.to_string();
        let shared = json!({ "$ref": format!("#/components/responses/{status}") });
        responses.entry(status).or_insert(shared);
    }
    Value::Object(responses)
}

/// Describes every error that a request may meet, by its status.
fn errors(generator: &mut SchemaGenerator) -> Value {
    let schema = generator.subschema_for::<ErrorDto<'_>>();
    let mut errors: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for code in Code::ALL {
        errors.entry(code.status().as_str().to_owned()).or_default().push(code.as_str());
    }
    let described = errors.into_iter().map(|(status, codes)| {
        let mut response = json!({
            "description": format!("An error, with the code {}.", codes.join(" or ")),
            "content": { "application/json": { "schema": schema } },
        });
        let header = |text: &str| json!({ "description": text, "schema": { "type": "string" } });
        match status.as_str() {
            "401" => response["headers"] = json!({ "WWW-Authenticate": header("Bearer") }),
            "429" | "503" => {
                let text = "Seconds until trying again makes sense";
                response["headers"] = json!({ "Retry-After": header(text) });
            }
            _ => {}
        }
        (status, response)
    });
    let mut described: Map<String, Value> = described.collect();
    // hyper answers this one by itself.
    let text = "The request line and the headers are longer than the server takes; without a body.";
    described.insert("431".to_owned(), json!({ "description": text }));
    Value::Object(described)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_route_and_every_reference_is_there() {
        let document: Value = serde_json::from_str(&openapi_json()).expect("JSON");
        let paths = document["paths"].as_object().expect("paths");
        let served: BTreeSet<String> = ROUTES.iter().map(|route| route.path.replace("{*", "{")).collect();
        assert_eq!(paths.keys().cloned().collect::<BTreeSet<_>>(), served);
        let text = document.to_string();
        for reference in text.split("\"$ref\":\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let place = reference.strip_prefix('#').expect("of this document");
            assert!(document.pointer(place).is_some(), "{reference}");
        }
        let ids: Vec<&str> = paths
            .values()
            .flat_map(|path| path.as_object().expect("methods").values())
            .filter_map(|operation| operation["operationId"].as_str())
            .collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ROUTES.len());
    }
}
