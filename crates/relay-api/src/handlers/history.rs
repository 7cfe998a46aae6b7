//! `GET /api/history`: the raw records of one monitor, page by page.

use relay_core::{StoredRecord, UnixSeconds, ports::repository::HistoryQuery, record::RecordId};

use crate::{
    api::Call,
    dto::history::{HistoryDto, RecordDto},
    error::ApiError,
    middleware::auth,
    query::Params,
    response::{self, Response},
    state::State,
    wanted::Wanted,
};

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1000;

pub(crate) async fn get(state: &State, call: &Call) -> Result<Response, ApiError> {
    let params = Params::parse(call.query());
    let index = state.index();
    let wanted = Wanted::parse(&params)?;
    let (from, to) = (moment(&params, "from")?, moment(&params, "to")?);
    let before = cursor(&params)?;
    let limit = limit(&params)?;
    let monitor = index.monitor(wanted.one(&index)?);
    state.limiter.take(call.client.address)?;
    let query = HistoryQuery {
        key: monitor.key.clone(),
        from: from.unwrap_or(0),
        to: to.unwrap_or_else(|| state.deps.clock.now().as_secs()),
        before,
        // One more than asked for tells whether there is a next page.
        limit: limit + 1,
    };
    let mut records = state.deps.records.history(&query).await?;
    let more = records.len() > limit as usize;
    records.truncate(limit as usize);
    let access = state.access.load();
    let details = access.public_details || auth::is_operator(&access.events, &call.head.headers);
    Ok(response::fresh_json(&HistoryDto {
        next_cursor: records.last().filter(|_| more).map(cursor_after),
        records: records.iter().map(|stored| RecordDto::new(stored, details)).collect(),
    }))
}

/// Reads Unix seconds or RFC 3339.
fn moment(params: &Params<'_>, name: &str) -> Result<Option<UnixSeconds>, ApiError> {
    let text = params.text(name);
    if text.is_empty() {
        return Ok(None);
    }
    let seconds = text.parse::<UnixSeconds>().ok();
    let parsed = seconds.or_else(|| Some(text.parse::<jiff::Timestamp>().ok()?.as_second()));
    let wrong = || ApiError::parameter(name, "use Unix seconds or RFC 3339, such as 2026-01-31T00:00:00Z");
    parsed.map(Some).ok_or_else(wrong)
}

fn limit(params: &Params<'_>) -> Result<u32, ApiError> {
    match params.text("limit") {
        "" => Ok(DEFAULT_LIMIT),
        text => text
            .parse()
            .ok()
            .filter(|limit| (1..=MAX_LIMIT).contains(limit))
            .ok_or_else(|| ApiError::parameter("limit", "use a number from 1 to 1000")),
    }
}

fn cursor_after(last: &StoredRecord) -> String {
    format!("{}.{}", last.record.timestamp, last.id)
}

fn cursor(params: &Params<'_>) -> Result<Option<(UnixSeconds, RecordId)>, ApiError> {
    let text = params.text("cursor");
    if text.is_empty() {
        return Ok(None);
    }
    let parsed = text.split_once('.').and_then(|(at, id)| Some((at.parse().ok()?, id.parse().ok()?)));
    parsed.map(Some).ok_or_else(|| ApiError::parameter("cursor", "use next_cursor of the page before"))
}
