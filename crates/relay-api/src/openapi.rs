//! The API described for programs: OpenAPI 3.1, made from the routes and from the types that are written.

mod operations;
mod parameters;

use http::Method;
use schemars::{SchemaGenerator, generate::SchemaSettings};
use serde_json::{Map, Value, json};

use crate::{
    error::ErrorDto,
    openapi::operations::{Answers, Operation, operation},
    router::ROUTES,
};

const DESCRIPTION: &str = "Watches LLM API relays by really calling them. HEAD works wherever GET does. Every response \
    carries X-Request-ID. Paths that are not listed are the page, or 404.";

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
        let described = describe(&operation, &mut generator);
        paths.insert(route.path.replace("{*", "{"), json!({ method: described }));
    }
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

fn describe(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let mut described = json!({
        "operationId": operation.id,
        "summary": operation.summary,
        "tags": [operation.tag],
        "parameters": operation.parameters,
        "responses": responses(operation, generator),
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

fn responses(operation: &Operation, generator: &mut SchemaGenerator) -> Value {
    let error = generator.subschema_for::<ErrorDto<'_>>();
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
    let text = "What went wrong. With Retry-After where trying again makes sense.";
    responses.insert(
        "default".to_owned(),
        json!({ "description": text, "content": { "application/json": { "schema": error } } }),
    );
    Value::Object(responses)
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
        let schemas = document["components"]["schemas"].as_object().expect("schemas");
        for reference in text.split("\"$ref\":\"").skip(1).filter_map(|rest| rest.split('"').next()) {
            let name = reference.strip_prefix("#/components/schemas/").expect("of this document");
            assert!(schemas.contains_key(name), "{reference}");
        }
        let ids: Vec<&str> = paths
            .values()
            .flat_map(|path| path.as_object().expect("methods").values())
            .filter_map(|operation| operation["operationId"].as_str())
            .collect();
        assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ROUTES.len());
    }
}
