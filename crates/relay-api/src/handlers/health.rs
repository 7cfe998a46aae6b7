//! `GET /health` and `GET /ready`

use std::{collections::BTreeMap, time::Duration};

use futures_util::future::join_all;
use http::{StatusCode, header};
use relay_core::ports::health::{Fact, HealthReport};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};
use tokio::time::timeout;

use crate::{
    response::{self, NO_STORE, Response},
    state::State,
};

/// A component that says nothing for this long counts as broken.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(JsonSchema, Serialize)]
pub(crate) struct AliveDto {
    status: &'static str,
}

#[derive(JsonSchema, Serialize)]
pub(crate) struct ReadyDto {
    status: &'static str,
    /// What is wrong, one sentence per component.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    troubles: Vec<String>,
    /// How many configurations have been in force since the start.
    config_generation: u64,
    /// How many monitors the present one has.
    monitors: usize,
    /// The parts of the server by name: whether each works, and what else is known of it, which differs between them.
    components: BTreeMap<&'static str, ComponentDto>,
}

#[derive(JsonSchema, Serialize)]
struct ComponentDto {
    ok: bool,
    #[serde(flatten)]
    #[schemars(with = "BTreeMap<&'static str, serde_json::Value>")]
    facts: BTreeMap<&'static str, FactDto>,
}

struct FactDto(Fact);

impl Serialize for FactDto {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Fact::Number(number) => serializer.serialize_i64(*number),
            Fact::Text(text) => serializer.serialize_str(text),
            Fact::None => serializer.serialize_none(),
        }
    }
}

/// Says that the process lives, and nothing else.
pub(crate) fn alive() -> Response {
    response::fresh_json(&AliveDto { status: "ok" })
}

/// Asks every component at the same time; 503 when one of them is in trouble.
pub(crate) async fn ready(state: &State) -> Response {
    let checks = state.deps.health.iter().map(|component| timeout(PATIENCE, component.check()));
    let snapshot = state.deps.catalog.current();
    let mut dto = ReadyDto {
        status: "ready",
        troubles: Vec::new(),
        config_generation: snapshot.generation,
        monitors: snapshot.monitors.len(),
        components: BTreeMap::new(),
    };
    for report in join_all(checks).await {
        match report {
            Ok(HealthReport { component, trouble, facts }) => {
                let facts = facts.into_iter().map(|(name, fact)| (name, FactDto(fact))).collect();
                dto.components.insert(component, ComponentDto { ok: trouble.is_none(), facts });
                dto.troubles.extend(trouble.map(|trouble| format!("{component}: {trouble}")));
            }
            Err(_) => dto.troubles.push("a component does not answer".to_owned()),
        }
    }
    let status = if dto.troubles.is_empty() {
        StatusCode::OK
    } else {
        dto.status = "unavailable";
        StatusCode::SERVICE_UNAVAILABLE
    };
    let mut response = response::json(status, &dto);
    response.headers_mut().insert(header::CACHE_CONTROL, NO_STORE);
    response
}
